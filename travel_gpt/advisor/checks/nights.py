"""Whether the travellers sleep somewhere each night, and where they are."""

from typing import Final

from travel_gpt.advisor.checks.nearness import km_apart, same_name
from travel_gpt.advisor.checks.result import Result, Rule, Severity, Violation
from travel_gpt.advisor.checks.wording import kilometres, listed, quoted
from travel_gpt.advisor.constraints import Constraints
from travel_gpt.advisor.trip import Day, Leg, Stay, Trip, minutes_of

RULE: Final = Rule("nights", Severity.ERROR, repairable=True)

_NEAR_KM: Final = 50.0
"""Between where a day ends and the lodging: a hotel outside the town, or at its airport. Assumed."""
_NIGHT_ENDS: Final = 3 * 60
"""Who is on the way or awake until then needs no lodging for the night. Assumed."""
_MORNING: Final = 6 * 60
"""Who leaves before it may have waited for it without lodging. Assumed."""


def check(trip: Trip, asked: Constraints) -> Result:  # noqa: ARG001
    """Each night has lodging, near where the day ends, or is spent on the way or at home.

    Near is up to 50 km. On the way: a leg or a visit until 3:00 or later, or a leg that departs before 6:00.
    """
    if not trip.nights:
        return RULE.does_not_apply("The trip has no night.")
    days = {day.number: day for day in trip.days}
    violations: list[Violation] = []
    unknown: list[str] = []
    taken = 0
    nights = 0
    for number in range(1, trip.nights + 1):
        day = days.get(number)
        if day is None:
            continue
        nights += 1
        taken = max(taken, *(number + leg.days_later - _early(leg) for leg in day.legs), 0)
        end = _end_of(day)
        if day.stay is None:
            if taken <= number and not _awake(day, days.get(number + 1)) and not _at_home(trip, end):
                message = f"Day {number}: there is no lodging for the night, in {end}."
                violations.append(Violation(message=message, day=number, item=end, by=1, unit="nights"))
        elif taken <= number:
            apart = km_apart(trip, end, day.stay.place)
            if apart is None:
                unknown.append(day.stay.place if trip.place(end) else end)
            elif apart > _NEAR_KM:
                violations.append(_far(day, day.stay, end, apart))
    if unknown:
        why = f"Not located, and not compared with the lodging: {listed(unknown)}."
        return RULE.judged(violations, why, 1 - len(unknown) / nights)
    return RULE.judged(violations)


def _early(leg: Leg) -> bool:
    """Return whether a leg arrives early enough to sleep afterwards."""
    return leg.days_later > 0 and minutes_of(leg.arrive) < _NIGHT_ENDS


def _end_of(day: Day) -> str:
    """Return the name of the place where a day ends."""
    arrived = (leg.destination for leg in reversed(day.legs) if leg.days_later <= 0 or _early(leg))
    return next(arrived, day.town)


def _awake(day: Day, after: Day | None) -> bool:
    if any(visit.end < visit.start and minutes_of(visit.end) >= _NIGHT_ENDS for visit in day.visits):
        return True
    return after is not None and any(minutes_of(leg.depart) < _MORNING for leg in after.legs[:1])


def _at_home(trip: Trip, end: str) -> bool:
    return trip.origin is not None and same_name(end, trip.origin)


def _far(day: Day, stay: Stay, end: str, apart: float) -> Violation:
    message = (
        f"Day {day.number} ends in {end}, and {quoted(stay.name)} is in {stay.place}, "
        f"{kilometres(apart)} away."
    )
    return Violation(message=message, day=day.number, item=stay.name, by=round(apart), unit="km")
