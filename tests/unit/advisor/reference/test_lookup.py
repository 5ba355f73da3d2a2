"""What the reference data knows."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest

from travel_gpt.advisor.geography import great_circle_km
from travel_gpt.advisor.reference.lookup import Reference


@pytest.mark.parametrize(
    ("name", "country", "region", "position", "zone"),
    [
        ("Oia", "GR", "South Aegean", (36.46, 25.38), "Europe/Athens"),
        ("東京", "JP", "Tokyo", (35.69, 139.69), "Asia/Tokyo"),
        ("Москва", "RU", "", (55.75, 37.62), "Europe/Moscow"),
        ("القاهرة", "EG", "Cairo", (30.06, 31.25), "Africa/Cairo"),
        ("Αθήνα", "GR", "Attica", (37.98, 23.73), "Europe/Athens"),
        ("Οία", "GR", "South Aegean", (36.46, 25.38), "Europe/Athens"),
        ("München", "DE", "Bayern", (48.14, 11.58), "Europe/Berlin"),
        ("Munich", "DE", "Bayern", (48.14, 11.58), "Europe/Berlin"),
        ("Washington, D.C.", "US", "District of Columbia", (38.9, -77.04), "America/New_York"),
        ("New York", "US", "New York", (40.71, -74.01), "America/New_York"),
        ("Saint Petersburg", "US", "Florida", (27.77, -82.68), "America/New_York"),
        ("Queenstown", "NZ", "Otago", (-45.03, 168.66), "Pacific/Auckland"),
        # Not the time zone of most places in its state.
        ("El Paso", "US", "Texas", (31.76, -106.49), "America/Denver"),
        ("Chamonix", "FR", "Auvergne Rhone Alpes", (45.92, 6.87), "Europe/Paris"),
        ("서울", "KR", "", (37.57, 126.98), "Asia/Seoul"),
        ("तिरुवनन्तपुरम्", "IN", "Kerala", (8.49, 76.95), "Asia/Kolkata"),
    ],
)
def test_a_place_is_found(
    reference: Reference, name: str, country: str, region: str, position: tuple[float, float], zone: str
) -> None:
    found = [
        place for place in reference.places(name) if (place.country, place.region.name) == (country, region)
    ]

    assert len(found) == 1
    assert great_circle_km((found[0].latitude, found[0].longitude), position) < 5
    assert found[0].time_zone == zone


def test_small_places_are_there_and_invented_ones_are_not(reference: Reference) -> None:
    # Fewer than 800 people live there.
    assert [place.country for place in reference.places("Hallstatt")] == ["AT"]
    assert reference.places("Valdemora del Mar") == ()
    assert reference.places("...") == ()
    # A mountain and a feature of the landscape are no towns.
    assert reference.places("Milford Sound") == ()


def test_all_homonyms_are_candidates(reference: Reference) -> None:
    assert {place.country for place in reference.places("Queenstown")} >= {"AU", "GB", "NZ", "US", "ZA"}
    assert len({place.region.code for place in reference.places("Springfield")}) > 15


def test_a_former_name_is_that_of_the_city_which_has_it(reference: Reference) -> None:
    # Willard in Ohio was called Chicago: GeoNames still lists that.
    assert [place.region.name for place in reference.places("Chicago")] == ["Illinois"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("de", "DE"),
        ("DEU", "DE"),
        ("Deutschland", "DE"),
        ("Allemagne", "DE"),
        ("日本", "JP"),
        ("Россия", "RU"),
        ("مصر", "EG"),
        ("Ελλάδα", "GR"),
        ("the United States", "US"),
        ("USA", "US"),
        ("UK", "GB"),
        ("Côte d'Ivoire", "CI"),
        ("Niger", "NE"),
        ("Narnia", None),
        ("", None),
    ],
)
def test_a_country_is_found_by_its_code_and_names(reference: Reference, text: str, code: str | None) -> None:
    assert reference.country(text) == code


@pytest.mark.parametrize(
    ("code", "digits"), [("EUR", 2), ("jpy", 0), ("KWD", 3), ("KRW", 0), ("DEM", None), ("XYZ", None)]
)
def test_a_currency_has_decimal_places(reference: Reference, code: str, digits: int | None) -> None:
    # Source: CLDR 47, supplementalData, currencyData. The German mark is no longer money.
    assert reference.currency(code) == digits


@pytest.mark.parametrize(
    ("code", "country", "near", "zone"),
    [
        ("ZQN", "NZ", (-45.02, 168.74), "Pacific/Auckland"),
        ("lax", "US", (33.94, -118.41), "America/Los_Angeles"),
        ("LON", "GB", (51.5, -0.13), "Europe/London"),
        ("PAR", "FR", (48.85, 2.35), "Europe/Paris"),
        ("TYO", "JP", (35.68, 139.69), "Asia/Tokyo"),
        ("NYC", "US", (40.71, -74.0), "America/New_York"),
        ("MIL", "IT", (45.46, 9.19), "Europe/Rome"),
        ("BER", "DE", (52.36, 13.5), "Europe/Berlin"),
    ],
)
def test_an_airport_is_found_by_its_code_or_its_citys(
    reference: Reference, code: str, country: str, near: tuple[float, float], zone: str
) -> None:
    airport = reference.airport(code)

    assert airport is not None
    assert (airport.code, airport.country, airport.time_zone) == (code.upper(), country, zone)
    assert great_circle_km((airport.latitude, airport.longitude), near) < 40


def test_a_citys_airports_are_named(reference: Reference) -> None:
    london, queenstown = reference.airport("LON"), reference.airport("ZQN")

    assert london is not None
    assert {"LHR", "LGW", "STN"} <= set(london.airports)
    assert queenstown is not None
    assert queenstown.airports == ()
    assert reference.airport("QQQ") is None
    assert reference.airport("") is None


@pytest.mark.parametrize(
    ("country", "day", "region", "names"),
    [
        ("US", date(2027, 7, 4), "", ("Independence Day",)),
        ("de", date(2027, 5, 27), "", ()),
        ("DE", date(2027, 5, 27), "BY", ("Corpus Christi",)),
        ("DE", date(2027, 5, 27), "Bavaria", ("Corpus Christi",)),
        ("DE", date(2027, 5, 27), "Berlin", ()),
        ("DE", date(2027, 11, 17), "Saxony", ("Repentance and Prayer Day",)),
        ("CA", date(2027, 6, 24), "Québec", ("Saint John the Baptist Day",)),
        ("DE", date(2027, 5, 26), "BY", ()),
        # No data on the year; no such country.
        ("US", date(2025, 7, 4), "", None),
        ("ZZ", date(2027, 7, 4), "", None),
        ("", date(2027, 7, 4), "", None),
    ],
)
def test_holidays_are_those_of_the_country_and_the_region(
    reference: Reference, country: str, day: date, region: str, names: tuple[str, ...] | None
) -> None:
    assert reference.holidays(country, day, region) == names


def test_the_coming_years_have_holidays(reference: Reference) -> None:
    assert list(reference.holiday_years) == [2026, 2027, 2028, 2029]
    for year in reference.holiday_years:
        assert reference.holidays("FR", date(year, 7, 14)) == ("National Day",)


def test_threads_may_share_it(reference: Reference) -> None:
    names = ["Oia", "東京", "Bangor", "Springfield", "Munich"] * 20
    expected = [reference.places(name) for name in names]

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(reference.places, names)) == expected


def test_it_is_read_only_and_says_when_it_is_absent(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        Reference.open(tmp_path / "absent.sqlite")
    assert list(tmp_path.iterdir()) == []
