"""Each rule says which share of its parts it checked, and which leg or visit a violation is about."""

from dataclasses import replace
from typing import Final

import pytest

from tests.support.trips import day, leg, stay, trip_of, visit
from travel_gpt.advisor.checks.run import CHECKS
from travel_gpt.advisor.constraints import Budget, Constraints
from travel_gpt.advisor.trip import Airport, Place, Trip

HAMLET: Final = Place(name="Hamlet", country="PT", found="unknown")
FLIGHT: Final = leg("flight", "Berlin-Lisbon", "7:00-10:00", from_airport="BER")
TRIP: Final = replace(
    trip_of(
        day(
            1,
            "Hamlet",
            FLIGHT,
            leg("bus", "Lisbon-Hamlet", "11:00-12:00", to_airport="LIS"),
            visit("Mill", "13:00", "14:00", "Hamlet"),
            visit("Ramiro", "15:00", "16:00", "Lisbon", kind="meal"),
            stay("Inn", "Lisbon", kind="other", step_free=True),
        ),
        day(
            2,
            "Lisbon",
            leg("flight", "Lisbon-Berlin", "9:00-8:00"),
            leg("walk", "Berlin-Potsdam", "12:00-14:00"),
            visit("Zoo", "15:00", "16:00", "Berlin"),
            visit("Steps", "16:00", "17:00", "Berlin", step_free=False),
            stay("Hotel Adlon", "Berlin"),
        ),
        places=[HAMLET],
    ),
    nights=3,
    missing_days=(3,),
)
ASKED: Final = Constraints(
    budget=Budget(amount=1, currency="EUR"),
    diet=("vegan",),
    lodging=("hotel",),
    mobility=("wheelchair",),
    transport=("train",),
)


def violated(trip: Trip, rule: str) -> set[tuple[int | None, int | None, int | None]]:
    """The days, legs and visits of what a rule reports."""
    check = next(check for known, check in CHECKS if known.name == rule)
    return {(found.day, found.leg, found.visit) for found in check(trip, ASKED).violations}


@pytest.mark.parametrize(
    ("rule", "share"),
    [
        # That of the bus, of two, is not compared with the hamlet.
        ("airports", 1 / 2),
        # Lisbon, Hamlet, Berlin and Potsdam.
        ("places", 3 / 4),
        # Of four legs and four visits, the bus and the mill have no time zone.
        ("overlaps", 6 / 8),
        # The inn is not compared with the hamlet, where the day ends.
        ("nights", 1 / 2),
        ("lodging", 1 / 2),
        # The walk, the steps and the inn, of seven.
        ("mobility", 3 / 7),
    ],
)
def test_the_share_that_was_checked(rule: str, share: float) -> None:
    check = next(check for known, check in CHECKS if known.name == rule)

    assert check(TRIP, ASKED).checked == pytest.approx(share)


def test_the_share_of_the_legs_that_are_located() -> None:
    legs = leg("bus", "Lisbon-Hamlet", "11:00-12:00"), leg("train", "Lisbon-Porto", "14:00-17:00")
    check = next(check for known, check in CHECKS if known.name == "leg_speed")

    assert check(trip_of(day(1, "Porto", *legs), places=[HAMLET]), ASKED).checked == 1 / 2


def test_the_share_of_the_days_that_are_known() -> None:
    checks = {known.name: check for known, check in CHECKS}
    dear = replace(TRIP, days=(replace(TRIP.days[0], visits=(visit("Spa", "13:00", "14:00", cost=9),)),))
    dated = trip_of(day(1, "Lisbon"), day(2, "Lisbon"), start=None)
    known = replace(dated.days[0], date="2027-05-03", holidays=())  # type: ignore[arg-type]

    assert checks["budget"](dear, ASKED).checked == 3 / 4
    assert checks["holidays"](replace(dated, days=(known, dated.days[1])), ASKED).checked == 1 / 2


@pytest.mark.parametrize(
    ("rule", "where"),
    [
        ("leg_speed", (2, 0, None)),
        ("transport", (1, 0, None)),
        ("diet", (1, None, 1)),
        ("mobility", (2, None, 1)),
        ("mobility", (2, 1, None)),
        ("airports", (1, 1, None)),
    ],
)
def test_a_violation_says_which_leg_or_visit_it_is_about(
    rule: str, where: tuple[int, int | None, int | None]
) -> None:
    unknown = Airport(code="LIS", known=False)
    trip = replace(TRIP, airports=(unknown,)) if rule == "airports" else TRIP

    assert where in violated(trip, rule)
