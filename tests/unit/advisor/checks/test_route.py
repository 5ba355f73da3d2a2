"""Legs join up, and a round trip ends where it began."""

from typing import Final

import pytest

from tests.support.trips import day, leg, trip_of, visit
from travel_gpt.advisor.checks import returns, route
from travel_gpt.advisor.checks.result import Outcome, Severity
from travel_gpt.advisor.constraints import Constraints
from travel_gpt.advisor.trip import Day, Place

NOTHING: Final = Constraints()
ROUND: Final = Constraints(round_trip=True)
OUT: Final = leg("flight", "Berlin-Lisbon", "9:00-12:00")
BACK: Final = leg("flight", "Lisbon-Berlin", "9:00-14:00")
HAMLET: Final = Place(name="Hamlet", country="PT")


@pytest.mark.parametrize(
    "days",
    [
        (day(1, "Lisbon", OUT), day(2, "Sintra"), day(3, "Lisbon", BACK)),
        # From the town of an airport near by.
        (day(1, "Lisbon", leg("flight", "Potsdam-Lisbon", "9:00-12:00")), day(2, "Lisbon", BACK)),
        (day(1, "Lisbon", OUT), day(2, "Porto", leg("train", "Lisbon-Porto", "9:00-12:00"))),
        # Lisbon and Sintra are near enough to go without a leg.
        (day(1, "Lisbon", OUT), day(2, "Porto", leg("bus", "Sintra-Porto", "9:00-13:00"))),
        # Out and back, with the night in Lisbon.
        (
            day(1, "Lisbon", OUT),
            day(
                2,
                "Lisbon",
                leg("train", "Lisbon-Porto", "7:00-10:00"),
                leg("train", "Porto-Lisbon", "19:00-22:00"),
            ),
        ),
    ],
)
def test_legs_that_join_up_are_right(days: tuple[Day, ...]) -> None:
    assert route.check(trip_of(*days, origin="Berlin"), NOTHING).outcome is Outcome.OK


@pytest.mark.parametrize(
    ("days", "message"),
    [
        (
            (day(1, "Lisbon", OUT), day(2, "Porto")),
            "Day 2 is in Porto, and there is no way to it from Lisbon, 274 km away.",
        ),
        (
            (day(1, "Lisbon", OUT), day(2, "Prague", leg("train", "Berlin-Prague", "9:00-13:00"))),
            "Day 2: the train from Berlin to Prague begins 2,312 km from Lisbon, where the travellers are.",
        ),
        ((day(1, "Lisbon"),), "Day 1 is in Lisbon, and there is no way to it from Berlin, 2,312 km away."),
        (
            (day(1, "Porto", OUT),),
            "Day 1 is in Porto, and none of its legs leads there: the nearest end is 274 km away.",
        ),
    ],
)
def test_a_gap_in_the_route_is_a_warning(days: tuple[Day, ...], message: str) -> None:
    result = route.check(trip_of(*days, origin="Berlin"), NOTHING)

    assert [violation.message for violation in result.violations] == [message]
    assert result.severity is Severity.WARNING


def test_a_day_apart_from_its_legs_is_reported_with_the_least_distance() -> None:
    [violation] = route.check(trip_of(day(1, "Porto", OUT), origin="Berlin"), NOTHING).violations

    assert violation.by == 274


def test_a_visit_in_a_far_town_without_a_way_to_it_is_a_warning() -> None:
    # Given
    bridge = visit("Ponte de Dom Luís I", "09:00", "10:00", "Porto")
    tower = visit("Torre dos Clérigos", "11:00", "12:00", "Porto")

    # When
    [violation] = route.check(trip_of(day(1, "Lisbon", bridge, tower), day(2, "Lisbon")), NOTHING).violations

    # Then
    assert (violation.day, violation.item) == (1, bridge.name)
    assert violation.message == (
        "Day 1: “Ponte de Dom Luís I” (09:00–10:00) is in Porto, "
        "274 km from where the travellers are then: Lisbon."
    )
    assert (violation.leg, violation.visit) == (None, 0)


def test_a_visit_before_the_travellers_arrive_or_after_they_left_is_a_warning() -> None:
    # Given
    early = visit("Museum", "09:00", "10:00", "Porto")
    late = visit("Dinner", "19:00", "20:00", "Lisbon", kind="meal")
    train = leg("train", "Lisbon-Porto", "14:00-17:00")
    days = day(1, "Lisbon"), day(2, "Porto", early, train, late)

    # When
    violations = route.check(trip_of(*days), NOTHING).violations

    # Then
    assert [(each.day, each.item, each.visit) for each in violations] == [(2, "Museum", 0), (2, "Dinner", 1)]


def test_a_leg_that_begins_elsewhere_is_named_by_its_number() -> None:
    bus, train = leg("bus", "Lisbon-Sintra", "9:00-10:00"), leg("train", "Prague-Berlin", "11:00-16:00")

    [violation] = route.check(trip_of(day(1, "Lisbon", bus, train)), NOTHING).violations

    assert (violation.leg, violation.visit) == (1, None)


