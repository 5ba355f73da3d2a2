"""The trip leads where it was asked to, and begins where it was asked to."""

from dataclasses import replace
from typing import Final

import pytest

from tests.support.trips import TOWNS, day, leg, trip_of, visit
from travel_gpt.advisor.checks import destinations, unknown_destinations
from travel_gpt.advisor.checks.result import Outcome, Severity
from travel_gpt.advisor.constraints import Constraints
from travel_gpt.advisor.trip import Place, Trip

PORTUGAL: Final = Place(name="Portugal", country="PT", found="found")
JAPAN: Final = Place(name="Japan", country="JP", found="found")
SETUBAL: Final = replace(TOWNS["Lisbon"], name="Setúbal", latitude=38.524, longitude=-8.893)
ISLAND: Final = Place(name="Bali", country="ID", found="unknown")


def trip(*asked: Place) -> Trip:
    """A trip from Berlin to Lisbon, with a day in Sintra, that was asked for with some places."""
    return trip_of(
        day(1, "Lisbon", leg("flight", "Berlin-Lisbon", "9:00-12:00")),
        day(2, "Lisbon", visit("Pena", "10:00", "12:00", "Sintra")),
        asked_places=asked,
    )


@pytest.mark.parametrize(
    ("asked", "places"),
    [
        (Constraints(origin="Berlin", destinations=("lisbon", "Sintra")), ()),
        # Near enough, and a country.
        (
            Constraints(origin="Potsdam", destinations=("Portugal", "Setúbal")),
            (TOWNS["Potsdam"], PORTUGAL, SETUBAL),
        ),
    ],
)
def test_a_trip_that_leads_where_it_should_is_right(asked: Constraints, places: tuple[Place, ...]) -> None:
    assert destinations.check(trip(*places), asked).outcome is Outcome.OK
    assert unknown_destinations.check(trip(*places), asked).outcome is Outcome.OK


def test_a_town_of_the_same_name_is_right_where_only_one_of_them_is_located() -> None:
    asked = Constraints(destinations=("Hamlet",))
    named = trip_of(day(1, "Hamlet"), asked_places=(replace(SETUBAL, name="Hamlet"),))

    assert destinations.check(named, asked).outcome is Outcome.OK


@pytest.mark.parametrize("planned", ["Vila-Antônia", "vila antonia", "VILA ANTÔNIA"])
def test_a_town_of_which_nothing_is_known_is_found_in_another_spelling(planned: str) -> None:
    asked = Constraints(destinations=("Vila Antônia",))
    trip = trip_of(day(1, planned))

    assert destinations.check(trip, asked).outcome is Outcome.OK


@pytest.mark.parametrize(
    ("asked", "place", "message"),
    [
        (
            Constraints(destinations=("Porto", "Lisbon")),
            TOWNS["Porto"],
            "The trip does not lead to “Porto”, which was asked for: the nearest is 270 km away.",
        ),
        # It is where the trip begins, and no day is there.
        (
            Constraints(destinations=("Berlin",)),
            TOWNS["Berlin"],
            "The trip does not lead to “Berlin”, which was asked for: the nearest is 2,312 km away.",
        ),
        (
            Constraints(destinations=("Japan",)),
            JAPAN,
            "No town of the trip is in “Japan”, which was asked for.",
        ),
        (
            Constraints(origin="Paris"),
            TOWNS["Paris"],
            "The trip should begin in “Paris”, and begins in “Berlin”, 877 km away.",
        ),
        (Constraints(origin="Japan"), JAPAN, "The trip should begin in “Japan”, and begins in “Berlin”."),
    ],
)
def test_a_trip_that_leads_elsewhere_is_an_error(asked: Constraints, place: Place, message: str) -> None:
    result = destinations.check(trip(place), asked)

    assert [violation.message for violation in result.violations] == [message]
    assert result.severity is Severity.ERROR


def test_what_is_not_known_where_it_is_is_a_warning() -> None:
    asked = Constraints(destinations=("Lisbon", "Bali"))

    result = unknown_destinations.check(trip(ISLAND), asked)

    assert [violation.message for violation in result.violations] == [
        "It is not known where “Bali” is: check that the trip keeps to it."
    ]
    assert (result.severity, result.checked) == (Severity.WARNING, 0.5)
    assert destinations.check(trip(ISLAND), asked).outcome is Outcome.OK


def test_where_nothing_was_asked_or_known_the_rules_do_not_apply() -> None:
    assert not destinations.check(trip(), Constraints()).applies
    assert not unknown_destinations.check(trip(), Constraints()).applies
    assert not destinations.check(trip(), Constraints(destinations=("Bali",))).applies
