"""A new invitation to the page: the code that is sent to a person, and the item that the table has of it.

The command line and the local server write the item; the function only redeems it (``invitations``). The code
is in the fragment of the link, which a browser sends to no server.
"""

import hashlib
import secrets
import time
from dataclasses import dataclass, field
from typing import Final

from travel_gpt.guard.clients import Client, record_key

CODE_BYTES: Final = 24
"""Random bytes of a code: 192 bits, more than anyone can guess at any rate."""

MOST_DEVICES: Final = 20
"""Browsers that may accept one invitation: more should have guests of their own."""


@dataclass(frozen=True, slots=True)
class NewInvitation:
    """An invitation that is not written yet. Moments are in seconds since the epoch."""

    code: str = field(repr=False)
    """The secret of the link. It is shown once; the table has its hash."""
    client: Client
    """The client whose access it gives."""
    devices: int
    """How many browsers may accept it."""
    created_at: int
    expires_at: int

    @property
    def item(self) -> dict[str, dict[str, str]]:
        """The item, in DynamoDB's JSON."""
        texts = {**invitation_key(self.code), "client": self.client.id}
        numbers = {
            "devices": self.devices,
            "created_at": self.created_at,
            "expires_at": self.expires_at,
            # As a session: where the client has another one, the owner has ended the invitation since.
            "sessions_after": self.client.sessions_after,
            # DynamoDB deletes it from then on.
            "expires": self.expires_at,
        }
        return {
            **{name: {"S": text} for name, text in texts.items()},
            **{name: {"N": str(number)} for name, number in numbers.items()},
        }

    def link(self, page: str) -> str:
        """Return the link to send.

        Args:
            page: the URL of the page.
        """
        return f"{page}#invitation={self.code}"


def new_invitation(
    client: Client, *, devices: int, expires_at: int, now: float | None = None
) -> NewInvitation:
    """Make an invitation with a new code.

    Args:
        client: the client whose access it gives.
        devices: how many browsers may accept it.
        expires_at: until when, in seconds since the epoch.
        now: the time, in seconds since the epoch; by default that of the clock.
    """
    created_at = int(time.time() if now is None else now)
    return NewInvitation(secrets.token_urlsafe(CODE_BYTES), client, devices, created_at, expires_at)


def invitation_key(code: str) -> dict[str, str]:
    """Return the key of the item of an invitation.

    Args:
        code: the code of its link.
    """
    return record_key("invitation", hashlib.sha256(code.encode()).hexdigest())
