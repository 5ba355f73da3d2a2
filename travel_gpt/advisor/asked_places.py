"""The origin and the destinations that were asked for, as places."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from travel_gpt.advisor.constraints import Constraints
from travel_gpt.advisor.geography import Coordinates
from travel_gpt.advisor.reference.locate import locate
from travel_gpt.advisor.reference.lookup import Reference
from travel_gpt.advisor.reference.names import town_key
from travel_gpt.advisor.trip import Place
from travel_gpt.advisor.wire import Town

_SHORT_NAMES: Final = ("usa", "uk", "uae")
"""Of countries. Other codes mean towns more often: LA is not Laos."""


def asked_places(
    asked: Constraints, places: Iterable[Place], near: Sequence[Coordinates], reference: Reference
) -> tuple[Place, ...]:
    """Return each place that was asked for, by its name as it was asked.

    Args:
        asked: what was asked.
        places: those of the trip. One of the same name is meant.
        near: where the trip leads, which tells places of the same name apart.
        reference: what is known of places.
    """
    by_key = {town_key(place.name): place for place in places}
    names = dict.fromkeys(filter(None, (asked.origin, *asked.destinations)))

    def found() -> Iterator[Place]:
        for name in names:
            known = by_key.get(town_key(name))
            if known is not None and known.latitude is not None:
                yield replace(known, name=name)
            elif country := _country(name, by_key.values(), reference):
                yield Place(name=name, country=country, found="found")
            else:
                yield from locate(reference, [Town(name=name, country="", region=None)], near)

    return tuple(found())


def _country(name: str, places: Iterable[Place], reference: Reference) -> str | None:
    """Return the country of a name. Where the trip is in a state of that name, such as Georgia, none is."""
    key = town_key(name)
    if len(key) <= 3 and key not in _SHORT_NAMES:
        return None
    code = reference.country(name)
    in_state = any(reference.has_region(place.country, name) for place in places if place.country != code)
    return None if in_state else code
