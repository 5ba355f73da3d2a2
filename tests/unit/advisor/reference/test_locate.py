"""Which place is meant, of several with a name."""

import re

import pytest

from tests.support.judged_itineraries import judged_itineraries
from travel_gpt.advisor.geography import great_circle_km
from travel_gpt.advisor.reference.locate import locate
from travel_gpt.advisor.reference.lookup import Reference
from travel_gpt.advisor.trip import Place
from travel_gpt.advisor.wire import Town

ATHENS, CHICAGO = (37.98, 23.73), (41.85, -87.65)
BANGOR_WALES, BANGOR_NI, BANGOR_MAINE = (53.23, -4.13), (54.66, -5.67), (44.8, -68.78)
SPRINGFIELD_IL, SPRINGFIELD_MA = (39.8, -89.64), (42.1, -72.59)


def towns(*described: str) -> list[Town]:
    """Make towns of texts such as ``Bangor|GB|Wales``."""
    parts = [[*text.split("|"), "", ""] for text in described]
    return [Town(name=name, country=country, region=region or None) for name, country, region, *_ in parts]


def place(reference: Reference, *described: str) -> Place:
    """Return the first of the towns."""
    return locate(reference, towns(*described))[0]


def is_at(found: Place, position: tuple[float, float]) -> bool:
    return (
        found.found == "found"
        and found.latitude is not None
        and found.longitude is not None
        and great_circle_km((found.latitude, found.longitude), position) < 5
    )


@pytest.mark.parametrize(
    ("described", "position", "country"),
    [
        # By the country
        (["Oia|GR"], (36.46, 25.38), "GR"),
        (["Oia|Greece"], (36.46, 25.38), "GR"),
        (["Queenstown|NZ"], (-45.03, 168.66), "NZ"),
        (["Queenstown|ZA"], (-31.9, 26.88), "ZA"),
        (["St. Petersburg|RU"], (59.94, 30.31), "RU"),
        (["St. Petersburg|US"], (27.77, -82.68), "US"),
        (["東京|JP"], (35.69, 139.69), "JP"),
        (["Москва|RU"], (55.75, 37.62), "RU"),
        (["القاهرة|EG"], (30.06, 31.25), "EG"),
        (["Αθήνα|GR"], ATHENS, "GR"),
        # By a territory that belongs to the country
        (["Hong Kong|CN"], (22.28, 114.17), "HK"),
        (["San Juan|US|Puerto Rico"], (18.47, -66.11), "PR"),
        # By the region
        (["Bangor|GB|Wales"], BANGOR_WALES, "GB"),
        (["Bangor|GB|Northern Ireland"], BANGOR_NI, "GB"),
        (["Bangor|US|ME"], BANGOR_MAINE, "US"),
        (["Springfield|US|Illinois"], SPRINGFIELD_IL, "US"),
        # By what travellers write after a comma
        (["Paris, TX|US"], (33.66, -95.56), "US"),
        (["Paris, TX"], (33.66, -95.56), "US"),
        (["Paris, Texas, USA"], (33.66, -95.56), "US"),
        (["London, Ontario"], (42.98, -81.23), "CA"),
        (["London, ON|CA"], (42.98, -81.23), "CA"),
        (["St. Petersburg, FL|US"], (27.77, -82.68), "US"),
        (["Bangor, Northern Ireland|GB"], BANGOR_NI, "GB"),
        (["Atlanta, Georgia"], (33.75, -84.39), "US"),
        (["Oia, Santorini, Greece"], (36.46, 25.38), "GR"),
        (["Washington, D.C.|US"], (38.9, -77.04), "US"),
        # By the rest of the trip
        (["Bangor|GB", "Belfast|GB"], BANGOR_NI, "GB"),
        (["Bangor|GB", "Conwy|GB"], BANGOR_WALES, "GB"),
        (["Bangor|US", "Bar Harbor|US|Maine"], BANGOR_MAINE, "US"),
        (["Springfield|US", "Northampton|US|Massachusetts"], SPRINGFIELD_MA, "US"),
        (["Oia", "Athens|GR"], (36.46, 25.38), "GR"),
        (["Santiago", "Valparaíso|CL"], (-33.46, -70.65), "CL"),
        (["Santiago|CL"], (-33.46, -70.65), "CL"),
        (["Boston|US", "New York|US|New York"], (42.36, -71.06), "US"),
        # By what is far larger than any other in the country, and what that one decides
        (["Boston|US"], (42.36, -71.06), "US"),
        (["Denver|US", "Las Vegas|US"], (39.74, -104.98), "US"),
        (["Springfield|US", "Boston|US"], SPRINGFIELD_MA, "US"),
        # By a town that another one decided
        (["Cambridge|US", "Boston|US", "New York|US|NY"], (42.37, -71.11), "US"),
        # Across the date line, where longitudes jump
        (["Apia|WS", "Pago Pago|AS"], (-13.83, -171.77), "WS"),
        (["Suva", "Apia|WS"], (-18.14, 178.43), "FJ"),
    ],
)
def test_a_homonym_is_resolved(
    reference: Reference, described: list[str], position: tuple[float, float], country: str
) -> None:
    found = place(reference, *described)

    assert is_at(found, position), found
    assert (found.name, found.country) == (described[0].partition("|")[0], country)
    assert found.time_zone


