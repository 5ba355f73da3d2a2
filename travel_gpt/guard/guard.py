"""Who may ask, and the meter of each request."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Final

from travel_gpt.aws.table import Table
from travel_gpt.deadline import Deadline
from travel_gpt.guard.callers import Caller
from travel_gpt.guard.clients import Client, ClientDirectory
from travel_gpt.guard.counters import Counters
from travel_gpt.guard.meter import Meter
from travel_gpt.guard.request_counters import RequestCounters
from travel_gpt.llm.prices import PriceList, read_prices
from travel_gpt.settings import Settings
from travel_gpt.telemetry import logger

if TYPE_CHECKING:
    from travel_gpt.guard.idempotency import Idempotency
    from travel_gpt.guard.invitations import Invitations
    from travel_gpt.guard.sessions import Sessions
    from travel_gpt.guard.stops import Stops
    from travel_gpt.guard.visitors import Visitors


FASTEST_CLOCK: Final = 300
"""Seconds by which the time of a request may be ahead of this environment's clock. An event may have any
time, and windows never run backwards."""


class Guard:
    """Finds the client of each request and makes its meter.

    Args:
        settings: the settings.
        table: the table of clients and counters.
        now: the wall clock, in seconds.
    """

    def __init__(self, settings: Settings, table: Table, *, now: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._clients = ClientDirectory(settings, table, now=now)
        self._counters = Counters(table, now=now)
        self._table, self._now = table, now
        self._prices = PriceList.load(
            read_prices(settings.model_prices), refuse_unknown=settings.unknown_model_price == "refuse"
        )
        if self._prices.is_old(datetime.fromtimestamp(now(), UTC).date()):
            logger.warning("The price list is older than 90 days", extra={"as_of": str(self._prices.as_of)})

    def client(self, caller: Caller, deadline: Deadline) -> Client:
        """Return the client of a request.

        A session is read each time, and its use is noted once a day; a client's record is read every few
        seconds.

        Args:
            caller: who sent it. Where anyone may ask, only the address counts.
            deadline: when the response must leave.

        Raises:
            Forbidden: no client has the key.
            SessionExpired: there is no such session, or it has ended.
            LimitError: the client may not ask now, or that cannot be found out.
        """
        if self._settings.api_access == "open":
            return self._clients.client_of_address(caller.address, deadline)
        if caller.session:
            return self.visitors.client(caller.session, deadline)
        return self._clients.client_of_key(caller.key_id, deadline)

    def client_id(self, caller: Caller, deadline: Deadline) -> str:
        """Return the id of the client of a request that spends nothing, such as one that stops a stream.

        Args:
            caller: as for ``client``.
            deadline: as for ``client``.

        Raises:
            Forbidden: no client has the key.
            SessionExpired: as for ``client``.
            LimitsUnavailable: the client cannot be found out.
        """
        if self._settings.api_access == "open":
            return self._clients.id_of_address(caller.address)
        if caller.session:
            return self.visitors.find(caller.session, deadline).client.id
        return self._clients.id_of_key(caller.key_id, deadline)

    @cached_property
    def sessions(self) -> "Sessions":
        """The sessions of the page."""
        from travel_gpt.guard.sessions import Sessions

        return Sessions(self._table, now=self._now)

    @cached_property
    def invitations(self) -> "Invitations":
        """The invitations to the page."""
        from travel_gpt.guard.invitations import Invitations

        return Invitations(self._table, self._clients, self.sessions, now=self._now)

    @cached_property
    def visitors(self) -> "Visitors":
        """The clients of the page's visitors."""
        from travel_gpt.guard.visitors import Visitors

        return Visitors(self.sessions, self._clients)

    @cached_property
    def idempotency(self) -> "Idempotency":
        """The answers that are kept for requests with an Idempotency-Key."""
        from travel_gpt.guard.idempotency import Idempotency

        return Idempotency(self._table, now=self._now)

    @cached_property
    def stops(self) -> "Stops":
        """The streams that their clients stopped."""
        from travel_gpt.guard.stops import Stops

        return Stops(self._table, now=self._now)

    def meter(self, client: Client, taken_at: float, deadline: Deadline) -> Meter:
        """Return the meter of one request.

        Args:
            client: who asks.
            taken_at: when API Gateway took the request, in seconds since the epoch.
            deadline: when the response must leave.
        """
        taken_at = min(max(taken_at, 0), self._now() + FASTEST_CLOCK)
        counters = RequestCounters(client, self._settings, self._counters, taken_at, deadline)
        return Meter(client, self._prices, counters)
