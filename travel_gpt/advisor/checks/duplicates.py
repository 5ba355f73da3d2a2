"""Whether something is planned twice."""

from collections.abc import Iterator
from typing import Final

from travel_gpt.advisor.checks.result import Result, Rule, Severity, Violation
from travel_gpt.advisor.checks.wording import quoted
from travel_gpt.advisor.checks.words_of_visits import FILLERS, GENERIC, in_one_language, words
from travel_gpt.advisor.constraints import Constraints
from travel_gpt.advisor.trip import Day, Trip, Visit, minutes_of

RULE: Final = Rule("duplicates", Severity.ERROR)

_BREAKFAST_ENDS: Final = 11 * 60
"""A café that is good for breakfast on one day is so on the next."""

_Key = tuple[str, bool, frozenset[str]]


def check(trip: Trip, asked: Constraints) -> Result:  # noqa: ARG001
    """No sight, activity or place to eat comes twice.

    What does not count: names that name no place, such as “free time” and “lunch”; breakfasts and meals where
    the travellers sleep; one visit with a pause for a meal; and an activity on days in a row.
    """
    if not any(day.visits for day in trip.days):
        return RULE.does_not_apply("The plan has no visits.")
    stays = {words(day.stay.name) for day in trip.days if day.stay}
    towns = frozenset(word for place in trip.places for word in words(place.name))
    seen: dict[_Key, tuple[int, Visit]] = {}
    violations = []
    for day in trip.days:
        for visit in _once(day):
            named = words(visit.name)
            if named <= GENERIC | towns or _where_they_sleep(visit, named, stays):
                continue
            key = (visit.place.casefold(), visit.kind == "meal", in_one_language(named - FILLERS - towns))
            before = seen.get(key)
            seen[key] = (day.number, visit)
            if before and not (visit.kind == "activity" and day.number == before[0] + 1):
                violations.append(_violation(day.number, visit, *before))
    return RULE.judged(violations)


def _once(day: Day) -> Iterator[Visit]:
    """Return what counts of a day, without what goes on after a meal or a rest."""
    before: Visit | None = None
    for visit in day.visits:
        if visit.kind == "meal":
            if minutes_of(visit.start) >= _BREAKFAST_ENDS:
                yield visit
        elif visit.kind in ("sight", "activity"):
            if before is None or words(before.name) != words(visit.name):
                yield visit
            before = visit


def _where_they_sleep(visit: Visit, named: frozenset[str], stays: set[frozenset[str]]) -> bool:
    return visit.kind == "meal" and any(stay <= named for stay in stays if not stay <= GENERIC)


def _violation(day: int, visit: Visit, earlier: int, first: Visit) -> Violation:
    written = "" if first.name == visit.name else f" (as {quoted(first.name)})"
    when = f"also on day {earlier}" if earlier != day else "on the same day already"
    message = f"Day {day}: {quoted(visit.name)} is {when}{written}."
    return Violation(message=message, day=day, item=visit.name, by=1, unit="items")
