"""Whether a sight or an activity is planned twice."""

from collections.abc import Iterator
from typing import Final

from travel_gpt.advisor.checks.result import Result, Rule, Severity, Violation
from travel_gpt.advisor.checks.wording import quoted
from travel_gpt.advisor.checks.words_of_visits import FILLERS, GENERIC, in_one_language, words
from travel_gpt.advisor.constraints import Constraints
from travel_gpt.advisor.trip import Day, Trip, Visit, minutes_of

RULE: Final = Rule("duplicates", Severity.ERROR, repairable=True)

_BREAKFAST_ENDS: Final = 11 * 60
"""A café that is good for breakfast on one day is so on the next."""

_WHOLE_DAY: Final = 4 * 60
"""Minutes of a sight that may take more than one day, such as a theme park. Assumed."""

_Key = tuple[str, frozenset[str]]


def check(trip: Trip, asked: Constraints) -> Result:  # noqa: ARG001
    """No sight or activity comes twice.

    What does not count: names that name no place, such as “free time”; one visit with a pause for a meal; and
    an activity, or a sight of 4 hours or more, on days in a row.
    """
    if not any(day.visits for day in trip.days):
        return RULE.does_not_apply("The plan has no visits.")
    return RULE.judged(repeated(trip, meals=False))


def repeated(trip: Trip, *, meals: bool) -> list[Violation]:
    """Return what comes again in a trip.

    Args:
        trip: the trip.
        meals: whether to compare meals, in the place of sights and activities.
    """
    stays = {words(day.stay.name) for day in trip.days if day.stay}
    towns = frozenset(word for place in trip.places for word in words(place.name))
    seen: dict[_Key, tuple[int, Visit]] = {}
    violations = []
    for day in trip.days:
        for index, visit in _once(day, meals=meals):
            named = words(visit.name)
            if named <= GENERIC | towns or _where_they_sleep(visit, named, stays):
                continue
            key = (visit.place.casefold(), in_one_language(named - FILLERS - towns))
            before = seen.get(key)
            seen[key] = (day.number, visit)
            if before and not (day.number == before[0] + 1 and _goes_on(before[1], visit)):
                violations.append(_violation(day.number, index, visit, *before))
    return violations


def _once(day: Day, *, meals: bool) -> Iterator[tuple[int, Visit]]:
    """Return what counts of a day, without what goes on after a meal or a rest."""
    before: Visit | None = None
    for index, visit in enumerate(day.visits):
        if visit.kind == "meal":
            if meals and minutes_of(visit.start) >= _BREAKFAST_ENDS:
                yield index, visit
        elif visit.kind in ("sight", "activity") and not meals:
            if before is None or words(before.name) != words(visit.name):
                yield index, visit
            before = visit


def _goes_on(first: Visit, second: Visit) -> bool:
    """Return whether what is done on one day may go on on the next."""
    if second.kind == "sight":
        return all(
            (minutes_of(visit.end) - minutes_of(visit.start)) % (24 * 60) >= _WHOLE_DAY
            for visit in (first, second)
        )
    return second.kind == "activity"


def _where_they_sleep(visit: Visit, named: frozenset[str], stays: set[frozenset[str]]) -> bool:
    return visit.kind == "meal" and any(stay <= named for stay in stays if not stay <= GENERIC)


def _violation(day: int, index: int, visit: Visit, earlier: int, first: Visit) -> Violation:
    written = "" if first.name == visit.name else f" (as {quoted(first.name)})"
    when = f"also on day {earlier}" if earlier != day else "on the same day already"
    message = f"Day {day}: {quoted(visit.name)} is {when}{written}."
    return Violation(message=message, day=day, item=visit.name, by=1, unit="items", visit=index)
