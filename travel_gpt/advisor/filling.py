"""Makes the trip that callers get of what the model wrote: code adds what it can compute or look up."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from functools import lru_cache
from typing import Final

from travel_gpt.advisor.asked_places import asked_places
from travel_gpt.advisor.checks.leg_speed import least_minutes
from travel_gpt.advisor.constraints import Constraints
from travel_gpt.advisor.geography import Coordinates, great_circle_km, leg_minutes
from travel_gpt.advisor.reference.locate import locate
from travel_gpt.advisor.reference.lookup import Reference
from travel_gpt.advisor.reference.names import town_key
from travel_gpt.advisor.trip import (
    Airport,
    Costs,
    Day,
    Holiday,
    Leg,
    Place,
    Travellers,
    Trip,
    Visit,
)
from travel_gpt.advisor.wire import Outline, Town, WireLeg
from travel_gpt.advisor.written_days import Frame, WrittenDay, frames

_DEFAULT_DIGITS: Final = 2

_LOOKED_UP: Final = 100
"""Towns of a trip that are looked up: of one that names more, most are none."""
_FAR_KM: Final = 300.0
"""Between an airport and the town of its leg: farther, the code is a slip. Assumed: few are so far."""

_LONGEST_MINUTES: Final = 24 * 60
_SLOWEST: Final = 10
_WAITING_MINUTES: Final = 180
"""A usual leg takes a day at most, and ten times as long as the fastest and three hours besides. Assumed."""


def fill(outline: Outline, days: Mapping[int, WrittenDay], asked: Constraints, reference: Reference) -> Trip:
    """Return the trip that an outline and its days describe.

    Args:
        outline: the frame.
        days: what is done on each day, by its number from 1; a day that is missing keeps its frame.
        asked: what the trip has to keep to.
        reference: what is known of places.

    Returns:
        The trip.
    """
    return _Filling(outline, days, asked, reference).trip()


# A trip is filled in again with each of its days, and what it looks up stays the same.
_airport: Final = lru_cache(maxsize=64)(Reference.airport)
_public_holidays: Final = lru_cache(maxsize=512)(Reference.holidays)


@lru_cache(maxsize=16)
def _located(
    reference: Reference, towns: tuple[Town, ...], near: tuple[Coordinates, ...]
) -> dict[str, Place]:
    """Return each town as a place, by its name."""
    found = locate(reference, towns[:_LOOKED_UP], near)
    others = (Place(name=town.name, country="") for town in towns[_LOOKED_UP:])
    return {place.name: place for place in (*found, *others)}


class _Filling:
    def __init__(
        self, outline: Outline, days: Mapping[int, WrittenDay], asked: Constraints, reference: Reference
    ) -> None:
        self._outline, self._asked, self._reference = outline, asked, reference
        self._frames = frames(outline, days)
        self._missing = tuple(number for number in range(1, len(self._frames) + 1) if number not in days)
        self._names = _Names(outline.towns)
        self._currency = outline.currency.strip().upper()
        self._digits = reference.currency(self._currency)

    def trip(self) -> Trip:
        origin = self._origin()
        # Named by legs, stays and visits only.
        for frame in self._frames:
            for name in frame.town_names():
                self._names.add(name)
        self._airports = {airport.code: airport for airport in self._known_airports()}
        near = list(filter(None, map(_coordinates, self._airports.values())))
        self._places = _located(self._reference, tuple(self._names.towns), tuple(near))
        days = tuple(self._day(number, frame) for number, frame in enumerate(self._frames, 1))
        start = self._asked.start
        return Trip(
            title=self._outline.title,
            summary=self._outline.summary,
            language=self._asked.language or "",
            currency=self._currency,
            currency_digits=self._digits,
            travellers=Travellers(
                adults=self._asked.adults or 1,
                children=self._asked.children or (),
                children_without_ages=self._asked.children_without_ages or 0,
            ),
            origin=origin,
            start=start,
            end=start and start + timedelta(days=len(days) - 1),
            nights=len(days) - 1,
            places=tuple(self._places.values()),
            asked_places=asked_places(
                self._asked,
                self._places.values(),
                [*near, *filter(None, map(_coordinates, self._places.values()))],
                self._reference,
            ),
            airports=tuple(self._airports.values()),
            days=days,
            missing_days=self._missing,
            costs=self._sums(days),
        )

    def _origin(self) -> str | None:
        if self._asked.origin:
            return self._names.add(self._asked.origin)
        first = next((leg for frame in self._frames for leg in frame.legs), None)
        return self._names.add(first.origin) if first is not None and self._asked.round_trip else None

    def _known_airports(self) -> Iterable[Airport]:
        codes = {
            code.strip().upper()
            for frame in self._frames
            for leg in frame.legs
            for code in (leg.from_airport, leg.to_airport)
            if code
        }
        for code in sorted(codes):
            known = _airport(self._reference, code)
            if known is None:
                yield Airport(code=code, known=False)
            else:
                yield Airport(
                    code=code,
                    known=True,
                    name=known.name,
                    country=known.country,
                    latitude=known.latitude,
                    longitude=known.longitude,
                    time_zone=known.time_zone,
                )

    def _day(self, number: int, frame: Frame) -> Day:
        on = self._asked.start and self._asked.start + timedelta(days=number - 1)
        legs = tuple(self._leg(leg, on) for leg in frame.legs)
        visits = tuple(
            Visit(
                kind=visit.kind,
                name=visit.name,
                place=self._names.add(visit.town),
                start=visit.start,
                end=visit.end,
                cost=self._rounded(visit.cost),
                why=visit.why,
                diet=tuple(visit.diet),
                step_free=visit.step_free,
            )
            for visit in frame.visits
        )
        stay = frame.stay and replace(
            frame.stay, place=self._names.add(frame.stay.place), cost=self._rounded(frame.stay.cost)
        )
        town = self._names.add(frame.town)
        costs = [*(leg.cost for leg in legs), *(visit.cost for visit in visits), stay.cost if stay else 0.0]
        return Day(
            number=number,
            date=on,
            title=frame.title,
            town=town,
            legs=legs,
            visits=visits,
            stay=stay,
            cost=self._rounded(sum(costs)),
            holidays=self._holidays(on, {town, *(visit.place for visit in visits)}),
        )

    def _leg(self, leg: WireLeg, on: date | None) -> Leg:
        origin, destination = self._names.add(leg.origin), self._names.add(leg.destination)
        from_code, to_code = (code and code.strip().upper() for code in (leg.from_airport, leg.to_airport))
        start, end = self._end(from_code, origin), self._end(to_code, destination)
        distance = None
        if (near := _coordinates(start)) is not None and (far := _coordinates(end)) is not None:
            distance = round(great_circle_km(near, far), 1)
        written = Leg(
            mode=leg.mode,
            origin=origin,
            destination=destination,
            depart=leg.depart,
            arrive=leg.arrive,
            days_later=leg.days_later,
            from_airport=from_code,
            to_airport=to_code,
            cost=self._rounded(leg.cost),
            distance_km=distance,
        )
        return _with_minutes(written, on, start.time_zone, end.time_zone)

    def _end(self, code: str | None, name: str) -> Airport | Place:
        airport, place = self._airports.get(code or ""), self._places[name]
        if airport is None or not airport.known:
            return place
        here, there = _coordinates(airport), _coordinates(place)
        # A check says that the code is wrong; what else is measured with it would be wrong, too.
        return place if here and there and great_circle_km(here, there) > _FAR_KM else airport

    def _holidays(self, on: date | None, names: set[str]) -> tuple[Holiday, ...] | None:
        if on is None:
            return None
        regions = {
            (place.country, place.subdivision or place.region)
            for place in (self._places[name] for name in names)
            if place.country
        }
        known = [
            (country, _public_holidays(self._reference, country, on, region)) for country, region in regions
        ]
        if all(holidays is None for _, holidays in known):
            return None
        found = {(country, name) for country, holidays in known for name in holidays or ()}
        return tuple(Holiday(name=name, country=country) for country, name in sorted(found))

    def _sums(self, days: Iterable[Day]) -> Costs:
        transport = lodging = meals = visits = 0.0
        for day in days:
            transport += sum(leg.cost for leg in day.legs)
            lodging += day.stay.cost if day.stay else 0.0
            meals += sum(visit.cost for visit in day.visits if visit.kind == "meal")
            visits += sum(visit.cost for visit in day.visits if visit.kind != "meal")
        parts = [self._rounded(part) for part in (transport, lodging, meals, visits)]
        transport, lodging, meals, visits = parts
        return Costs(
            transport=transport, lodging=lodging, meals=meals, visits=visits, total=self._rounded(sum(parts))
        )

    def _rounded(self, amount: float) -> float:
        return round(amount, _DEFAULT_DIGITS if self._digits is None else self._digits)


class _Names:
    """The names of the trip's towns. What differs in case, accents or punctuation only is the same town."""

    def __init__(self, towns: Iterable[Town]) -> None:
        self._by_key: dict[str, Town] = {}
        for town in towns:
            self._by_key.setdefault(town_key(town.name), town)

    @property
    def towns(self) -> list[Town]:
        return [*self._by_key.values()]

    def add(self, name: str) -> str:
        """Return the name that the trip has for a town, which is added where there is none."""
        return self._by_key.setdefault(town_key(name), Town(name=name, country="", region=None)).name


def _with_minutes(leg: Leg, on: date | None, zone_from: str | None, zone_to: str | None) -> Leg:
    """Return a leg with how long it takes.

    One that arrives before it departs has another number of days, if only one makes it a usual leg.
    """

    def taking(days: int) -> Leg:
        minutes = leg_minutes(on, leg.depart, leg.arrive, days, zone_from, zone_to)
        return replace(leg, days_later=days, minutes=minutes)

    written = taking(leg.days_later)
    if written.minutes is None or written.minutes >= 0 or leg.distance_km is None:
        return written
    least = least_minutes(leg)
    longest = min(_LONGEST_MINUTES, least * _SLOWEST + _WAITING_MINUTES)
    usual = [each for each in map(taking, range(-1, 3)) if max(1, least) <= (each.minutes or 0) <= longest]
    return usual[0] if len(usual) == 1 else written


def _coordinates(end: Airport | Place) -> Coordinates | None:
    if end.latitude is None or end.longitude is None:
        return None
    return end.latitude, end.longitude
