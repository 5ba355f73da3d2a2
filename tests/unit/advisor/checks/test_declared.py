"""What was declared: pace, diet, mobility, lodging and transport."""

from typing import Final

import pytest

from tests.support.trips import day, leg, stay, trip_of, visit
from travel_gpt.advisor.checks import diet, lodging, mobility, pace, transport
from travel_gpt.advisor.checks.result import Outcome
from travel_gpt.advisor.constraints import Constraints
from travel_gpt.advisor.trip import Diet, Leg, Mobility, Pace, Stay, Visit

RULES: Final = (pace, diet, mobility, lodging, transport)
DECLARED: Final = Constraints(
    pace="relaxed", diet=("vegan",), mobility=("wheelchair",), lodging=("hotel",), transport=("train",)
)


def sights(number: int) -> list[Visit]:
    lunch = visit("Lunch", "12:00", "13:00", kind="meal")
    return [*(visit(f"Sight {each}", "10:00", "10:00") for each in range(number)), lunch, lunch, lunch]


def test_no_rule_applies_where_nothing_was_declared() -> None:
    trip = trip_of(day(1, "Lisbon", visit("Lunch", "12:00", "13:00", kind="meal"), stay()), day(2, "Lisbon"))

    assert [rule.check(trip, Constraints()).applies for rule in RULES] == [False] * len(RULES)


def test_nothing_can_be_checked_of_an_empty_plan() -> None:
    results = [rule.check(trip_of(day(1, "Lisbon"), nights=1), DECLARED) for rule in RULES]

    assert [result.outcome for result in results] == [Outcome.NOT_CHECKABLE] * len(RULES)
    assert [result.applies for result in results] == [True, True, True, True, False]


@pytest.mark.parametrize(
    ("declared", "planned", "limit"),
    [
        ("relaxed", 4, None),
        ("relaxed", 5, "at a relaxed pace a day has at most 4."),
        ("moderate", 6, None),
        ("moderate", 7, "at a moderate pace a day has at most 6."),
        ("moderate", 0, None),
        ("packed", 10, None),
        ("packed", 11, "at a packed pace a day has at most 10."),
        ("packed", 3, None),
        ("packed", 2, "at a packed pace a day has at least 3."),
    ],
)
def test_a_whole_day_is_as_full_as_the_pace(declared: Pace, planned: int, limit: str | None) -> None:
    trip = trip_of(day(1, "Lisbon", stay()), day(2, "Lisbon", *sights(planned), stay()), day(3, "Lisbon"))

    violations = pace.check(trip, Constraints(pace=declared)).violations

    expected = [f"Day 2 has {planned} sights and activities; {limit}"] if limit else []
    assert [violation.message for violation in violations] == expected


def test_a_day_with_a_leg_need_not_be_packed() -> None:
    train = leg("train", "Lisbon-Porto", "9:00-12:00")
    trip = trip_of(day(1, "Lisbon", stay()), day(2, "Lisbon", train, *sights(1), stay("Hotel", "Porto")))

    assert pace.check(trip, Constraints(pace="packed")).violations == ()


@pytest.mark.parametrize(
    ("asked", "said", "message"),
    [
        (("vegetarian",), ("vegan",), None),
        (("pescatarian",), ("vegetarian",), None),
        (("vegetarian", "dairy_free"), ("vegan",), None),
        (("halal", "nut_free"), ("nut_free", "halal"), None),
        (("vegan",), ("vegetarian",), "Day 1: “Ramiro” is not said to be vegan."),
        (("vegetarian", "gluten_free"), ("vegan",), "Day 1: “Ramiro” is not said to be gluten-free."),
        (("vegan", "kosher"), (), "Day 1: “Ramiro” is not said to be vegan and kosher."),
    ],
)
def test_a_meal_suits_every_diet(
    asked: tuple[Diet, ...], said: tuple[Diet, ...], message: str | None
) -> None:
    meal = visit("Ramiro", "12:00", "13:00", kind="meal", diet=said)
    trip = trip_of(day(1, "Lisbon", meal, visit("Sé", "14:00", "15:00")))

    violations = diet.check(trip, Constraints(diet=asked)).violations

    assert [violation.message for violation in violations] == ([message] if message else [])


