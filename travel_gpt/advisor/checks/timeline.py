"""When everything of a trip happens, on one clock.

A visit is in the time of its place, a departure in that of its origin, an arrival in that of its destination.
Where a place has no known time zone but all known places of the trip have the same time, it has that time as
well. What still cannot be placed is compared only with visits in the same place.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from travel_gpt.advisor.checks.wording import leg_name, leg_times, quoted, visit_times
from travel_gpt.advisor.geography import offsets_from_utc
from travel_gpt.advisor.trip import Day, Leg, Place, Trip, Visit, minutes_of

DAY: Final = 24 * 60
ON_ONE_CLOCK: Final = ""
"""The clock of what is converted to UTC."""


@dataclass(frozen=True, slots=True)
class Span:
    """When a visit or a leg is."""

    day: int
    """The number of the day that it is planned on."""
    start: int
    """Minutes after the midnight that day 0 begins with."""
    end: int
    clock: str
    """``ON_ONE_CLOCK``, or the place whose local time this is."""
    part: Visit | Leg
    index: int
    """Which of the day's visits or legs it is, from 0."""

    @property
    def name(self) -> str:
        """What it is called."""
        return self.part.name if isinstance(self.part, Visit) else leg_name(self.part)

    @property
    def text(self) -> str:
        """What it is called, with its times."""
        if isinstance(self.part, Visit):
            return f"{quoted(self.part.name)} ({visit_times(self.part)})"
        return f"the {leg_name(self.part)} ({leg_times(self.part)})"


@dataclass(frozen=True, slots=True)
class Timeline:
    """The spans of a trip, by their start, and the names of what has no place in time."""

    spans: tuple[Span, ...]
    unplaced: tuple[str, ...]


def timeline(trip: Trip) -> Timeline:
    """Return when the visits and legs of a trip are.

    In an hour that a change of the clocks repeats, what begins begins late and what ends ends early, so that
    nothing overlaps which does not have to.
    """
    clocks = _Clocks(trip)
    spans: list[Span] = []
    unplaced: list[str] = []
    for day, index, part in _parts(trip):
        if isinstance(part, Visit):
            span: Span | None = clocks.visit(day, index, part)
        else:
            span = clocks.leg(day, index, part)
        if span is None:
            unplaced.append(leg_name(part) if isinstance(part, Leg) else part.name)
        else:
            spans.append(span)
    return Timeline(tuple(sorted(spans, key=lambda span: span.start)), tuple(unplaced))


def _parts(trip: Trip) -> Iterator[tuple[Day, int, Visit | Leg]]:
    # A number that two days have is for the rule about dates.
    for day in {day.number: day for day in reversed(trip.days)}.values():
        for index, leg in enumerate(day.legs):
            yield day, index, leg
        for index, visit in enumerate(day.visits):
            yield day, index, visit


class _Clocks:
    """The local times of a trip's places."""

    def __init__(self, trip: Trip) -> None:
        self._places = {place.name: place for place in reversed(trip.places)}
        zones = dict.fromkeys(place.time_zone for place in trip.places if place.time_zone)
        dates = (trip.start, trip.end) if trip.start and trip.end else (date(2027, 1, 1), date(2027, 7, 1))
        times = {tuple(offsets_from_utc(zone, on, "12:00") for on in dates) for zone in zones}
        self._only_zone = next(iter(zones)) if len(times) == 1 else None

    def visit(self, day: Day, index: int, visit: Visit) -> Span:
        later = visit.end < visit.start
        start = self._moment(visit.place, day, visit.start, 0, latest=True)
        end = self._moment(visit.place, day, visit.end, int(later), latest=False)
        if start is None or end is None:
            local = day.number * DAY
            end = local + minutes_of(visit.end) + DAY * later
            return Span(day.number, local + minutes_of(visit.start), end, visit.place, visit, index)
        return Span(day.number, start, max(start, end), ON_ONE_CLOCK, visit, index)

    def leg(self, day: Day, index: int, leg: Leg) -> Span | None:
        start = self._moment(leg.origin, day, leg.depart, 0, latest=True)
        end = self._moment(leg.destination, day, leg.arrive, leg.days_later, latest=False)
        if start is None or end is None:
            return None
        # A leg that arrives before it departs is for another rule.
        return Span(day.number, start, max(start, end), ON_ONE_CLOCK, leg, index)

    def _moment(self, name: str, day: Day, clock: str, days_later: int, *, latest: bool) -> int | None:
        place: Place | None = self._places.get(name)
        on = day.date + timedelta(days=days_later) if day.date else None
        offsets = offsets_from_utc(place.time_zone if place else None, on, clock)
        offsets = offsets or offsets_from_utc(self._only_zone, on, clock)
        if offsets is None:
            return None
        ahead = offsets[0] if latest else offsets[1]
        return (day.number + days_later) * DAY + minutes_of(clock) - ahead
