"""Plans that people wrote, of TravelPlanner (OSU NLP Group, CC BY 4.0), translated into what a model writes.

The plans are not part of this project. They are looked for beside the recorded answers (see
tests.support.recorded); a test that needs them is skipped where they are not there.

They say which day has which town, meals, sights and lodging, the times of flights, and how long drives take.
What they leave out is chosen here so that a plan works if it can: when visits begin, and when drives depart.
Only what drives and taxis cost is known; so no budget is asked for.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest

from tests.support.recorded import folder
from travel_gpt.advisor.constraints import Constraints
from travel_gpt.advisor.filling import fill
from travel_gpt.advisor.reference.lookup import Reference
from travel_gpt.advisor.trip import Mode, Trip, VisitKind
from travel_gpt.advisor.wire import (
    DayPlan,
    Outline,
    OutlineDay,
    Town,
    Understood,
    WireLeg,
    WireStay,
    WireVisit,
)

FILE: Final = "travelplanner-train.jsonl"
NONE: Final = "-"
_LONGEST: Final = {"breakfast": 45, "lunch": 60, "dinner": 75, "attraction": 90}
_BETWEEN: Final = 15
_MIDNIGHT: Final = 24 * 60
# Visits are shortened to this share of what they usually take, where a day is too short for more.
_SHARES: Final = (1.0, 0.75, 0.5, 0.35)

Zones = Mapping[str, str | None]
"""The time zone of each town, where it is known: it tells when a drive arrives."""


@dataclass(frozen=True)
class HumanPlan:
    """A plan, translated."""

    name: str
    asked: Constraints
    outline: Outline
    days: list[DayPlan]


@dataclass(frozen=True)
class _Thing:
    """A meal or a sight, and in which town it is."""

    kind: str
    name: str
    town: str


@dataclass(frozen=True)
class _Way:
    """A way from town to town; a drive has a duration, a flight has times."""

    mode: Mode
    origin: str
    destination: str
    cost: float = 0.0
    minutes: int = 0
    times: tuple[int, int] | None = None


def human_plans(reference: Reference) -> Iterator[tuple[HumanPlan, Trip]]:
    """Return every plan, and the trip that it is; skip the test where they are not there.

    Args:
        reference: what is known of places.
    """
    path = folder().parent / FILE
    if not path.is_file():
        pytest.skip(f"There is no {FILE} here (TRAVEL_GPT_RECORDED names the folder beside it).")
    for line in path.read_text("utf-8").splitlines():
        record = json.loads(line)
        # The time zones of the towns are known once they are resolved: so it is done twice.
        zones = {place.name: place.time_zone for place in _filled(_translated(record, {}), reference).places}
        plan = _translated(record, zones)
        yield plan, _filled(plan, reference)


def _filled(plan: HumanPlan, reference: Reference) -> Trip:
    return fill(plan.outline, dict(enumerate(plan.days, 1)), plan.asked, reference)


def _translated(record: dict[str, Any], zones: Zones) -> HumanPlan:
    days: list[dict[str, str]] = record["plan"]
    towns: dict[str, str] = {}
    for day in days:
        for name, region in re.findall(
            r"(?:from |to |^)([^()]+?)(?:\((\w[^)]*)\))?(?= to |$)", day["current_city"]
        ):
            towns[name] = towns.get(name) or region
        for thing in _things(day):
            towns.setdefault(thing.town, _region(thing, day))
    start, end = _dates(record["query"])
    planned = [_day(day, start + timedelta(days=index), zones) for index, day in enumerate(days)]
    origin = planned[0][0].legs[0].origin
    asked = Constraints(
        origin=origin,
        destinations=tuple(dict.fromkeys(out.town for out, _ in planned if out.town != origin)),
        start=start,
        end=end,
        round_trip=True,
        transport=_transport(record["query"]),
    )
    outline = Outline(
        understood=_understood(asked),
        title=record["id"],
        summary="",
        currency="USD",
        towns=[Town(name=name, country="US", region=region or None) for name, region in towns.items()],
        days=[out for out, _ in planned],
        stays=list(_stays(days)),
    )
    return HumanPlan(record["id"], asked, outline, [plan for _, plan in planned])


def _day(day: dict[str, str], on: date, zones: Zones) -> tuple[OutlineDay, DayPlan]:
    way, things = _way(day), _in_order(_things(day), _way(day))
    town = _town(day["current_city"].rpartition(" to ")[2])[0]
    legs: list[WireLeg] = []
    if way is None:
        times = _spread(things, 8 * 60, 22 * 60)
    elif way.times:
        at = _moment_of_leaving(things, way)
        depart, arrive = way.times
        times = _spread(things[:at], 7 * 60, depart - 45) + _spread(things[at:], arrive + 30, _MIDNIGHT - 15)
        legs = [_leg(way, depart, arrive + (_MIDNIGHT if depart - arrive > _MIDNIGHT / 4 else 0))]
    else:
        at = _moment_of_leaving(things, way)
        takes = way.minutes + _ahead(zones.get(way.destination), zones.get(way.origin), on)
        times, depart = _around_a_drive(things[:at], things[at:], takes)
        legs = [_leg(way, depart, depart + takes)]
    outlined = OutlineDay(town=town, title=town, legs=legs, highlights=[])
    return outlined, DayPlan(visits=[_visit(*each) for each in zip(things, times, strict=True)])


def _around_a_drive(
    before: list[_Thing], after: list[_Thing], takes: int
) -> tuple[list[tuple[int, int]], int]:
    """Return the times of the visits before and after a drive, and when it departs."""
    for share in _SHARES:
        lasts = sum(_minutes(thing, share) + _BETWEEN for thing in after)
        if before:
            depart = 7 * 60 + sum(_minutes(thing, share) + _BETWEEN for thing in before)
        else:
            depart = max(5, min(8 * 60, 22 * 60 - lasts - takes))
        if depart + takes + 30 * bool(after) + lasts < _MIDNIGHT:
            break
    return _line(before, 7 * 60, share) + _line(after, depart + takes + 30, share), depart


def _spread(things: list[_Thing], first: int, last: int) -> list[tuple[int, int]]:
    """Return times for visits one after the other, between two moments if that is possible."""
    for share in _SHARES:
        if first + sum(_minutes(thing, share) + _BETWEEN for thing in things) <= last:
            break
    return _line(things, first, share)


def _line(things: list[_Thing], first: int, share: float) -> list[tuple[int, int]]:
    times = []
    for thing in things:
        times.append((first, first + _minutes(thing, share)))
        first += _minutes(thing, share) + _BETWEEN
    return times


def _minutes(thing: _Thing, share: float) -> int:
    return int(_LONGEST[thing.kind] * share)


def _in_order(things: list[_Thing], way: _Way | None) -> list[_Thing]:
    """Return breakfast, sights, lunch, sights, dinner; on a day of travel, the sights by their town."""
    meals = {thing.kind: [thing] for thing in things if thing.kind != "attraction"}
    sights = [thing for thing in things if thing.kind == "attraction"]
    if way is None:
        early, late = sights[: len(sights) // 2], sights[len(sights) // 2 :]
    else:
        early = [sight for sight in sights if sight.town == way.origin]
        late = [sight for sight in sights if sight.town != way.origin]
    return [*meals.get("breakfast", []), *early, *meals.get("lunch", []), *late, *meals.get("dinner", [])]


def _moment_of_leaving(things: list[_Thing], way: _Way) -> int:
    """Return how many of the things come before a leg, so that the fewest are in another town."""

    def misplaced(at: int) -> int:
        return sum(thing.town != way.origin for thing in things[:at]) + sum(
            thing.town != way.destination for thing in things[at:]
        )

    return min(range(len(things) + 1), key=misplaced)


def _things(day: dict[str, str]) -> list[_Thing]:
    return [
        _Thing(kind, name.strip(), _town(town)[0])
        for kind in _LONGEST
        for text in day[kind].split(";")
        if text and text != NONE
        for name, _, town in [text.rpartition(", ")]
    ]


def _region(thing: _Thing, day: dict[str, str]) -> str:
    found = re.search(re.escape(f", {thing.town}(") + r"([^)]+)\)", day[thing.kind])
    return found[1] if found else ""


def _town(text: str) -> tuple[str, str]:
    found = re.fullmatch(r"(?:from )?([^()]+?)(?:\(([^)]+)\))?", text.strip())
    assert found, text
    return found[1], found[2] or ""


def _way(day: dict[str, str]) -> _Way | None:
    text = day["transportation"]
    if text == NONE:
        return None
    ends = re.search(r"from (.+?) to (.+?), (?=duration|Departure)", text)
    assert ends, text
    origin, destination = _town(ends[1])[0], _town(ends[2])[0]
    if times := re.search(r"Departure Time: (\d+):(\d+), Arrival Time: (\d+):(\d+)", text):
        hours = [int(number) for number in times.groups()]
        clocks = (hours[0] * 60 + hours[1], hours[2] * 60 + hours[3])
        return _Way("flight", origin, destination, times=clocks)
    takes = re.search(r"duration: (?:(\d+) hours? ?)?(?:(\d+) mins?)?", text)
    cost = re.search(r"cost: (\d+)", text)
    assert takes, text
    assert cost, text
    minutes = int(takes[1] or 0) * 60 + int(takes[2] or 0)
    mode: Mode = "taxi" if text.startswith("Taxi") else "car"
    return _Way(mode, origin, destination, cost=float(cost[1]), minutes=minutes)


def _leg(way: _Way, depart: int, arrive: int) -> WireLeg:
    return WireLeg(
        mode=way.mode,
        origin=way.origin,
        destination=way.destination,
        from_airport=None,
        to_airport=None,
        depart=_clock(depart),
        arrive=_clock(arrive),
        days_later=arrive // _MIDNIGHT - depart // _MIDNIGHT,
        cost=way.cost,
    )


def _visit(thing: _Thing, times: tuple[int, int]) -> WireVisit:
    kind: VisitKind = "sight" if thing.kind == "attraction" else "meal"
    start, end = _clock(times[0]), _clock(times[1])
    return WireVisit(
        kind=kind,
        name=thing.name,
        town=thing.town,
        start=start,
        end=end,
        cost=0,
        why="",
        diet=[],
        step_free=None,
    )


def _stays(days: list[dict[str, str]]) -> Iterator[WireStay]:
    for number, day in enumerate(days, 1):
        if day["accommodation"] != NONE:
            name, _, town = day["accommodation"].rpartition(", ")
            yield WireStay(
                town=_town(town)[0],
                name=name.strip(),
                kind="other",
                first_night=number,
                nights=1,
                cost_per_night=0,
                step_free=None,
            )


def _ahead(of_arrival: str | None, of_departure: str | None, on: date) -> int:
    """Return by how many minutes the clocks where a drive arrives are ahead of those where it departs."""
    if of_arrival is None or of_departure is None:
        return 0
    noon = datetime.combine(on, time(12), tzinfo=ZoneInfo(of_departure))
    ahead = noon.astimezone(ZoneInfo(of_arrival)).replace(tzinfo=None) - noon.replace(tzinfo=None)
    return round(ahead.total_seconds() / 60)


def _clock(minutes: int) -> str:
    return f"{minutes // 60 % 24:02}:{minutes % 60:02}"


def _dates(query: str) -> tuple[date, date]:
    """Return the dates of a query: all are in March 2022."""
    found = [int(day) for day in re.findall(r"\b(\d{1,2})(?:st|nd|rd|th)\b", query)]
    assert len(found) == 2, query
    return date(2022, 3, found[0]), date(2022, 3, found[1])


def _transport(query: str) -> tuple[Mode, ...]:
    if re.search(r"(?:\bnot?\b|any|without|avoid)[^.]*\b(?:fly|flying|flights?)\b", query):
        return ("car", "taxi", "train", "bus")
    if re.search(r"\bnot\b[^.]*(?:self-driv|driv)|non-self-driving|self-drive", query):
        return ("flight", "taxi", "train", "bus")
    return ()


def _understood(asked: Constraints) -> Understood:
    assert asked.start
    assert asked.end
    return Understood(
        origin=asked.origin,
        destinations=list(asked.destinations),
        start=asked.start,
        nights=(asked.end - asked.start).days,
        round_trip=True,
        adults=None,
        children=[],
        budget=None,
        budget_currency=None,
        pace=None,
        interests=[],
        diet=[],
        mobility=[],
        lodging=[],
        transport=list(asked.transport),
        language=None,
    )
