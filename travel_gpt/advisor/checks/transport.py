"""Whether the transport between towns is what was asked for."""

from collections.abc import Iterator
from typing import Final

from travel_gpt.advisor.checks.nearness import same_name
from travel_gpt.advisor.checks.result import Result, Rule, Severity, Violation
from travel_gpt.advisor.checks.wording import leg_name
from travel_gpt.advisor.constraints import Constraints
from travel_gpt.advisor.trip import Leg, Mode, Trip

RULE: Final = Rule("transport", Severity.WARNING, repairable=True)

_LOCAL: Final[tuple[Mode, ...]] = ("walk", "taxi", "metro", "tram", "bus")
_LOCAL_KM: Final = 50.0
"""Up to here these are a way to a station or an airport. Assumed."""


def check(trip: Trip, asked: Constraints) -> Result:
    """Between towns the travellers go by one of the means that were asked for.

    Walks, taxis, buses, metros and trams of up to 50 km do not count: they lead to stations and airports.
    """
    if not asked.transport:
        return RULE.does_not_apply("No means of transport was asked for.")
    legs = list(_between_towns(trip))
    if not legs:
        return RULE.does_not_apply("The plan has no legs between towns.")
    wanted = " or ".join(asked.transport)
    return RULE.judged(
        [
            Violation(
                message=f"Day {day}: the {leg_name(leg)} is none of the means that are wanted: {wanted}.",
                day=day,
                item=leg_name(leg),
                leg=index,
            )
            for day, index, leg in legs
            if leg.mode not in asked.transport
        ]
    )


def _between_towns(trip: Trip) -> Iterator[tuple[int, int, Leg]]:
    for day in trip.days:
        for index, leg in enumerate(day.legs):
            local = leg.mode in _LOCAL and (leg.distance_km or 0.0) <= _LOCAL_KM
            if not local and not same_name(leg.origin, leg.destination):
                yield day.number, index, leg
