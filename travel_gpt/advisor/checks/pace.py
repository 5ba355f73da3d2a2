"""Whether the days are as full as was asked."""

from typing import Final

from travel_gpt.advisor.checks.result import Result, Rule, Severity, Violation
from travel_gpt.advisor.checks.wording import count
from travel_gpt.advisor.constraints import Constraints
from travel_gpt.advisor.trip import Day, Pace, Trip

RULE: Final = Rule("pace", Severity.WARNING, repairable=True)

MOST: Final[dict[Pace, int]] = {"relaxed": 4, "moderate": 6, "packed": 10}
"""Sights and activities of a day. Assumed: 3, 5 and 8 are usual, and one or two more acceptable."""
LEAST_OF_PACKED: Final = 3
"""On a whole day: one with a night after it that is neither the first nor has legs. Assumed."""


def check(trip: Trip, asked: Constraints) -> Result:
    """A day has at most 4 sights and activities at a relaxed pace, 6 at a moderate and 10 at a packed one.

    At a packed pace, a whole day without legs has at least 3. Meals and rests do not count.
    """
    if asked.pace is None:
        return RULE.does_not_apply("No pace was asked for.")
    if not any(day.visits for day in trip.days):
        return RULE.not_checkable("The plan has no visits.")
    pace = asked.pace
    return RULE.judged([found for day in trip.days if (found := _off(day, pace))])


def _off(day: Day, pace: Pace) -> Violation | None:
    planned = sum(visit.kind in ("sight", "activity") for visit in day.visits)
    whole = day.number > 1 and day.stay is not None and not day.legs
    if planned > MOST[pace]:
        limit, by = f"at most {MOST[pace]}", planned - MOST[pace]
    elif pace == "packed" and whole and planned < LEAST_OF_PACKED:
        limit, by = f"at least {LEAST_OF_PACKED}", LEAST_OF_PACKED - planned
    else:
        return None
    things = count(planned, "sight or activity") if planned == 1 else f"{planned} sights and activities"
    message = f"Day {day.number} has {things}; at a {pace} pace a day has {limit}."
    return Violation(message=message, day=day.number, by=by, unit="items")