@pytest.mark.parametrize(
    "described",
    [
        ["Springfield|US"],
        ["Bangor|GB"],
        ["Norfolk|US"],
        ["Boston"],
        # Nothing is near one of them.
        ["Springfield|US", "Tokyo|JP"],
        # Maine is near Boston, Oregon near Seattle.
        ["Portland|US", "Boston|US|MA", "Seattle|US|WA"],
        # Two that nothing decides do not decide each other.
        ["Springfield|US", "Portland|US"],
    ],
)
def test_given_no_sign_then_the_number_of_people_does_not_decide(
    reference: Reference, described: list[str]
) -> None:
    found = place(reference, *described)

    assert (found.found, found.latitude, found.longitude, found.time_zone) == ("ambiguous", None, None, None)


@pytest.mark.parametrize(
    ("described", "country", "elsewhere"),
    [
        ("Oia|BR", "BR", {"ES", "GR", "PT"}),
        ("Lisbon|ES", "ES", {"PT", "US"}),
        ("Paris, Japan", "JP", {"FR", "US", "CA"}),
    ],
)
def test_a_name_that_other_countries_have_is_said_to_be_there(
    reference: Reference, described: str, country: str, elsewhere: set[str]
) -> None:
    found = place(reference, described)

    assert (found.found, found.country, found.latitude) == ("elsewhere", country, None)
    assert set(found.elsewhere) >= elsewhere
    assert country not in found.elsewhere


@pytest.mark.parametrize(
    "described", ["Marquette|US|Wisconsin", "Devils Lake, WI|US", "Heidelberg|DE|Hessen"]
)
def test_a_place_that_is_said_to_be_in_another_region_is_not_meant(
    reference: Reference, described: str
) -> None:
    found = place(reference, described)

    assert (found.found, found.latitude, found.elsewhere) == ("unknown", None, ())


def test_a_region_that_the_data_does_not_know_says_nothing(reference: Reference) -> None:
    assert is_at(place(reference, "Oia|GR|Santorini"), (36.46, 25.38))
    # An airport of the neighbouring Hidalgo is said to be in Morelos, whose own region has no name.
    assert is_at(place(reference, "Cuernavaca, Morelos|MX"), (18.93, -99.23))


def test_what_is_not_in_the_data_is_unknown(reference: Reference) -> None:
    assert place(reference, "Valdemora del Mar|ES") == Place(
        name="Valdemora del Mar", country="ES", found="unknown"
    )
    # A country that does not exist says nothing.
    assert place(reference, "Oia|Atlantis", "Athens|GR").found == "found"


def test_an_airport_may_decide(reference: Reference) -> None:
    las = reference.airport("LAS")
    assert las is not None

    (found,) = locate(reference, towns("Las Vegas|US"), near=[(las.latitude, las.longitude)])

    assert is_at(found, (36.17, -115.14))


def test_parts_of_a_city_are_one_place(reference: Reference) -> None:
    # One is in Missouri, the other across the river in Kansas.
    assert {each.region.code for each in reference.places("Kansas City")} == {"MO", "KS"}

    assert is_at(place(reference, "Kansas City|US"), (39.1, -94.58))


def test_a_place_has_the_code_of_its_holidays(reference: Reference) -> None:
    assert place(reference, "Munich|DE").subdivision == "BY"
    assert place(reference, "Chennai|IN").subdivision == "TN"
    assert place(reference, "Osaka|JP").subdivision == ""


def test_places_come_in_the_order_of_the_towns(reference: Reference) -> None:
    found = locate(reference, towns("Chicago|US", "Springfield|US|IL", "Nowhereville|US"))

    assert [each.name for each in found] == ["Chicago", "Springfield", "Nowhereville"]
    assert is_at(found[0], CHICAGO)
    assert locate(reference, []) == ()


NOT_IN_THE_DATA = {
    "Valdemora del Mar": "unknown",  # invented
    "Palas de Rei": "unknown",  # a municipality; GeoNames' place of it is not among those with a population
    "O Pedrouzo": "unknown",
    "Milford Sound": "unknown",
    "Akrotiri": "elsewhere",  # a village of Santorini; the data has the one in Cyprus
}


@pytest.mark.parametrize("name", judged_itineraries())
def test_the_towns_of_itineraries_are_found(reference: Reference, name: str) -> None:
    found = {each.name: each.found for each in locate(reference, judged_itineraries()[name].outline.towns)}
    expected = {town: NOT_IN_THE_DATA.get(town, "found") for town in found}
    if re.match("andalusia", name):
        # It says that Lisbon is in Spain.
        expected |= {"Lisbon": "elsewhere"} if "Lisbon" in found else {}

    assert found == expected
