"""Whether a trip has the days that it should have."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from travel_gpt.advisor.checks.result import Result, Rule, Severity, Violation
from travel_gpt.advisor.checks.wording import count
from travel_gpt.advisor.constraints import Constraints
from travel_gpt.advisor.trip import Trip

RULE: Final = Rule("dates", Severity.ERROR, computed=True)


def check(trip: Trip, asked: Constraints) -> Result:
    """The days are complete, numbered from 1 without gaps, one more than nights, on the dates asked for."""
    return RULE.judged([*_numbers(trip), *_order(trip), *_dates(trip), *_asked(trip, asked)])


def _numbers(trip: Trip) -> Iterator[Violation]:
    planned = Counter(day.number for day in trip.days)
    last = trip.nights + 1
    length = f"the trip has {count(trip.nights, 'night')}, and so {count(last, 'day')}"
    for number in range(1, last + 1):
        if number not in planned:
            yield _at(number, f"Day {number} is missing: {length}.", 1)
        elif number in trip.missing_days:
            yield _at(number, f"Day {number} is not complete: what is done on it is missing.", None)
    for number, times in sorted(planned.items()):
        if times > 1:
            yield _at(number, f"Day {number} is there {times} times.", times - 1)
        if not 1 <= number <= last:
            yield _at(number, f"Day {number} is one too many: {length}.", 1)


def _order(trip: Trip) -> Iterator[Violation]:
    for before, day in zip(trip.days, trip.days[1:], strict=False):
        if day.number < before.number:
            yield _at(day.number, f"Day {day.number} comes after day {before.number}.", None)


def _dates(trip: Trip) -> Iterator[Violation]:
    if trip.start and trip.end and (trip.end - trip.start).days != trip.nights:
        nights = (trip.end - trip.start).days
        message = (
            f"From {trip.start} to {trip.end} are {count(nights, 'night')}, and the plan has {trip.nights}."
        )
        yield Violation(message=message, by=abs(nights - trip.nights), unit="nights")
    first = trip.start or next((day.date - _days(day.number - 1) for day in trip.days if day.date), None)
    if first is None:
        return
    for day in trip.days:
        right = first + _days(day.number - 1)
        if day.date is None:
            yield _at(day.number, f"Day {day.number} has no date; it is {right}.", None)
        elif day.date != right:
            message = f"Day {day.number} is dated {day.date}, and should be {right}."
            yield _at(day.number, message, abs((day.date - right).days))


def _asked(trip: Trip, asked: Constraints) -> Iterator[Violation]:
    for verb, wanted, planned in (("begin", asked.start, trip.start), ("end", asked.end, trip.end)):
        if wanted and planned != wanted:
            when = f"it {verb}s on {planned}" if planned else "it has no dates"
            yield Violation(
                message=f"The trip should {verb} on {wanted}, and {when}.",
                by=abs((planned - wanted).days) if planned else None,
                unit="days" if planned else None,
            )
    if asked.nights is not None and asked.nights != trip.nights:
        message = f"The trip should have {count(asked.nights, 'night')}, and has {trip.nights}."
        yield Violation(message=message, by=abs(asked.nights - trip.nights), unit="nights")


def _days(number: int) -> timedelta:
    return timedelta(days=number)


def _at(day: int, message: str, by: int | None) -> Violation:
    return Violation(message=message, day=day, by=by, unit=None if by is None else "days")
