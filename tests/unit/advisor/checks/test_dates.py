"""The days of a trip are complete, in order, on the right dates, and as many as were asked for."""

from dataclasses import replace
from datetime import date
from typing import Final

import pytest

from tests.support.trips import day, trip_of
from travel_gpt.advisor.checks.dates import check
from travel_gpt.advisor.checks.result import Outcome
from travel_gpt.advisor.constraints import Constraints
from travel_gpt.advisor.trip import Trip

START: Final = date(2027, 3, 27)
TRIP: Final = trip_of(*(day(number, "Lisbon") for number in (1, 2, 3)), start=START)
WITHOUT_DATES: Final = trip_of(*(day(number, "Lisbon") for number in (1, 2, 3)))


@pytest.mark.parametrize(
    ("trip", "asked"),
    [
        (TRIP, Constraints()),
        (TRIP, Constraints(start=START, end=date(2027, 3, 29), nights=2)),
        (WITHOUT_DATES, Constraints(nights=2)),
        (trip_of(day(1, "Lisbon"), start=START), Constraints(nights=0, start=START, end=START)),
    ],
)
def test_a_trip_with_all_its_days_is_right(trip: Trip, asked: Constraints) -> None:
    assert check(trip, asked).outcome is Outcome.OK


@pytest.mark.parametrize(
    ("trip", "asked", "message", "where"),
    [
        (
            replace(TRIP, days=(TRIP.days[0], TRIP.days[2]), missing_days=(2,)),
            Constraints(),
            "Day 2 is missing: the trip has 2 nights, and so 3 days.",
            2,
        ),
        (
            replace(TRIP, missing_days=(2,)),
            Constraints(),
            "Day 2 is not complete: what is done on it is missing.",
            2,
        ),
        (
            replace(TRIP, days=TRIP.days[:2]),
            Constraints(),
            "Day 3 is missing: the trip has 2 nights, and so 3 days.",
            3,
        ),
        (
            replace(TRIP, nights=1, end=date(2027, 3, 28)),
            Constraints(),
            "Day 3 is one too many: the trip has 1 night, and so 2 days.",
            3,
        ),
        (replace(TRIP, days=(TRIP.days[0], *TRIP.days)), Constraints(), "Day 1 is there 2 times.", 1),
        (
            replace(TRIP, days=(TRIP.days[1], TRIP.days[0], TRIP.days[2])),
            Constraints(),
            "Day 1 comes after day 2.",
            1,
        ),
        (
            replace(TRIP, days=(*TRIP.days[:2], replace(TRIP.days[2], date=date(2027, 3, 30)))),
            Constraints(),
            "Day 3 is dated 2027-03-30, and should be 2027-03-29.",
            3,
        ),
        (
            replace(TRIP, days=(*TRIP.days[:2], replace(TRIP.days[2], date=None))),
            Constraints(),
            "Day 3 has no date; it is 2027-03-29.",
            3,
        ),
        (
            replace(TRIP, end=date(2027, 3, 30)),
            Constraints(),
            "From 2027-03-27 to 2027-03-30 are 3 nights, and the plan has 2.",
            None,
        ),
        (
            TRIP,
            Constraints(start=date(2027, 3, 28)),
            "The trip should begin on 2027-03-28, and it begins on 2027-03-27.",
            None,
        ),
        (
            TRIP,
            Constraints(end=date(2027, 3, 28)),
            "The trip should end on 2027-03-28, and it ends on 2027-03-29.",
            None,
        ),
        (
            WITHOUT_DATES,
            Constraints(start=START),
            "The trip should begin on 2027-03-27, and it has no dates.",
            None,
        ),
        (TRIP, Constraints(nights=1), "The trip should have 1 night, and has 2.", None),
    ],
)
def test_a_day_that_is_not_as_it_should_be_is_reported(
    trip: Trip, asked: Constraints, message: str, where: int | None
) -> None:
    [violation] = check(trip, asked).violations

    assert (violation.message, violation.day) == (message, where)


def test_dates_without_a_start_are_consecutive_too() -> None:
    days = [replace(each, date=date(2027, 3, 26 + each.number)) for each in WITHOUT_DATES.days]
    gap = [*days[:2], replace(days[2], date=date(2027, 3, 31))]

    assert check(replace(WITHOUT_DATES, days=tuple(days)), Constraints()).violations == ()
    assert [each.by for each in check(replace(WITHOUT_DATES, days=tuple(gap)), Constraints()).violations] == [
        2
    ]


@pytest.mark.parametrize(
    "trip",
    [
        replace(TRIP, end=date(2027, 3, 28)),
        replace(TRIP, days=(*TRIP.days[:2], replace(TRIP.days[2], date=date(2027, 3, 28)))),
    ],
)
def test_how_far_a_date_is_off_has_no_sign(trip: Trip) -> None:
    assert [violation.by for violation in check(trip, Constraints()).violations] == [1]
