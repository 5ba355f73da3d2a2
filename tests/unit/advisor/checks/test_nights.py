"""Each night has lodging where the day ends, or is spent on the way."""

from typing import Final

import pytest

from tests.support.trips import day, leg, stay, trip_of, visit
from travel_gpt.advisor.checks.nights import check
from travel_gpt.advisor.checks.result import Outcome
from travel_gpt.advisor.constraints import Constraints
from travel_gpt.advisor.trip import Day, Place

NOTHING: Final = Constraints()
HAMLET: Final = Place(name="Hamlet", country="PT")


@pytest.mark.parametrize(
    "days",
    [
        (day(1, "Lisbon", stay()), day(2, "Lisbon")),
        # A night on the train, and one that only begins after midnight.
        (day(1, "Paris", leg("train", "Paris-Berlin", "20:00-8:30", 1)), day(2, "Berlin")),
        (day(1, "Lisbon"), day(2, "Lisbon", leg("flight", "Lisbon-Paris", "1:30-5:00"))),
        (day(1, "Lisbon"), day(2, "Lisbon", leg("flight", "Lisbon-Paris", "5:59-9:30"))),
        # Over the date line: the night after the departure and the next one are on board.
        (
            day(1, "Los Angeles", leg("flight", "Los Angeles-Auckland", "21:00-7:30", 2)),
            day(2, "Auckland"),
            day(3, "Auckland"),
        ),
        (day(1, "Lisbon", visit("Rave", "22:00", "06:00")), day(2, "Lisbon")),
        (day(1, "Lisbon", visit("Rave", "22:00", "03:00")), day(2, "Lisbon")),
        # Arrives at night, and sleeps there.
        (
            day(1, "Lisbon", leg("flight", "Lisbon-Berlin", "20:30-1:00", 1), stay("Inn", "Berlin")),
            day(2, "Berlin"),
        ),
        # Lodging near by: 25 km from Lisbon.
        (day(1, "Lisbon", stay("Quinta", "Sintra")), day(2, "Lisbon")),
        # Out and back on one day.
        (
            day(
                1,
                "Porto",
                leg("train", "Lisbon-Porto", "7:00-10:00"),
                leg("train", "Porto-Lisbon", "19:00-22:00"),
                stay(),
            ),
            day(2, "Lisbon"),
        ),
    ],
)
def test_a_night_with_lodging_or_on_the_way_is_right(days: tuple[Day, ...]) -> None:
    assert check(trip_of(*days), NOTHING).outcome is Outcome.OK


@pytest.mark.parametrize(
    ("days", "message"),
    [
        ((day(1, "Lisbon"), day(2, "Lisbon")), "Day 1: there is no lodging for the night, in Lisbon."),
        # Arrives in the evening, or just after midnight.
        (
            (day(1, "Paris", leg("train", "Paris-Berlin", "11:00-20:00")), day(2, "Berlin")),
            "Day 1: there is no lodging for the night, in Berlin.",
        ),
        (
            (day(1, "Lisbon", leg("flight", "Lisbon-Berlin", "20:30-1:00", 1)), day(2, "Berlin")),
            "Day 1: there is no lodging for the night, in Berlin.",
        ),
        (
            (day(1, "Lisbon", visit("Club", "22:00", "02:00")), day(2, "Lisbon")),
            "Day 1: there is no lodging for the night, in Lisbon.",
        ),
        (
            (day(1, "Lisbon"), day(2, "Lisbon", leg("flight", "Lisbon-Paris", "6:00-9:30"))),
            "Day 1: there is no lodging for the night, in Lisbon.",
        ),
        (
            (day(1, "Lisbon", visit("Club", "22:00", "02:59")), day(2, "Lisbon")),
            "Day 1: there is no lodging for the night, in Lisbon.",
        ),
        # The third night is not on board.
        (
            (
                day(1, "Los Angeles", leg("flight", "Los Angeles-Auckland", "21:00-7:30", 2)),
                day(2, "Auckland"),
                day(3, "Auckland"),
                day(4, "Auckland"),
            ),
            "Day 3: there is no lodging for the night, in Auckland.",
        ),
        (
            (day(1, "Porto", leg("train", "Lisbon-Porto", "7:00-10:00"), stay()), day(2, "Porto")),
            "Day 1 ends in Porto, and “Hotel Mundial” is in Lisbon, 274 km away.",
        ),
    ],
)
def test_a_night_without_lodging_or_far_from_it_is_reported(days: tuple[Day, ...], message: str) -> None:
    [violation] = check(trip_of(*days), NOTHING).violations

    assert violation.message == message


def test_who_is_at_home_needs_no_lodging() -> None:
    days = day(1, "Lisbon"), day(2, "Lisbon")

    assert check(trip_of(*days, origin="Lisbon"), NOTHING).violations == ()
    assert len(check(trip_of(*days, origin="Porto"), NOTHING).violations) == 1


def test_lodging_in_a_place_that_is_not_located_is_named_as_not_compared() -> None:
    result = check(
        trip_of(day(1, "Lisbon", stay("Inn", "Hamlet")), day(2, "Lisbon"), places=[HAMLET]), NOTHING
    )

    assert result.outcome is Outcome.OK
    assert result.why == "Not located, and not compared with the lodging: Hamlet."


def test_the_night_after_the_last_day_and_a_missing_day_need_none() -> None:
    assert not check(trip_of(day(1, "Lisbon")), NOTHING).applies
    assert (
        check(trip_of(day(1, "Lisbon", stay()), day(3, "Lisbon"), missing_days=(2,)), NOTHING).violations
        == ()
    )
