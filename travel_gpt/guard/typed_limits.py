"""The limits of a client as a person types them, for the command line and the local server."""

import re
import time
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from travel_gpt.guard.limits import Limits, WrongLimit
from travel_gpt.llm.prices import NANODOLLARS

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_BUDGET: Final = re.compile(r"(?P<usd>none|[0-9]{1,6}(\.[0-9]{1,6})?)/(?P<period>day|month)")
_SECONDS: Final = {"h": 3600, "d": 86_400, "w": 7 * 86_400}
_SPAN: Final = re.compile(r"(?P<number>[1-9][0-9]{0,4})(?P<unit>[hdw])")
MOST_REQUESTS: Final = 1_000_000
MOST_PARALLEL: Final = 100
"""Each has an attribute in the item of the client's counters."""
NO_LIMIT: Final = "none"
"""What is typed to lift a limit. 0 is refused: it could as well mean that nothing is let through."""
_DISABLE: Final = "To refuse every query of a client: travel-gpt client disable NAME"


@dataclass(frozen=True, slots=True)
class TypedLimits:
    """Limits that were typed; None where one is not given."""

    per_minute: str | None = None
    per_day: str | None = None
    parallel: str | None = None
    budget: tuple[str, ...] = ()
    expires: str | None = None

    def given(self) -> dict[str, int]:
        """Return the limits that were given, by the fields of ``Limits``: 0 for one that is lifted.

        Raises:
            WrongLimit: one has a value that it cannot have.
        """
        typed = {"per_minute": self.per_minute, "per_day": self.per_day, "parallel": self.parallel}
        numbers = {name: _count(name, text) for name, text in typed.items() if text is not None}
        budgets = [each for text in self.budget for each in _read_budget(text)]
        if len(dict(budgets)) < len(budgets):
            raise WrongLimit("--budget was given twice for one period. Give it once a day and once a month.")
        return numbers | dict(budgets)

    def apply(self, limits: Limits) -> Limits:
        """Return limits with those that were given.

        Args:
            limits: the limits before.

        Raises:
            WrongLimit: one has a value that it cannot have.
        """
        return limits._replace(**self.given())

    def expires_at(self, now: float | None = None) -> int | None:
        """Return when the client expires, in seconds since the epoch: 0 for never; None where not given.

        Raises:
            WrongLimit: it is no span of time.
        """
        if self.expires is None:
            return None
        if self.expires == "never":
            return 0
        found = _SPAN.fullmatch(self.expires)
        if found is None:
            raise WrongLimit("--expires must be a time such as 12h, 30d or 8w, or never.")
        return int(now or time.time()) + int(found["number"]) * _SECONDS[found["unit"]]


def _count(field: str, text: str) -> int:
    if text == NO_LIMIT:
        return 0
    option = f"--{field.replace('_', '-')}"
    number = int(text) if re.fullmatch(r"[0-9]{1,7}", text) else None
    if number == 0:
        raise WrongLimit(f"{option} 0 lets nothing through. For no limit: {option} {NO_LIMIT}. {_DISABLE}")
    most = MOST_PARALLEL if field == "parallel" else MOST_REQUESTS
    if number is None or number > most:
        # What was typed is not repeated: it may be a key in the wrong place.
        raise WrongLimit(f"{option} must be a number from 1 to {most:,}, or {NO_LIMIT} for no limit.")
    return number


def _read_budget(text: str) -> list[tuple[str, int]]:
    """Return the field of a budget and its nanodollars, or both fields where ``none`` lifts both.

    Args:
        text: such as ``2/month`` or ``0.50/day``: US dollars, and what for; or ``none/month``, or ``none``.

    Raises:
        WrongLimit: it has another form, or is 0.
    """
    if text == NO_LIMIT:
        return [("budget_per_day", 0), ("budget_per_month", 0)]
    found = _BUDGET.fullmatch(text.strip())
    if found is None:
        raise WrongLimit(
            "--budget must be USD for a day or a month, such as 2/month or 0.50/day. For no budget: --budget "
            f"{NO_LIMIT}/month, {NO_LIMIT}/day, or {NO_LIMIT} for both."
        )
    field = f"budget_per_{found['period']}"
    if found["usd"] == NO_LIMIT:
        return [(field, 0)]
    amount = int(Decimal(found["usd"]) * NANODOLLARS)
    if not amount:
        raise WrongLimit(
            f"A budget of 0 lets nothing through. For no budget: --budget {NO_LIMIT}/{found['period']}. "
            f"{_DISABLE}"
        )
    return [(field, amount)]


def checked_name(name: str) -> str:
    """Return the name of a client.

    Raises:
        WrongLimit: it cannot be one.
    """
    if not _NAME.fullmatch(name):
        raise WrongLimit(
            "The name of a client has 1 to 63 lower-case letters, digits, dots, dashes and underscores, and "
            "begins with a letter or a digit."
        )
    return name


def describe(limits: Limits) -> dict[str, str]:
    """Return each limit as a person reads it.

    Args:
        limits: the limits.
    """
    counts = {
        "a minute": limits.per_minute,
        "a day": limits.per_day,
        "at the same time": limits.parallel,
    }
    money = {"day": limits.budget_per_day, "month": limits.budget_per_month}
    return {
        **{f"Queries {what}": f"{number:,}" if number else "no limit" for what, number in counts.items()},
        **{f"USD a {period}": dollars(amount) if amount else "no limit" for period, amount in money.items()},
    }


def summarize(limits: Limits) -> str:
    """Return the limits that there are in one line, such as ``10 a minute, USD 2.00 a month``.

    Args:
        limits: the limits.
    """
    parts = [
        f"{each.replace('USD', f'USD {value}')}" if each.startswith("USD") else f"{value} {each[8:]}"
        for each, value in describe(limits).items()
        if value != "no limit"
    ]
    return ", ".join(parts) or "none"


def dollars(nanodollars: int) -> str:
    """Return an amount with two decimals, and more of them where it has more."""
    whole, _, rest = f"{Decimal(nanodollars) / NANODOLLARS:.9f}".partition(".")
    return f"{int(whole):,}.{rest.rstrip('0').ljust(2, '0')}"
