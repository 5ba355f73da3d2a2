"""Whether the costs of a trip add up."""

from collections.abc import Iterable, Iterator
from math import fsum
from typing import Final

from travel_gpt.advisor.checks.result import Result, Rule, Severity, Violation
from travel_gpt.advisor.checks.wording import amount, digits
from travel_gpt.advisor.constraints import Constraints
from travel_gpt.advisor.trip import Costs, Day, Trip

RULE: Final = Rule("sums", Severity.ERROR, computed=True)


def check(trip: Trip, asked: Constraints) -> Result:  # noqa: ARG001
    """The costs of each day, of each category and of the whole trip are the sums of what they consist of.

    To half of the last digit of the currency, and rounded before or after they are added.
    """
    violations = list(_days(trip))
    for name, costs in costs_by_category(trip).items():
        stated = getattr(trip.costs, name)
        if excess := _difference(trip, stated, costs):
            what = "The trip" if name == "total" else f"The sum for {name}"
            message = f"{what} is stated as {amount(trip, stated)}, and is {amount(trip, fsum(costs))}."
            violations.append(Violation(message=message, item=name, by=excess, unit=trip.currency))
    return RULE.judged(violations)


def costs_by_category(trip: Trip) -> dict[str, list[float]]:
    """Return the single costs of a trip, by the names of the sums in ``Costs``."""
    costs: dict[str, list[float]] = {name: [] for name in Costs.__dataclass_fields__}
    for day in trip.days:
        costs["transport"] += [leg.cost for leg in day.legs]
        costs["lodging"] += [day.stay.cost] if day.stay else []
        for visit in day.visits:
            costs["meals" if visit.kind == "meal" else "visits"].append(visit.cost)
        costs["total"] += _costs_of(day)
    return costs


def _costs_of(day: Day) -> list[float]:
    stay = [day.stay.cost] if day.stay else []
    return [*(leg.cost for leg in day.legs), *(visit.cost for visit in day.visits), *stay]


def _days(trip: Trip) -> Iterator[Violation]:
    for day in trip.days:
        costs = _costs_of(day)
        if excess := _difference(trip, day.cost, costs):
            message = (
                f"Day {day.number} is stated to cost {amount(trip, day.cost)}, "
                f"and costs {amount(trip, fsum(costs))}."
            )
            yield Violation(message=message, day=day.number, by=excess, unit=trip.currency)


def _difference(trip: Trip, stated: float, costs: Iterable[float]) -> float:
    """Return by how much a sum is wrong, and 0 where it is right."""
    places = digits(trip)
    costs = list(costs)
    sums = (fsum(costs), fsum(round(cost, places) for cost in costs))
    off = min(abs(stated - right) for right in sums)
    # A little more than half: binary fractions.
    return round(off, places) or off if off > 0.500001 * 10**-places else 0.0
