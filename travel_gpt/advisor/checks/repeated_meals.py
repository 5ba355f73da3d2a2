"""Whether a place to eat is planned twice."""

from typing import Final

from travel_gpt.advisor.checks.duplicates import repeated
from travel_gpt.advisor.checks.result import Result, Rule, Severity
from travel_gpt.advisor.constraints import Constraints
from travel_gpt.advisor.trip import Trip

RULE: Final = Rule("repeated_meals", Severity.WARNING, repairable=True)


def check(trip: Trip, asked: Constraints) -> Result:  # noqa: ARG001
    """No place to eat comes twice; breakfasts and meals where the travellers sleep may.

    It is a warning: who liked a restaurant may come again. Names that name no place, such as “lunch”, do not
    count.
    """
    if not any(visit.kind == "meal" for day in trip.days for visit in day.visits):
        return RULE.does_not_apply("The plan has no meals.")
    return RULE.judged(repeated(trip, meals=True))
