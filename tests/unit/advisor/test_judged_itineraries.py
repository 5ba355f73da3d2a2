"""The judged itineraries are what a model may write, and what is expected of them is in them."""

from typing import Any

import pytest
from pydantic import TypeAdapter

from tests.support.judged_itineraries import JudgedItinerary, itinerary_files, judged_itineraries
from travel_gpt.advisor.constraints import Constraints
from travel_gpt.advisor.wire import DayPlan, Outline

CASES = sorted(itinerary_files())


def test_there_are_forty_and_about_half_are_right() -> None:
    assert len(CASES) == 40
    right = [name for name in CASES if not judged_itineraries()[name].expected]
    assert 15 <= len(right) <= 25


@pytest.mark.parametrize("name", CASES)
def test_nothing_in_it_is_corrected_or_dropped(name: str) -> None:
    # Given
    content = itinerary_files()[name]

    # Then
    assert _as_read(Outline, content["outline"]) == content["outline"]
    assert _as_read(list[DayPlan], content["days"]) == content["days"]
    asked = _as_read(Constraints, content["asked"])
    assert {name: asked.get(name) for name in content["asked"]} == content["asked"]


@pytest.mark.parametrize("name", CASES)
def test_each_day_has_a_plan_in_2027_and_towns_that_are_listed(name: str) -> None:
    # Given
    trip = judged_itineraries()[name]
    towns = {town.name for town in trip.outline.towns}

    # Then
    assert len(trip.days) == len(trip.outline.days)
    assert trip.asked.start is not None
    assert trip.asked.start.year == 2027
    assert {day.town for day in trip.outline.days} <= towns
    assert {
        end for day in trip.outline.days for leg in day.legs for end in (leg.origin, leg.destination)
    } <= towns
    assert {visit.town for plan in trip.days for visit in plan.visits} <= towns
    assert {stay.town for stay in trip.outline.stays} <= towns


@pytest.mark.parametrize("name", CASES)
def test_what_is_expected_is_about_something_in_it(name: str) -> None:
    # Given
    trip = judged_itineraries()[name]
    nights_and_one = len(trip.outline.days) + 1

    # Then
    for expected in trip.expected:
        assert expected.rules
        assert expected.reason
        assert expected.days == "any" or all(
            day is None or 1 <= day <= nights_and_one for day in expected.days
        )
        assert set(expected.items) <= _names(trip)


def _names(trip: JudgedItinerary) -> set[str]:
    legs = [leg for day in trip.outline.days for leg in day.legs]
    return {
        *(town.name for town in trip.outline.towns),
        *(stay.name for stay in trip.outline.stays),
        *(visit.name for plan in trip.days for visit in plan.visits),
        *(leg.mode for leg in legs),
        *(code for leg in legs for code in (leg.from_airport, leg.to_airport) if code),
    }


def _as_read(kind: Any, content: Any) -> Any:
    adapter = TypeAdapter(kind)
    return adapter.dump_python(adapter.validate_python(content), mode="json")
