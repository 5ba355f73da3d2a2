"""Amounts, dates, durations and lists in words."""

from collections.abc import Sequence
from datetime import date

from travel_gpt.advisor.trip import Trip


def amount(value: float, trip: Trip) -> str:
    """Return an amount with the decimal places of the trip's currency."""
    return f"{value:,.{2 if trip.currency_digits is None else trip.currency_digits}f}"


def day_of(value: date) -> str:
    """Return a date, such as Tue 5 Oct 2027."""
    return f"{value:%a} {value.day} {value:%b %Y}"


def duration(minutes: int) -> str:
    """Return a duration, such as 3 h 45 min."""
    hours, rest = divmod(minutes, 60)
    parts = [f"{hours} h"] * bool(hours) + [f"{rest} min"] * bool(rest or not hours)
    return " ".join(parts)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, such as 2 errors."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def listed(parts: Sequence[object]) -> str:
    """Return a list in words, such as 1, 2 and 4."""
    *others, last = map(str, parts)
    return f"{', '.join(others)} and {last}" if others else last
