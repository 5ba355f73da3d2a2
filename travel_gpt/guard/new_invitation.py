"""A new invitation to the page: the code that is sent to a person, and the item that the table has of it.

The command line and the local server write the item; the function only redeems it (``invitations``). The code
is in the fragment of the link, which a browser sends to no server.
"""

import hashlib
import secrets
import time
from dataclasses import dataclass, field
from typing import Any, Final

from travel_gpt.guard.clients import record_key

CODE_BYTES: Final = 24
"""Random bytes of a code: 192 bits, more than anyone can guess at any rate."""


@dataclass(frozen=True, slots=True)
class NewInvitation:
    """An invitation that was not written yet."""

    code: str = field(repr=False)
    """The secret of the link. It is shown once; the table has its hash."""
    item: dict[str, dict[str, Any]] = field(repr=False)
    """The item, in DynamoDB's JSON."""

    def link(self, page: str) -> str:
        """Return the link to send.

        Args:
            page: the URL of the page.
        """
        return f"{page}#invitation={self.code}"


def new_invitation(
    client_id: str, *, devices: int, expires_at: int, now: float | None = None
) -> NewInvitation:
    """Make an invitation with a new code.

    Args:
        client_id: the client whose access it gives.
        devices: how many browsers may accept it.
        expires_at: until when, in seconds since the epoch.
        now: the time, in seconds since the epoch; by default that of the clock.
    """
    code = secrets.token_urlsafe(CODE_BYTES)
    numbers = {
        "devices": devices,
        "created_at": int(time.time() if now is None else now),
        "expires_at": expires_at,
        # DynamoDB deletes it from then on.
        "expires": expires_at,
    }
    texts = {**invitation_key(code), "client": client_id}
    return NewInvitation(
        code,
        {
            **{name: {"S": text} for name, text in texts.items()},
            **{name: {"N": str(number)} for name, number in numbers.items()},
        },
    )


def invitation_key(code: str) -> dict[str, str]:
    """Return the key of the item of an invitation.

    Args:
        code: the code of its link.
    """
    return record_key("invitation", hashlib.sha256(code.encode()).hexdigest())
