"""Whether two things are planned for the same time."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from travel_gpt.advisor.checks.result import Result, Rule, Severity, Violation
from travel_gpt.advisor.checks.timeline import ON_ONE_CLOCK, Span, timeline
from travel_gpt.advisor.checks.wording import duration, listed
from travel_gpt.advisor.constraints import Constraints
from travel_gpt.advisor.trip import Leg, Mode, Trip, Visit

RULE: Final = Rule("overlaps", Severity.ERROR, repairable=True)

_WITH_MEALS: Final[tuple[Mode, ...]] = ("flight", "train", "ferry", "bus")
_LONG_ENOUGH_FOR_A_MEAL: Final = 60
"""Minutes. Assumed: a meal or a rest on a shorter leg is more likely a slip."""


def check(trip: Trip, asked: Constraints) -> Result:  # noqa: ARG001
    """Visits and legs do not overlap in time; one may begin when another ends.

    Also across midnight, and with legs that arrive on a later day. Times in different time zones are
    converted. A meal or a rest wholly inside a leg of 60 minutes or more by train, ferry, bus or flight is
    on board, and no overlap.
    """
    times = timeline(trip)
    if not times.spans and not times.unplaced:
        return RULE.does_not_apply("The plan has no visits and no legs.")
    if not times.spans:
        return RULE.not_checkable("The time zones of the places are not known.")
    violations = [_violation(*pair) for pair in _overlapping(times.spans)]
    # What is on another clock than most is compared only with the visits in the same place.
    most = max(Counter(span.clock for span in times.spans).values())
    apart = [*times.unplaced, *(span.name for span in times.spans if span.clock != ON_ONE_CLOCK)]
    checked = most / (len(times.spans) + len(times.unplaced))
    if checked < 1:
        names = listed(apart)
        return RULE.judged(violations, f"Not compared, because a time zone is not known: {names}.", checked)
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
    possible = leg.mode in _WITH_MEALS and minutes >= _LONG_ENOUGH_FOR_A_MEAL
    return possible and visit.kind in ("meal", "rest")


def _violation(first: Span, second: Span) -> Violation:
    minutes, day = _minutes(first, second), max(first.day, second.day)
    about = first if first.day == day else second
    index = about.index
    return Violation(
        message=f"Day {day}: {_text(first, day)} overlaps {_text(second, day)} by {duration(minutes)}.",
        day=day,
        item=about.name,
        by=minutes,
        unit="minutes",
        leg=index if isinstance(about.part, Leg) else None,
        visit=index if isinstance(about.part, Visit) else None,
    )


def _text(span: Span, day: int) -> str:
    return span.text if span.day == day else f"{span.text} of day {span.day}"
