"""The canned trips of the demo model: each is what a model may write, also in fewer days."""

from collections.abc import Mapping
from dataclasses import asdict
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, strategies as st
from pydantic import TypeAdapter

from travel_gpt.advisor.trip import MOST_DAYS
from travel_gpt.advisor.wire import SHAPES
from travel_gpt.local.demo_trips import DemoTrip, read_trips

ADAPTERS = {name: TypeAdapter[Any](shape) for name, shape in SHAPES.items()}
TRIPS = {trip.label: trip for trip in read_trips()}
REPAIRED = "Rome and Florence"

trips = pytest.mark.parametrize("trip", TRIPS.values(), ids=TRIPS)


def written(shape: str, value: Mapping[str, Any]) -> Any:
    """A part as it is after validation, which must change nothing."""
    part = ADAPTERS[shape].validate_python(value)
    assert ADAPTERS[shape].dump_python(part, mode="json") == value
    return part


@trips
def test_each_part_is_what_a_model_may_write(trip: DemoTrip) -> None:
    outline = written("trip_outline", trip.outline)
    for day in trip.days:
        written("trip_day", day)
    for day in trip.revised.values():
        written("trip_revised_day", day)
    assert len(trip.days) == len(outline.days)
    assert not any(asdict(outline.understood).values())
    assert "demo" in outline.summary
    assert "invented" in outline.summary


@trips
@given(days=st.integers(1, MOST_DAYS))
def test_a_trip_fits_the_number_of_days_as_far_as_its_own_reach(trip: DemoTrip, days: int) -> None:
    fitted = trip.fitted(days)
    outline = written("trip_outline", fitted.outline())

    towns = len({day["town"] for day in trip.outline["days"]})
    assert len(outline.days) == min(max(days, towns), len(trip.days))
    assert f"{towns - 1} {'or' if len(trip.days) == towns + 1 else 'to'} {len(trip.days) - 1} nights" in (
        outline.summary
    )
    # Each night is spent in the town where the day ends
    nights = [(stay.first_night + night, stay.town) for stay in outline.stays for night in range(stay.nights)]
    assert nights == [(number, day.town) for number, day in enumerate(outline.days[:-1], 1)]
    # The route goes on where it ended, and ends where it began
    legs = [leg for day in outline.days for leg in day.legs]
    assert all(one.destination == next_one.origin for one, next_one in pairwise(legs))
    assert legs[0].origin == legs[-1].destination
    assert f", from {legs[0].origin}." in outline.summary
    plans = [written("trip_day", fitted.day(number)) for number in range(1, len(outline.days) + 1)]
    names = [visit.name for plan in plans for visit in plan.visits]
    assert len(set(names)) == len(names)
    # The frame has the same length when the days are asked for
    assert trip.fitted(len(outline.days)).order == fitted.order


@trips
def test_its_towns_are_named_in_the_outline(trip: DemoTrip) -> None:
    outline = written("trip_outline", trip.outline)
    towns = {town.name for town in outline.towns}
    used = {day.town for day in outline.days} | {stay.town for stay in outline.stays}
    used |= {end for day in outline.days for leg in day.legs for end in (leg.origin, leg.destination)}
    used |= {visit["town"] for day in trip.days for visit in day["visits"]}
    assert used == towns


def test_the_repair_corrects_what_is_wrong_and_nothing_else() -> None:
    trip = TRIPS[REPAIRED]
    before = {2: trip.days[1]["visits"], 3: trip.days[2]["visits"]}
    legs = {number: trip.outline["days"][number - 1]["legs"] for number in before}
    revised = {number: trip.fitted(4).revised(number) for number in range(1, 5)}

    changed = {number: day for number, day in revised.items() if day}
    assert set(changed) == {2, 3}
    for number, day in changed.items():
        assert (day["town"], day["title"]) == tuple(
            trip.outline["days"][number - 1][name] for name in ("town", "title")
        )
    # The lunch of day 2 overlaps a visit, and the train of day 3 is faster than any
    differences = [
        (each["name"], each["start"], now["start"])
        for each, now in zip(before[2], changed[2]["visits"], strict=True)
        if each != now
    ]
    assert differences == [("Pizzarium", "11:30", "12:30")]
    assert (changed[3]["visits"], changed[2]["legs"]) == (before[3], legs[2])
    assert changed[3]["legs"] == [{**legs[3][0], "arrive": "10:40"}]
    # A day that is left out has nothing to correct, and the days after it keep their corrections
    assert [bool(trip.fitted(3).revised(number)) for number in range(1, 4)] == [False, True, False]


def test_the_destinations_are_found_as_the_words_call_them() -> None:
    trip = TRIPS["Lisbon and Porto"]

    assert trip.named("Porto, dann Lissabon; Portofino nicht") == ["Porto", "Lissabon"]
    assert trip.named("A week in Oslo") == []
