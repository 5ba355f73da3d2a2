"""What a trip must keep to: what the caller gave as fields, and what the query says."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from travel_gpt.advisor.trip import Diet, LodgingKind, Mobility, Mode, Pace


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The most that a trip may cost, for all travellers together."""

    amount: float
    currency: str
    """ISO 4217."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraints:
    """What was asked. None, or nothing, where it was not."""

    origin: str | None = None
    destinations: tuple[str, ...] = ()
    start: date | None = None
    end: date | None = None
    nights: int | None = None
    round_trip: bool | None = None
    """Whether the trip has to end where it began."""
    adults: int | None = None
    children: tuple[int, ...] | None = None
    """Their ages in years."""
    children_without_ages: int | None = None
    """How many children there are besides, of ages that are not known."""
    budget: Budget | None = None
    pace: Pace | None = None
    interests: tuple[str, ...] = ()
    diet: tuple[Diet, ...] = ()
    mobility: tuple[Mobility, ...] = ()
    lodging: tuple[LodgingKind, ...] = ()
    """The kinds that are wanted; any of them will do."""
    transport: tuple[Mode, ...] = ()
    """The means between towns that are wanted; any of them will do."""
    language: str | None = None
    """BCP 47."""


LANGUAGE: Final = r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*"
"""A regular expression for a BCP 47 language tag. RFC 5646 allows languages of up to eight letters, but none
of more than three is registered, and "German" is a name."""

CURRENCY: Final = r"[A-Za-z]{3}"
"""A regular expression for the form of an ISO 4217 code."""


def possible_dates(today: date) -> tuple[date, date]:
    """Return the first and the last day on which a trip can start or end: yesterday, and two years ahead.

    Args:
        today: the date in UTC. It is still yesterday for some travellers.
    """
    return today - timedelta(days=1), today + timedelta(days=731)


def complete_dates(
    start: date | None, end: date | None, nights: int | None
) -> tuple[date | None, date | None, int | None]:
    """Return start, end and nights of a trip, where two of them are known with the third."""
    if start and end:
        return start, end, (end - start).days
    if nights is not None:
        if start:
            end = start + timedelta(days=nights)
        elif end:
            start = end - timedelta(days=nights)
    return start, end, nights


def as_request(constraints: Constraints) -> dict[str, Any]:
    """Return constraints as the fields of a request, without those that nothing was asked of."""
    travellers = {
        "adults": constraints.adults,
        "children": constraints.children,
        "children_without_ages": constraints.children_without_ages,
    }
    fields = {
        "origin": constraints.origin,
        "destinations": constraints.destinations or None,
        "start": constraints.start and constraints.start.isoformat(),
        "end": constraints.end and constraints.end.isoformat(),
        "nights": constraints.nights,
        "round_trip": constraints.round_trip,
        "travellers": _known(travellers) or None,
        "budget": constraints.budget and _budget(constraints.budget),
        "pace": constraints.pace,
        "interests": constraints.interests or None,
        "diet": constraints.diet or None,
        "mobility": constraints.mobility or None,
        "lodging": constraints.lodging or None,
        "transport": constraints.transport or None,
        "language": constraints.language,
    }
    return _known(fields)


def _budget(budget: Budget) -> dict[str, Any]:
    whole = int(budget.amount)
    return {"amount": whole if whole == budget.amount else budget.amount, "currency": budget.currency}


def _known(fields: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is not known. Tuples become lists, as JSON has them."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in fields.items()
        if value is not None
    }
