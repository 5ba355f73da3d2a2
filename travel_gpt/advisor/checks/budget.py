"""Whether a trip keeps the budget."""

from math import fsum
from typing import Final

from travel_gpt.advisor.checks.result import Result, Rule, Severity, Violation
from travel_gpt.advisor.checks.sums import costs_by_category
from travel_gpt.advisor.checks.wording import amount, digits
from travel_gpt.advisor.constraints import Constraints
from travel_gpt.advisor.trip import Trip

RULE: Final = Rule("budget", Severity.ERROR, repairable=True)


def check(trip: Trip, asked: Constraints) -> Result:
    """The trip costs no more than the budget: what its parts cost, added anew."""
    if asked.budget is None:
        return RULE.does_not_apply("No budget was given.")
    if asked.budget.currency != trip.currency:
        return RULE.not_checkable(
            f"The budget is in {asked.budget.currency}, and the costs are in {trip.currency}."
        )
    total = round(fsum(costs_by_category(trip)["total"]), digits(trip))
    if not total:
        return RULE.not_checkable("The plan has no costs.")
    most = asked.budget.amount
    over = round(total - most, digits(trip))
    missing = ", ".join(map(str, trip.missing_days))
    why = f"Without the missing days: {missing}." if missing else ""
    checked = 1 - len(trip.missing_days) / (trip.nights + 1)
    if over <= 0:
        return RULE.judged([], why, checked)
    message = (
        f"The trip costs {amount(trip, total)}: "
        f"{amount(trip, over)} more than the budget of {amount(trip, most)}."
    )
    return RULE.judged([Violation(message=message, by=over, unit=trip.currency)], why, checked)
