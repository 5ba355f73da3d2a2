"""Whether two places of a trip are near each other."""

from typing import Final

from travel_gpt.advisor.geography import Coordinates, great_circle_km
from travel_gpt.advisor.reference.names import town_key
from travel_gpt.advisor.trip import Airport, Place, Trip

NEAR_KM: Final = 100.0
"""Between places that count as one for the route: a town, its suburbs and its airports. Assumed; London
Stansted and Paris Beauvais are 50 and 70 km from their cities, Tokyo Narita 60 km."""


def coordinates(place: Place | Airport | None) -> Coordinates | None:
    """Return where a place is; None where that is not known."""
    if place is None or place.latitude is None or place.longitude is None:
        return None
    return place.latitude, place.longitude


def same_name(one: str, other: str) -> bool:
    """Return whether two names differ in case, accents or punctuation at most."""
    return one == other or town_key(one) == town_key(other) != ""


def km_apart(trip: Trip, one: str, other: str) -> float | None:
    """Return how far apart two places are.

    Args:
        trip: the trip.
        one: the name of a place.
        other: the name of another, or of the same.

    Returns:
        Kilometres; None where one of them is not located.
    """
    if same_name(one, other):
        return 0.0
    start, end = coordinates(trip.place(one)), coordinates(trip.place(other))
    return None if start is None or end is None else great_circle_km(start, end)
