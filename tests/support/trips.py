"""Trips for tests, written with few words: places, distances, durations and sums are added."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from math import fsum
from typing import Final

from travel_gpt.advisor.geography import great_circle_km, leg_minutes
from travel_gpt.advisor.trip import Airport, Costs, Day, Leg, Mode, Place, Stay, Trip, Visit


def _town(name: str, country: str, latitude: float, longitude: float, zone: str) -> Place:
    return Place(
        name=name, country=country, found="found", latitude=latitude, longitude=longitude, time_zone=zone
    )


TOWNS: Final = {
    place.name: place
    for place in (
        _town("Berlin", "DE", 52.52, 13.405, "Europe/Berlin"),
        _town("Potsdam", "DE", 52.399, 13.066, "Europe/Berlin"),
        _town("Prague", "CZ", 50.088, 14.42, "Europe/Prague"),
        _town("Vienna", "AT", 48.208, 16.372, "Europe/Vienna"),
        _town("Paris", "FR", 48.857, 2.352, "Europe/Paris"),
        _town("London", "GB", 51.507, -0.128, "Europe/London"),
        _town("Lisbon", "PT", 38.717, -9.133, "Europe/Lisbon"),
        _town("Porto", "PT", 41.15, -8.611, "Europe/Lisbon"),
        _town("Sintra", "PT", 38.797, -9.39, "Europe/Lisbon"),
        _town("New York", "US", 40.714, -74.006, "America/New_York"),
        _town("Los Angeles", "US", 34.052, -118.244, "America/Los_Angeles"),
        _town("Honolulu", "US", 21.307, -157.858, "Pacific/Honolulu"),
        _town("Tokyo", "JP", 35.69, 139.692, "Asia/Tokyo"),
        _town("Kyoto", "JP", 35.021, 135.754, "Asia/Tokyo"),
        _town("Delhi", "IN", 28.652, 77.231, "Asia/Kolkata"),
        _town("Kathmandu", "NP", 27.702, 85.321, "Asia/Kathmandu"),
        _town("Sydney", "AU", -33.868, 151.207, "Australia/Sydney"),
        _town("Auckland", "NZ", -36.848, 174.763, "Pacific/Auckland"),
        _town("Apia", "WS", -13.833, -171.767, "Pacific/Apia"),
    )
}


def _airport(code: str, town: str, latitude: float, longitude: float) -> Airport:
    zone, country = TOWNS[town].time_zone, TOWNS[town].country
    return Airport(
        code=code, known=True, country=country, latitude=latitude, longitude=longitude, time_zone=zone
    )


AIRPORTS: Final = {
    "Berlin": _airport("BER", "Berlin", 52.362, 13.501),
    "Paris": _airport("CDG", "Paris", 49.013, 2.55),
    "London": _airport("LHR", "London", 51.471, -0.462),
    "Lisbon": _airport("LIS", "Lisbon", 38.781, -9.136),
    "Porto": _airport("OPO", "Porto", 41.248, -8.681),
    "New York": _airport("JFK", "New York", 40.64, -73.779),
    "Tokyo": _airport("NRT", "Tokyo", 35.765, 140.386),
    "Auckland": _airport("AKL", "Auckland", -37.008, 174.792),
}


def visit(name: str, start: str, end: str, place: str = "Lisbon", **more: object) -> Visit:
    """A visit; a sight unless ``kind`` says otherwise."""
    values = {"kind": "sight", "name": name, "place": place, "start": start, "end": end} | more
    return Visit(**values)  # type: ignore[arg-type]


def leg(mode: Mode, ends: str, times: str, days_later: int = 0, **more: object) -> Leg:
    """A leg, such as ``leg("train", "Berlin-Prague", "9:00-13:00")``, measured when a trip is made of it."""
    origin, destination = ends.split("-")
    depart, arrive = (moment.rjust(5, "0") for moment in times.split("-"))
    values = {"origin": origin, "destination": destination, "depart": depart, "arrive": arrive} | more
    return Leg(mode=mode, days_later=days_later, **values)  # type: ignore[arg-type]


def stay(name: str = "Hotel Mundial", place: str = "Lisbon", **more: object) -> Stay:
    """A night in a hotel, unless ``kind`` says otherwise."""
    return Stay(**({"name": name, "kind": "hotel", "place": place} | more))  # type: ignore[arg-type]


def day(number: int, town: str, *parts: Leg | Visit | Stay, on: date | None = None) -> Day:
    """A day of legs, visits and at most one stay."""
    return Day(
        number=number,
        date=on,
        title=f"Day {number}",
        town=town,
        legs=tuple(part for part in parts if isinstance(part, Leg)),
        visits=tuple(part for part in parts if isinstance(part, Visit)),
        stay=next((part for part in parts if isinstance(part, Stay)), None),
    )


def trip_of(*days: Day, start: date | None = None, places: Iterable[Place] = (), **more: object) -> Trip:
    """A trip of days, with their dates, sums, distances and durations, and with the places that they name."""
    nights = more.pop("nights", max((each.number for each in days), default=1) - 1)
    assert isinstance(nights, int)
    known = TOWNS | {place.name: place for place in places}
    airports = {airport.code: airport for airport in AIRPORTS.values()}
    dated = [replace(each, date=start + timedelta(each.number - 1) if start else None) for each in days]
    values: dict[str, object] = {
        "title": "A trip",
        "currency": "EUR",
        "currency_digits": 2,
        "start": start,
        "end": start + timedelta(nights) if start else None,
        "nights": nights,
        "places": tuple(
            known[name] for name in dict.fromkeys([str(more.get("origin")), *_names(days)]) if name in known
        ),
        "airports": tuple(airports[code] for code in dict.fromkeys(_codes(days)) if code in airports),
    }
    return summed(measured(replace(Trip(**(values | more)), days=tuple(dated))))  # type: ignore[arg-type]


def measured(trip: Trip) -> Trip:
    """Return a trip with the distances and durations of its legs computed anew."""
    days = []
    for each in trip.days:
        legs = tuple(_measured(trip, each, part) for part in each.legs)
        days.append(replace(each, legs=legs))
    return replace(trip, days=tuple(days))


def _measured(trip: Trip, on: Day, part: Leg) -> Leg:
    start = trip.airport(part.from_airport) or trip.place(part.origin)
    end = trip.airport(part.to_airport) or trip.place(part.destination)
    distance = None
    if start and end and None not in (start.latitude, end.latitude):
        ends = [(point.latitude or 0.0, point.longitude or 0.0) for point in (start, end)]
        distance = great_circle_km(ends[0], ends[1])
    zones = (start.time_zone if start else None, end.time_zone if end else None)
    minutes = leg_minutes(on.date, part.depart, part.arrive, part.days_later, *zones)
    return replace(part, distance_km=distance, minutes=minutes)


def summed(trip: Trip) -> Trip:
    """Return a trip with its costs added anew."""
    digits = 2 if trip.currency_digits is None else trip.currency_digits
    sums: dict[str, list[float]] = {"transport": [], "lodging": [], "meals": [], "visits": []}
    days = []
    for each in trip.days:
        sums["transport"] += [part.cost for part in each.legs]
        sums["lodging"] += [each.stay.cost] if each.stay else []
        sums["meals"] += [part.cost for part in each.visits if part.kind == "meal"]
        sums["visits"] += [part.cost for part in each.visits if part.kind != "meal"]
        parts: list[Leg | Visit | Stay] = [*each.legs, *each.visits, *([each.stay] if each.stay else [])]
        costs = [part.cost for part in parts]
        days.append(replace(each, cost=round(fsum(costs), digits)))
    by_category = {name: round(fsum(costs), digits) for name, costs in sums.items()}
    total = round(fsum(by_category.values()), digits)
    return replace(trip, days=tuple(days), costs=Costs(total=total, **by_category))


def _names(days: Iterable[Day]) -> Iterable[str]:
    for each in days:
        yield each.town
        yield from (end for part in each.legs for end in (part.origin, part.destination))
        yield from (part.place for part in each.visits)
        yield from [each.stay.place] if each.stay else []


def _codes(days: Iterable[Day]) -> Iterable[str | None]:
    for each in days:
        yield from (code for part in each.legs for code in (part.from_airport, part.to_airport))
