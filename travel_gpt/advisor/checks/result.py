"""What a check reports about a trip."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

MOST_LISTED: Final = 100
"""Violations that one rule lists. Only where every part of a long trip is wrong there are more, and too many
for a response."""


class Severity(StrEnum):
    """What a violation means."""

    ERROR = "error"
    """The trip cannot be made as it is written, or breaks what was asked."""
    WARNING = "warning"
    """It may not be what was asked."""
    NOTE = "note"
    """Something to know."""


class Outcome(StrEnum):
    """How a check ended."""

    OK = "ok"
    VIOLATED = "violated"
    NOT_CHECKABLE = "not_checkable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One place in a trip that breaks a rule."""

    message: str
    """What is wrong, for a traveller."""
    day: int | None = None
    """The number of the day; None where it is the whole trip."""
    item: str | None = None
    """The name of what it is about."""
    by: float | None = None
    """By how much."""
    unit: str | None = None
    """The unit of ``by``: ``minutes``, ``days``, ``nights``, ``km``, ``items``, or the code of a currency."""
    leg: int | None = None
    """Which of the day's legs it is about, from 0; None where it is about none."""
    visit: int | None = None
    """Which of the day's visits it is about, from 0; None where it is about none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one rule reports about a trip."""

    rule: str
    severity: Severity
    outcome: Outcome
    violations: tuple[Violation, ...] = ()
    why: str = ""
    """Why it could not be checked, or which part of it could not."""
    applies: bool = True
    """False where nothing was asked or planned that the rule is about."""
    checked: float = 0.0
    """The share of what the rule is about that could be checked, from 0 to 1: of the legs, for instance."""
    computed: bool = False
    """Whether the rule is about what code computed: that it is kept says nothing about the model's plan."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: its name, and what breaking it means."""

    name: str
    severity: Severity
    computed: bool = False
    """Whether it is about what code computed."""
    repairable: bool = False
    """Whether a violation may go when a day is written anew.

    Dates and sums are computed by code, the currency and the destinations are those of the whole trip, an
    unknown place may well exist, and a holiday stays.
    """

    def judged(self, violations: list[Violation], why: str = "", checked: float = 1.0) -> Result:
        """Return the result of a check that was made.

        Args:
            violations: what was found; none for a trip that keeps the rule.
            why: which part could not be checked, and why.
            checked: the share of what the rule is about that could be checked.
        """
        outcome = Outcome.VIOLATED if violations else Outcome.OK
        if len(violations) > MOST_LISTED:
            why = f"Of {len(violations)} violations, the first {MOST_LISTED} are listed. {why}".strip()
        return Result(
            rule=self.name,
            severity=self.severity,
            outcome=outcome,
            violations=tuple(violations[:MOST_LISTED]),
            why=why,
            checked=checked,
            computed=self.computed,
        )

    def not_checkable(self, why: str) -> Result:
        """Return the result where the data for the check is missing."""
        return Result(
            rule=self.name,
            severity=self.severity,
            outcome=Outcome.NOT_CHECKABLE,
            why=why,
            computed=self.computed,
        )

    def does_not_apply(self, why: str) -> Result:
        """Return the result where nothing was asked or planned that the rule is about."""
        return Result(
            rule=self.name,
            severity=self.severity,
            outcome=Outcome.NOT_CHECKABLE,
            why=why,
            applies=False,
            computed=self.computed,
        )
