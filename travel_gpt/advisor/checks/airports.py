"""Whether the airports are known, and near the places that they serve."""

from collections.abc import Iterator
from typing import Final

from travel_gpt.advisor.checks.nearness import coordinates
from travel_gpt.advisor.checks.result import Result, Rule, Severity, Violation
from travel_gpt.advisor.checks.wording import kilometres, listed, quoted
from travel_gpt.advisor.constraints import Constraints
from travel_gpt.advisor.geography import great_circle_km
from travel_gpt.advisor.trip import Trip

RULE: Final = Rule("airports", Severity.WARNING, repairable=True)

_NEAR_KM: Final = 150.0
"""Between an airport and the place that it serves. Assumed: few are further away."""


def check(trip: Trip, asked: Constraints) -> Result:  # noqa: ARG001
    """The codes of airports are known, and each airport is within 150 km of where its leg begins or ends."""
    used = list(dict.fromkeys(_used(trip)))
    if not used:
        return RULE.does_not_apply("The plan names no airports.")
    violations: list[Violation] = []
    unknown: list[str] = []
    for day, index, code, name in used:
        airport = trip.airport(code)
        if airport is None or not airport.known:
            message = f"Day {day}: {quoted(code)} is no code of an airport that is known."
            violations.append(Violation(message=message, day=day, item=code, leg=index))
            continue
        here, there = coordinates(airport), coordinates(trip.place(name))
        if here is None or there is None:
            unknown.append(f"{code} and {name}")
        elif (apart := great_circle_km(here, there)) > _NEAR_KM:
            called = f"{code}, {airport.name}," if airport.name else code
            message = f"Day {day}: the airport {called} is {kilometres(apart)} from {name}."
            violations.append(
                Violation(message=message, day=day, item=code, by=round(apart), unit="km", leg=index)
            )
    why = f"Not located, and not compared: {listed(unknown)}." if unknown else ""
    return RULE.judged(violations, why, 1 - len(unknown) / len(used))


def _used(trip: Trip) -> Iterator[tuple[int, int, str, str]]:
    for day in trip.days:
        for index, leg in enumerate(day.legs):
            if leg.from_airport:
                yield day.number, index, leg.from_airport, leg.origin
            if leg.to_airport:
                yield day.number, index, leg.to_airport, leg.destination
