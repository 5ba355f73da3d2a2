"""Whether travellers can reach what is planned."""

from collections.abc import Iterator
from typing import Final

from travel_gpt.advisor.checks.result import Result, Rule, Severity, Violation
from travel_gpt.advisor.checks.wording import duration, leg_name, listed, quoted
from travel_gpt.advisor.constraints import Constraints
from travel_gpt.advisor.trip import Leg, Mobility, Stay, Trip, Visit, minutes_of

RULE: Final = Rule("mobility", Severity.WARNING, repairable=True)

LONGEST_WALK: Final[dict[Mobility, int]] = {"limited_walking": 15, "wheelchair": 30, "stroller": 45}
"""Minutes. Assumed."""


def check(trip: Trip, asked: Constraints) -> Result:
    """For travellers with limited mobility nothing is said to have steps, and no walk is long.

    Long is more than 15 minutes for limited walking, 30 for a wheelchair and 45 for a stroller.
    """
    if not asked.mobility:
        return RULE.does_not_apply("No limited mobility was declared.")
    longest = min(LONGEST_WALK[each] for each in asked.mobility)
    violations: list[Violation] = []
    checked, unknown = 0, []
    for day, index, part in _parts(trip):
        if isinstance(part, Leg):
            checked += 1
            violations += _long_walk(day, index, part, longest)
        elif part.step_free is None:
            unknown.append(part.name)
        else:
            checked += 1
            violations += _steps(day, index, part)
    if not checked:
        return RULE.not_checkable("The plan does not say whether its visits and lodging are step-free.")
    why = f"Not said whether it is step-free: {listed(unknown)}." if unknown else ""
    return RULE.judged(violations, why, checked / (checked + len(unknown)))


def _parts(trip: Trip) -> Iterator[tuple[int, int, Visit | Stay | Leg]]:
    for day in trip.days:
        for index, leg in enumerate(day.legs):
            if leg.mode == "walk":
                yield day.number, index, leg
        for index, visit in enumerate(day.visits):
            yield day.number, index, visit
        if day.stay:
            yield day.number, 0, day.stay


def _long_walk(day: int, index: int, leg: Leg, longest: int) -> Iterator[Violation]:
    by_the_clock = minutes_of(leg.arrive) - minutes_of(leg.depart) + 24 * 60 * leg.days_later
    minutes = by_the_clock if leg.minutes is None else leg.minutes
    if minutes > longest:
        message = f"Day {day}: the {leg_name(leg)} takes {duration(minutes)}, more than {duration(longest)}."
        yield Violation(
            message=message,
            day=day,
            item=leg_name(leg),
            by=minutes - longest,
            unit="minutes",
            leg=index,
        )


def _steps(day: int, index: int, part: Visit | Stay) -> Iterator[Violation]:
    if part.step_free is False:
        message = f"Day {day}: {quoted(part.name)} is said to have steps."
        which = index if isinstance(part, Visit) else None
        yield Violation(message=message, day=day, item=part.name, visit=which)