@pytest.mark.parametrize(
    ("declared", "part", "message"),
    [
        (("wheelchair",), visit("Sé", "10:00", "11:00", step_free=True), None),
        (
            ("wheelchair",),
            visit("Sé", "10:00", "11:00", step_free=False),
            "Day 1: “Sé” is said to have steps.",
        ),
        (("stroller",), stay("Inn", step_free=False), "Day 1: “Inn” is said to have steps."),
        (("limited_walking",), leg("walk", "Lisbon-Lisbon", "9:00-9:15"), None),
        (
            ("limited_walking",),
            leg("walk", "Lisbon-Lisbon", "9:00-9:16"),
            "Day 1: the walk from Lisbon to Lisbon takes 16 minutes, more than 15 minutes.",
        ),
        (
            ("stroller", "wheelchair"),
            leg("walk", "Lisbon-Lisbon", "9:00-9:31"),
            "Day 1: the walk from Lisbon to Lisbon takes 31 minutes, more than 30 minutes.",
        ),
        (("stroller",), leg("walk", "Lisbon-Lisbon", "9:00-9:45"), None),
        # Of a place without a time zone the clock is enough.
        (
            ("limited_walking",),
            leg("walk", "Hamlet-Hamlet", "23:50-0:20", 1),
            "Day 1: the walk from Hamlet to Hamlet takes 30 minutes, more than 15 minutes.",
        ),
    ],
)
def test_steps_and_long_walks_are_reported(
    declared: tuple[Mobility, ...], part: Visit | Stay | Leg, message: str | None
) -> None:
    result = mobility.check(trip_of(day(1, "Lisbon", part)), Constraints(mobility=declared))

    assert [violation.message for violation in result.violations] == ([message] if message else [])
    assert result.outcome is not Outcome.NOT_CHECKABLE


def test_what_is_not_said_of_steps_is_named() -> None:
    said, not_said = visit("Sé", "10:00", "11:00", step_free=True), visit("Mill", "11:00", "12:00")

    partly = mobility.check(trip_of(day(1, "Lisbon", said, not_said)), DECLARED)
    nothing = mobility.check(trip_of(day(1, "Lisbon", not_said)), DECLARED)

    assert (partly.outcome, partly.why) == (Outcome.OK, "Not said whether it is step-free: Mill.")
    assert nothing.outcome is Outcome.NOT_CHECKABLE


def test_lodging_is_of_a_kind_that_was_declared() -> None:
    asked = Constraints(lodging=("apartment", "hostel"))
    nights = day(1, "Lisbon", stay("A", kind="hostel")), day(2, "Lisbon", stay("B")), day(3, "Lisbon")

    [violation] = lodging.check(trip_of(*nights), asked).violations

    assert violation.message == "Day 2: “B” is of the kind “hotel”, and not apartment or hostel."
    assert lodging.check(trip_of(nights[0], day(2, "Lisbon")), asked).outcome is Outcome.OK


def test_lodging_of_another_kind_cannot_be_compared() -> None:
    yurt, hotel = stay("Yurt", kind="other"), stay("Hotel")

    only = lodging.check(trip_of(day(1, "Lisbon", yurt), day(2, "Lisbon")), DECLARED)
    partly = lodging.check(
        trip_of(day(1, "Lisbon", yurt), day(2, "Lisbon", hotel), day(3, "Lisbon")), DECLARED
    )
    wanted = lodging.check(trip_of(day(1, "Lisbon", yurt), day(2, "Lisbon")), Constraints(lodging=("other",)))

    assert only.outcome is Outcome.NOT_CHECKABLE
    assert (partly.outcome, partly.why) == (Outcome.OK, "Of another kind: Yurt.")
    assert (wanted.outcome, wanted.why) == (Outcome.OK, "")
    assert not lodging.check(trip_of(day(1, "Lisbon")), DECLARED).applies


@pytest.mark.parametrize(
    ("way", "message"),
    [
        (leg("train", "Lisbon-Porto", "9:00-12:00"), None),
        (
            leg("flight", "Lisbon-Porto", "9:00-10:00"),
            "Day 1: the flight from Lisbon to Porto is none of the means that are wanted: train.",
        ),
        (
            leg("bus", "Lisbon-Porto", "9:00-13:00"),
            "Day 1: the bus from Lisbon to Porto is none of the means that are wanted: train.",
        ),
        # To a station, or within a town.
        (leg("taxi", "Lisbon-Sintra", "9:00-9:40"), None),
        (leg("walk", "Lisbon-Lisbon", "9:00-9:40"), None),
        (leg("ferry", "Lisbon-Lisbon", "9:00-9:40"), None),
    ],
)
def test_transport_between_towns_is_what_was_declared(way: Leg, message: str | None) -> None:
    violations = transport.check(trip_of(day(1, "Lisbon", way)), Constraints(transport=("train",))).violations

    assert [violation.message for violation in violations] == ([message] if message else [])


def test_all_means_that_were_declared_are_named() -> None:
    trip = trip_of(day(1, "Lisbon", leg("flight", "Lisbon-Porto", "9:00-10:00")))

    [violation] = transport.check(trip, Constraints(transport=("train", "bus"))).violations

    assert (
        violation.message
        == "Day 1: the flight from Lisbon to Porto is none of the means that are wanted: train or bus."
    )
