"""Whether a round trip ends where it began."""

from typing import Final

from travel_gpt.advisor.checks.nearness import NEAR_KM, km_apart
from travel_gpt.advisor.checks.result import Result, Rule, Severity, Violation
from travel_gpt.advisor.checks.wording import kilometres
from travel_gpt.advisor.constraints import Constraints
from travel_gpt.advisor.trip import Trip

RULE: Final = Rule("return", Severity.ERROR, repairable=True)


def check(trip: Trip, asked: Constraints) -> Result:
    """A round trip, where one was asked for, ends where it began or within 100 km."""
    if not asked.round_trip:
        return RULE.does_not_apply("No round trip was asked for.")
    last = trip.nights + 1
    if last not in {day.number for day in trip.days}:
        return RULE.not_checkable(f"Day {last}, the last one, is missing.")
    legs = [leg for day in trip.days for leg in day.legs]
    end = legs[-1].destination if legs else trip.days[-1].town
    starts = [trip.origin] if trip.origin else []
    # The way to the airport that a trip begins at may be left out.
    starts += [legs[0].origin] if legs else []
    if not starts:
        return RULE.not_checkable("The plan does not say where the trip begins.")
    apart = [km_apart(trip, end, start) for start in starts]
    known = [distance for distance in apart if distance is not None]
    if any(distance <= NEAR_KM for distance in known):
        return RULE.judged([])
    if len(known) < len(apart):
        return RULE.not_checkable(f"It is not known how far {end} is from {starts[0]}.")
    message = f"The trip ends in {end}, and not where it began: {starts[0]} is {kilometres(known[0])} away."
    return RULE.judged([Violation(message=message, day=last, item=end, by=round(known[0]), unit="km")])
