"""Which days are public holidays."""

from typing import Final

from travel_gpt.advisor.checks.result import Result, Rule, Severity, Violation
from travel_gpt.advisor.constraints import Constraints
from travel_gpt.advisor.trip import Trip

RULE: Final = Rule("holidays", Severity.NOTE)


def check(trip: Trip, asked: Constraints) -> Result:  # noqa: ARG001
    """The days that are public holidays where they are spent are named."""
    if not any(day.date for day in trip.days):
        return RULE.not_checkable("The trip has no dates.")
    unknown = [str(day.number) for day in trip.days if day.holidays is None]
    if len(unknown) == len(trip.days):
        return RULE.not_checkable("The public holidays of these countries and years are not known.")
    violations = [
        Violation(
            message=f"Day {day.number}, {day.date}: {holiday.name} is a public holiday in {holiday.country}.",
            day=day.number,
            item=holiday.name,
        )
        for day in trip.days
        for holiday in day.holidays or ()
    ]
    why = f"Not known for these days: {', '.join(unknown)}." if unknown else ""
    return RULE.judged(violations, why, 1 - len(unknown) / len(trip.days))
