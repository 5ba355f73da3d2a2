"""Look-ups in the reference data: places, countries, airports, currencies, public holidays.

The data is one read-only SQLite file beside this module. ``scripts/build_reference.py`` makes it; NOTICE says
where it is from.
"""

import sqlite3
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Any, Final, NamedTuple

from travel_gpt.advisor.reference.blocks import (
    Numbers,
    default_name,
    id_at,
    numbers_at,
    population_of,
    positions,
    unpacked_keys,
)
from travel_gpt.advisor.reference.names import search_key, search_keys

PATH: Final = Path(__file__).with_name("places.sqlite")

_PLACE: Final = "SELECT id, keys, names, numbers FROM place"


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """The first level of a country's divisions: a state, a province, a nation of the United Kingdom.

    Attributes:
        country: ISO 3166-1 alpha-2.
        code: GeoNames' code of it, unique in its country.
        subdivision: the code that holidays are stored for, such as ``BY``; empty where there is none.
        names: its names and abbreviations, the most common first; none where the data has none.
    """

    country: str
    code: str
    subdivision: str
    names: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its most common name; empty where none is known."""
        return self.names[0] if self.names else ""

    def is_called(self, key: str) -> bool:
        """Return whether it has a name or code, given as ``search_key`` makes it."""
        return key != "" and key in map(search_key, (*self.names, self.subdivision or self.code))


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A place that a name may mean.

    Attributes:
        name: its main name, which may not be the one that was looked for; of a place with fewer than 15,000
            people without accents and punctuation.
        country: ISO 3166-1 alpha-2.
        region: what it is in.
        latitude: degrees, to a hundredth: within 0.8 km.
        longitude: degrees, to a hundredth.
        time_zone: its name in the IANA time zone database.
        population: within 7 %; None where it is not known.
    """

    name: str
    country: str
    region: Region
    latitude: float
    longitude: float
    time_zone: str
    population: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownAirport:
    """An airport, or a city with several: then it is in the middle of them.

    Attributes:
        code: IATA's, of three letters.
        name: of the airport, or of the city.
        country: ISO 3166-1 alpha-2.
        latitude: degrees.
        longitude: degrees.
        time_zone: its name in the IANA time zone database.
        airports: the codes of the city's airports; none for an airport.
    """

    code: str
    name: str
    country: str
    latitude: float
    longitude: float
    time_zone: str
    airports: tuple[str, ...] = ()


