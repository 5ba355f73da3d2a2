"""Whether the legs of a trip join up."""

from typing import Final

from travel_gpt.advisor.checks.nearness import NEAR_KM, km_apart
from travel_gpt.advisor.checks.result import Result, Rule, Severity, Violation
from travel_gpt.advisor.checks.timeline import timeline
from travel_gpt.advisor.checks.wording import kilometres, leg_name, listed, quoted, visit_times
from travel_gpt.advisor.constraints import Constraints
from travel_gpt.advisor.trip import Day, Leg, Trip, Visit

RULE: Final = Rule("route", Severity.WARNING, repairable=True)


def check(trip: Trip, asked: Constraints) -> Result:  # noqa: ARG001
    """A leg begins, and a visit is, within 100 km of where the travellers are then, and no day is elsewhere.

    They are where their last leg led to, or where the next one on the same day begins.
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
    parts = route.compared + len(route.unknown)
    return RULE.judged(route.violations, why, route.compared / parts if parts else 1.0)


class _Route:
    """Where the travellers are."""

    def __init__(self, trip: Trip) -> None:
        self._trip = trip
        self._spans = {(span.day, _kind(span.part), span.index): span for span in timeline(trip).spans}
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
        before = self.here
        reached = [before, *(end for leg in day.legs for end in (leg.origin, leg.destination))]
        for index, leg in enumerate(day.legs):
            self._take(day.number, index, leg)
        there = [place for place in reached if place is not None]
        far = bool(day.legs) and self._compare_town(day, there)
        self._compare_visits(day, before, there, [day.town] if far or not day.legs else [])

    def _compare_town(self, day: Day, reached: list[str]) -> bool:
        """Compare the town of a day with where its legs lead, and return whether it is elsewhere."""
        if apart := self._far_from_all(day.town, reached):
            message = (
                f"Day {day.number} is in {day.town}, and none of its legs leads there: "
                f"the nearest end is {kilometres(apart)} away."
            )
            self._add(day.number, day.town, message, apart)
        return bool(apart)

    def _compare_visits(self, day: Day, before: str | None, reached: list[str], also: list[str]) -> None:
        """Compare where visits are with where the travellers are then: once for each place that is far.

        Args:
            day: the day.
            before: where it begins.
            reached: where the travellers come on the day.
            also: where they are all day.
        """
        reported: set[str] = set()
        for index, visit in enumerate(day.visits):
            then = self._then(day, index, before)
            where = [*(reached if then is None else then), *also]
            apart = self._far_from_all(visit.place, where) if where else None
            if apart and visit.place not in reported:
                reported.add(visit.place)
                message = (
                    f"Day {day.number}: {quoted(visit.name)} ({visit_times(visit)}) is in {visit.place}, "
                    f"{kilometres(apart)} from where the travellers are then: {listed(where)}."
                )
                self._add(day.number, visit.name, message, apart, visit=index)

    def _then(self, day: Day, index: int, before: str | None) -> list[str] | None:
        """Return where the travellers are during a visit; None where the times do not say so."""
        at = self._spans.get((day.number, "visit", index))
        legs = [self._spans.get((day.number, "leg", each)) for each in range(len(day.legs))]
        if at is None:
            return None
        where, following = before, None
        for span in sorted(filter(None, legs), key=lambda span: span.start):
            if span.clock != at.clock or (span.start < at.end and at.start < span.end):
                return None
            if span.end <= at.start:
                where = day.legs[span.index].destination
            elif following is None:
                following = day.legs[span.index].origin
        return None if None in legs else [place for place in (where, following) if place is not None]

    def _far_from_all(self, place: str, reached: list[str]) -> float | None:
        """Return how far a place is from the nearest of others, where all are far."""
        apart = [km_apart(self._trip, other, place) for other in reached]
        known = [distance for distance in apart if distance is not None]
        return min(known) if len(known) == len(apart) and min(known) > NEAR_KM else None

    def _take(self, day: int, index: int, leg: Leg) -> None:
        if apart := self._far(leg.origin):
            message = (
                f"Day {day}: the {leg_name(leg)} begins {kilometres(apart)} from {self.here}, "
                f"where the travellers are."
            )
            self._add(day, leg_name(leg), message, apart, leg=index)
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

    def _add(
        self,
        day: int,
        item: str,
        message: str,
        apart: float,
        *,
        leg: int | None = None,
        visit: int | None = None,
    ) -> None:
        self.violations.append(
            Violation(message=message, day=day, item=item, by=round(apart), unit="km", leg=leg, visit=visit)
        )


def _kind(part: Visit | Leg) -> str:
    return "visit" if isinstance(part, Visit) else "leg"
