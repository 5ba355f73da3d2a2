"""Places, airports and holidays: what the data knows of them is reported, and never as an error."""

from dataclasses import replace
from datetime import date
from typing import Final

from tests.support.trips import AIRPORTS, day, leg, stay, trip_of, visit
from travel_gpt.advisor.checks import airports, holidays, places
from travel_gpt.advisor.checks.result import Outcome, Severity
from travel_gpt.advisor.constraints import Constraints
from travel_gpt.advisor.trip import Airport, Holiday, Place

NOTHING: Final = Constraints()
START: Final = date(2027, 12, 24)


def test_known_places_are_right() -> None:
    assert places.check(trip_of(day(1, "Lisbon")), NOTHING).outcome is Outcome.OK


def test_a_place_that_is_not_known_is_a_warning_on_the_day_that_has_it() -> None:
    small = [
        Place(name="Oia", country="GR", found="elsewhere", elsewhere=("BR", "PT")),
        Place(name="Springfield", country="US", found="ambiguous"),
        Place(name="Hamlet", country="", found="unknown"),
        Place(name="Inn", country="DE", region="Bavaria", found="unknown"),
    ]
    trip = trip_of(
        day(1, "Lisbon", stay("Quinta", "Inn")),
        day(2, "Oia", visit("Mill", "10:00", "11:00", "Hamlet")),
        day(3, "Oia", leg("bus", "Oia-Springfield", "9:00-10:00")),
        places=small,
    )

    result = places.check(trip, NOTHING)

    unlisted = "is not in the list of towns: look it up, since it may be small, or no town."
    assert result.severity is Severity.WARNING
    assert {(violation.day, violation.message) for violation in result.violations} == {
        (2, "“Oia” in GR is not known; places of that name are in BR and PT."),
        (3, "“Springfield” in US can be more than one place: check which is meant."),
        (2, f"“Hamlet” {unlisted}"),
        (
            1,
            f"“Inn” in Bavaria, DE {unlisted}",
        ),
    }


def test_a_trip_without_places_cannot_be_checked() -> None:
    assert places.check(trip_of(day(1, "Atlantis")), NOTHING).outcome is Outcome.NOT_CHECKABLE


def test_airports_are_near_their_towns() -> None:
    near = leg("flight", "Paris-Tokyo", "9:00-8:00", 1, from_airport="CDG", to_airport="NRT")
    potsdam = leg("flight", "Potsdam-Lisbon", "9:00-12:00", from_airport="BER", to_airport="LIS")

    assert airports.check(trip_of(day(1, "Paris", near, potsdam)), NOTHING).outcome is Outcome.OK


def test_an_unknown_airport_and_one_that_is_far_away_are_warnings() -> None:
    porto = replace(AIRPORTS["Porto"], name="Francisco Sá Carneiro")
    legs = (
        leg("flight", "Berlin-Lisbon", "9:00-12:00", from_airport="QQQ", to_airport="OPO"),
        leg("flight", "Lisbon-Berlin", "9:00-12:00", from_airport="LIS", to_airport="XYZ"),
    )
    unknown = Airport(code="XYZ", known=False)
    trip = trip_of(day(1, "Lisbon", *legs), airports=(porto, AIRPORTS["Lisbon"], unknown))

    result = airports.check(trip, NOTHING)

    assert [violation.message for violation in result.violations] == [
        "Day 1: “QQQ” is no code of an airport that is known.",
        "Day 1: the airport OPO, Francisco Sá Carneiro, is 284 km from Lisbon.",
        "Day 1: “XYZ” is no code of an airport that is known.",
    ]
    assert result.severity is Severity.WARNING


def test_an_airport_of_a_place_that_is_not_located_is_named() -> None:
    hamlet = Place(name="Hamlet", country="PT")
    trip = trip_of(
        day(1, "Hamlet", leg("flight", "Hamlet-Lisbon", "9:00-9:30", from_airport="LIS")), places=[hamlet]
    )

    assert airports.check(trip, NOTHING).why == "Not located, and not compared: LIS and Hamlet."
    assert not airports.check(trip_of(day(1, "Lisbon")), NOTHING).applies


def test_holidays_are_notes() -> None:
    trip = trip_of(*(day(number, "Lisbon") for number in (1, 2, 3)), start=START)
    christmas = (Holiday(name="Christmas Day", country="PT"),)
    first, second, third = trip.days
    known = replace(trip, days=(replace(first, holidays=()), replace(second, holidays=christmas), third))

    result = holidays.check(known, NOTHING)

    assert [violation.message for violation in result.violations] == [
        "Day 2, 2027-12-25: Christmas Day is a public holiday in PT."
    ]
    assert (result.severity, result.why) == (Severity.NOTE, "Not known for these days: 3.")


def test_holidays_need_dates_and_data() -> None:
    dated = trip_of(day(1, "Lisbon"), start=START)

    assert holidays.check(trip_of(day(1, "Lisbon")), NOTHING).why == "The trip has no dates."
    assert holidays.check(dated, NOTHING).outcome is Outcome.NOT_CHECKABLE
    without = replace(dated, days=(replace(dated.days[0], holidays=()),))
    assert holidays.check(without, NOTHING).outcome is Outcome.OK
