"""A client as the table has it: its record, its API keys, and its access to the page."""

from dataclasses import dataclass, field
from typing import Any, Final

from travel_gpt.cli.client.items import kind_of, text_of, whole_number
from travel_gpt.cli.client.page_access import PageAccess, read_page_access
from travel_gpt.errors import LimitsUnavailable
from travel_gpt.guard.clients import Client, read_client
from travel_gpt.guard.limits import Limits

_NUMBERS: Final = (*Limits._fields, "expires_at", "sessions_after")


@dataclass(frozen=True, slots=True)
class Registered:
    """A client and what is stored beside its limits."""

    client: Client
    key_ids: tuple[str, ...] = ()
    """The ids of its API keys: more than one where a rotation did not finish."""
    created_at: int = 0
    """Seconds since the epoch; 0 where that is not known."""
    damaged: tuple[str, ...] = ()
    """Fields of its record with a value that they cannot have. The function refuses such a client; here
    they are 0."""
    guest: bool = False
    """Whether it was invited to the page, and has no API key."""
    page: PageAccess = field(default_factory=PageAccess)

    @property
    def kind(self) -> str:
        """What it asks with: ``api-key``, or ``guest`` for the page alone."""
        return "guest" if self.guest else "api-key"


def id_of(record: dict[str, Any]) -> str:
    """Return the id in the key of a record."""
    return text_of(record, "pk").partition("#")[2]


def read_registered(record: dict[str, Any], others: list[dict[str, Any]]) -> Registered:
    """Read a client.

    Args:
        record: its record.
        others: the items of its keys, invitations and sessions.
    """
    client_id = id_of(record)
    damaged: list[str] = []
    for name in _NUMBERS:
        try:
            read_client(client_id, {name: record[name]} if name in record else {})
        except LimitsUnavailable:
            damaged.append(name)
    client = read_client(client_id, {name: value for name, value in record.items() if name not in damaged})
    return Registered(
        client,
        tuple(sorted(id_of(item) for item in others if kind_of(item) == "key")),
        whole_number(record, "created_at"),
        tuple(damaged),
        "guest" in record,
        read_page_access(
            (item for item in others if kind_of(item) != "key"), sessions_after=client.sessions_after
        ),
    )
