"""Whether the places are known."""

from typing import Final

from travel_gpt.advisor.checks.result import Result, Rule, Severity, Violation
from travel_gpt.advisor.checks.wording import listed, quoted
from travel_gpt.advisor.constraints import Constraints
from travel_gpt.advisor.trip import Day, Place, Trip

RULE: Final = Rule("places", Severity.WARNING)


def check(trip: Trip, asked: Constraints) -> Result:  # noqa: ARG001
    """The places are known, in the countries that they are said to be in.

    It is a warning: small places are missing from every list, and may share their names with others.
    """
    if not trip.places:
        return RULE.not_checkable("The plan names no places.")
    violations = [_violation(trip, place) for place in trip.places if place.found != "found"]
    # What is not known may be invented: then nothing else of it can be checked either.
    return RULE.judged(violations, checked=1 - len(violations) / len(trip.places))


def _violation(trip: Trip, place: Place) -> Violation:
    inside = ", ".join(filter(None, (place.region, place.country)))
    where = f"{quoted(place.name)} in {inside}" if inside else quoted(place.name)
    if place.found == "elsewhere":
        message = f"{where} is not known; places of that name are in {listed(place.elsewhere)}."
    elif place.found == "ambiguous":
        message = f"{where} can be more than one place: check which is meant."
    else:
        message = f"{where} is not in the list of towns: look it up, since it may be small, or no town."
    day = next((day.number for day in trip.days if place.name in _names(day)), None)
    return Violation(message=message, day=day, item=place.name)


def _names(day: Day) -> set[str]:
    ends = {end for leg in day.legs for end in (leg.origin, leg.destination)}
    stay = {day.stay.place} if day.stay else set()
    return {day.town, *ends, *(visit.place for visit in day.visits), *stay}
