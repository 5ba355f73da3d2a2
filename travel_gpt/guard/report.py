"""What a caller sees of its limits: headers, what is left of a budget, warnings and refusals."""

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple

from travel_gpt.errors import BudgetExhausted, RateLimited, TravelGPTError
from travel_gpt.guard.counters import STACK, Exceeded, Totals
from travel_gpt.guard.limits import Limits
from travel_gpt.llm.prices import NANODOLLARS

WARN_FROM: Final = 0.8
"""The share of a budget from which replies warn of it."""

WAIT_FOR_ANOTHER: Final = 2
"""Seconds of Retry-After where too many requests of a client run at the same time."""


class BudgetLeft(NamedTuple):
    """What is left of one budget."""

    whose: str
    """``client``, or ``api`` for that of all clients together."""
    period: str
    """``day`` or ``month``."""
    limit: int
    """Nanodollars."""
    used: int
    """Nanodollars, those that are reserved included."""
    renews_at: int
    """Seconds since the epoch."""

    @property
    def left(self) -> int:
        """Nanodollars that are left; never negative, also where a call cost more than was reserved."""
        return max(0, self.limit - self.used)

    @property
    def warning(self) -> str | None:
        """A sentence for the reply from 80 % on; None before."""
        share = self.used / self.limit
        if share < WARN_FROM:
            return None
        return f"{min(share, 1):.0%} of {self._name} is used. It renews at {utc(self.renews_at)}."

    @property
    def _name(self) -> str:
        return f"the {'client' if self.whose == 'client' else 'API'}'s budget of this {self.period}"


def budgets(counted: Mapping[str, tuple[Limits, Totals]]) -> list[BudgetLeft]:
    """Return the budgets that a request counts in, the one with the least left first.

    Args:
        counted: the limits and what is counted, by the name of the counters.
    """
    found = [
        BudgetLeft("api" if name == STACK else "client", period, limit, used, ends)
        for name, (limits, totals) in counted.items()
        for period, limit, used, ends in (
            ("day", limits.budget_per_day, totals.day, totals.windows.day_ends),
            ("month", limits.budget_per_month, totals.month, totals.windows.month_ends),
        )
        if limit
    ]
    return sorted(found, key=lambda budget: budget.left)


def rate_limit_headers(
    limits: Limits, totals: Totals, now: float, retry_after: int | None = None
) -> dict[str, str]:
    """Return the headers for the limits of a client's requests; none without limits.

    Args:
        limits: the limits of the client.
        totals: what is counted.
        now: the time of the answer, in seconds since the epoch.
        retry_after: the answer's Retry-After, where it has one.

    Source: draft-ietf-httpapi-ratelimit-headers-11: lists of strings (the names of the policies) with the
    parameters q (quota) and w (window in seconds), and r (what is left) and t (the seconds for which that is
    all). ``t`` may be absent. Here it is where the window ends after Retry-After, which should not be earlier
    than the end of a window that the answer names.
    """
    quotas = list(_quotas(limits, totals))
    if not quotas:
        return {}
    policy = ", ".join(f'"{name}";q={quota};w={seconds}' for name, quota, seconds, _, _ in quotas)
    state = []
    for name, quota, _, used, ends in quotas:
        wait = _seconds(ends - now)
        until = f";t={wait}" if retry_after is None or wait <= retry_after else ""
        state.append(f'"{name}";r={max(0, quota - used)}{until}')
    return {"RateLimit-Policy": policy, "RateLimit": ", ".join(state)}


def refusal(exceeded: Exceeded, whose: str, limits: Limits, now: float) -> TravelGPTError:
    """Return the error for a limit that is reached.

    Args:
        exceeded: which limit.
        whose: the name of the counters.
        limits: the limits.
        now: the time of the request, in seconds since the epoch.
    """
    windows = exceeded.totals.windows
    detail = f"{exceeded.limit} of {whose} is reached"
    if exceeded.limit.startswith("budget"):
        period = exceeded.limit.rpartition("_")[2]
        ends = windows.day_ends if period == "day" else windows.month_ends
        owner = "of this API" if whose == STACK else "of this client"
        message = (
            f"The budget {owner} for this {period} is too small for another query. It renews at {utc(ends)}."
        )
        wait = _seconds(ends - now)
        # The limits of a client say nothing of a budget that all clients share.
        headers = {} if whose == STACK else rate_limit_headers(limits, exceeded.totals, now, wait)
        return BudgetExhausted(detail, message=message, retry_after=wait, headers=headers)
    if exceeded.limit == "parallel":
        message = (
            f"{limits.parallel} of this client's queries run already, which is the most at the same time."
        )
        wait = WAIT_FOR_ANOTHER
        headers = rate_limit_headers(limits, exceeded.totals, now, wait)
        return RateLimited(detail, message=message, retry_after=wait, headers=headers)
    per_minute = exceeded.limit == "per_minute"
    ends = windows.minute_ends if per_minute else windows.day_ends
    most, period = (limits.per_minute, "minute") if per_minute else (limits.per_day, "day")
    message = f"This client may send {most} queries a {period}. Try again after {utc(ends)}."
    wait = _seconds(ends - now)
    headers = rate_limit_headers(limits, exceeded.totals, now, wait)
    return RateLimited(detail, message=message, retry_after=wait, headers=headers)


def dollars(nanodollars: int) -> float:
    """Return an amount in US dollars, for a reply."""
    return round(nanodollars / NANODOLLARS, 9)


def utc(seconds: int) -> str:
    """Return a moment as a caller reads it."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"


def _quotas(limits: Limits, totals: Totals) -> Iterator[tuple[str, int, int, int, int]]:
    if limits.per_minute:
        yield "minute", limits.per_minute, 60, totals.minute, totals.windows.minute_ends
    if limits.per_day:
        yield "day", limits.per_day, 86_400, totals.requests, totals.windows.day_ends


def _seconds(wait: float) -> int:
    # Rounded up: a caller that waits for it must not come too early.
    return max(1, math.ceil(wait))
