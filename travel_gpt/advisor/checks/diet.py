"""Whether the meals suit the travellers."""

from typing import Final

from travel_gpt.advisor.checks.result import Result, Rule, Severity, Violation
from travel_gpt.advisor.checks.wording import listed, quoted
from travel_gpt.advisor.constraints import Constraints
from travel_gpt.advisor.trip import Diet, Trip, Visit

RULE: Final = Rule("diet", Severity.WARNING, repairable=True)

# What has no meat, fish, eggs and milk has less than the others leave out. Not nuts, gluten, or alcohol.
_ALSO: Final[dict[Diet, tuple[Diet, ...]]] = {
    "vegan": ("vegetarian", "pescatarian", "dairy_free"),
    "vegetarian": ("pescatarian",),
}


def check(trip: Trip, asked: Constraints) -> Result:
    """Each meal is said to suit every diet that was asked for; what is vegan suits vegetarians as well."""
    if not asked.diet:
        return RULE.does_not_apply("No diet was asked for.")
    meals = [
        (day.number, index, visit)
        for day in trip.days
        for index, visit in enumerate(day.visits)
        if visit.kind == "meal"
    ]
    if not meals:
        return RULE.not_checkable("The plan has no meals.")
    violations = []
    for day, index, meal in meals:
        if missing := _missing(meal, asked.diet):
            diets = listed(diet.replace("_", "-") for diet in missing)
            message = f"Day {day}: {quoted(meal.name)} is not said to be {diets}."
            violations.append(Violation(message=message, day=day, item=meal.name, visit=index))
    return RULE.judged(violations)


def _missing(meal: Visit, diets: tuple[Diet, ...]) -> list[Diet]:
    suits = {also for diet in meal.diet for also in (diet, *_ALSO.get(diet, ()))}
    return [diet for diet in diets if diet not in suits]
