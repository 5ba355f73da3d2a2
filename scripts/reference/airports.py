"""Airports, and cities with several, from airportsdata."""

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True)
class Airport:
    """An airport or airfield.

    Attributes:
        code: IATA's; empty where it has none.
        region: the name of the state or region that it is in.
    """

    code: str
    name: str
    region: str
    country: str
    latitude: float
    longitude: float
    time_zone: str


def airports() -> list[Airport]:
    """Return every airport and airfield."""
    return [
        Airport(
            code=row["iata"],
            name=row["name"],
            region=row["subd"],
            country=row["country"],
            latitude=float(row["lat"]),
            longitude=float(row["lon"]),
            time_zone=row["tz"],
        )
        for row in _table("airports.csv")
    ]


def airport_rows(known: Sequence[Airport], zones: Mapping[str, int]) -> list[tuple[Any, ...]]:
    """Return the rows of the airports that have a code."""
    return sorted(
        (
            airport.code,
            airport.name,
            airport.country,
            round(airport.latitude * 100),
            round(airport.longitude * 100),
            zones[airport.time_zone],
        )
        for airport in known
        if airport.code
    )


def city_rows(known: Sequence[Airport], zones: Mapping[str, int]) -> list[tuple[Any, ...]]:
    """Return the rows of the cities with several airports: each is in the middle of these."""
    by_code = {airport.code: airport for airport in known}
    cities = defaultdict(list)
    for row in _table("iata_macs.csv"):
        if row["Airport Code"] in by_code:
            cities[row["City Code"], row["City Name"], row["Country"]].append(by_code[row["Airport Code"]])
    return sorted(
        (
            code,
            name,
            country,
            round(sum(airport.latitude for airport in members) * 100 / len(members)),
            round(sum(airport.longitude for airport in members) * 100 / len(members)),
            zones[members[0].time_zone],
            " ".join(airport.code for airport in members),
        )
        for (code, name, country), members in cities.items()
    )


def _table(name: str) -> Iterator[dict[str, str]]:
    text = (files("airportsdata") / name).read_text(encoding="utf-8")
    yield from csv.DictReader(text.splitlines())
