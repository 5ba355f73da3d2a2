"""What is planned for the same time is reported, on any clock; what only touches is not."""

from datetime import date
from typing import Final

import pytest

from tests.support.trips import day, leg, stay, trip_of, visit
from travel_gpt.advisor.checks.overlaps import check
from travel_gpt.advisor.checks.result import Outcome
from travel_gpt.advisor.constraints import Constraints
from travel_gpt.advisor.trip import Leg, Place, Visit

NOTHING: Final = Constraints()
START: Final = date(2027, 5, 3)
NIGHT_TRAIN: Final = leg("train", "Paris-Berlin", "20:00-08:30", 1)


def test_the_message_says_what_overlaps_by_how_much() -> None:
    trip = trip_of(
        day(1, "Paris"),
        day(2, "Paris", visit("Louvre", "10:00", "13:00"), visit("Lunch", "12:30", "13:30", kind="meal")),
    )

    [violation] = check(trip, NOTHING).violations

    assert violation.message == "Day 2: “Louvre” (10:00–13:00) overlaps “Lunch” (12:30–13:30) by 30 minutes."
    assert (violation.day, violation.item, violation.by, violation.unit) == (2, "Louvre", 30, "minutes")
    assert (violation.leg, violation.visit) == (None, 0)


@pytest.mark.parametrize(
    "parts",
    [
        (visit("Sé", "10:00", "12:00"), visit("Lunch", "12:00", "13:00")),
        (visit("Club", "22:00", "02:00"),),
        # Arrives at 10:00 by the clocks of London, an hour after it left Paris at 9:00.
        (
            visit("Louvre", "08:00", "09:00", "Paris"),
            leg("flight", "Paris-London", "9:00-09:10"),
            visit("Tower", "09:10", "11:00", "London"),
        ),
        # It leaves Tokyo in the evening, and is in Honolulu in the morning of the same day.
        (
            visit("Ueno", "15:00", "17:00", "Tokyo"),
            leg("flight", "Tokyo-Honolulu", "21:00-9:30"),
            visit("Waikiki", "11:00", "16:30", "Honolulu"),
        ),
        # What is had on board.
        (leg("train", "Paris-Berlin", "11:00-20:00"), visit("Lunch", "12:30", "13:30", "Paris", kind="meal")),
        (
            leg("bus", "Lisbon-Porto", "11:00-12:00"),
            visit("Siesta", "11:30", "12:00", kind="rest"),
        ),
        (
            leg("train", "Lisbon-Porto", "11:00-13:30"),
            visit("Almuerzo en el tren", "12:00", "13:00", kind="meal"),
        ),
        (leg("ferry", "Lisbon-Porto", "11:00-15:00"), visit("Buffet", "14:00", "15:00", kind="meal")),
        # A visit that takes no time, such as an arrival at a hotel.
        (visit("Sé", "10:00", "12:00"), visit("Check-in", "11:00", "11:00")),
    ],
)
def test_what_touches_or_is_on_another_clock_does_not_overlap(parts: tuple[Leg | Visit, ...]) -> None:
    assert check(trip_of(day(1, "Lisbon", *parts), start=START), NOTHING).violations == ()


@pytest.mark.parametrize(
    ("parts", "minutes"),
    [
        ((visit("Sé", "10:00", "12:00"), visit("Lunch", "11:59", "13:00")), 1),
        ((visit("Sé", "10:00", "12:00"), visit("Sé", "10:30", "11:00")), 30),
        ((visit("Club", "22:00", "02:00"), visit("Bar", "23:30", "01:00")), 90),
        # Before it has arrived, by the clock of London.
        ((leg("flight", "Paris-London", "9:00-9:30"), visit("Tower", "09:20", "11:00", "London")), 10),
        ((visit("Louvre", "08:00", "09:15", "Paris"), leg("flight", "Paris-London", "9:00-9:30")), 15),
        # A sight, and a meal on a short leg, are not on board.
        ((leg("train", "Paris-Berlin", "11:00-20:00"), visit("Louvre", "12:30", "13:30", "Paris")), 60),
        ((leg("train", "Lisbon-Porto", "11:00-11:59"), visit("Ramiro", "11:10", "11:40", kind="meal")), 30),
        ((leg("car", "Lisbon-Porto", "11:00-14:00"), visit("Ramiro", "12:00", "13:00", kind="meal")), 60),
        # A meal that goes on after the arrival.
        ((leg("train", "Lisbon-Porto", "11:00-15:00"), visit("Ramiro", "14:00", "15:30", kind="meal")), 60),
    ],
)
def test_what_is_at_the_same_time_overlaps(parts: tuple[Leg | Visit, ...], minutes: int) -> None:
    [violation] = check(trip_of(day(1, "Lisbon", *parts), start=START), NOTHING).violations

    assert violation.by == minutes


