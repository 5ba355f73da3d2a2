"""Whether it is known where the trip was asked to lead."""

from typing import Final

from travel_gpt.advisor.checks.destinations import is_known
from travel_gpt.advisor.checks.result import Result, Rule, Severity, Violation
from travel_gpt.advisor.checks.wording import quoted
from travel_gpt.advisor.constraints import Constraints
from travel_gpt.advisor.trip import Trip

RULE: Final = Rule("unknown_destinations", Severity.WARNING)


def check(trip: Trip, asked: Constraints) -> Result:
    """It is known where the destinations and the origin are that were asked for, or the plan names them.

    It is a warning: islands, parks and regions are missing from the list of towns.
    """
    names = [*asked.destinations, *([asked.origin] if asked.origin else [])]
    if not names:
        return RULE.does_not_apply("No destination or origin was asked for.")
    violations = [
        Violation(
            message=f"It is not known where {quoted(name)} is: check that the trip keeps to it.", item=name
        )
        for name in names
        if not is_known(trip, name)
    ]
    return RULE.judged(violations, checked=1 - len(violations) / len(names))
