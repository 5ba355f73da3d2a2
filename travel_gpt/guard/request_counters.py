"""What one request counts in the table, for its client and for the whole stack."""

from collections.abc import Callable, Iterable
from threading import Lock
from typing import Final

from travel_gpt.aws.table import TableFailed
from travel_gpt.deadline import Deadline
from travel_gpt.errors import LimitsUnavailable
from travel_gpt.guard import report
from travel_gpt.guard.clients import Client
from travel_gpt.guard.counters import STACK, Counters, Exceeded, Reservation, Spent, Totals
from travel_gpt.guard.limits import Limits
from travel_gpt.guard.windows import Windows
from travel_gpt.settings import GuardSettings
from travel_gpt.telemetry import count, logger

LEASE_MARGIN: Final = 5.0
"""Seconds after its deadline for which a request still counts as running."""


class RequestCounters:
    """The counters of one request, whose calls may run at the same time.

    Args:
        client: who asks.
        settings: the stack's budget, and what happens while the table cannot be used.
        counters: the counters.
        taken_at: when API Gateway took the request, in seconds since the epoch.
        deadline: when the response must leave.

    Attributes:
        reserved: whether a reservation was made, or was not needed since the table cannot be used.
        ended: whether no call may begin any more.
    """

    def __init__(
        self,
        client: Client,
        settings: GuardSettings,
        counters: Counters,
        taken_at: float,
        deadline: Deadline,
    ) -> None:
        self.reserved = self.ended = False
        self._client = client
        self._settings = settings
        self._counters = counters
        self._taken_at = taken_at
        self._deadline = deadline
        self._limits = {
            client.id: client.limits,
            STACK: Limits(budget_per_day=settings.budget_per_day, budget_per_month=settings.budget_per_month),
        }
        self._totals: dict[str, Totals] = {}
        self._counted = False
        self._lock = Lock()
        self._leased: Reservation | None = None
        """A settled reservation whose lease lasts."""

    @property
    def budgets(self) -> list[report.BudgetLeft]:
        """The budgets that the request counts in, the one with the least left first."""
        totals = self._totals.copy()
        return report.budgets({name: (self._limits[name], totals[name]) for name in totals})

    @property
    def headers(self) -> dict[str, str]:
        """The headers that say how many requests the client has left."""
        totals = self._totals.get(self._client.id)
        if totals is None:
            return {}
        # The answer is later than the request, by up to 28 s.
        now = max(self._taken_at, self._counters.now())
        return report.rate_limit_headers(self._client.limits, totals, now)

    def reserve(self, amount: int, hold: Callable[[Reservation], None], *, may_be_first: bool) -> None:
        """Reserve an amount for one call.

        Args:
            amount: nanodollars.
            hold: gets each reservation as soon as it is made: there may be one before a failure.
            may_be_first: whether the request itself is to be counted, unless it was.

        Raises:
            RateLimited: the client has no requests left.
            BudgetExhausted: the rest of a budget is smaller than the amount.
            LimitsUnavailable: the table cannot be used, and such requests are refused.
        """
        first = may_be_first and not self._counted
        for name, limits in self._limits.items():
            try:
                reservation = self._counters.reserve(
                    name,
                    limits,
                    amount,
                    Windows.at(self._taken_at),
                    first=first,
                    lease_seconds=self._deadline.left() + LEASE_MARGIN,
                    deadline=self._deadline,
                )
            except Exceeded as exceeded:
                self._count_refusal(name, exceeded)
                raise report.refusal(exceeded, name, limits, self._taken_at) from None
            except TableFailed as failed:
                self._require_no_table(limits, failed)
                continue
            self._counted = True
            self._totals[name] = reservation.totals
            hold(reservation)
        self.reserved = True
        shares = [100 * each.used // each.limit for each in self.budgets if each.whose == "api"]
        if shares:
            count("BudgetUsedPercent", max(shares))

    def read(self, amount: int) -> None:
        """Read what is counted, without counting anything: for ``budgets`` and ``headers``.

        Args:
            amount: nanodollars that a call would cost at least.

        Raises:
            RateLimited: the client has no requests left.
            BudgetExhausted: the rest of a budget is smaller than the amount.
            LimitsUnavailable: the table cannot be used, and requests are refused meanwhile.
        """
        try:
            self._totals = self._counters.read(self._limits, Windows.at(self._taken_at), self._deadline)
        except TableFailed as failed:
            for limits in self._limits.values():
                self._require_no_table(limits, failed)
        for name, totals in self._totals.items():
            limits = self._limits[name]
            for limit, counted, more in (
                ("per_minute", totals.minute, 1),
                ("per_day", totals.requests, 1),
                # A budget of which nothing is left is used up, whatever the call costs.
                ("budget_per_day", totals.day, max(amount, 1)),
                ("budget_per_month", totals.month, max(amount, 1)),
            ):
                if 0 < getattr(limits, limit) < counted + more:
                    raise report.refusal(Exceeded(limit, totals), name, limits, self._taken_at)

    def settle(self, ended: Iterable[tuple[Reservation, Spent]]) -> None:
        """Replace reservations by what was spent. The request still counts as running.

        Args:
            ended: each reservation, and what was spent of it.
        """
        for reservation, spent in ended:
            if reservation.lease:
                with self._lock:
                    self._leased = reservation
            self._update(reservation._replace(lease=""), spent)

    def end(self, ended: Iterable[tuple[Reservation, Spent]]) -> None:
        """Settle reservations, and no longer count the request as running.

        Args:
            ended: each reservation, and what was spent of it.
        """
        for reservation, spent in ended:
            self._update(reservation, spent)
        with self._lock:
            leased, self._leased = self._leased, None
        if leased is not None:
            try:
                self._counters.release(leased, self._deadline)
            except TableFailed as failed:
                logger.warning("A lease may last until it expires", extra={"detail": str(failed)})

    def _update(self, reservation: Reservation, spent: Spent) -> None:
        try:
            totals = self._counters.settle(reservation, spent, self._deadline)
        except TableFailed as failed:
            count("SettlementLost")
            logger.warning("A reservation may not have been settled", extra={"detail": str(failed)})
        else:
            if totals is not None:
                self._totals[reservation.name] = totals

    def _count_refusal(self, name: str, exceeded: Exceeded) -> None:
        if exceeded.limit.startswith("budget"):
            if name == STACK:
                count("BudgetUsedPercent", 100)
            else:
                count("ClientBudgetExhausted")
        try:
            self._counters.count_refusal(self._client.id, Windows.at(self._taken_at), self._deadline)
        except TableFailed as failed:
            logger.warning("A refusal was not counted", extra={"detail": str(failed)})

    def _require_no_table(self, limits: Limits, failed: TableFailed) -> None:
        """Raise LimitsUnavailable, unless the owner wants such requests answered."""
        count("LimitsUnavailable")
        logger.warning("The limits cannot be kept", extra={"detail": str(failed)})
        refused = []
        if any(each.budget_per_day or each.budget_per_month for each in self._limits.values()):
            refused.append(self._settings.budget_when_unavailable)
        if limits.per_minute or limits.per_day or limits.parallel or not refused:
            refused.append(self._settings.limits_when_unavailable)
        if "refuse" in refused:
            raise LimitsUnavailable(f"the table cannot be used: {failed}", retry_after=5)