def test_the_share_of_a_route_that_is_located_is_checked() -> None:
    days = day(1, "Lisbon"), day(2, "Sintra"), day(3, "Hamlet"), day(4, "Hamlet"), day(5, "Lisbon")

    # Only the ways to and from the hamlet are not known.
    assert route.check(trip_of(*days, places=[HAMLET]), NOTHING).checked == 0.5


@pytest.mark.parametrize(
    "days",
    [
        # In a town near by, and in one that is not located.
        (
            day(
                1,
                "Lisbon",
                visit("Pena", "9:00", "12:00", "Sintra"),
                visit("Well", "13:00", "14:00", "Hamlet"),
            ),
        ),
        # On the way out, before the first leg, and out and back.
        (day(1, "Lisbon", visit("Zoo", "7:00", "8:00", "Berlin"), OUT),),
        (
            day(
                1,
                "Lisbon",
                leg("train", "Lisbon-Porto", "7:00-10:00"),
                visit("Bridge", "11:00", "12:00", "Porto"),
                leg("train", "Porto-Lisbon", "19:00-22:00"),
            ),
        ),
    ],
)
def test_a_visit_where_the_travellers_come_on_that_day_is_right(days: tuple[Day, ...]) -> None:
    assert route.check(trip_of(*days, places=[HAMLET]), NOTHING).outcome is not Outcome.VIOLATED


def test_a_gap_is_reported_once() -> None:
    trip = trip_of(day(1, "Lisbon"), day(2, "Porto"), day(3, "Porto"), day(4, "Porto"))

    assert [violation.day for violation in route.check(trip, NOTHING).violations] == [2]


def test_a_route_is_not_compared_over_what_is_not_known() -> None:
    over_a_missing_day = trip_of(day(1, "Lisbon"), day(3, "Porto"))
    over_a_hamlet = trip_of(day(1, "Lisbon"), day(2, "Hamlet"), day(3, "Lisbon"), places=[HAMLET])
    in_hamlets = trip_of(day(1, "Hamlet"), day(2, "Other"), places=[HAMLET])

    assert route.check(over_a_missing_day, NOTHING).outcome is Outcome.OK
    assert route.check(over_a_hamlet, NOTHING).outcome is Outcome.NOT_CHECKABLE
    assert route.check(in_hamlets, NOTHING).outcome is Outcome.NOT_CHECKABLE
    assert route.check(trip_of(nights=1), NOTHING).outcome is Outcome.NOT_CHECKABLE


@pytest.mark.parametrize(
    "days",
    [
        (day(1, "Lisbon", OUT), day(2, "Lisbon", BACK)),
        (day(1, "Lisbon", OUT), day(2, "Lisbon", leg("flight", "Lisbon-Potsdam", "9:00-14:00"))),
        # Open-jaw flights, and a train that closes the gap.
        (
            day(1, "Lisbon", OUT),
            day(
                2,
                "Lisbon",
                leg("flight", "Lisbon-Prague", "9:00-14:00"),
                leg("train", "Prague-Berlin", "16:00-20:30"),
            ),
        ),
    ],
)
def test_a_round_trip_that_ends_where_it_began_is_right(days: tuple[Day, ...]) -> None:
    assert returns.check(trip_of(*days), ROUND).outcome is Outcome.OK


@pytest.mark.parametrize(
    ("days", "origin", "message"),
    [
        (
            (day(1, "Lisbon", OUT), day(2, "Lisbon", leg("flight", "Lisbon-Prague", "9:00-14:00"))),
            None,
            "The trip ends in Prague, and not where it began: Berlin is 279 km away.",
        ),
        (
            (day(1, "Lisbon", OUT), day(2, "Lisbon")),
            "Berlin",
            "The trip ends in Lisbon, and not where it began: Berlin is 2,312 km away.",
        ),
        (
            (day(1, "Lisbon"), day(2, "Lisbon")),
            "Berlin",
            "The trip ends in Lisbon, and not where it began: Berlin is 2,312 km away.",
        ),
    ],
)
def test_a_round_trip_that_ends_elsewhere_is_reported(
    days: tuple[Day, ...], origin: str | None, message: str
) -> None:
    [violation] = returns.check(trip_of(*days, origin=origin), ROUND).violations

    assert (violation.message, violation.day) == (message, 2)


def test_a_way_back_is_checked_only_where_one_was_asked_for_and_is_known() -> None:
    one_way = trip_of(day(1, "Lisbon", OUT), day(2, "Lisbon"))
    cut = trip_of(day(1, "Lisbon", OUT), nights=2, missing_days=(2, 3))
    hamlet = trip_of(day(1, "Hamlet", leg("bus", "Lisbon-Hamlet", "9:00-10:00")), places=[HAMLET])

    assert not returns.check(one_way, NOTHING).applies
    assert not returns.check(one_way, Constraints(round_trip=False)).applies
    assert returns.check(cut, ROUND).outcome is Outcome.NOT_CHECKABLE
    assert returns.check(hamlet, ROUND).outcome is Outcome.NOT_CHECKABLE
    assert returns.check(trip_of(day(1, "Lisbon")), ROUND).outcome is Outcome.NOT_CHECKABLE
