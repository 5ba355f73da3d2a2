"""Finds the towns of a trip in the reference data, and which of several with a name is meant.

A country that is named decides first, then a region, then nearness to the rest of the trip. The number of
people alone never does: a trip from Dallas to Paris may lead to the one in Texas. Only where the country is
named and nothing else decides, a place counts that is far larger than any other there: Denver is in Colorado.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from travel_gpt.advisor.geography import Coordinates, great_circle_km
from travel_gpt.advisor.reference.lookup import Candidate, Reference
from travel_gpt.advisor.reference.names import search_key
from travel_gpt.advisor.trip import Found, Place
from travel_gpt.advisor.wire import Town

ONE_PLACE_KM: Final = 30
"""Candidates that are as near to each other are parts of one place, or spellings of it."""
_NORTH_SOUTH_KM: Final = 111
"""A degree of latitude."""
_CLEARLY: Final = 2
"""How many times farther from the rest of the trip every other candidate has to be."""
_LARGER: Final = 10
"""How many times larger the nearest has to be than one that is not clearly farther."""
_FAR_LARGER: Final = 20
"""How many times larger a place has to be than any other of its name in its country to count by that."""

# What ISO 3166-1 lists apart, and travellers often name the country it belongs to for.
_BELONGS_TO: Final = {
    territory: country
    for country, territories in {
        "AU": "CC CX NF",
        "CN": "HK MO",
        "DK": "FO GL",
        "FI": "AX",
        "FR": "BL GF GP MF MQ NC PF PM RE WF YT",
        "GB": "AI BM FK GG GI IM JE KY MS PN SH TC VG",
        "NL": "AW BQ CW SX",
        "NO": "SJ",
        "NZ": "CK NU TK",
        "US": "AS GU MP PR VI",
    }.items()
    for territory in territories.split()
}


def locate(
    reference: Reference, towns: Sequence[Town], near: Sequence[Coordinates] = ()
) -> tuple[Place, ...]:
    """Return each town of a trip as a place.

    Args:
        reference: the data.
        towns: the towns; a name may be as travellers write it: ``Paris, TX``, ``Bangor, Northern Ireland``.
        near: where else the trip is known to lead, such as the airports of its flights.

    Returns:
        A place for each town, in their order and by their names.
    """
    readings = [_read(reference, town) for town in towns]
    _choose_the_nearest(readings, near)
    return tuple(reading.place() for reading in readings)


@dataclass(slots=True)
class _Reading:
    """What a town may be: one group of candidates for each place of its name."""

    town: Town
    country: str
    groups: list[list[Candidate]] = field(default_factory=list)
    elsewhere: tuple[str, ...] = ()

    @property
    def chosen(self) -> Candidate | None:
        """The place, if there is only one: by the largest of its parts."""
        return _largest(self.groups[0]) if len(self.groups) == 1 else None

    def place(self) -> Place:
        chosen = self.chosen
        if chosen is not None:
            return Place(
                name=self.town.name,
                country=chosen.country,
                region=self.town.region or "",
                subdivision=chosen.region.subdivision,
                found="found",
                latitude=chosen.latitude,
                longitude=chosen.longitude,
                time_zone=chosen.time_zone,
            )
        found: Found = "ambiguous" if self.groups else "elsewhere" if self.elsewhere else "unknown"
        return Place(
            name=self.town.name,
            country=self.country,
            region=self.town.region or "",
            found=found,
            elsewhere=self.elsewhere,
        )


def _read(reference: Reference, town: Town) -> _Reading:
    name, *hints = (part.strip() for part in re.split(r"[,，、]", town.name))
    candidates = reference.places(town.name)
    if candidates:
        # The whole is a name, such as "Washington, D.C.".
        hints = []
    else:
        candidates = reference.places(name)
    country = reference.country(town.country) or ""
    inside = [each for each in candidates if not country or country in _countries(each)]
    # A country is the last part of a name, and narrows down what the parts before it may mean.
    for hint in filter(None, [*reversed(hints), town.region]):
        named = reference.country(hint)
        key = search_key(hint)
        # Northern Ireland is a region, and named for its country, too.
        meant = [each for each in inside if each.region.is_called(key)]
        if meant := meant or [each for each in inside if named in _countries(each)]:
            inside = meant
        elif named and not country:
            country, inside = named, []
        elif reference.has_region(country, hint):
            # There it is not known, and the one in another region is not meant.
            inside, candidates = [], ()
    elsewhere = () if inside else tuple(sorted({each.country for each in candidates}))
    return _Reading(town, country, _groups(inside), elsewhere)


def _countries(candidate: Candidate) -> tuple[str, ...]:
    return candidate.country, _BELONGS_TO.get(candidate.country, "")


def _groups(candidates: Iterable[Candidate]) -> list[list[Candidate]]:
    """Return candidates so that those of one group are near to another one of it."""
    groups: list[list[Candidate]] = []
    for candidate in candidates:
        joined, apart = [candidate], []
        for group in groups:
            if any(_same_place(candidate, other) for other in group):
                joined += group
            else:
                apart.append(group)
        groups = [*apart, joined]
    return groups


def _same_place(one: Candidate, other: Candidate) -> bool:
    # Most are far apart: a subtraction says so sooner than trigonometry.
    return (
        abs(one.latitude - other.latitude) * _NORTH_SOUTH_KM <= ONE_PLACE_KM
        and great_circle_km(_position(one), _position(other)) <= ONE_PLACE_KM
    )


def _choose_the_nearest(readings: Sequence[_Reading], near: Sequence[Coordinates]) -> None:
    """Leave one group to each reading that the rest of the trip decides, also by what was just decided."""
    while True:
        anchors = [*near, *(_position(each.chosen) for each in readings if each.chosen is not None)]
        several = [each for each in readings if len(each.groups) > 1]
        decided = [(each, group) for each in several if anchors and (group := _nearest(each.groups, anchors))]
        if not decided:
            named = [each for each in several if each.country]
            decided = [(each, group) for each in named if (group := _far_larger(each.groups))]
        if not decided:
            return
        for reading, group in decided:
            reading.groups = [group]


def _far_larger(groups: Sequence[list[Candidate]]) -> list[Candidate] | None:
    """Return the group of the place beside which all others of its name are small."""
    first, second, *_ = sorted(groups, key=lambda group: _largest(group).population or 0, reverse=True)
    many, others = _largest(first).population or 0, _largest(second).population or 0
    return first if many >= _FAR_LARGER * max(1, others) else None


def _nearest(groups: Sequence[list[Candidate]], anchors: Sequence[Coordinates]) -> list[Candidate] | None:
    def distance(group: list[Candidate]) -> float:
        here = _position(_largest(group))
        return max(float(ONE_PLACE_KM), min(great_circle_km(here, anchor) for anchor in anchors))

    (least, nearest), *others = sorted(
        ((distance(group), group) for group in groups), key=lambda measured: measured[0]
    )
    people = _largest(nearest).population or 0
    for farther, group in others:
        if farther < least * _CLEARLY and people < (_largest(group).population or 1) * _LARGER:
            return None
    return nearest


def _largest(group: Iterable[Candidate]) -> Candidate:
    return max(group, key=lambda candidate: candidate.population or 0)


def _position(candidate: Candidate) -> Coordinates:
    return candidate.latitude, candidate.longitude
