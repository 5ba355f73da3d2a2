"""Whether the lodging is of a kind that was asked for."""

from typing import Final

from travel_gpt.advisor.checks.result import Result, Rule, Severity, Violation
from travel_gpt.advisor.checks.wording import listed, quoted
from travel_gpt.advisor.constraints import Constraints
from travel_gpt.advisor.trip import Trip

RULE: Final = Rule("lodging", Severity.WARNING, repairable=True)


def check(trip: Trip, asked: Constraints) -> Result:
    """Each night's lodging is of one of the kinds that were asked for."""
    if not asked.lodging:
        return RULE.does_not_apply("No kind of lodging was asked for.")
    if not trip.nights:
        return RULE.does_not_apply("The trip has no night.")
    stays = [(day.number, day.stay) for day in trip.days if day.stay]
    if not stays:
        return RULE.not_checkable("The plan has no lodging.")
    wanted = " or ".join(asked.lodging)
    violations = [
        Violation(
            message=f"Day {day}: {quoted(stay.name)} is of the kind “{stay.kind}”, and not {wanted}.",
            day=day,
            item=stay.name,
        )
        for day, stay in stays
        if stay.kind not in (*asked.lodging, "other")
    ]
    unknown = [stay.name for _, stay in stays if stay.kind == "other" and "other" not in asked.lodging]
    if len(unknown) == len(stays):
        return RULE.not_checkable("The plan does not say of what kinds the lodging is.")
    why = f"Of another kind: {listed(unknown)}." if unknown else ""
    return RULE.judged(violations, why, 1 - len(unknown) / len(stays))
