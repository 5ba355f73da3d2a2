"""The money and the limits of one request: reserved before each try, settled after the answer."""

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
from travel_gpt.llm.model_api import ModelRequest, Usage
from travel_gpt.llm.prices import Price, PriceList
from travel_gpt.settings import GuardSettings
from travel_gpt.telemetry import count, logger

LEASE_MARGIN: Final = 5.0
"""Seconds after its deadline for which a request still counts as running."""


class Meter:
    """Counts one request.

    Args:
        client: who asks.
        settings: the stack's budget, and what happens while the table cannot be used.
        counters: the counters.
        prices: the prices of models.
        taken_at: when API Gateway took the request, in seconds since the epoch.
        deadline: when the response must leave.

    Attributes:
        client: who asks.
        cost: nanodollars that the answer cost; None while that is not known.
    """

    TO_SETTLE: Final = 0.5
    """Seconds that are kept before the deadline for what follows the answer: settlements take milliseconds,
    and where the table is slow they are given up."""

    def __init__(
        self,
        client: Client,
        settings: GuardSettings,
        counters: Counters,
        prices: PriceList,
        taken_at: float,
        deadline: Deadline,
    ) -> None:
        self.client = client
        self.cost: int | None = None
        self._settings = settings
        self._counters = counters
        self._prices = prices
        self._taken_at = taken_at
        self._deadline = deadline
        self._limits = {
            client.id: client.limits,
            STACK: Limits(budget_per_day=settings.budget_per_day, budget_per_month=settings.budget_per_month),
        }
        self._totals: dict[str, Totals] = {}
        self._price: Price | None = None
        self._model = ""
        self._held: list[Reservation] = []
        self._set_aside: list[tuple[Reservation, Spent]] = []
        self._may_be_charged = False
        self._counted = False
        # A stream reserves and settles in one thread, and may be closed in another.
        self._lock = Lock()
        self._closed = False

    def reserve(self, request: ModelRequest) -> None:
        """Reserve the most that one try can cost. The first time, the request itself is counted too.

        A try that was certainly not charged leaves what it reserved to the next one.

        Args:
            request: what will be asked.

        Raises:
            RateLimited: the client has no requests left.
            BudgetExhausted: the rest of a budget is smaller than what the try may cost.
            LimitsUnavailable: the table cannot be used, and such requests are refused.
            Misconfigured: the model has no price, and such models are refused.
        """
        self._price, self._model = self._prices.of(request.model, request.surcharges), request.model
        amount = self._price.most(request)
        if self._may_be_charged or any(each.amount != amount for each in self._held):
            self._end_try()
        if not self._held:
            self._reserve_anew(amount)
        self._may_be_charged = True
        if self._closed:
            # The try will not be made, and close() may have come before the reservation.
            self._may_be_charged = False
            self.close()

    def not_charged(self) -> None:
        """Note that the try that just failed cannot have been charged."""
        self._may_be_charged = False

    def settle(self, usage: Usage) -> None:
        """Replace what was reserved by what the answer cost, as far as the server reported it.

        Args:
            usage: the usage that the server reported.
        """
        held = self._held
        if self._price is None or not held:
            return
        reserved = held[0].amount
        self.cost = self._price.cost(usage)
        if self.cost is None:
            # What was reserved stays counted.
            count("UsageMissing")
            return
        if self.cost > reserved:
            count("OverReservation")
            logger.warning(
                "A call cost more than was reserved for it",
                extra={"model": self._model, "cost": self.cost, "reserved": reserved},
            )
        spent = Spent(self.cost, self._model, usage.input_tokens or 0, usage.output_tokens or 0)
        self._settle([(each, spent) for each in self._take_held()])

    def close(self) -> None:
        """End the request. A try that may have been charged, without a known cost, stays counted."""
        self._closed = True
        self._end_try()
        with self._lock:
            ended, self._set_aside = self._set_aside, []
        self._settle(ended)

    @property
    def budgets(self) -> list[report.BudgetLeft]:
        """The budgets that the request counts in, the one with the least left first."""
        return report.budgets({name: (self._limits[name], totals) for name, totals in self._totals.items()})

    @property
    def headers(self) -> dict[str, str]:
        """The headers that say how many requests the client has left."""
        totals = self._totals.get(self.client.id)
        if totals is None:
            return {}
        # The answer is later than the request, by up to 28 s.
        now = max(self._taken_at, self._counters.now())
        return report.rate_limit_headers(self.client.limits, totals, now)

    def _end_try(self) -> None:
        # Settled when the request ends: the lease, which the first try took, lasts until then.
        charged = self._may_be_charged
        held = self._take_held()
        with self._lock:
            self._set_aside += [(each, Spent(each.amount if charged else 0)) for each in held]
        self._may_be_charged = False

    def _take_held(self) -> list[Reservation]:
        with self._lock:
            held, self._held = self._held, []
        return held

    def _reserve_anew(self, amount: int) -> None:
        first = not self._counted
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
            self._held.append(reservation)
        shares = [100 * each.used // each.limit for each in self.budgets if each.whose == "api"]
        if shares:
            count("BudgetUsedPercent", max(shares))

    def _settle(self, ended: list[tuple[Reservation, Spent]]) -> None:
        for reservation, spent in ended:
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
            self._counters.count_refusal(self.client.id, Windows.at(self._taken_at), self._deadline)
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
