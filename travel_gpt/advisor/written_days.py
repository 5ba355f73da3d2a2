"""Each day of a trip as the model wrote it, of whichever parts of its replies."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from travel_gpt.advisor.reference.names import town_key
from travel_gpt.advisor.trip import Day, Stay
from travel_gpt.advisor.wire import DayPlan, Night, Outline, RevisedDay, WireLeg, WireVisit

WrittenDay = DayPlan | RevisedDay

_SMALL_HOURS: Final = "05:00"
"""What begins before, and stands after something in the afternoon, is in the night after the day. Assumed."""
_AFTERNOON: Final = "12:00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A day, with its legs and visits in the order in which they happen."""

    town: str
    title: str
    legs: list[WireLeg]
    visits: list[WireVisit]
    stay: Stay | None

    def town_names(self) -> Iterable[str]:
        """Yield the towns that the day names."""
        yield self.town
        for leg in self.legs:
            yield from (leg.origin, leg.destination)
        yield from (visit.town for visit in self.visits)
        if self.stay is not None:
            yield self.stay.place


def frames(outline: Outline, days: Mapping[int, WrittenDay]) -> list[Frame]:
    """Return each day of an outline.

    Args:
        outline: the frame.
        days: what is done on each day, by its number from 1; a day that is missing keeps its frame.
    """
    return [_frame(outline, number, days.get(number)) for number in range(1, len(outline.days) + 1)]


def as_written(day: Day) -> RevisedDay:
    """Return a day of a trip as the model would write it."""
    stay = day.stay
    return RevisedDay(
        town=day.town,
        title=day.title,
        legs=[
            WireLeg(
                mode=leg.mode,
                origin=leg.origin,
                destination=leg.destination,
                from_airport=leg.from_airport,
                to_airport=leg.to_airport,
                depart=leg.depart,
                arrive=leg.arrive,
                days_later=leg.days_later,
                cost=leg.cost,
            )
            for leg in day.legs
        ],
        visits=[
            WireVisit(
                kind=visit.kind,
                name=visit.name,
                town=visit.place,
                start=visit.start,
                end=visit.end,
                cost=visit.cost,
                why=visit.why,
                diet=list(visit.diet),
                step_free=visit.step_free,
            )
            for visit in day.visits
        ],
        night=None
        if stay is None
        else Night(town=stay.place, name=stay.name, kind=stay.kind, cost=stay.cost, step_free=stay.step_free),
    )


def _frame(outline: Outline, number: int, written: WrittenDay | None) -> Frame:
    whole = written if isinstance(written, RevisedDay) else outline.days[number - 1]
    legs = _legs_in_order(whole.legs)
    visits = _visits_in_order(written.visits if written is not None else [], legs)
    # No night follows the last day.
    last = number == len(outline.days)
    stay = None if last else _night(written) if isinstance(written, RevisedDay) else _stay(outline, number)
    return Frame(
        town=whole.town,
        title=whole.title,
        legs=legs,
        visits=_in_towns_of_the_trip(visits, whole.town, legs, outline),
        stay=stay,
    )


def _night(written: RevisedDay) -> Stay | None:
    night = written.night
    if night is None:
        return None
    return Stay(
        name=night.name, kind=night.kind, place=night.town, cost=night.cost, step_free=night.step_free
    )


def _stay(outline: Outline, number: int) -> Stay | None:
    """Return where a night is spent: where two stays have it, in the first, which alone is paid."""
    for stay in outline.stays:
        if stay.first_night <= number < stay.first_night + stay.nights:
            return Stay(
                name=stay.name,
                kind=stay.kind,
                place=stay.town,
                cost=stay.cost_per_night,
                step_free=stay.step_free,
            )
    return None


def _legs_in_order(legs: list[WireLeg]) -> list[WireLeg]:
    """Return legs by their departure.

    Not where only the order in which they were written joins them: across the date line a clock goes back,
    and after midnight it begins anew.
    """
    by_time = sorted(legs, key=lambda leg: leg.depart)
    return legs if _joined(legs) and not _joined(by_time) else by_time


def _joined(legs: Iterable[WireLeg]) -> bool:
    return all(town_key(one.destination) == town_key(other.origin) for one, other in pairwise(legs))


def _visits_in_order(visits: list[WireVisit], legs: Iterable[WireLeg]) -> list[WireVisit]:
    """Return visits by their start, and those after midnight last."""
    if any(leg.days_later < 0 or (leg.days_later == 0 and leg.arrive < leg.depart) for leg in legs):
        # The clock goes back on the way.
        return visits
    starts: list[tuple[bool, str]] = []
    latest = ""
    for visit in visits:
        starts.append((visit.start < _SMALL_HOURS and latest >= _AFTERNOON, visit.start))
        latest = max(latest, visit.start)
    order = sorted(range(len(visits)), key=lambda at: starts[at])
    return [visits[at] for at in order]


def _in_towns_of_the_trip(
    visits: Iterable[WireVisit], town: str, legs: list[WireLeg], outline: Outline
) -> list[WireVisit]:
    """Return visits in towns that the trip has, or else where the travellers then are.

    What is neither a town of the outline nor an end of a leg of the day is a district, such as Gion in Kyoto:
    there is a village of that name elsewhere.
    """
    names = [town, *(each.name for each in outline.towns)]
    known = {
        town_key(name) for name in (*names, *(end for leg in legs for end in (leg.origin, leg.destination)))
    }
    return [
        visit if town_key(visit.town) in known else replace(visit, town=_whereabouts(visit.start, town, legs))
        for visit in visits
    ]


def _whereabouts(clock: str, town: str, legs: list[WireLeg]) -> str:
    """Return in which town the travellers are at a time of a day that ends in a town."""
    where = legs[0].origin if legs else town
    for leg in legs:
        if leg.days_later <= 0 and leg.arrive <= clock:
            where = leg.destination
    return where
