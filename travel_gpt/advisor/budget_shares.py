"""What each day of a trip may cost, so that the days, which are written apart, keep to one budget."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import to_jsonable_python

from travel_gpt.advisor.checks.result import Violation
from travel_gpt.advisor.constraints import Constraints
from travel_gpt.advisor.trip import Trip


def left_for_day(frame: Trip, asked: Constraints) -> float | None:
    """Return what may be spent on each day beside the legs and nights of an outline.

    Args:
        frame: the trip of the outline alone.
        asked: has the budget.

    Returns:
        The amount; None without a budget in the currency of the trip.
    """
    if asked.budget is None or asked.budget.currency != frame.currency:
        return None
    left = (asked.budget.amount - frame.costs.total) / len(frame.days)
    return round(max(0.0, left), frame.currency_digits or 0)


def with_share(violation: Violation, concerned: Mapping[int, Sequence[Violation]]) -> dict[str, Any]:
    """Return a violation as the model gets it: of the budget, with what one day has to save.

    Args:
        violation: the violation.
        concerned: the violations of each day that is written anew.
    """
    written: dict[str, Any] = to_jsonable_python(violation)
    sharing = sum(violation in violations for violations in concerned.values())
    if violation.day is None and violation.by is not None:
        written["save"] = round(violation.by / sharing, 2)
    return written