@pytest.mark.parametrize(
    ("late", "early", "minutes"),
    [
        (visit("Club", "22:00", "02:00"), leg("bus", "Lisbon-Porto", "1:30-5:00"), 30),
        (visit("Club", "22:00", "02:00"), leg("bus", "Lisbon-Porto", "2:00-5:00"), None),
        (NIGHT_TRAIN, visit("Reichstag", "08:00", "10:00", "Berlin"), 30),
        (NIGHT_TRAIN, visit("Reichstag", "08:30", "10:00", "Berlin"), None),
    ],
)
def test_the_next_day_is_compared_too(late: Leg | Visit, early: Leg | Visit, minutes: int | None) -> None:
    trip = trip_of(day(1, "Lisbon", late), day(2, "Lisbon", early), start=START)

    violations = check(trip, NOTHING).violations

    assert [violation.by for violation in violations] == ([minutes] if minutes else [])
    assert all("of day 1" in violation.message and violation.day == 2 for violation in violations)


def test_the_hour_that_a_change_of_the_clocks_repeats_is_no_overlap() -> None:
    club, bus = visit("Club", "23:00", "02:30", "Berlin"), leg("bus", "Berlin-Prague", "2:15-7:00")
    days = day(1, "Berlin", club), day(2, "Prague", bus)

    assert check(trip_of(*days, start=date(2027, 10, 30)), NOTHING).violations == ()
    assert len(check(trip_of(*days, start=date(2027, 10, 23)), NOTHING).violations) == 1


def test_a_place_without_a_time_zone_has_that_of_the_trip_where_there_is_one_only() -> None:
    hamlet = Place(name="Hamlet", country="PT")
    parts = visit("Chapel", "10:00", "11:00", "Hamlet"), visit("Sé", "10:30", "12:00", "Lisbon")

    one = check(trip_of(day(1, "Lisbon", *parts), places=[hamlet]), NOTHING)
    several = check(trip_of(day(1, "Lisbon", *parts), day(2, "Berlin"), places=[hamlet]), NOTHING)

    assert len(one.violations) == 1
    assert several.violations == ()


def test_visits_in_the_same_place_are_compared_without_its_time_zone() -> None:
    parts = visit("Chapel", "10:00", "11:00", "Hamlet"), visit("Mill", "10:30", "12:00", "Hamlet")

    alone = check(trip_of(day(1, "Hamlet", *parts)), NOTHING)
    among = check(
        trip_of(
            day(1, "Hamlet", *parts, visit("Sé", "10:40", "10:45")),
            day(2, "Berlin", visit("Zoo", "10:00", "11:00", "Berlin")),
        ),
        NOTHING,
    )

    assert [violation.by for violation in alone.violations] == [30]
    assert [violation.by for violation in among.violations] == [30]


def test_a_leg_without_time_zones_is_named_as_not_compared() -> None:
    bus = leg("bus", "Hamlet-Elsewhere", "10:00-11:00")

    partly = check(trip_of(day(1, "Hamlet", bus, visit("Mill", "10:30", "12:00", "Hamlet"))), NOTHING)
    nothing = check(trip_of(day(1, "Hamlet", bus)), NOTHING)

    assert partly.outcome is Outcome.OK
    assert "bus from Hamlet to Elsewhere" in partly.why
    assert nothing.outcome is Outcome.NOT_CHECKABLE


@pytest.mark.parametrize("ends", ["Lisbon-Hamlet", "Hamlet-Lisbon"])
def test_a_leg_with_one_time_zone_is_not_compared(ends: str) -> None:
    trip = trip_of(
        day(1, "Lisbon", leg("bus", ends, "10:00-11:00")), day(2, "Berlin", visit("Zoo", "9:00", "9:30"))
    )

    assert "bus from" in check(trip, NOTHING).why


def test_a_trip_without_visits_and_legs_is_not_concerned() -> None:
    assert not check(trip_of(day(1, "Lisbon", stay()), day(2, "Lisbon")), NOTHING).applies
