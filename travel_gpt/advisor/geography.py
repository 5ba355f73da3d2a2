"""Distances on the Earth, and times between places with clocks of their own."""

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from math import asin, cos, radians, sin, sqrt
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from travel_gpt.advisor.trip import minutes_of

_EARTH_RADIUS_KM: Final = 6371.0088
"""The mean radius of the Earth: IUGG's R1 of the ellipsoid of WGS 84."""
_ANY_YEAR: Final = 2027
_LONGEST_STEP: Final = 7
"""Days. Between Europe's change to winter time and that of the United States is one week."""

Coordinates = tuple[float, float]
"""Latitude and longitude in degrees."""


def great_circle_km(start: Coordinates, end: Coordinates) -> float:
    """Return the shortest distance over the Earth's surface.

    Args:
        start: where it begins.
        end: where it ends.

    Returns:
        Kilometres on a sphere: up to 0.5 % off the ellipsoid.
    """
    from_latitude, from_longitude = map(radians, start)
    to_latitude, to_longitude = map(radians, end)
    haversine = (
        sin((to_latitude - from_latitude) / 2) ** 2
        + cos(from_latitude) * cos(to_latitude) * sin((to_longitude - from_longitude) / 2) ** 2
    )
    return 2 * _EARTH_RADIUS_KM * asin(min(1.0, sqrt(haversine)))


def leg_minutes(
    on: date | None, depart: str, arrive: str, days_later: int, zone_from: str | None, zone_to: str | None
) -> int | None:
    """Return how long a leg takes, between two clocks.

    Where the clocks can be read in more than one way, the longest duration counts: in the hour that a change
    from summer time repeats, and without a date, when any day of the year may be meant.

    Args:
        on: the local date of the departure; None where the trip has no dates.
        depart: the local time of the departure, as ``HH:MM``.
        arrive: the local time of the arrival, as ``HH:MM``.
        days_later: calendar days from the date of the departure to that of the arrival.
        zone_from: the IANA time zone of where it departs.
        zone_to: the IANA time zone of where it arrives.

    Returns:
        Minutes, negative where it arrives before it departs; None where a time zone is not known.
    """
    start, end = _zone(zone_from), _zone(zone_to)
    if start is None or end is None:
        return None
    by_the_clocks = days_later * 24 * 60 + minutes_of(arrive) - minutes_of(depart)
    if on is None:
        return by_the_clocks + _largest_lead(start, end)
    offsets_from = _offsets(start, on, depart)
    offsets_to = _offsets(end, on + timedelta(days=days_later), arrive)
    return by_the_clocks + max(offsets_from) - min(offsets_to)


def offsets_from_utc(zone: str | None, on: date | None, clock: str) -> tuple[int, int] | None:
    """Return by how much a clock is ahead of UTC.

    Args:
        zone: the IANA time zone.
        on: the local date; None for any: then the first of January.
        clock: the local time, as ``HH:MM``.

    Returns:
        The smallest and the largest number of minutes, which differ in an hour that a change of the clocks
        repeats or leaves out; None where the time zone is not known.
    """
    known = _zone(zone)
    if known is None:
        return None
    first, second = _offsets(known, on or date(_ANY_YEAR, 1, 1), clock)
    return min(first, second), max(first, second)


@lru_cache(maxsize=512)
def _zone(name: str | None) -> ZoneInfo | None:
    # ValueError: a name that is no path below the database's directory.
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


@lru_cache(maxsize=4096)
def _offsets(zone: ZoneInfo, on: date, clock: str) -> tuple[int, int]:
    """Return the minutes by which a clock is ahead of UTC: two readings in an hour that a change repeats."""
    hours, minutes = divmod(minutes_of(clock), 60)
    local = datetime.combine(on, time(hours, minutes), tzinfo=zone)
    return _offset(local), _offset(local.replace(fold=1))


def _offset(local: datetime) -> int:
    return round((local.utcoffset() or timedelta()).total_seconds() / 60)


@lru_cache(maxsize=512)
def _largest_lead(start: ZoneInfo, end: ZoneInfo) -> int:
    """Return the most minutes that the first clock is ahead of the second, on any day of a year."""
    first = datetime(_ANY_YEAR, 1, 1, 12, tzinfo=start)
    days = (first + timedelta(days=day) for day in range(0, 365, _LONGEST_STEP))
    return max(_offset(day) - _offset(day.replace(tzinfo=end)) for day in days)
