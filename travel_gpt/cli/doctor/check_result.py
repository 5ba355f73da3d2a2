"""What a check of doctor found, and how to fix it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from travel_gpt.security_summary import summarize_security
from travel_gpt.settings import Settings

DAY: Final = 86_400
SOON: Final = 7 * DAY
"""Seconds before a key ends from which it is a warning, as in the function's health."""
OLD: Final = 90 * DAY
"""Seconds after which a key that nothing rotates counts as old."""


class State(StrEnum):
    """The outcome of a check."""

    OK = "ok"
    WARNING = "warning"
    """It works, but needs the owner's attention."""
    PROBLEM = "problem"
    """It does not work, or a protection of the key is missing."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one check found."""

    check: str
    state: State
    says: str
    fix: str = ""
    measured: Mapping[str, Any] = field(default_factory=dict)
    """Figures for another program."""


Check = Callable[[], Iterable[CheckResult]]


def ok(check: str, says: str) -> CheckResult:
    """Make the result of a check that passed."""
    return CheckResult(check, State.OK, says)


def warning(check: str, says: str, fix: str) -> CheckResult:
    """Make a result that needs attention, with what to do about it."""
    return CheckResult(check, State.WARNING, says, fix)


def problem(check: str, says: str, fix: str) -> CheckResult:
    """Make the result of a check that failed, with how to fix it."""
    return CheckResult(check, State.PROBLEM, says, fix)


def security_results(settings: Settings, *, access: bool = True) -> Iterator[CheckResult]:
    """Report what protects the key and what is off, as the function's log does.

    What is off is the owner's choice and not a warning.

    Args:
        settings: the settings.
        access: whether there is an API whose access they decide.
    """
    summary = summarize_security(settings, access=access)
    yield ok("security", f"on: {'; '.join(summary.protects) or 'nothing'}")
    yield ok("security", f"off: {'; '.join(summary.off) or 'nothing'}")


def age_and_end(
    created_at: float | None,
    expires_at: float | None,
    now: float,
    renew: str,
    *,
    oldest: float = OLD,
    refused: bool = False,
) -> Iterator[CheckResult]:
    """Check the age and the expiry of a key.

    Args:
        created_at: when this version was made, in seconds since the epoch; None where that is not known.
        expires_at: when it ends; None where it does not, or where that is unknown.
        now: the time, in seconds since the epoch.
        renew: the command that replaces the key.
        oldest: the age in seconds from which it counts as old.
        refused: whether an expired key is refused (CREDENTIAL_EXPIRY).
    """
    fix = f"Create a new key, then: {renew}"
    if created_at is not None:
        days = max(0, int((now - created_at) // DAY))
        if now - created_at > oldest:
            yield warning(
                "key age",
                f"the key was stored {days} days ago, more than {oldest / DAY:.0f}",
                fix,
            )
        else:
            yield ok("key age", f"the key was stored {days} days ago")
    if expires_at is not None:
        left = expires_at - now
        if left <= 0:
            then = (
                "is refused (CREDENTIAL_EXPIRY=enforce)"
                if refused
                else "is still used (CREDENTIAL_EXPIRY=warn)"
            )
            yield problem("key expiry", f"the key has expired, and {then}", fix)
        elif left < SOON:
            yield warning(
                "key expiry",
                f"the key expires in {left / 3600:.0f} hours",
                f"Create a new key, then: {renew}",
            )
        else:
            yield ok("key expiry", f"the key expires in {left // DAY:.0f} days")
