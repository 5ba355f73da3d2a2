"""The clients: who a caller is, by what API Gateway vouches for, and what that client may do."""

import hashlib
import ipaddress
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from travel_gpt.aws.table import Item, Table, TableFailed
from travel_gpt.deadline import Deadline
from travel_gpt.errors import (
    ClientDisabled,
    ClientExpired,
    Forbidden,
    LimitsUnavailable,
    Paused,
)
from travel_gpt.guard.limits import Limits
from travel_gpt.settings import GuardSettings
from travel_gpt.telemetry import count, logger

OWNER: Final = "owner"
"""The client that the stack's own API key belongs to. It needs no record."""

RECORD: Final = "record"
"""The sort key of every item that is not a counter."""

RECORD_TTL: Final = 5.0
"""Seconds for which a client's record, and the flag that pauses the API, are used without another read."""

KEY_TTL: Final = 300.0
"""Seconds for which it is remembered which client an API key belongs to. A key never changes its client."""

MOST_CACHED: Final = 1000
"""Clients that one environment remembers."""


class Client(NamedTuple):
    """One client."""

    id: str
    name: str
    limits: Limits
    disabled: bool = False
    expires_at: int = 0
    """Seconds since the epoch; 0 for never."""
    sessions_after: int = 0
    """When its sessions and invitations were last ended, in seconds since the epoch; 0 for never."""


_OWNER: Final = Client(OWNER, OWNER, Limits())


class _Known(NamedTuple):
    client: Client
    paused: bool
    read_at: float


def record_key(kind: str, name: str) -> dict[str, str]:
    """Return the key of a record.

    Args:
        kind: ``client``, ``key``, ``flag``, ``session`` and so on: the role's policy goes by it.
        name: the client's id, the id of the API key, the flag's name, or the hash of a session's token.
    """
    return {"pk": f"{kind}#{name}", "sk": RECORD}


