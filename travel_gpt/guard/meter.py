"""The money and the limits of one request: reserved before each try, settled after the answer."""

from dataclasses import replace
from typing import Final

from travel_gpt.aws.table import TableFailed
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
        seconds: the time until the request's deadline.

    Attributes:
        client: who asks.
        cost: nanodollars that the answer cost; None while that is not known.
    """

    def __init__(
        self,
        client: Client,
        settings: GuardSettings,
        counters: Counters,
        prices: PriceList,
        taken_at: float,
        seconds: float,
    ) -> None:
        self.client = client
        self.cost: int | None = None
        self._settings = settings
        self._counters = counters
        self._prices = prices
        self._taken_at = taken_at
        self._seconds = seconds
        self._limits = {
            client.id: client.limits,
            STACK: Limits(budget_per_day=settings.budget_per_day, budget_per_month=settings.budget_per_month),
        }
        self._totals: dict[str, Totals] = {}
        self._price: Price | None = None
        self._model = ""
        self._held: list[Reservation] = []
        self._may_be_charged = False
        self._lease: str | None = None

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
        self._price, self._model = self._prices.of(request.model), request.model
        amount = self._price.most(request)
        if self._may_be_charged or not self._held or self._held[0].amount != amount:
            self._give_back()
            self._reserve_anew(amount)
        self._may_be_charged = True

    def not_charged(self) -> None:
        """Note that the try that just failed cannot have been charged."""
        self._may_be_charged = False

    def settle(self, usage: Usage) -> None:
        """Replace what was reserved by what the answer cost, as far as the server reported it.

        Args:
            usage: the usage that the server reported.
        """
        if self._price is None or not self._held:
            return
        reserved = self._held[0].amount
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
        self._settle(Spent(self.cost, self._model, usage.input_tokens or 0, usage.output_tokens or 0))

    def close(self) -> None:
        """End the request: give back what was reserved for a try that cannot have been charged."""
        if self._held and not self._may_be_charged:
            self._settle(Spent(0))

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

    def _give_back(self) -> None:
        # The lease of the request goes on.
        held = [replace(reservation, lease="") for reservation in self._held]
        self._held = [] if self._may_be_charged else held
        self._settle(Spent(0))

    def _reserve_anew(self, amount: int) -> None:
        for name, limits in self._limits.items():
            try:
                reservation = self._counters.reserve(
                    name,
                    limits,
                    amount,
                    Windows.at(self._taken_at),
                    first=self._lease is None,
                    lease_seconds=self._seconds + LEASE_MARGIN,
                )
            except Exceeded as exceeded:
                self._settle(Spent(0))
                self._count_refusal(name, exceeded)
                raise report.refusal(exceeded, name, limits, self._taken_at) from None
            except TableFailed as failed:
                self._require_no_table(failed)
                break
            self._totals[name] = reservation.totals
            self._held.append(reservation)
        if self._held and self._held[0].name == self.client.id:
            self._lease = self._held[0].lease or self._lease or ""
            self._held[0] = replace(self._held[0], lease=self._lease)
        shares = [100 * each.used // each.limit for each in self.budgets if each.whose == "api"]
        if shares:
            count("BudgetUsedPercent", max(shares))

    def _settle(self, spent: Spent) -> None:
        held, self._held = self._held, []
        for reservation in held:
            try:
                totals = self._counters.settle(reservation, spent)
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
            self._counters.count_refusal(self.client.id, Windows.at(self._taken_at))
        except TableFailed as failed:
            logger.warning("A refusal was not counted", extra={"detail": str(failed)})

    def _require_no_table(self, failed: TableFailed) -> None:
        """Raise LimitsUnavailable, unless the owner wants such requests answered."""
        count("LimitsUnavailable")
        logger.warning("The limits cannot be kept", extra={"detail": str(failed)})
        bounded = any(each.budget_per_day or each.budget_per_month for each in self._limits.values())
        what = self._settings.budget_when_unavailable if bounded else self._settings.limits_when_unavailable
        if what == "refuse":
            self._settle(Spent(0))
            raise LimitsUnavailable(f"the table cannot be used: {failed}", retry_after=5)
