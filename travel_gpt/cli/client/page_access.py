"""A client's access to the page: its invitations, and the sessions of the browsers that accepted one."""

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Final

from travel_gpt.cli.client.items import kind_of, text_of, whole_number
from travel_gpt.cli.printable import one_line
from travel_gpt.guard.sessions import IDLE

PREFIXES: Final = ("invitation#", "session#")
"""The items that ``read_page_access`` reads."""


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that may ask. Moments are in seconds since the epoch."""

    device: str
    """The name that the browser gave."""
    created_at: int
    used_at: int
    """Exact to a day."""
    expires_at: int


@dataclass(frozen=True, slots=True)
class PageAccess:
    """What a client has of the page now; what has expired or ended is left out."""

    devices: int = 0
    """How many browsers its invitations are for."""
    accepted: int = 0
    """How many have accepted one."""
    sessions: tuple[Session, ...] = ()

    def summary(self) -> str:
        """Return how many devices have accepted; empty where there is no invitation."""
        if not self.devices:
            return ""
        return f"{self.accepted} of {self.devices} device{'s' if self.devices > 1 else ''}"

    def document(self) -> dict[str, object]:
        """Return it for JSON."""
        return asdict(self)


def read_page_access(items: Iterable[dict[str, Any]], *, sessions_after: int) -> PageAccess:
    """Read what one client has of the page.

    Args:
        items: its invitations and sessions.
        sessions_after: that of the client: what has another one was ended by the owner.
    """
    now = time.time()
    devices, accepted, sessions = 0, 0, []
    for item in items:
        if whole_number(item, "expires_at") <= now or whole_number(item, "sessions_after") != sessions_after:
            continue
        if kind_of(item) == "invitation":
            devices += whole_number(item, "devices")
            accepted += len(item.get("redeemed", {}).get("SS", ()))
        elif "ended" not in item and whole_number(item, "used_at") > now - IDLE:
            moments = (whole_number(item, name) for name in ("created_at", "used_at", "expires_at"))
            # A browser named it: a terminal must not take it for a command.
            sessions.append(Session(one_line(text_of(item, "device")), *moments))
    return PageAccess(devices, accepted, tuple(sorted(sessions, key=lambda each: each.created_at)))
