"""A trip as Markdown, for readers without a page of their own. What others wrote is escaped."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from travel_gpt.advisor.checks.result import Outcome, Severity, Violation
from travel_gpt.advisor.constraints import Constraints
from travel_gpt.advisor.markdown import escaped
from travel_gpt.advisor.trip import Day, Leg, MissingReason, Trip, Visit

if TYPE_CHECKING:
    from travel_gpt.advisor.checks.run import Verdict

_VERIFY: Final = (
    "Verify before booking: entry rules for your passport (embassy), health and safety advice (your "
    "government), timetables and prices (operators), opening hours (the places themselves)."
)
_MARKS: Final = {Severity.ERROR: "Error", Severity.WARNING: "Warning", Severity.NOTE: "Note"}

_MISSING: Final[Mapping[MissingReason | None, str]] = {
    "no_time": "there was no time",
    "no_budget": "a budget had too little left",
    "invalid": "the model wrote nothing usable",
    "refused": "the model declined",
    "upstream": "the model's server failed or was too busy",
    # What made the trip did not say it.
    None: "there was no time, or the model wrote nothing usable",
}


def trip_text(trip: Trip, asked: Constraints, verdict: "Verdict") -> str:
    """Return a trip as Markdown, with what the checks say.

    Args:
        trip: the trip.
        asked: what it had to keep to.
        verdict: what the checks say of it.
    """
    found = [
        (result.severity, violation)
        for result in verdict.results
        if result.outcome is Outcome.VIOLATED
        for violation in result.violations
    ]
    parts = [f"# {escaped(trip.title)}", escaped(trip.summary), _heading(trip)]
    parts += ["\n".join(_day(day, trip, found)) for day in trip.days]
    parts += ["\n".join(_costs(trip, asked)), "\n".join(_checks(trip, verdict, found)), _VERIFY]
    return "\n\n".join(filter(None, parts))


def money(amount: float, trip: Trip) -> str:
    """Return an amount with the trip's currency."""
    digits = 2 if trip.currency_digits is None else trip.currency_digits
    shown = f"{amount:,.{digits}f}"
    return f"{shown.removesuffix('.' + '0' * digits)} {escaped(trip.currency)}"


def why_missing(trip: Trip, day: int) -> str:
    """Return why a day is missing, as the end of a sentence."""
    return _MISSING[trip.missing_because.get(day)]


def _heading(trip: Trip) -> str:
    count = len(trip.days)
    said = [f"{count} day{'s' * (count != 1)}"]
    if trip.start and trip.end:
        said.append(f"{trip.start} to {trip.end}")
    who = [f"{trip.travellers.adults} adult{'s' * (trip.travellers.adults != 1)}"]
    if children := trip.travellers.children:
        who.append(f"children of {', '.join(map(str, children))}")
    if more := trip.travellers.children_without_ages:
        who.append(f"{more} {'child' if more == 1 else 'children'} whose age is not known")
    return ", ".join([*said, *who])


def _day(day: Day, trip: Trip, found: Sequence[tuple[Severity, Violation]]) -> Iterator[str]:
    when = f", {day.date:%a} {day.date}" if day.date else ""
    yield f"## Day {day.number}{when}: {escaped(day.title)} ({escaped(day.town)})"
    if day.holidays:
        names = ", ".join(f"{escaped(holiday.name)} ({holiday.country})" for holiday in day.holidays)
        yield f"- Public holiday: {names}"
    entries = [(leg.depart, _leg(leg, trip)) for leg in day.legs]
    entries += [(visit.start, _visit(visit, trip)) for visit in day.visits]
    # Sorting keeps the order of what begins at the same time.
    yield from (text for _, text in sorted(entries, key=lambda entry: entry[0]))
    if day.number in trip.missing_days:
        yield f"- The rest of this day is missing: {why_missing(trip, day.number)}."
    if day.stay:
        yield f"- Night: {escaped(day.stay.name)}, {escaped(day.stay.place)}{_cost(day.stay.cost, trip)}"
    yield from (
        f"- **{_MARKS[severity]}**: {escaped(each.message)}"
        for severity, each in found
        if each.day == day.number
    )


def _leg(leg: Leg, trip: Trip) -> str:
    times = f"{leg.depart}–{_arrival(leg.arrive, leg.days_later)}"
    ends = f"{escaped(leg.origin)} → {escaped(leg.destination)}"
    return f"- {times} {leg.mode} {ends}{_cost(leg.cost, trip)}"


def _visit(visit: Visit, trip: Trip) -> str:
    why = f". {escaped(visit.why)}" if visit.why else ""
    return f"- {visit.start}–{visit.end} {escaped(visit.name)}{_cost(visit.cost, trip)}{why}"


def _arrival(clock: str, days_later: int) -> str:
    return f"{clock} ({days_later:+d} day{'s' * (abs(days_later) != 1)})" if days_later else clock


def _cost(amount: float, trip: Trip) -> str:
    return f", {money(amount, trip)}" if amount else ""


def _costs(trip: Trip, asked: Constraints) -> Iterable[str]:
    costs = trip.costs
    yield "## Costs"
    for name in ("transport", "lodging", "meals", "visits"):
        yield f"- {name}: {money(getattr(costs, name), trip)}"
    budget = f" of {asked.budget.amount:,.0f} {asked.budget.currency}" if asked.budget else ""
    yield f"- together: {money(costs.total, trip)}{budget}"


def _checks(trip: Trip, verdict: "Verdict", found: Sequence[tuple[Severity, Violation]]) -> Iterable[str]:
    yield "## Checks"
    said = "Verified" if verdict.verified else "Not verified"
    yield (
        f"{said}: {verdict.rules_checked} of the {verdict.rules_that_apply} rules that apply were checked; "
        f"{_counted(verdict.errors, 'error')}, {_counted(verdict.warnings, 'warning')}."
    )
    yield from (
        f"- **{_MARKS[severity]}**: {escaped(each.message)}" for severity, each in found if each.day is None
    )
    if trip.missing_days:
        yield f"- Days that are missing or not complete: {', '.join(map(str, trip.missing_days))}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
