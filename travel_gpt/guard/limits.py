"""What a client may do: requests per minute, per day and at the same time, and money per day and month."""

from typing import NamedTuple


class WrongLimit(ValueError):
    """A limit, or the name of a client, has a value that it cannot have. The text says what it must be."""


class Limits(NamedTuple):
    """The limits of one client, or of the stack. 0 is no limit, unless the field says otherwise."""

    per_minute: int = 0
    per_day: int = 0
    parallel: int = 0
    """Requests at the same time."""
    budget_per_day: int = 0
    """Nanodollars."""
    budget_per_month: int = 0
    """Nanodollars."""