class Reference:
    """The reference data, open for reading. Threads may share it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        # How SQLite was compiled decides whether threads may share a connection: so they take turns.
        self._turn = Lock()
        self._region = lru_cache(maxsize=1024)(self._read_region)
        # A trip is filled in several times: as its days come, and after its repair.
        self._found = lru_cache(maxsize=512)(self._find)
        self._countries = lru_cache(maxsize=512)(self._find_country)
        self._zones = [name for (name,) in self._rows("SELECT name FROM zone ORDER BY id")]
        years = self._rows("SELECT value FROM about WHERE name = 'holiday_years'")[0][0]
        first, last = years.split("-")
        self.holiday_years: Final = range(int(first), int(last) + 1)
        """The years that ``holidays`` knows."""

    @classmethod
    def open(cls, path: Path = PATH) -> "Reference":
        """Open the data.

        Args:
            path: the file.

        Raises:
            sqlite3.Error: it is absent or damaged.
        """
        # immutable: no locks and no journal, which Lambda's read-only file system has no place for.
        uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
        return cls(sqlite3.connect(uri, uri=True, check_same_thread=False))

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def places(self, name: str) -> tuple[Candidate, ...]:
        """Return each place that a name may mean.

        Args:
            name: in any script, as travellers write it; without its country or region.

        Returns:
            All that have the name as their main or as another one, in no particular order. Only where there
            is none, those of the name without words such as ``City`` or ``The``.
        """
        return self._found(name)

    def country(self, text: str) -> str | None:
        """Return the ISO 3166-1 alpha-2 code of a country.

        Args:
            text: its code, of two or three letters, or its name in one of 30 languages.
        """
        return self._countries(search_key(text).removeprefix("the "))

    def currency(self, code: str) -> int | None:
        """Return the decimal places of a currency; None where no country has it as money today.

        Args:
            code: ISO 4217.
        """
        found = self._rows("SELECT digits FROM currency WHERE code = ?", code.strip().upper())
        return int(found[0][0]) if found else None

    def airport(self, code: str) -> KnownAirport | None:
        """Return an airport, or a city with several.

        Args:
            code: IATA's, of three letters. One that means both, such as ``BKK``, is the airport.
        """
        code = code.strip().upper()
        found = self._rows(
            "SELECT name, country, latitude, longitude, zone, '' FROM airport WHERE code = ?1 UNION ALL "
            "SELECT name, country, latitude, longitude, zone, airports FROM airport_city WHERE code = ?1",
            code,
        )
        if not found:
            return None
        name, country, latitude, longitude, zone, airports = found[0]
        return KnownAirport(
            code=code,
            name=name,
            country=country,
            latitude=latitude / 100,
            longitude=longitude / 100,
            time_zone=self._zones[zone - 1],
            airports=tuple(airports.split()),
        )

    def holidays(self, country: str, on: date, region: str = "") -> tuple[str, ...] | None:
        """Return the public holidays of a day.

        Args:
            country: ISO 3166-1 alpha-2.
            on: the day.
            region: what of the country is meant: the ``subdivision`` of a region, or a name of one. Without
                it or with an unknown one, there are those of the whole country only.

        Returns:
            Their names, in English where there is such a name; None where the data has nothing on the country
            or the year.
        """
        country = country.upper()
        rows = self._rows("SELECT name, days, regions FROM holiday WHERE country = ?", country)
        if not rows or on.year not in self.holiday_years:
            return None
        code = self._subdivision(country, region)
        day = on.strftime("%Y%m%d")
        return tuple(
            name
            for name, days, regions in rows
            if day in days.split() and (not regions or code in regions.split())
        )

    def has_region(self, country: str, text: str) -> bool:
        """Return whether a country has a region of a name.

        Args:
            country: ISO 3166-1 alpha-2.
            text: a name or an abbreviation.
        """
        key = search_key(text)
        numbers = self._rows("SELECT id FROM region WHERE country = ?", country)
        return any(self._region(number).region.is_called(key) for (number,) in numbers)

    def _subdivision(self, country: str, region: str) -> str:
        key = search_key(region)
        known = (
            self._region(number).region
            for (number,) in self._rows(
                "SELECT id FROM region WHERE country = ? AND subdivision <> ''", country
            )
        )
        return (
            next((each.subdivision for each in known if each.is_called(key)), region.upper()) if key else ""
        )

    def _find_country(self, key: str) -> str | None:
        found = self._rows("SELECT country FROM country_name WHERE key = ?", key)
        return str(found[0][0]) if found else None

    def _find(self, name: str) -> tuple[Candidate, ...]:
        return next(filter(None, map(self._places_of_key, search_keys(name))), ())

    def _places_of_key(self, key: str) -> tuple[Candidate, ...]:
        if not key:
            return ()
        found: dict[int, Candidate] = {}
        for first, keys, names, numbers in self._rows(
            f"{_PLACE} WHERE first <= ? ORDER BY first DESC LIMIT 1", key
        ):
            if wanted := positions(keys, key):
                spelled = names.split("|")
                for position, stored in zip(wanted, numbers_at(numbers, wanted), strict=True):
                    found[first + position] = self._candidate(key, spelled[position], stored)
        for keys, ids in self._rows(
            "SELECT keys, places FROM alias WHERE first <= ? ORDER BY first DESC LIMIT 1", key
        ):
            for position in positions(keys, key):
                number = id_at(ids, position)
                found[number] = self._place(number)
        return tuple(found.values())

    def _place(self, number: int) -> Candidate:
        first, keys, names, numbers = self._rows(f"{_PLACE} WHERE id <= ? ORDER BY id DESC LIMIT 1", number)[
            0
        ]
        position = number - first
        key = next(islice(unpacked_keys(keys), position, None))
        return self._candidate(key, names.split("|")[position], numbers_at(numbers, [position])[0])

    def _candidate(self, key: str, name: str, place: Numbers) -> Candidate:
        stored = self._region(place.region)
        return Candidate(
            name=name or default_name(key),
            country=stored.region.country,
            region=stored.region,
            latitude=(stored.latitude + place.latitude) / 100,
            longitude=(stored.longitude + place.longitude) / 100,
            time_zone=self._zones[(place.zone or stored.zone) - 1],
            population=population_of(place.population),
        )

    def _read_region(self, number: int) -> "_StoredRegion":
        country, code, subdivision, names, zone, latitude, longitude = self._rows(
            "SELECT country, code, subdivision, names, zone, latitude, longitude FROM region WHERE id = ?",
            number,
        )[0]
        region = Region(
            country=country,
            code=code,
            subdivision=subdivision,
            names=tuple(filter(None, names.split("|"))),
        )
        return _StoredRegion(region, zone, latitude, longitude)

    def _rows(self, statement: str, *values: object) -> list[Any]:
        with self._turn:
            return self._connection.execute(statement, values).fetchall()


class _StoredRegion(NamedTuple):
    """A region, and what the places in it are stored in relation to."""

    region: Region
    zone: int
    latitude: int
    longitude: int
