"""The money and the limits of one request: reserved before each try, settled after the answer."""

from threading import Lock
from typing import Final

from travel_gpt.errors import UpstreamFailed
from travel_gpt.guard import report
from travel_gpt.guard.clients import Client
from travel_gpt.guard.counters import Reservation, Spent
from travel_gpt.guard.request_counters import RequestCounters
from travel_gpt.llm.model_api import ModelRequest, Usage
from travel_gpt.llm.prices import Price, PriceList
from travel_gpt.telemetry import count, logger


class Meter:
    """Counts one request, or one of its further calls.

    The calls of one meter are made one after the other; those of several, from several threads. Any thread
    may close a meter.

    Args:
        client: who asks.
        prices: the prices of models.
        counters: what the request counts in.
        first: the request's first meter; None for that one itself.

    Attributes:
        client: who asks.
    """

    TO_SETTLE: Final = 0.5
    """Seconds that are kept before the deadline for what follows the answer: settlements take milliseconds,
    and where the table is slow they are given up."""

    def __init__(
        self, client: Client, prices: PriceList, counters: RequestCounters, first: "Meter | None" = None
    ) -> None:
        self.client = client
        self._prices = prices
        self._counters = counters
        self._first = first or self
        self._others: list[Meter] = []
        self._cost: int | None = None
        self._price: Price | None = None
        self._model = ""
        self._held: list[Reservation] = []
        self._set_aside: list[tuple[Reservation, Spent]] = []
        self._may_be_charged = False
        self._lock = Lock()
        self._closed = False

    def another(self) -> "Meter":
        """Return the meter of a further call of the request, which may run at the same time.

        It reserves and settles on its own. It does not count the request again, which runs until its first
        meter is closed: that closes all of them.

        Raises:
            RuntimeError: the first meter has reserved nothing yet, so the request is not counted.
        """
        if not self._counters.reserved:
            raise RuntimeError("the first call of a request is to be reserved before the further ones")
        if self._first is not self:
            return self._first.another()
        other = Meter(self.client, self._prices, self._counters, self)
        with self._lock:
            self._others.append(other)
        return other

    def read(self, model: str, output_tokens: int) -> None:
        """Read what is left, for a request that calls no model: it counts nothing, and reserves nothing.

        Args:
            model: which model a question would be for.
            output_tokens: the tokens of its answer that would be reserved.

        Raises:
            RateLimited: the client has no requests left.
            BudgetExhausted: the rest of a budget is smaller than such an answer may cost.
            LimitsUnavailable: the table cannot be used, and requests are refused meanwhile.
            Misconfigured: the model has no price, and such models are refused.
        """
        self._counters.read(self._prices.of(model).output * output_tokens)

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
            UpstreamFailed: the request has ended meanwhile. Nothing stays reserved for the try.
        """
        self._price, self._model = self._prices.of(request.model, request.surcharges), request.model
        amount = self._price.most(request)
        if self._may_be_charged or any(each.amount != amount for each in self._held):
            self._end_try()
        if not self._held:
            self._counters.reserve(amount, self._hold, may_be_first=self._first is self)
        self._may_be_charged = True
        if self._closed or self._counters.ended:
            # close() may have come before the reservation.
            self._may_be_charged = False
            self.close()
            raise UpstreamFailed("the request ended before its call to the model began")

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
        cost = self._price.cost(usage)
        if cost is None:
            # What was reserved stays counted.
            count("UsageMissing")
            return
        self._cost = cost + (self._cost or 0)
        if cost > reserved:
            count("OverReservation")
            logger.warning(
                "A call cost more than was reserved for it",
                extra={"model": self._model, "cost": cost, "reserved": reserved},
            )
        spent = Spent(cost, self._model, usage.input_tokens or 0, usage.output_tokens or 0)
        self._counters.settle([(each, spent) for each in self._take_held()])
        if self._counters.ended:
            # The lease of what was settled may have been kept after that.
            self._first.close()

    def close(self) -> None:
        """End the call, and with the first meter the request and all its calls, also those that run late.

        A try that may have been charged, without a known cost, stays counted.
        """
        self._closed = True
        if self._first is self:
            self._counters.ended = True
        self._end_try()
        with self._lock:
            ended, self._set_aside = self._set_aside, []
            others = [*self._others]
        if self._first is not self:
            self._counters.settle(ended)
            return
        for other in others:
            other.close()
        self._counters.end(ended)

    @property
    def cost(self) -> int | None:
        """Nanodollars that the answer cost; of the first meter, those of all its calls together.

        A call whose cost is not known adds nothing: what was reserved for it counts in the budgets alone, so
        that those show the most that the request can have cost. None while no cost is known.
        """
        with self._lock:
            others = [*self._others]
        known = [cost for cost in (self._cost, *(other.cost for other in others)) if cost is not None]
        return sum(known) if known else None

    @property
    def budgets(self) -> list[report.BudgetLeft]:
        """The budgets that the request counts in, the one with the least left first."""
        return self._counters.budgets

    @property
    def headers(self) -> dict[str, str]:
        """The headers that say how many requests the client has left."""
        return self._counters.headers

    def _hold(self, reservation: Reservation) -> None:
        with self._lock:
            self._held.append(reservation)

    def _end_try(self) -> None:
        # Settled when the call is closed: the next try need not wait for the table.
        charged = self._may_be_charged
        held = self._take_held()
        with self._lock:
            self._set_aside += [(each, Spent(each.amount if charged else 0)) for each in held]
        self._may_be_charged = False

    def _take_held(self) -> list[Reservation]:
        with self._lock:
            held, self._held = self._held, []
        return held
