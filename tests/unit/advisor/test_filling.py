"""What code adds to a trip that a model wrote."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from pydantic import TypeAdapter

from tests.support.judged_itineraries import judged_itineraries
from tests.support.trip_replies import DAYS, leg, outline, revised, stay, visit
from travel_gpt.advisor.checks.run import check_trip
from travel_gpt.advisor.constraints import Constraints
from travel_gpt.advisor.filling import fill
from travel_gpt.advisor.reference.lookup import Reference
from travel_gpt.advisor.trip import Place, Travellers, Trip
from travel_gpt.advisor.trip_text import trip_text
from travel_gpt.advisor.wire import Outline, Town
from travel_gpt.advisor.written_days import WrittenDay, as_written


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


def filled(reference: Reference, frame: dict[str, Any], **days: dict[str, Any]) -> Trip:
    """Return the trip of an outline, and of days by their numbers: ``day2``."""
    written: dict[int, WrittenDay] = {
        int(name.removeprefix("day")): TypeAdapter[WrittenDay](WrittenDay).validate_python(day)
        for name, day in days.items()
    }
    asked = Constraints(start=date(2027, 5, 3))
    return fill(TypeAdapter(Outline).validate_python(frame), written, asked, reference)


def with_legs(day: int, *legs: dict[str, Any]) -> dict[str, Any]:
    """Return the outline to Lisbon and Porto with other legs on one day."""
    frame = outline()
    frame["days"][day - 1]["legs"] = list(legs)
    return frame


def places(trip: Trip, day: int) -> list[str]:
    return [visit.place for visit in trip.days[day - 1].visits]


def test_a_district_is_in_the_town_where_the_travellers_are(reference: Reference) -> None:
    frame = outline(towns=[{"name": "Kyoto", "country": "JP", "region": None}], stays=[])
    for day in frame["days"]:
        day |= {"town": "Kyoto", "legs": []}

    trip = filled(reference, frame, day2={"visits": [visit("Hanamikoji", "Gion", "18:00", "19:00")]})

    assert places(trip, 2) == ["Kyoto"]
    assert [place.name for place in trip.places] == ["Kyoto"], "there is a Gion elsewhere"


def test_on_a_day_with_legs_a_district_is_where_they_have_led(reference: Reference) -> None:
    visits = [
        visit("Fado Museum", "Alfama", "10:00", "12:00"),
        visit("São Bento", "Ribeira", "18:00", "19:00"),
        # Where a leg leads, and what is in the outline, are towns.
        visit("Clérigos", "Porto", "19:00", "20:00"),
        visit("Prado", "madrid", "21:00", "22:00"),
    ]

    trip = filled(reference, outline(), day2={"visits": visits})

    assert places(trip, 2) == ["Lisbon", "Porto", "Porto", "Madrid"]


def test_a_town_that_a_leg_of_the_day_leads_to_is_kept(reference: Reference) -> None:
    there, back = (
        leg("train", "Lisbon", "Sintra", "09:00", "09:40"),
        leg("train", "Sintra", "Lisbon", "17:00", "17:40"),
    )
    day = {"visits": [visit("Pena Palace", "Sintra", "10:00", "12:00")]}

    assert places(filled(reference, with_legs(1, there, back), day1=day), 1) == ["Sintra"]
    assert places(filled(reference, outline(), day1=day), 1) == ["Lisbon"]


@pytest.mark.parametrize("name", ["málaga", "Malaga", " MÁLAGA "])
def test_a_town_is_the_same_with_and_without_accents(reference: Reference, name: str) -> None:
    towns = [*outline()["towns"], {"name": "Málaga", "country": "ES", "region": None}]
    frame = {**with_legs(1, leg("flight", "Madrid", name, "09:00", "10:15")), "towns": towns}

    trip = filled(reference, frame)

    assert trip.days[0].legs[0].destination == "Málaga"
    assert [place.name for place in trip.places] == ["Madrid", "Lisbon", "Porto", "Málaga"]


def test_no_night_follows_the_last_day(reference: Reference) -> None:
    frame = outline(stays=[stay("Lisbon", 1), {**stay("Porto", 2), "nights": 2}])

    trip = filled(reference, frame)

    assert [day.stay and day.stay.place for day in trip.days] == ["Lisbon", "Porto", None]
    assert trip.costs.lodging == 240
    night = {**revised(2)["night"], "town": "Madrid"}
    assert filled(reference, frame, day3={**revised(3), "night": night}).days[2].stay is None


def test_a_night_that_two_stays_have_is_paid_once(reference: Reference) -> None:
    frame = outline(stays=[{**stay("Lisbon", 1), "nights": 2}, {**stay("Porto", 2), "cost_per_night": 300}])

    trip = filled(reference, frame)

    assert [day.stay and day.stay.place for day in trip.days] == ["Lisbon", "Lisbon", None]
    assert trip.costs.lodging == 240


@pytest.mark.parametrize(
    ("mode", "origin", "destination", "depart", "arrive", "written", "days_later"),
    [
        pytest.param("flight", "New York", "London", "18:00", "06:10", 0, 1, id="overnight"),
        pytest.param("train", "Vienna", "Rome", "19:18", "09:10", 0, 1, id="night-train"),
        pytest.param("flight", "Los Angeles", "Sydney", "22:30", "06:30", 1, 2, id="date-line-west"),
        pytest.param("flight", "Tokyo", "San Francisco", "16:30", "09:30", -1, 0, id="date-line-east"),
        pytest.param("flight", "London", "New York", "14:00", "17:00", -1, 0, id="a-day-less"),
        # What is right stays, also where less or more time would be possible.
        pytest.param("ferry", "Dublin", "Holyhead", "08:00", "11:15", 1, 1, id="a-day-more"),
        pytest.param("flight", "Auckland", "Honolulu", "23:55", "10:45", 0, 0, id="lands-before-it-leaves"),
        # Nearly a day is no usual time for 60 km: the hour may be the slip.
        pytest.param("train", "Conwy", "Holyhead", "09:40", "09:20", 0, 0, id="the-hour"),
        pytest.param("train", "Madrid", "Quxtown", "18:00", "08:00", 0, 0, id="not-located"),
    ],
)
def test_a_slip_in_the_days_of_a_leg_is_corrected(
    reference: Reference,
    mode: str,
    origin: str,
    destination: str,
    depart: str,
    arrive: str,
    written: int,
    days_later: int,
) -> None:
    countries = {
        "New York": "US", "London": "GB", "Vienna": "AT", "Rome": "IT", "Los Angeles": "US", "Sydney": "AU",
        "Tokyo": "JP", "San Francisco": "US", "Dublin": "IE", "Holyhead": "GB", "Auckland": "NZ",
        "Honolulu": "US", "Conwy": "GB", "Madrid": "ES", "Quxtown": "ES",
    }  # fmt: skip
    way = {**leg(mode, origin, destination, depart, arrive), "days_later": written}
    towns = [
        {
            "name": name,
            "country": countries[name],
            "region": "California" if name in "San Francisco" else None,
        }
        for name in (origin, destination)
    ]

    trip = filled(reference, {**with_legs(1, way), "towns": towns})

    assert trip.days[0].legs[0].days_later == days_later


def test_legs_are_in_the_order_of_their_departures(reference: Reference) -> None:
    back, there = (
        leg("train", "Sintra", "Lisbon", "17:00", "17:40"),
        leg("train", "Lisbon", "Sintra", "09:00", "09:40"),
    )

    assert _departures(filled(reference, with_legs(2, back, there))) == ["09:00", "17:00"]
    written = {**revised(2), "legs": [back, there]}
    assert _departures(filled(reference, outline(), day2=written)) == ["09:00", "17:00"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(
            leg("flight", "Auckland", "Honolulu", "23:55", "10:45"),
            leg("bus", "Honolulu", "Kailua", "12:00", "12:40"),
            id="date-line",
        ),
        pytest.param(
            {**leg("train", "Lisbon", "Coimbra", "22:00", "00:10"), "days_later": 1},
            leg("train", "Coimbra", "Porto", "00:40", "02:00"),
            id="after-midnight",
        ),
    ],
)
def test_legs_that_only_the_written_order_joins_stay_in_it(
    reference: Reference, first: dict[str, Any], second: dict[str, Any]
) -> None:
    assert _departures(filled(reference, with_legs(2, first, second))) == [first["depart"], second["depart"]]


def _departures(trip: Trip) -> list[str]:
    return [each.depart for each in trip.days[1].legs]


@pytest.mark.parametrize(
    ("written", "ordered"),
    [
        (["14:00", "09:00", "19:00"], ["09:00", "14:00", "19:00"]),
        (["09:00", "20:00", "00:30"], ["09:00", "20:00", "00:30"]),
        (["20:00", "00:30", "09:00"], ["09:00", "20:00", "00:30"]),
        (["04:30", "10:00"], ["04:30", "10:00"]),
    ],
)
def test_visits_are_in_the_order_in_which_they_happen(
    reference: Reference, written: list[str], ordered: list[str]
) -> None:
    visits = [visit(f"Sight {start}", "Lisbon", start, "23:59") for start in written]

    trip = filled(reference, with_legs(2), day2={"visits": visits})

    assert [each.start for each in trip.days[1].visits] == ordered


def test_where_the_clock_goes_back_on_the_way_visits_stay_as_written(reference: Reference) -> None:
    way = leg("flight", "Tokyo", "San Francisco", "16:30", "09:30")
    visits = [visit("Ueno", "Tokyo", "12:00", "14:00"), visit("Alcatraz", "San Francisco", "11:00", "13:00")]

    trip = filled(reference, with_legs(2, way), day2={"visits": visits})

    assert [each.name for each in trip.days[1].visits] == ["Ueno", "Alcatraz"]


def test_a_day_is_the_same_when_it_is_written_and_read_again(reference: Reference) -> None:
    trip = filled(reference, outline(), day2=DAYS[2])

    again = replace(trip, days=())
    written = {day.number: as_written(day) for day in trip.days}
    whole = fill(
        TypeAdapter(Outline).validate_python(outline()), written, Constraints(start=trip.start), reference
    )

    assert replace(whole, days=(), missing_days=trip.missing_days) == again
    assert whole.days == trip.days


def test_what_was_asked_for_is_located(reference: Reference) -> None:
    asked = Constraints(origin="madrid", destinations=("Lisboa", "Spain", "Zorbaville", "LA"))

    found = fill(TypeAdapter(Outline).validate_python(outline()), {}, asked, reference).asked_places

    origin, lisbon, spain, nowhere, la = found
    assert [place.name for place in found] == ["madrid", "Lisboa", "Spain", "Zorbaville", "LA"]
    assert (origin.country, lisbon.country, lisbon.found) == ("ES", "PT", "found")
    assert origin.latitude
    assert lisbon.latitude
    assert (spain.country, spain.found, spain.latitude) == ("ES", "found", None)
    assert nowhere.found == "unknown"
    assert la.country != "LA", "the code of Laos"
