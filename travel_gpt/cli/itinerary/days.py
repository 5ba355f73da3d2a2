"""The days of a trip as tables."""

from collections.abc import Iterator, Sequence
from typing import Final

from rich import box
from rich.console import RenderableType
from rich.table import Column, Table
from rich.text import Text

from travel_gpt.advisor.checks.result import Severity, Violation
from travel_gpt.advisor.trip import Day, Leg, Stay, Trip, Visit, minutes_of
from travel_gpt.cli.itinerary.reply import Checks, Reply
from travel_gpt.cli.itinerary.wording import amount, counted, day_of, duration, listed
from travel_gpt.cli.printable import one_line

STYLES: Final = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: ""}
_PLACES_APART: Final = 72
"""From this width on, places have a column of their own."""
_COLUMNS: Final = 40
"""Below this width, a table has one column."""


def shown_days(reply: Reply, width: int) -> Iterator[RenderableType]:
    """Yield the days, each with a heading.

    Args:
        reply: the trip.
        width: characters of a line.
    """
    trip = reply.trip
    by_number = {day.number: day for day in trip.days}
    for number in sorted({*by_number, *trip.missing_days}):
        day = by_number.get(number)
        yield Text()
        yield _heading(number, day, reply.checks)
        if day is not None:
            yield from _remarks(day)
            rows = _Rows(trip, width)
            rows.add_day(day)
            if rows.table.row_count:
                yield rows.table
        if number in trip.missing_days:
            yield Text(
                "  This day is not planned." if day is None else "  What is done on this day is missing."
            )


def _heading(number: int, day: Day | None, checks: Checks) -> Text:
    heading = Text(f"Day {number}", style="bold")
    if day is not None:
        heading.append(f", {day_of(day.date)}" if day.date else "")
        heading.append(f": {one_line(day.title)}")
    for severity, style in STYLES.items():
        if found := _on(number, checks.found(severity)):
            heading.append("  ")
            heading.append(f"[{counted(len(found), severity.value)}]", style=f"{style} bold".strip())
    return heading


def _on(number: int, found: Iterator[Violation]) -> list[Violation]:
    return [each for each in found if each.day == number]


def _remarks(day: Day) -> Iterator[Text]:
    for holiday in day.holidays or ():
        country = f" ({one_line(holiday.country)})" if holiday.country else ""
        yield Text(f"  Public holiday: {one_line(holiday.name)}{country}", style="yellow")


class _Rows:
    """The table of one day, in as many columns as fit."""

    def __init__(self, trip: Trip, width: int) -> None:
        self._trip = trip
        self._width = width
        columns = [
            Column("Time", width=_time_width(trip), no_wrap=True),
            Column("What", ratio=3, overflow="fold"),
            Column("Where", ratio=2, overflow="fold"),
            Column(one_line(trip.currency), width=_cost_width(trip), no_wrap=True, justify="right"),
        ]
        if width < _COLUMNS:
            columns = [Column("What", ratio=1, overflow="fold")]
        elif width < _PLACES_APART:
            del columns[2]
        self.table = Table(
            *columns,
            box=box.SIMPLE_HEAD,
            expand=True,
            width=width,
            show_edge=False,
            pad_edge=False,
            show_header=width >= _COLUMNS,
            header_style="",
        )

    def add_day(self, day: Day) -> None:
        timed: list[Leg | Visit] = [*day.legs, *day.visits]
        # What begins at the same time stays in the order of the plan.
        for each in sorted(timed, key=_begin):
            if isinstance(each, Leg):
                self._add_leg(each)
            else:
                self._add_visit(each)
        if day.stay:
            self._add_stay(day.stay)
        if day.cost:
            self._add("", [Text("Total of the day", style="bold")], "", day.cost)

    def _add_leg(self, leg: Leg) -> None:
        later = f" {leg.days_later:+d}d" if leg.days_later else ""
        what = [leg.mode.capitalize() if leg.mode != "other" else "On the way"]
        if leg.minutes is not None:
            what.append(duration(leg.minutes))
        if leg.distance_km is not None:
            what.append(f"{leg.distance_km:,.0f} km")
        where = f"{_end(leg.origin, leg.from_airport)} - {_end(leg.destination, leg.to_airport)}"
        self._add(f"{leg.depart}-{leg.arrive}{later}", [Text(", ".join(what))], where, leg.cost)

    def _add_visit(self, visit: Visit) -> None:
        kind = f" ({visit.kind})" if visit.kind in ("meal", "rest") else ""
        what = [Text(f"{one_line(visit.name)}{kind}")]
        if visit.why:
            what.append(Text(one_line(visit.why), style="dim"))
        if visit.diet:
            diet = listed([each.replace("_", "-") for each in visit.diet])
            what.append(Text(f"Said to suit: {diet}", style="dim"))
        self._add(f"{visit.start}-{visit.end}", what, one_line(visit.place), visit.cost)

    def _add_stay(self, stay: Stay) -> None:
        kind = f" ({stay.kind})" if stay.kind != "other" else ""
        self._add("Night", [Text(f"{one_line(stay.name)}{kind}")], one_line(stay.place), stay.cost)

    def _add(self, time: str, what: Sequence[Text], where: str, cost: float) -> None:
        costs = amount(cost, self._trip) if cost else ""
        if self._width >= _PLACES_APART:
            self.table.add_row(Text(time), _lines(what), Text(where), Text(costs))
            return
        lines = [*what[:1], *([Text(where)] if where else []), *what[1:]]
        if self._width >= _COLUMNS:
            self.table.add_row(Text(time), _lines(lines), Text(costs))
            return
        costs = f"{costs} {one_line(self._trip.currency)}" if costs else ""
        self.table.add_row(
            _lines([Text(each) for each in (time,) if each] + lines + [Text(costs)] * bool(costs))
        )


def _lines(parts: Sequence[Text]) -> Text:
    return Text("\n").join(parts)


def _begin(each: Leg | Visit) -> int:
    return minutes_of(each.depart if isinstance(each, Leg) else each.start)


def _end(place: str, airport: str | None) -> str:
    return f"{one_line(place)} ({one_line(airport)})" if airport else one_line(place)


def _time_width(trip: Trip) -> int:
    later = any(leg.days_later for day in trip.days for leg in day.legs)
    return len("22:15-07:40 +1d") if later else len("22:15-07:40")


def _cost_width(trip: Trip) -> int:
    return max(len(amount(value, trip)) for value in (trip.costs.total, *(day.cost for day in trip.days)))
