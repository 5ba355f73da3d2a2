"""Whether legs take as long as they must."""

from typing import Final

from travel_gpt.advisor.checks.result import Result, Rule, Severity, Violation
from travel_gpt.advisor.checks.wording import duration, kilometres, leg_name, leg_times, listed
from travel_gpt.advisor.constraints import Constraints
from travel_gpt.advisor.trip import Leg, Mode, Trip

RULE: Final = Rule("leg_speed", Severity.ERROR, repairable=True)

_FLIGHT: Final = 1130.0

TOP_SPEEDS: Final[dict[Mode, float]] = {
    # The fastest crossing of the Atlantic by an airliner in service, with a storm behind it: British Airways
    # flight 112, the 5,540 km from New York to London in 4 h 56 min (Flightradar24, 9 February 2020).
    "flight": _FLIGHT,
    # What CR450 trains are to run at from 2027 (Commercial Times, 9 March 2026). The maglev train of Shanghai
    # reaches 431 km/h, and 225 km/h on average (Guinness World Records).
    "train": 400.0,
    # The record of a bus for passengers: 80.73 miles an hour (Reading Buses). Speed limiters in the European
    # Union are set to 100 km/h (directive 92/6/EEC).
    "bus": 130.0,
    # The highest speed limit: that of the Sheikh Khalifa bin Zayed motorway (police of Abu Dhabi, 2018).
    "car": 160.0,
    "taxi": 160.0,
    # The fastest ferry, the Francisco of Buquebus: 58.1 knots (Guinness World Records).
    "ferry": 108.0,
    # Lines 18 and 22 in Guangzhou (Railway Gazette, 2021).
    "metro": 160.0,
    # Tram-trains outside the towns: Citadis Dualis of Alstom (Railway Gazette, 2007).
    "tram": 100.0,
    # The hour record, 56.792 km (UCI, 8 October 2022).
    "bicycle": 57.0,
    # Assumed: a little more than men reach who walk fast, 8.7 km/h. Race walkers reach 15.
    "walk": 9.0,
    # Whatever it is, such as a helicopter.
    "other": _FLIGHT,
}
"""Kilometres an hour that no leg exceeds on average, from its departure to its arrival."""

SLACK_KM: Final[dict[Mode, float]] = {"flight": 100.0, "other": 100.0, "bicycle": 15.0, "walk": 10.0}
"""By how much a leg may be shorter than the distance of its ends: a flight may use another airport of the
city, and a place is where its centre is. Assumed."""
_SLACK_KM: Final = 30.0


def check(trip: Trip, asked: Constraints) -> Result:  # noqa: ARG001
    """No leg arrives before it departs, or is faster than the top speed of its means of transport.

    Time zones and the date line are considered. The distance is that of the great circle, less 100 km for
    flights, 10 km for walks, 15 km for bicycles and 30 km for others, for the size of towns.
    """
    legs = [(day.number, index, leg) for day in trip.days for index, leg in enumerate(day.legs)]
    if not legs:
        return RULE.does_not_apply("The plan has no legs.")
    unknown = [leg_name(leg) for *_, leg in legs if leg.minutes is None or leg.distance_km is None]
    if len(unknown) == len(legs) and not any((leg.minutes or 0) < 0 for *_, leg in legs):
        return RULE.not_checkable("The ends of the legs are not located.")
    violations = [found for each in legs if (found := _too_short(*each))]
    why = f"Not located, and not checked: {listed(unknown)}." if unknown else ""
    return RULE.judged(violations, why, 1 - len(unknown) / len(legs))


def least_minutes(leg: Leg) -> float:
    """Return how long a leg takes at least; 0 where that is not known."""
    distance = max(0.0, (leg.distance_km or 0.0) - SLACK_KM.get(leg.mode, _SLACK_KM))
    return distance / TOP_SPEEDS[leg.mode] * 60


def _too_short(day: int, index: int, leg: Leg) -> Violation | None:
    if leg.minutes is None:
        return None
    name = f"Day {day}: the {leg_name(leg)} ({leg_times(leg)})"
    least = least_minutes(leg)
    if leg.minutes < 0:
        message = f"{name} arrives {duration(-leg.minutes)} before it departs, in the time zones of its ends."
    elif leg.minutes < least:
        message = (
            f"{name} takes {duration(leg.minutes)} for {kilometres(leg.distance_km or 0)}; "
            f"even the fastest takes {duration(least)}."
        )
    else:
        return None
    short = round(least - leg.minutes)
    return Violation(message=message, day=day, item=leg_name(leg), by=short, unit="minutes", leg=index)
