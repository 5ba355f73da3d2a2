"""All rules, and what they report about a trip together."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any, Final

from travel_gpt.advisor.checks import (
    airports,
    budget,
    currency,
    dates,
    destinations,
    diet,
    duplicates,
    holidays,
    leg_speed,
    lodging,
    mobility,
    nights,
    overlaps,
    pace,
    places,
    repeated_meals,
    returns,
    route,
    sums,
    transport,
    unknown_destinations,
)
from travel_gpt.advisor.checks.result import Outcome, Result, Rule, Severity
from travel_gpt.advisor.constraints import Constraints
from travel_gpt.advisor.trip import Trip

SHARE_NEEDED: Final = 0.8
"""The share that has to be checked before a trip counts as verified: of all rules, and of each error's."""

Check = Callable[[Trip, Constraints], Result]

CHECKS: Final[tuple[tuple[Rule, Check], ...]] = (
    (dates.RULE, dates.check),
    (nights.RULE, nights.check),
    (overlaps.RULE, overlaps.check),
    (leg_speed.RULE, leg_speed.check),
    (returns.RULE, returns.check),
    (duplicates.RULE, duplicates.check),
    (sums.RULE, sums.check),
    (currency.RULE, currency.check),
    (budget.RULE, budget.check),
    (destinations.RULE, destinations.check),
    (route.RULE, route.check),
    (places.RULE, places.check),
    (unknown_destinations.RULE, unknown_destinations.check),
    (repeated_meals.RULE, repeated_meals.check),
    (airports.RULE, airports.check),
    (transport.RULE, transport.check),
    (lodging.RULE, lodging.check),
    (pace.RULE, pace.check),
    (diet.RULE, diet.check),
    (mobility.RULE, mobility.check),
    (holidays.RULE, holidays.check),
)
"""Each rule and its check: errors first."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What all rules report about a trip."""

    results: tuple[Result, ...]

    @property
    def errors(self) -> int:
        """How many violations are errors."""
        return self._violations(Severity.ERROR)

    @property
    def warnings(self) -> int:
        """How many violations are warnings."""
        return self._violations(Severity.WARNING)

    @property
    def notes(self) -> int:
        """How many violations are notes."""
        return self._violations(Severity.NOTE)

    @property
    def rules_that_apply(self) -> int:
        """How many rules are about something that was asked or planned."""
        return sum(result.applies for result in self.results)

    @property
    def rules_checked(self) -> int:
        """How many of those could be checked, at least in part."""
        return sum(result.outcome is not Outcome.NOT_CHECKABLE for result in self.results)

    @property
    def share_checked(self) -> float:
        """The share that could be checked: the mean over the rules that apply.

        Rules about what code computed do not count: they are kept whatever the model plans.
        """
        shares = [result.checked for result in self.results if result.applies and not result.computed]
        return fmean(shares) if shares else 0.0

    @property
    def verified(self) -> bool:
        """Whether there is no error, and enough was checked to say so: of all, and by each rule of errors."""
        enough = all(
            result.checked >= SHARE_NEEDED
            for result in self.results
            if result.applies and result.severity is Severity.ERROR
        )
        return not self.errors and enough and self.share_checked >= SHARE_NEEDED

    def as_json(self) -> dict[str, Any]:
        """Return it as callers get it."""
        return {
            "verified": self.verified,
            "errors": self.errors,
            "warnings": self.warnings,
            "notes": self.notes,
            "rules_that_apply": self.rules_that_apply,
            "rules_checked": self.rules_checked,
            "share_checked": _rounded_down(self.share_checked),
            "share_needed": SHARE_NEEDED,
            "results": [
                asdict(result) | {"checked": _rounded_down(result.checked)} for result in self.results
            ],
        }

    def _violations(self, severity: Severity) -> int:
        return sum(len(result.violations) for result in self.results if result.severity is severity)


def _rounded_down(share: float) -> float:
    # 0.799 must not look like the 0.8 that are needed.
    return int(share * 100 + 1e-9) / 100


def check_trip(trip: Trip, asked: Constraints) -> Verdict:
    """Check a trip by all rules.

    Args:
        trip: the trip, with its places and airports resolved.
        asked: what it must keep to.
    """
    return Verdict(tuple(check(trip, asked) for _, check in CHECKS))