class ClientDirectory:
    """Finds the client of a request.

    Args:
        settings: who the owner is, and the limits of callers without a key.
        table: the table.
        now: the wall clock, in seconds.
    """

    def __init__(
        self, settings: GuardSettings, table: Table, *, now: Callable[[], float] = time.time
    ) -> None:
        self._settings = settings
        self._table = table
        self._now = now
        self._clients_of_keys: dict[str, tuple[str, float]] = {}
        self._known: dict[str, _Known] = {}

    def client_of_key(self, key_id: str, deadline: Deadline | None = None) -> Client:
        """Return the client that an API key belongs to, if it may ask now.

        Args:
            key_id: the id of the key that API Gateway authenticated.
            deadline: when the caller stops waiting.

        Raises:
            Forbidden: no client has the key.
            ClientDisabled: its owner disabled the client.
            ClientExpired: the client's time is over.
            Paused: the owner paused the API.
            LimitsUnavailable: the table cannot be read, and the client is not known from before.
        """
        client_id = self.id_of_key(key_id, deadline)
        # The owner's key needs no record to work: API Gateway has checked it.
        return self._allowed(_OWNER if client_id == OWNER else client_id, deadline)

    def id_of_key(self, key_id: str, deadline: Deadline | None = None) -> str:
        """Return the id of the client that an API key belongs to, whether it may ask now or not.

        Args:
            key_id: the id of the key that API Gateway authenticated.
            deadline: when the caller stops waiting.

        Raises:
            Forbidden: no client has the key.
            LimitsUnavailable: the table cannot be read, and the key is not known from before.
        """
        if key_id and key_id == self._settings.owner_key_id:
            return OWNER
        if not (client_id := self._client_id(key_id, deadline)):
            raise Forbidden("the API key belongs to no client")
        return client_id

    def client_of_address(self, address: str, deadline: Deadline | None = None) -> Client:
        """Return the client that stands for an address, where anyone may ask.

        Args:
            address: the IP address that API Gateway reports. An IPv6 address counts by its /64, which one
                household or server has to itself.
            deadline: when the caller stops waiting.

        Raises:
            Paused: the owner paused the API.
        """
        limits = Limits(self._settings.open_per_minute, self._settings.open_per_day)
        return self._allowed(Client(self.id_of_address(address), "address", limits), deadline)

    def id_of_address(self, address: str) -> str:
        """Return the id of the client that stands for an address.

        Args:
            address: as for ``client_of_address``.
        """
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            network = "unknown"
        else:
            parsed = getattr(parsed, "ipv4_mapped", None) or parsed
            network = str(ipaddress.ip_network((parsed, 64 if parsed.version == 6 else 32), strict=False))
        # Not in clear: a list of who asked what is none of the owner's business.
        digest = hashlib.sha256(f"{self._table.name} {network}".encode()).hexdigest()[:16]
        return f"address-{digest}"

    def allowed(self, client_id: str, deadline: Deadline | None = None) -> Client:
        """Return a client, if it may ask now.

        Args:
            client_id: its id.
            deadline: when the caller stops waiting.

        Raises:
            Forbidden: the client was removed.
            ClientDisabled: its owner disabled the client.
            ClientExpired: the client's time is over.
            Paused: the owner paused the API.
            LimitsUnavailable: the table cannot be read, and the client is not known from before.
        """
        return self._allowed(client_id, deadline)

    def client(self, client_id: str, deadline: Deadline | None = None, *, fresh: bool = False) -> Client:
        """Return a client, whether it may ask now or not.

        Args:
            client_id: its id.
            deadline: when the caller stops waiting.
            fresh: whether its record is read now, also where it was read a moment ago.

        Raises:
            Forbidden: the client was removed.
            LimitsUnavailable: the table cannot be read, and the client is not known from before or has to be
                read now.
        """
        return self._read(client_id, deadline, fresh=fresh).client

    def _client_id(self, key_id: str, deadline: Deadline | None) -> str:
        known = self._clients_of_keys.get(key_id)
        if known is not None and 0 <= self._now() - known[1] < KEY_TTL:
            return known[0]
        try:
            found = self._table.get(record_key("key", key_id), deadline=deadline)
        except TableFailed as failed:
            _note(failed)
            if known is not None:
                return known[0]
            raise LimitsUnavailable(f"the client cannot be read: {failed}", retry_after=5) from failed
        if not found:
            return ""
        client_id = str(found[0].get("client", {}).get("S", ""))
        if len(self._clients_of_keys) >= MOST_CACHED:
            self._clients_of_keys.clear()
        self._clients_of_keys[key_id] = client_id, self._now()
        return client_id

    def _allowed(self, client: Client | str, deadline: Deadline | None) -> Client:
        known = self._read(client, deadline)
        if known.paused:
            raise Paused("the owner paused the API", log_fields={"client": known.client.id})
        require_enabled(known.client, self._now())
        return known.client

    def _read(self, client: Client | str, deadline: Deadline | None, *, fresh: bool = False) -> _Known:
        client_id = client if isinstance(client, str) else client.id
        known = self._known.get(client_id)
        if known is not None and not fresh and 0 <= self._now() - known.read_at < RECORD_TTL:
            return known
        keys = [record_key("flag", "paused"), record_key("client", client_id)]
        try:
            items = {item["pk"]["S"]: item for item in self._table.get(*keys, deadline=deadline)}
        except TableFailed as failed:
            _note(failed)
            if known is not None and not fresh:
                return known
            if isinstance(client, str):
                raise LimitsUnavailable(
                    f"the client cannot be read: {failed}", retry_after=5, log_fields={"client": client}
                ) from failed
            return _Known(client, paused=False, read_at=0)
        record = items.get(f"client#{client_id}")
        if record is not None:
            try:
                client = read_client(client_id, record)
            except LimitsUnavailable:
                count("LimitsUnavailable")
                raise
        elif client_id == OWNER:
            client = _OWNER
        elif isinstance(client, str):
            raise Forbidden("the client was removed", log_fields={"client": client_id})
        if len(self._known) >= MOST_CACHED:
            self._known.clear()
        self._known[client_id] = found = _Known(client, "flag#paused" in items, self._now())
        return found


def require_enabled(client: Client, now: float) -> None:
    """Raise an error where a client was disabled or its time is over.

    Args:
        client: the client.
        now: the wall clock, in seconds.

    Raises:
        ClientDisabled: its owner disabled the client.
        ClientExpired: the client's time is over.
    """
    log_fields = {"client": client.id}
    if client.disabled:
        raise ClientDisabled("the client is disabled", log_fields=log_fields)
    if 0 < client.expires_at <= now:
        raise ClientExpired("the client has expired", log_fields=log_fields)


def _note(failed: TableFailed) -> None:
    count("LimitsUnavailable")
    logger.warning("The table cannot be read", extra={"detail": str(failed)})


def read_client(client_id: str, record: Item) -> Client:
    """Read the record of a client.

    Args:
        client_id: its id.
        record: the item.

    Raises:
        LimitsUnavailable: a field has a value that it cannot have. It never counts as no limit.
    """

    def number(name: str) -> int:
        value = record.get(name, {"N": "0"}).get("N", "")
        if not value.isdecimal():
            raise LimitsUnavailable(
                f"the record of the client {client_id} has an invalid {name}",
                message="The record of this client is damaged. The owner can repair it by setting its limits "
                f"anew: travel-gpt client limit {client_id} --per-minute 10",
                log_fields={"client": client_id},
            )
        return int(value)

    limits = Limits(*(number(name) for name in Limits._fields))
    name = str(record.get("name", {}).get("S", client_id))
    return Client(
        client_id, name, limits, "disabled" in record, number("expires_at"), number("sessions_after")
    )
