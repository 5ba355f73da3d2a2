"""Whether the costs are in one currency, and that of the budget."""

from typing import Final

from travel_gpt.advisor.checks.result import Result, Rule, Severity, Violation
from travel_gpt.advisor.constraints import Constraints
from travel_gpt.advisor.trip import Trip

RULE: Final = Rule("currency", Severity.ERROR)


def check(trip: Trip, asked: Constraints) -> Result:
    """The currency is one of ISO 4217, and the one of the budget."""
    violations = []
    if trip.currency_digits is None:
        message = f"The costs are in “{trip.currency}”, which is no currency of ISO 4217, such as EUR."
        violations.append(Violation(message=message, item=trip.currency))
    elif asked.budget and asked.budget.currency != trip.currency:
        message = f"The costs are in {trip.currency}, and the budget is in {asked.budget.currency}."
        violations.append(Violation(message=message, item=trip.currency))
    return RULE.judged(violations)
