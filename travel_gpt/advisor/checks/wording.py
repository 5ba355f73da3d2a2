"""How the messages of the checks name days, times, distances and amounts."""

from collections.abc import Iterable
from typing import Final

from travel_gpt.advisor.trip import Leg, Mode, Trip, Visit

_USUAL_DIGITS: Final = 2
_MOST_NAMES: Final = 4
_MEANS: Final[dict[Mode, str]] = {"car": "drive", "bicycle": "bicycle ride", "other": "way"}


def quoted(name: str) -> str:
    """Return a name in quotation marks."""
    return f"“{name}”"


def leg_name(leg: Leg) -> str:
    """Return what a leg is called: ``train from Berlin to Prague``."""
    return f"{_MEANS.get(leg.mode, leg.mode)} from {leg.origin} to {leg.destination}"


def visit_times(visit: Visit) -> str:
    """Return when a visit is: ``10:00–13:00``."""
    return f"{visit.start}–{visit.end}"


def leg_times(leg: Leg) -> str:
    """Return when a leg is: ``22:10–07:30, 1 day later``."""
    if not leg.days_later:
        return f"{leg.depart}–{leg.arrive}"
    when = "later" if leg.days_later > 0 else "earlier"
    return f"{leg.depart}–{leg.arrive}, {count(abs(leg.days_later), 'day')} {when}"


def duration(minutes: float) -> str:
    """Return a duration: ``45 minutes``, ``2 h``, ``2 h 05 min``."""
    hours, rest = divmod(round(minutes), 60)
    if not hours:
        return count(rest, "minute")
    return f"{hours} h {rest:02} min" if rest else f"{hours} h"


def kilometres(distance: float) -> str:
    """Return a distance: ``1,240 km``."""
    return f"{distance:,.0f} km"


def digits(trip: Trip) -> int:
    """Return the decimal places of the trip's currency; two where there is no such currency."""
    return _USUAL_DIGITS if trip.currency_digits is None else trip.currency_digits


def amount(trip: Trip, value: float) -> str:
    """Return an amount in the currency of the trip: ``1,240.00 EUR``."""
    return f"{value:,.{digits(trip)}f} {trip.currency}"


def count(number: int, thing: str) -> str:
    """Return a number of things: ``1 day``, ``2 days``."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def listed(names: Iterable[str]) -> str:
    """Return names in one line: each once, and of many only the first."""
    known = list(dict.fromkeys(names))
    more = len(known) - _MOST_NAMES
    if more > 0:
        return f"{', '.join(known[:_MOST_NAMES])} and {more} more"
    return " and ".join([", ".join(known[:-1]), known[-1]] if len(known) > 1 else known)
