"""What is asked of a trip in all: what the caller gave as fields, and what the query says besides."""

import re
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from travel_gpt.advisor.constraints import (
    CURRENCY,
    LANGUAGE,
    Budget,
    Constraints,
    complete_dates,
    possible_dates,
)
from travel_gpt.advisor.trip import MOST_DAYS
from travel_gpt.errors import InvalidConstraint

if TYPE_CHECKING:
    from travel_gpt.advisor.wire import Understood

_REQUEST_NAMES: Final = {"adults": "travellers.adults", "children": "travellers.children"}
"""The names that a request has for fields that are elsewhere in it."""

_NOTHING: Final = Constraints()


def merge(
    given: Constraints, said: "Understood", today: date, currency: str
) -> tuple[Constraints, tuple[str, ...]]:
    """Add to what was given what the query says about the rest.

    What was given always wins. Of the query, what cannot be is left out.

    Args:
        given: what the caller gave as fields.
        said: what the query says, as the model understood it.
        today: the date in UTC. A start that the query says in the past or far ahead is left out.
        currency: the currency of the trip, in which a budget is that the query says without one.

    Returns:
        What is asked in all, and the names of the fields that would not be known without the query, as a
        request names them.

    Raises:
        InvalidConstraint: the query asks for a trip that is longer than any that is planned.
    """
    from_query = {
        name: value
        for name, value in _said(said, currency).items()
        if value not in (None, ()) and getattr(given, name) == getattr(_NOTHING, name)
    }
    merged = replace(given, **from_query)
    start, end, nights = _dates(given, said, today)
    names = [_REQUEST_NAMES.get(name, name) for name in from_query]
    dates = {"start": start, "end": end, "nights": nights}
    names += [name for name, value in dates.items() if value is not None and getattr(given, name) is None]
    return replace(merged, start=start, end=end, nights=nights), tuple(names)


def _said(said: "Understood", currency: str) -> dict[str, Any]:
    """Return what the query says, except of dates and nights."""
    language = said.language or ""
    return {
        "origin": said.origin,
        "destinations": tuple(dict.fromkeys(said.destinations)),
        "round_trip": said.round_trip,
        "adults": said.adults,
        "children": tuple(said.children),
        "budget": _budget(said, currency),
        "pace": said.pace,
        "interests": tuple(dict.fromkeys(said.interests)),
        "diet": tuple(dict.fromkeys(said.diet)),
        "mobility": tuple(dict.fromkeys(said.mobility)),
        "lodging": tuple(dict.fromkeys(said.lodging)),
        "transport": tuple(dict.fromkeys(said.transport)),
        "language": language if re.fullmatch(LANGUAGE, language) else None,
    }


def _budget(said: "Understood", currency: str) -> Budget | None:
    # A sum in what is no currency's code, such as "$", could be meant in several: it is not guessed.
    code = said.budget_currency or currency
    if said.budget is None or not re.fullmatch(CURRENCY, code):
        return None
    return Budget(amount=said.budget, currency=code.upper())


def _dates(
    given: Constraints, said: "Understood", today: date
) -> tuple[date | None, date | None, int | None]:
    """Return start, end and nights."""
    start, end, nights = complete_dates(given.start, given.end, given.nights)
    if start is None:
        start = _start(said.start, end, today)
        start, end, nights = complete_dates(start, end, nights)
    if nights is None and said.nights is not None:
        if said.nights >= MOST_DAYS:
            raise InvalidConstraint(
                f"the query asks for {said.nights} nights",
                message=f"The query asks for a trip of {said.nights + 1} days; {MOST_DAYS} are the most. Ask "
                "for its first part, and for the rest in another request.",
            )
        start, end, nights = complete_dates(start, end, said.nights)
    return start, end, nights


def _start(start: date | None, end: date | None, today: date) -> date | None:
    """Return when the trip starts by the query, if it can."""
    if start is None:
        return None
    if end is not None and not 0 <= (end - start).days < MOST_DAYS:
        return None
    first, last = possible_dates(today)
    return start if first <= start <= last else None
