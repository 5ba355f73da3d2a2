"""Whether the legs of a trip join up."""

from typing import Final

from travel_gpt.advisor.checks.nearness import NEAR_KM, km_apart
from travel_gpt.advisor.checks.result import Result, Rule, Severity, Violation
from travel_gpt.advisor.checks.wording import kilometres, leg_name, listed, quoted
from travel_gpt.advisor.constraints import Constraints
from travel_gpt.advisor.trip import Day, Leg, Trip

RULE: Final = Rule("route", Severity.WARNING)


def check(trip: Trip, asked: Constraints) -> Result:  # noqa: ARG001
    """A leg begins within 100 km of where the travellers are, and no day or visit is elsewhere without a leg.

    It is a warning: plans often leave out a transfer, and the travellers can add the leg that is missing.
    """
    if not trip.days:
        return RULE.not_checkable("The plan has no days.")
    route = _Route(trip)
    for before, day in zip((None, *trip.days), trip.days, strict=False):
        # Where the travellers are after a day that is missing is not known.
        if before and day.number != before.number + 1:
            route.here = None
        route.follow(day)
    if route.unknown and not route.compared:
        return RULE.not_checkable("The places are not located.")
    why = f"Not located, and not compared: {listed(route.unknown)}." if route.unknown else ""
    return RULE.judged(route.violations, why)


class _Route:
    """Where the travellers are."""

    def __init__(self, trip: Trip) -> None:
        self._trip = trip
        self.here: str | None = trip.origin
        self.compared = 0
        self.unknown: list[str] = []
        self.violations: list[Violation] = []

    def follow(self, day: Day) -> None:
        if not day.legs:
            if apart := self._far(day.town):
                message = (
                    f"Day {day.number} is in {day.town}, and there is no way to it "
                    f"from {self.here}, {kilometres(apart)} away."
                )
                self._add(day.number, day.town, message, apart)
            self.here = day.town
        reached = [self.here, *(end for leg in day.legs for end in (leg.origin, leg.destination))]
        for leg in day.legs:
            self._take(day.number, leg)
        there = [place for place in reached if place is not None]
        if day.legs:
            self._compare_town(day, there)
        self._compare_visits(day, [*there, day.town])

    def _compare_town(self, day: Day, reached: list[str]) -> None:
        """Compare the town of a day with where its legs lead."""
        if apart := self._far_from_all(day.town, reached):
            message = (
                f"Day {day.number} is in {day.town}, and none of its legs leads there: "
                f"the nearest end is {kilometres(apart)} away."
            )
            self._add(day.number, day.town, message, apart)

    def _compare_visits(self, day: Day, reached: list[str]) -> None:
        """Compare where visits are with where the travellers are on that day: once for each place."""
        for visit in {visit.place: visit for visit in reversed(day.visits)}.values():
            if apart := self._far_from_all(visit.place, reached):
                message = (
                    f"Day {day.number}: {quoted(visit.name)} is in {visit.place}, {kilometres(apart)} from "
                    f"{day.town}, and there is no way to it on that day."
                )
                self._add(day.number, visit.name, message, apart)

    def _far_from_all(self, place: str, reached: list[str]) -> float | None:
        """Return how far a place is from the nearest of others, where all are far."""
        apart = [km_apart(self._trip, other, place) for other in reached]
        known = [distance for distance in apart if distance is not None]
        return min(known) if len(known) == len(apart) and min(known) > NEAR_KM else None

    def _take(self, day: int, leg: Leg) -> None:
        if apart := self._far(leg.origin):
            message = (
                f"Day {day}: the {leg_name(leg)} begins {kilometres(apart)} from {self.here}, "
                f"where the travellers are."
            )
            self._add(day, leg_name(leg), message, apart)
        self.here = leg.destination

    def _far(self, place: str) -> float | None:
        """Return how far a place is from where the travellers are, where it is far."""
        if self.here is None:
            return None
        apart = km_apart(self._trip, self.here, place)
        if apart is None:
            self.unknown.append(f"{self.here} and {place}")
            return None
        self.compared += 1
        return apart if apart > NEAR_KM else None

    def _add(self, day: int, item: str, message: str, apart: float) -> None:
        self.violations.append(Violation(message=message, day=day, item=item, by=round(apart), unit="km"))
