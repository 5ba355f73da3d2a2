"""Legs take the time that their distance needs, over time zones and the date line."""

from datetime import date
from typing import Final

import pytest

from tests.support.trips import day, leg, trip_of
from travel_gpt.advisor.checks.leg_speed import check
from travel_gpt.advisor.checks.result import Outcome
from travel_gpt.advisor.constraints import Constraints
from travel_gpt.advisor.trip import Leg, Place

NOTHING: Final = Constraints()
START: Final = date(2027, 5, 3)


@pytest.mark.parametrize(
    "fast",
    [
        # The fastest that there are: JFK to London, Tokyo to Kyoto, Paris to London by train.
        leg("flight", "New York-London", "20:00-5:56", 1, from_airport="JFK", to_airport="LHR"),
        leg("train", "Tokyo-Kyoto", "9:00-11:08"),
        leg("train", "Paris-London", "9:13-10:30"),
        leg("flight", "Lisbon-Porto", "9:00-9:50"),
        leg("car", "Berlin-Prague", "9:00-12:30"),
        leg("walk", "Lisbon-Sintra", "9:00-14:00"),
        leg("taxi", "Lisbon-Sintra", "9:00-9:25"),
        # Eastward over the date line: it arrives the day before it departs.
        leg("flight", "Apia-Honolulu", "1:00-7:20", -1),
        leg("flight", "Tokyo-Honolulu", "0:30-12:30", -1),
        leg("flight", "Los Angeles-Auckland", "21:00-5:30", 2),
        leg("ferry", "Lisbon-Lisbon", "9:00-9:00"),
    ],
)
def test_a_leg_that_can_be_made_is_right(fast: Leg) -> None:
    assert check(trip_of(day(1, "Lisbon", fast), start=START), NOTHING).outcome is Outcome.OK


@pytest.mark.parametrize(
    ("impossible", "message"),
    [
        (
            leg("flight", "Berlin-Lisbon", "9:00-9:30"),
            (
                "Day 1: the flight from Berlin to Lisbon (09:00–09:30) takes 1 h 30 min for 2,312 km; "
                "even the fastest takes 1 h 57 min."
            ),
        ),
        (
            leg("train", "Paris-London", "9:00-8:40"),
            (
                "Day 1: the train from Paris to London (09:00–08:40) takes 40 minutes for 343 km; "
                "even the fastest takes 47 minutes."
            ),
        ),
        (
            leg("flight", "Berlin-Lisbon", "9:00-7:30"),
            (
                "Day 1: the flight from Berlin to Lisbon (09:00–07:30) arrives 30 minutes before it departs, "
                "in the time zones of its ends."
            ),
        ),
        (
            leg("flight", "Tokyo-Honolulu", "21:00-20:30", -1),
            (
                "Day 1: the flight from Tokyo to Honolulu (21:00–20:30, 1 day earlier) arrives 5 h 30 min "
                "before it departs, in the time zones of its ends."
            ),
        ),
        (
            leg("car", "Berlin-Prague", "9:00-10:00"),
            (
                "Day 1: the drive from Berlin to Prague (09:00–10:00) takes 1 h for 279 km; "
                "even the fastest takes 1 h 34 min."
            ),
        ),
        (
            leg("walk", "Lisbon-Sintra", "9:00-10:00"),
            (
                "Day 1: the walk from Lisbon to Sintra (09:00–10:00) takes 1 h for 24 km; "
                "even the fastest takes 1 h 33 min."
            ),
        ),
    ],
)
def test_a_leg_that_is_too_fast_is_reported(impossible: Leg, message: str) -> None:
    [violation] = check(trip_of(day(1, "Lisbon", impossible), start=START), NOTHING).violations

    assert violation.message == message
    assert violation.by
    assert violation.unit == "minutes"


def test_the_night_of_a_change_of_the_clocks_is_as_long_as_it_is() -> None:
    night = leg("bus", "Berlin-Prague", "1:30-4:00")

    def minutes_too_few(on: date) -> list[float | None]:
        return [each.by for each in check(trip_of(day(1, "Prague", night), start=on), NOTHING).violations]

    assert minutes_too_few(date(2027, 3, 27)) == []
    assert minutes_too_few(date(2027, 3, 28)) == [25]


def test_what_is_not_located_is_named() -> None:
    hamlet = Place(name="Hamlet", country="PT")
    bus, back = leg("bus", "Lisbon-Hamlet", "9:00-9:01"), leg("train", "Lisbon-Porto", "9:00-12:00")

    partly = check(trip_of(day(1, "Lisbon", bus, back), places=[hamlet]), NOTHING)
    nothing = check(trip_of(day(1, "Lisbon", bus), places=[hamlet]), NOTHING)

    assert (partly.outcome, partly.why) == (
        Outcome.OK,
        "Not located, and not checked: bus from Lisbon to Hamlet.",
    )
    assert nothing.outcome is Outcome.NOT_CHECKABLE
    assert not check(trip_of(day(1, "Lisbon")), NOTHING).applies


def test_a_place_of_which_only_the_time_zone_is_known_still_has_a_clock() -> None:
    hamlet = Place(name="Hamlet", country="PT", time_zone="Europe/Lisbon")
    trip = trip_of(day(1, "Lisbon", leg("bus", "Lisbon-Hamlet", "9:00-8:00")), places=[hamlet])

    assert [each.by for each in check(trip, NOTHING).violations] == [60]
