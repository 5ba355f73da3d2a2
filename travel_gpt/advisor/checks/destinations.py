"""Whether a trip begins, and leads, where it was asked to."""

from collections.abc import Iterator
from typing import Final

from travel_gpt.advisor.checks.nearness import NEAR_KM, coordinates, same_name
from travel_gpt.advisor.checks.result import Result, Rule, Severity, Violation
from travel_gpt.advisor.checks.wording import kilometres, quoted
from travel_gpt.advisor.constraints import Constraints
from travel_gpt.advisor.geography import great_circle_km
from travel_gpt.advisor.trip import Leg, Place, Trip

RULE: Final = Rule("destinations", Severity.ERROR)


def check(trip: Trip, asked: Constraints) -> Result:
    """The trip leads to within 100 km of each destination that was asked for, and begins so near its origin.

    A destination that is a country is kept by any town in it. What is not known where it is, is for
    ``unknown_destinations``.
    """
    violations: list[Violation] = []
    known = 0
    for name in asked.destinations:
        if is_known(trip, name):
            known += 1
            if far := _missed(trip, name):
                violations.append(far)
    if (first := _first_leg(trip)) and asked.origin and is_known(trip, asked.origin):
        known += 1
        if far := _begins_elsewhere(trip, asked.origin, *first):
            violations.append(far)
    if not known:
        return RULE.does_not_apply("No destination or origin was asked for of which it is known where it is.")
    return RULE.judged(violations)


def is_known(trip: Trip, name: str) -> bool:
    """Return whether a place that was asked for can be compared with the plan."""
    first = _first_leg(trip)
    named = [*_places(trip), *([first[1].origin] if first else [])]
    return _resolved(trip, name) is not None or any(same_name(name, each) for each in named)


def _resolved(trip: Trip, name: str) -> Place | None:
    """Return a place that was asked for, where it is located or a country."""
    found = next((place for place in trip.asked_places if place.name == name), None) or trip.place(name)
    return found if found and (coordinates(found) or _is_country(found)) else None


def _is_country(place: Place) -> bool:
    return place.found == "found" and bool(place.country) and coordinates(place) is None


def _places(trip: Trip) -> Iterator[str]:
    """Yield where the travellers are for more than a change of trains."""
    for day in trip.days:
        yield day.town
        yield from (visit.place for visit in day.visits)


def _missed(trip: Trip, name: str) -> Violation | None:
    """Return what is wrong where no town is near a destination."""
    towns = list(_places(trip))
    sought = _resolved(trip, name)
    if sought is None or any(same_name(name, town) for town in towns):
        return None
    if _is_country(sought):
        if any(place.country == sought.country for place in map(trip.place, towns) if place):
            return None
        return Violation(message=f"No town of the trip is in {quoted(name)}, which was asked for.", item=name)
    apart = [distance for town in towns if (distance := _km(sought, trip.place(town))) is not None]
    nearest = min(apart, default=None)
    if nearest is not None and nearest <= NEAR_KM:
        return None
    away = f": the nearest is {kilometres(nearest)} away" if nearest is not None else ""
    message = f"The trip does not lead to {quoted(name)}, which was asked for{away}."
    by = None if nearest is None else round(nearest)
    return Violation(message=message, item=name, by=by, unit=None if by is None else "km")


def _first_leg(trip: Trip) -> tuple[int, Leg] | None:
    return next(((day.number, leg) for day in trip.days for leg in day.legs), None)


def _begins_elsewhere(trip: Trip, origin: str, day: int, leg: Leg) -> Violation | None:
    sought = _resolved(trip, origin)
    begin = trip.place(leg.origin)
    if sought is None or same_name(origin, leg.origin):
        return None
    if _is_country(sought):
        apart, away = None, begin is not None and begin.country not in ("", sought.country)
    else:
        apart = _km(sought, begin)
        away = apart is not None and apart > NEAR_KM
    if not away:
        return None
    far = f", {kilometres(apart)} away" if apart is not None else ""
    message = f"The trip should begin in {quoted(origin)}, and begins in {quoted(leg.origin)}{far}."
    by = None if apart is None else round(apart)
    unit = None if apart is None else "km"
    return Violation(message=message, day=day, item=origin, by=by, unit=unit, leg=0)


def _km(one: Place, other: Place | None) -> float | None:
    here, there = coordinates(one), coordinates(other)
    return great_circle_km(here, there) if here and there else None
