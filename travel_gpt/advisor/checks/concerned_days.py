"""Which days are written anew, and why."""

from math import inf
from typing import Final

from travel_gpt.advisor.checks.result import Result, Violation
from travel_gpt.advisor.checks.run import CHECKS
from travel_gpt.advisor.trip import Trip

REPAIRABLE: Final = frozenset(rule.name for rule, _ in CHECKS if rule.repairable)

SAVED: Final = 0.5
"""The share of its costs that a day is taken to be able to save. Assumed."""


def concerned_days(trip: Trip, results: tuple[Result, ...]) -> dict[int, tuple[Violation, ...]]:
    """Return the days that a repair has to write anew, and what is wrong with each.

    What is wrong with the whole trip is the budget: it is given to the dearest days, and to as few of them as
    can save what is too much at half of their costs.

    Args:
        trip: the trip that was checked.
        results: what the rules reported.

    Returns:
        The violations by the number of the day, in the order of the days, without days that are missing.
    """
    concerned: dict[int, list[Violation]] = {day.number: [] for day in trip.days}
    for result in results:
        if result.rule not in REPAIRABLE:
            continue
        for violation in result.violations:
            for day in _days_of(trip, violation):
                if day in concerned:
                    concerned[day].append(violation)
    return {day: tuple(found) for day, found in sorted(concerned.items()) if found}


def _days_of(trip: Trip, violation: Violation) -> list[int]:
    if violation.day is not None:
        return [violation.day]
    to_save = violation.by or inf
    days: list[int] = []
    for day in sorted(trip.days, key=lambda day: day.cost, reverse=True):
        if to_save > 0 and day.cost > 0:
            days.append(day.number)
            to_save -= day.cost * SAVED
    return days
