"""What code adds to a trip that a model wrote."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from tests.support.judged_itineraries import judged_itineraries
from travel_gpt.advisor.checks.run import check_trip
from travel_gpt.advisor.constraints import Constraints
from travel_gpt.advisor.filling import fill
from travel_gpt.advisor.reference.lookup import Reference
from travel_gpt.advisor.trip import Place, Travellers
from travel_gpt.advisor.trip_text import trip_text
from travel_gpt.advisor.wire import Town


@pytest.fixture(scope="module")
def reference() -> Iterator[Reference]:
    with closing(Reference.open()) as opened:
        yield opened


def test_a_leg_is_measured_between_its_towns_where_a_code_is_of_a_far_airport(reference: Reference) -> None:
    # Given: MQZ is in Western Australia
    trip = judged_itineraries()["zurich-milan-flight-though-trains-were-asked"]

    # When
    filled = fill(trip.outline, {}, trip.asked, reference)

    # Then
    leg = filled.days[0].legs[0]
    assert (leg.from_airport, leg.to_airport, leg.minutes) == ("ZRH", "MQZ", 55)
    assert leg.distance_km == pytest.approx(210, abs=20)


def test_an_airport_tells_which_town_is_meant(reference: Reference) -> None:
    assert _bangor(reference, None).found == "ambiguous"
    assert _bangor(reference, "BGR").time_zone == "America/New_York"


def _bangor(reference: Reference, code: str | None) -> Place:
    outline = judged_itineraries()["dublin-budget-in-another-currency"].outline
    leg = replace(
        outline.days[0].legs[0], origin="Bangor", destination="Bangor", from_airport=code, to_airport=None
    )
    day = replace(outline.days[0], town="Bangor", legs=[leg])
    town = Town(name="Bangor", country="US", region=None)
    written = replace(outline, towns=[town], days=[day], stays=[])
    filled = fill(written, {}, Constraints(), reference)
    return filled.places[0]


def test_children_whose_age_is_not_known_are_counted(reference: Reference) -> None:
    written = judged_itineraries()["dublin-budget-in-another-currency"].outline
    asked = Constraints(adults=2, children=(4,), children_without_ages=2)

    filled = fill(written, {}, asked, reference)

    assert filled.travellers == Travellers(adults=2, children=(4,), children_without_ages=2)
    assert "2 children whose age is not known" in trip_text(filled, asked, check_trip(filled, asked))
