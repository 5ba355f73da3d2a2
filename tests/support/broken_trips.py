"""Ways to break a valid trip, each with the rule that it breaks.

Each takes a trip and what was asked, and returns them broken, or None where the trip has nothing to break.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Final

from tests.support.trips import TOWNS, measured, stay, summed, visit
from travel_gpt.advisor.checks.leg_speed import least_minutes
from travel_gpt.advisor.constraints import Budget, Constraints
from travel_gpt.advisor.trip import Airport, Day, Holiday, Leg, Trip, Visit, minutes_of

Asked = tuple[Trip, Constraints]
Break = Callable[[Trip, Constraints], Asked | None]

BREAKS: Final[dict[str, Break]] = {}
"""By the name of the rule, ``:``, and how it is broken."""


def _breaks(rule: str) -> Callable[[Break], Break]:
    def register(way: Break) -> Break:
        BREAKS[f"{rule}: {way.__name__}"] = way
        return way

    return register


def _with_day(trip: Trip, changed: Day) -> Trip:
    """Return the trip with one day changed, measured and added anew."""
    days = tuple(changed if day.number == changed.number else day for day in trip.days)
    return summed(measured(replace(trip, days=days)))


def _with_leg(trip: Trip, day: Day, old: Leg, new: Leg) -> Trip:
    return _with_day(trip, replace(day, legs=tuple(new if leg is old else leg for leg in day.legs)))


def _visits(trip: Trip, *kinds: str) -> Iterator[tuple[Day, Visit]]:
    """Return the visits with a name of their own."""
    own = ("Castle", "Museum", "Trattoria", "Jazz")
    for day in trip.days:
        for each in day.visits:
            if each.kind in kinds and each.name.startswith(own):
                yield day, each


def _legs(trip: Trip) -> Iterator[tuple[Day, Leg]]:
    for day in trip.days:
        for leg in day.legs:
            yield day, leg


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


@_breaks("dates")
def a_day_is_left_out(trip: Trip, asked: Constraints) -> Asked:
    return summed(replace(trip, days=trip.days[:-1])), asked


@_breaks("dates")
def a_day_is_there_twice(trip: Trip, asked: Constraints) -> Asked:
    return summed(replace(trip, days=(trip.days[0], *trip.days))), asked


@_breaks("dates")
def a_date_is_one_day_late(trip: Trip, asked: Constraints) -> Asked | None:
    last = trip.days[-1]
    if last.date is None or trip.start is None:
        return None
    return replace(trip, days=(*trip.days[:-1], replace(last, date=last.date + timedelta(1)))), asked


@_breaks("dates")
def more_nights_were_asked_for(trip: Trip, asked: Constraints) -> Asked:
    return trip, replace(asked, nights=trip.nights + 1)


@_breaks("overlaps")
def a_visit_begins_a_minute_before_another_ends(trip: Trip, asked: Constraints) -> Asked | None:
    for day, each in _visits(trip, "sight", "activity"):
        if each.start < each.end < "23:00":
            start = minutes_of(each.end) - 1
            other = visit("Zoo", _clock(start), _clock(start + 30), each.place, kind="activity")
            return _with_day(trip, replace(day, visits=(*day.visits, other))), asked
    return None


@_breaks("overlaps")
def a_visit_is_during_a_leg(trip: Trip, asked: Constraints) -> Asked | None:
    for day, each in _legs(trip):
        start = minutes_of(each.depart) + 1
        if start < 23 * 60 and (each.minutes or 0) > 10:
            other = visit("Zoo", _clock(start), _clock(start + 30), each.origin)
            return _with_day(trip, replace(day, visits=(*day.visits, other))), asked
    return None


@_breaks("overlaps")
def a_visit_is_before_an_arrival_on_the_next_day(trip: Trip, asked: Constraints) -> Asked | None:
    for day, each in _legs(trip):
        arrive = minutes_of(each.arrive)
        # Not in the hours in which the clocks change.
        usual = 4 * 60 < arrive < min(each.minutes or 0, 23 * 60)
        if each.days_later == 1 and day.number <= trip.nights and usual:
            after = trip.days[day.number]
            other = visit("Zoo", _clock(arrive - 5), _clock(arrive + 5), each.destination)
            return _with_day(trip, replace(after, visits=(*after.visits, other))), asked
    return None


@_breaks("sums")
def a_day_is_stated_too_dear(trip: Trip, asked: Constraints) -> Asked:
    first = trip.days[0]
    more = 10 ** -(trip.currency_digits or 0)
    return replace(trip, days=(replace(first, cost=first.cost + more), *trip.days[1:])), asked


@_breaks("sums")
def a_category_is_stated_too_cheap(trip: Trip, asked: Constraints) -> Asked:
    return replace(trip, costs=replace(trip.costs, meals=trip.costs.meals - 1)), asked


@_breaks("currency")
def there_is_no_such_currency(trip: Trip, asked: Constraints) -> Asked:
    return replace(trip, currency="XQZ", currency_digits=None), asked


@_breaks("currency")
def the_budget_is_in_another(trip: Trip, asked: Constraints) -> Asked:
    return trip, replace(asked, budget=Budget(amount=1e6, currency="CHF"))


@_breaks("budget")
def the_budget_is_a_little_less(trip: Trip, asked: Constraints) -> Asked | None:
    less = trip.costs.total - 10 ** -(trip.currency_digits or 0)
    if less <= 0:
        return None
    return trip, replace(asked, budget=Budget(amount=less, currency=trip.currency))


@_breaks("duplicates")
def a_sight_comes_again(trip: Trip, asked: Constraints) -> Asked | None:
    for day, each in _visits(trip, "sight"):
        if day.number <= trip.nights and each.start < each.end:
            last = trip.days[-1]
            again = replace(each, name=f"Visit to the {each.name.upper()}!")
            return _with_day(trip, replace(last, visits=(*last.visits, again))), asked
    return None


@_breaks("repeated_meals")
def a_restaurant_comes_again(trip: Trip, asked: Constraints) -> Asked | None:
    for day, each in _visits(trip, "meal"):
        if day.number <= trip.nights and each.start >= "11:00":
            last = trip.days[-1]
            again = replace(each, name=f"Dinner at {each.name}")
            return _with_day(trip, replace(last, visits=(*last.visits, again))), asked
    return None


@_breaks("nights")
def a_night_has_no_lodging(trip: Trip, asked: Constraints) -> Asked | None:
    for day in trip.days[:-1]:
        after = trip.days[day.number]
        awake = any(leg.depart < "06:00" for leg in after.legs)
        if day.stay and not awake and trip.origin not in (day.town, day.stay.place):
            return _with_day(trip, replace(day, stay=None)), asked
    return None


@_breaks("nights")
def the_lodging_is_in_another_town(trip: Trip, asked: Constraints) -> Asked | None:
    for day in trip.days:
        if day.stay and not any(leg.days_later for before in trip.days for leg in before.legs):
            far = next(town for town in ("Sydney", "Paris", "Delhi") if town != day.town)
            moved = replace(trip, places=(*trip.places, TOWNS[far]))
            return _with_day(moved, replace(day, stay=stay("Hotel Far", far, kind=day.stay.kind))), asked
    return None


@_breaks("return")
def the_way_back_is_left_out(trip: Trip, asked: Constraints) -> Asked | None:
    legs = [each for _, each in _legs(trip)]
    last = trip.days[-1]
    if not asked.round_trip or len(legs) < 2 or not last.legs:
        return None
    if {legs[-1].origin, legs[0].origin} <= {"Lisbon", "Sintra"} or {legs[-1].origin, legs[0].origin} <= {
        "Berlin",
        "Potsdam",
    }:
        return None
    return _with_day(trip, replace(last, legs=(), town=legs[-1].origin)), asked


@_breaks("leg_speed")
def a_leg_is_a_minute_too_fast(trip: Trip, asked: Constraints) -> Asked | None:
    for day, each in _legs(trip):
        too_much = (each.minutes or 0) - round(least_minutes(each)) + 2
        later, arrive = divmod(minutes_of(each.arrive) - too_much, 24 * 60)
        # Not where a night with a change of the clocks is in between.
        if least_minutes(each) > 2 and later == 0 and arrive > 4 * 60:
            return _with_leg(trip, day, each, replace(each, arrive=_clock(arrive))), asked
    return None


@_breaks("leg_speed")
def a_leg_arrives_before_it_departs(trip: Trip, asked: Constraints) -> Asked | None:
    for day, each in _legs(trip):
        return _with_leg(trip, day, each, replace(each, days_later=each.days_later - 3)), asked
    return None


@_breaks("route")
def a_leg_begins_elsewhere(trip: Trip, asked: Constraints) -> Asked | None:
    for day, each in list(_legs(trip))[1:]:
        far = next(
            town for town in ("Sydney", "Paris", "Delhi") if town not in (each.origin, each.destination)
        )
        moved = replace(trip, places=(*trip.places, TOWNS[far]))
        return _with_leg(moved, day, each, replace(each, origin=far)), asked
    return None


@_breaks("route")
def a_day_is_elsewhere_without_a_leg(trip: Trip, asked: Constraints) -> Asked | None:
    last = trip.days[-1]
    if last.legs or not trip.nights:
        return None
    far = next(town for town in ("Sydney", "Paris", "Delhi") if town != last.town)
    return _with_day(replace(trip, places=(*trip.places, TOWNS[far])), replace(last, town=far)), asked


@_breaks("route")
def a_visit_is_before_the_arrival(trip: Trip, asked: Constraints) -> Asked | None:
    overnight = {day.number + 1 for day, each in _legs(trip) if each.days_later}
    for day, each in _legs(trip):
        same_clock = TOWNS[each.origin].time_zone == TOWNS[each.destination].time_zone
        far = (each.distance_km or 0) > 250
        if (
            each is day.legs[0]
            and same_clock
            and far
            and each.depart > "08:30"
            and day.number not in overnight
        ):
            early = visit("Zoo", "06:00", "06:30", each.destination)
            return _with_day(trip, replace(day, visits=(early, *day.visits))), asked
    return None


@_breaks("destinations")
def a_destination_is_left_out(trip: Trip, asked: Constraints) -> Asked | None:
    names = {place.name for place in trip.places}
    for far in {"Apia", "Delhi", "Sydney"} - names:
        changed = replace(asked, destinations=(*asked.destinations, far))
        return replace(trip, asked_places=(TOWNS[far],)), changed
    return None


@_breaks("destinations")
def the_trip_begins_elsewhere(trip: Trip, asked: Constraints) -> Asked | None:
    for _, each in _legs(trip):
        far = "Apia" if each.origin != "Apia" else "Delhi"
        return replace(trip, asked_places=(TOWNS[far],)), replace(asked, origin=far)
    return None


@_breaks("unknown_destinations")
def a_destination_is_not_known(trip: Trip, asked: Constraints) -> Asked:
    return trip, replace(asked, destinations=("Zorbaville", *asked.destinations))


@_breaks("places")
def a_place_is_known_elsewhere_only(trip: Trip, asked: Constraints) -> Asked:
    first = replace(trip.places[0], found="elsewhere", elsewhere=("BR",))
    return replace(trip, places=(first, *trip.places[1:])), asked


@_breaks("airports")
def an_airport_is_not_known(trip: Trip, asked: Constraints) -> Asked | None:
    for day, each in _legs(trip):
        unknown = replace(trip, airports=(*trip.airports, Airport(code="QQQ", known=False)))
        return _with_leg(unknown, day, each, replace(each, from_airport="QQQ")), asked
    return None


@_breaks("airports")
def an_airport_is_far_away(trip: Trip, asked: Constraints) -> Asked | None:
    for day, each in _legs(trip):
        pole = Airport(code="NZX", known=True, latitude=-90, longitude=0, time_zone="Antarctica/McMurdo")
        return _with_leg(
            replace(trip, airports=(*trip.airports, pole)), day, each, replace(each, to_airport="NZX")
        ), asked
    return None


@_breaks("holidays")
def a_day_is_a_holiday(trip: Trip, asked: Constraints) -> Asked | None:
    first = replace(trip.days[0], holidays=(Holiday(name="Liberty Day", country="PT"),))
    return (replace(trip, days=(first, *trip.days[1:])), asked) if first.date else None


@_breaks("pace")
def a_day_is_too_full(trip: Trip, asked: Constraints) -> Asked:
    last = trip.days[-1]
    more = tuple(visit(f"Castle {name}", "12:00", "12:00", last.town) for name in "ABCDE")
    full = replace(last, visits=(*last.visits, *more))
    return _with_day(trip, full), replace(asked, pace="relaxed")


@_breaks("diet")
def a_meal_suits_only_some(trip: Trip, asked: Constraints) -> Asked | None:
    if any(each.kind == "meal" for day in trip.days for each in day.visits):
        return trip, replace(asked, diet=(*asked.diet, "kosher"))
    return None


@_breaks("mobility")
def a_visit_has_steps(trip: Trip, asked: Constraints) -> Asked | None:
    for day, each in _visits(trip, "sight", "activity"):
        visits = tuple(replace(other, step_free=False) if other is each else other for other in day.visits)
        return _with_day(trip, replace(day, visits=visits)), replace(asked, mobility=("wheelchair",))
    return None


@_breaks("lodging")
def a_stay_is_of_another_kind(trip: Trip, asked: Constraints) -> Asked | None:
    return (trip, replace(asked, lodging=("campsite",))) if any(day.stay for day in trip.days) else None


@_breaks("transport")
def a_leg_is_by_other_means(trip: Trip, asked: Constraints) -> Asked | None:
    if any(each.mode not in ("taxi", "bus") for _, each in _legs(trip)):
        return trip, replace(asked, transport=("bicycle",))
    return None
