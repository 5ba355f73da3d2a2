"""A trip as the API sends it, read into the types of the code that made it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from travel_gpt.advisor.checks.result import Result, Severity, Violation
from travel_gpt.advisor.trip import Trip
from travel_gpt.cli.errors import CliError
from travel_gpt.client import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """What was checked."""

    verified: bool
    rules_that_apply: int
    rules_checked: int
    share_checked: float
    share_needed: float
    results: tuple[Result, ...] = ()

    def found(self, severity: Severity) -> Iterator[Violation]:
        """Yield what breaks the rules of one severity."""
        for result in self.results:
            if result.severity is severity:
                yield from result.violations

    def unchecked(self) -> Iterator[Result]:
        """Yield the rules that apply and could not be checked, or not all of them."""
        for result in self.results:
            if result.applies and result.why:
                yield result


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """Which days were written again."""

    outcome: Literal["not_needed", "not_possible", "done", "partly", "failed", "no_time", "no_budget"]
    days: tuple[int, ...] = ()
    before: tuple[str, ...] = ()
    """The rules that were broken before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A trip, and what is known about it."""

    trip: Trip
    checks: Checks
    repair: Repair
    understood: Mapping[str, Any] = field(default_factory=dict)


def read_reply(answer: Answer) -> Reply:
    """Read the trip in an answer.

    Args:
        answer: the answer, which has a trip.

    Raises:
        CliError: it is of a version that this one does not know.
    """
    parts = {
        "trip": answer.itinerary,
        "checks": answer.checks,
        "repair": answer.repair,
        "understood": answer.understood or {},
    }
    try:
        return TypeAdapter(Reply).validate_python(parts)
    except ValidationError as wrong:
        where = ".".join(str(part) for part in wrong.errors()[0]["loc"])
        raise CliError(
            f"The API sent a trip that this version of the command cannot show ({where}). Update the clone "
            "that the command runs from. --json prints every trip, and --save trip.json keeps it."
        ) from None
