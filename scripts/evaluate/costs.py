"""What the trips cost."""

from collections.abc import Sequence

from scripts.evaluate.results import Result
from travel_gpt.errors import Misconfigured
from travel_gpt.llm.model_api import Usage
from travel_gpt.llm.prices import NANODOLLARS, PriceList


class Costs:
    """Finds what trips cost: as the API says, or by a price list.

    An API says it where it counts costs. The local server that a run starts has no table to count them in.

    Args:
        prices: the prices that are known; a model without one must be refused.
    """

    def __init__(self, prices: PriceList) -> None:
        self._prices = prices

    def sentence(self, results: Sequence[Result]) -> str:
        """Say what trips cost, and how that is known."""
        trips = [each for each in results if each.reply is not None]
        if all(each.setup.mode == "demo" for each in trips):
            return "none: the demo model"
        said = [self._said(each) for each in trips]
        costs = [
            cost
            for each, known in zip(trips, said, strict=True)
            if (cost := self._by_prices(each) if known is None else known) is not None
        ]
        if not costs:
            return "not known: the model is not in the price list of this clone, and not in MODEL_PRICES"
        text = f"{sum(costs):.4f} USD, {sum(costs) / len(costs):.4f} a trip"
        if None in said:
            text += f", by the price list of {self._prices.as_of} without discounts for cached input"
        if missing := len(trips) - len(costs):
            text += f"; {trips_of(missing)} without"
        return text

    def _said(self, result: Result) -> float | None:
        cost = (result.reply or {})["usage"].get("cost_usd")
        return float(cost) if isinstance(cost, int | float) else None

    def _by_prices(self, result: Result) -> float | None:
        reply = result.reply or {}
        counted = reply["usage"]
        usage = Usage(counted["input_tokens"], counted["output_tokens"], None)
        try:
            cost = self._prices.of(str(reply["model"])).cost(usage)
        except Misconfigured:
            return None
        return None if cost is None else cost / NANODOLLARS


def trips_of(number: int) -> str:
    """Write a number of trips."""
    return "1 trip" if number == 1 else f"{number} trips"
