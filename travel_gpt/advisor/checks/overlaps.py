"""Whether two things are planned for the same time."""

from collections.abc import Iterator
from typing import Final

from travel_gpt.advisor.checks.result import Result, Rule, Severity, Violation
from travel_gpt.advisor.checks.timeline import Span, timeline
from travel_gpt.advisor.checks.wording import duration, listed
from travel_gpt.advisor.constraints import Constraints
from travel_gpt.advisor.trip import Leg, Mode, Trip, Visit

RULE: Final = Rule("overlaps", Severity.ERROR)

_WITH_MEALS: Final[tuple[Mode, ...]] = ("flight", "train", "ferry")
_LONG_ENOUGH_FOR_A_MEAL: Final = 180
"""Minutes. Assumed: on a shorter leg, a meal in a town is more likely."""
_ON_BOARD: Final = ("on board", "onboard", "train", "flight", "plane", "ferry", "zug", "bord", "bordo")


def check(trip: Trip, asked: Constraints) -> Result:  # noqa: ARG001
    """Visits and legs do not overlap in time; one may begin when another ends.

    Also across midnight, and with legs that arrive on a later day. Times in different time zones are
    converted. A meal or a rest on board of a long leg is no overlap.
    """
    times = timeline(trip)
    if not times.spans and not times.unplaced:
        return RULE.does_not_apply("The plan has no visits and no legs.")
    if not times.spans:
        return RULE.not_checkable("The time zones of the places are not known.")
    violations = [_violation(*pair) for pair in _overlapping(times.spans)]
    if times.unplaced:
        names = listed(times.unplaced)
        return RULE.judged(violations, f"Not compared, because a time zone is not known: {names}.")
    return RULE.judged(violations)


def _overlapping(spans: tuple[Span, ...]) -> Iterator[tuple[Span, Span]]:
    for index, first in enumerate(spans):
        for second in spans[index + 1 :]:
            if second.start >= first.end:
                break  # The others start later.
            if first.clock == second.clock and _minutes(first, second) > 0 and not _on_board(first, second):
                yield first, second


def _minutes(first: Span, second: Span) -> int:
    return min(first.end, second.end) - max(first.start, second.start)


def _on_board(first: Span, second: Span) -> bool:
    """Return whether one is a meal or a rest that is had during the other."""
    for leg, visit in ((first, second), (second, first)):
        if isinstance(leg.part, Leg) and isinstance(visit.part, Visit):
            during = leg.start <= visit.start and visit.end <= leg.end
            return during and _had_on_board(leg.part, leg.end - leg.start, visit.part)
    return False


def _had_on_board(leg: Leg, minutes: int, visit: Visit) -> bool:
    if visit.kind not in ("meal", "rest"):
        return False
    named = any(word in visit.name.casefold() for word in _ON_BOARD)
    return named or (leg.mode in _WITH_MEALS and minutes >= _LONG_ENOUGH_FOR_A_MEAL)


def _violation(first: Span, second: Span) -> Violation:
    minutes, day = _minutes(first, second), max(first.day, second.day)
    return Violation(
        message=f"Day {day}: {_text(first, day)} overlaps {_text(second, day)} by {duration(minutes)}.",
        day=day,
        item=first.name if first.day == day else second.name,
        by=minutes,
        unit="minutes",
    )


def _text(span: Span, day: int) -> str:
    return span.text if span.day == day else f"{span.text} of day {span.day}"
