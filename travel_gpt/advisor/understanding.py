"""What is asked of a trip in all: what the caller gave as fields, and what the query says besides."""

import re
from collections.abc import Callable
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

_REQUEST_NAMES: Final = {
    name: f"travellers.{name}" for name in ("adults", "children", "children_without_ages")
}
"""The names that a request has for fields that are elsewhere in it."""

_NOTHING: Final = Constraints()


def merge(
    given: Constraints,
    said: "Understood",
    today: date,
    currency: str,
    decimal_places: Callable[[str], int | None],
) -> tuple[Constraints, tuple[str, ...]]:
    """Add to what was given what the query says about the rest.

    What was given always wins. Of the query, what cannot be is left out.

    Args:
        given: what the caller gave as fields.
        said: what the query says, as the model understood it.
        today: the date in UTC. A start that the query says in the past or far ahead is left out.
        currency: the currency of the trip, in which a budget is that the query says without one.
        decimal_places: returns those of a currency, and None where there is no such currency.

    Returns:
        What is asked in all, and the names of the fields that would not be known without the query, as a
        request names them.

    Raises:
        InvalidConstraint: the query asks for a trip that is longer than any that is planned.
    """
    from_query = {
        name: value
        for name, value in _said(said, currency.strip(), decimal_places).items()
        if value not in (None, ()) and getattr(given, name) == getattr(_NOTHING, name)
    }
    if given.children is not None or given.children_without_ages is not None:
        # A caller who gives one of them gives all children that there are.
        from_query = {name: value for name, value in from_query.items() if not name.startswith("children")}
    merged = replace(given, **from_query)
    start, end, nights = _dates(given, said, today)
    names = [_REQUEST_NAMES.get(name, name) for name in from_query]
    dates = {"start": start, "end": end, "nights": nights}
    names += [name for name, value in dates.items() if value is not None and getattr(given, name) is None]
    return replace(merged, start=start, end=end, nights=nights), tuple(names)


def _said(said: "Understood", currency: str, decimal_places: Callable[[str], int | None]) -> dict[str, Any]:
    """Return what the query says, except of dates and nights."""
    language = said.language or ""
    return {
        "origin": said.origin,
        "destinations": tuple(dict.fromkeys(said.destinations)),
        "round_trip": said.round_trip,
        "adults": said.adults,
        "children": tuple(said.children),
        "children_without_ages": said.children_without_ages,
        "budget": _budget(said, currency, decimal_places),
        "pace": said.pace,
        "interests": tuple(dict.fromkeys(said.interests)),
        "diet": tuple(dict.fromkeys(said.diet)),
        "mobility": tuple(dict.fromkeys(said.mobility)),
        "lodging": tuple(dict.fromkeys(said.lodging)),
        "transport": tuple(dict.fromkeys(said.transport)),
        "language": language if re.fullmatch(LANGUAGE, language) else None,
    }


def _budget(said: "Understood", currency: str, decimal_places: Callable[[str], int | None]) -> Budget | None:
    """Return the budget that the query says.

    What is in no known currency, such as "$" or "RMB", is in that of the trip: the model is asked to plan in
    the currency of the budget.
    """
    if said.budget is None:
        return None
    for code in ((said.budget_currency or "").upper(), currency.upper()):
        if re.fullmatch(CURRENCY, code) and decimal_places(code) is not None:
            return Budget(amount=said.budget, currency=code)
    return None


def _dates(
    given: Constraints, said: "Understood", today: date
) -> tuple[date | None, date | None, int | None]:
    """Return start, end and nights: of what the query says, in this order, each that can be with the rest."""
    known = complete_dates(given.start, given.end, given.nights)
    first, last = possible_dates(today)
    start, end = (on if on and first <= on <= last else None for on in (said.start, said.end))
    for also_start, also_end, also_nights in (
        (start, None, None),
        (None, end, None),
        (None, None, said.nights),
    ):
        nights = also_nights if known[2] is None else known[2]
        both = complete_dates(known[0] or also_start, known[1] or also_end, nights)
        if _can_be(both, first):
            known = both
    if known[2] is None:
        _require_short_enough(known[0], end, said.nights)
    return known


def _can_be(dates: tuple[date | None, date | None, int | None], first: date) -> bool:
    start, _, nights = dates
    return (start is None or start >= first) and (nights is None or 0 <= nights < MOST_DAYS)


def _require_short_enough(start: date | None, end: date | None, nights: int | None) -> None:
    longest = max(nights or 0, (end - start).days if start and end else 0)
    if longest >= MOST_DAYS:
        raise InvalidConstraint(
            f"the query asks for {longest} nights",
            message=f"The query asks for a trip of {longest + 1} days; {MOST_DAYS} are the most. Ask for its "
            "first part, and for the rest in another request.",
        )
