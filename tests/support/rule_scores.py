"""What the rules find in the judged itineraries, compared with what a careful person finds."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cache

from tests.support.judged_itineraries import Expected, judged_itineraries
from travel_gpt.advisor.checks.result import Result, Violation
from travel_gpt.advisor.checks.run import check_trip
from travel_gpt.advisor.filling import fill
from travel_gpt.advisor.reference.lookup import Reference


@dataclass(frozen=True)
class Reported:
    """A violation that a rule reports.

    Attributes:
        itinerary: the name of the itinerary.
        expected: what it is in the eyes of the person; None where that person sees nothing wrong.
    """

    itinerary: str
    rule: str
    violation: Violation
    expected: Expected | None


@dataclass(frozen=True)
class Missed:
    """What a careful person finds and no rule reports."""

    itinerary: str
    expected: Expected


@dataclass(frozen=True)
class Score:
    """How one rule does.

    Attributes:
        checked: in how many of the itineraries it could be checked.
        reported: the violations that it reports.
        right: those of them that are violations.
        expected: the violations that the person finds.
        found: those of them that are reported.
    """

    rule: str
    checked: int
    reported: int
    right: int
    expected: int
    found: int


@dataclass(frozen=True)
class Measured:
    """What came of all itineraries."""

    results: dict[str, tuple[Result, ...]]
    reported: tuple[Reported, ...]
    missed: tuple[Missed, ...]

    def scores(self) -> Iterator[Score]:
        """Return how each rule does, in the order in which they are checked."""
        for rule in [result.rule for result in next(iter(self.results.values()))]:
            reported = [each for each in self.reported if each.rule == rule]
            expected = [
                each
                for trip in judged_itineraries().values()
                for each in trip.expected
                if each.rules[0] == rule
            ]
            missed = [each for each in self.missed if each.expected.rules[0] == rule]
            yield Score(
                rule,
                checked=sum(_checked(rule, results) for results in self.results.values()),
                reported=len(reported),
                right=sum(each.expected is not None for each in reported),
                expected=len(expected),
                found=len(expected) - len(missed),
            )


@cache
def measured() -> Measured:
    """Fill and check every judged itinerary."""
    with closing(Reference.open()) as reference:
        results = {
            name: check_trip(
                fill(trip.outline, dict(enumerate(trip.days, 1)), trip.asked, reference), trip.asked
            ).results
            for name, trip in judged_itineraries().items()
        }
    reported = tuple(_reported(results))
    missed = tuple(
        Missed(name, expected)
        for name, trip in judged_itineraries().items()
        for expected in trip.expected
        if not any(each.itinerary == name and each.expected is expected for each in reported)
    )
    return Measured(results, reported, missed)


def _reported(results: dict[str, tuple[Result, ...]]) -> Iterator[Reported]:
    for name, trip in judged_itineraries().items():
        for result in results[name]:
            for violation in result.violations:
                meant = (each for each in trip.expected if _is_meant(each, result.rule, violation))
                yield Reported(name, result.rule, violation, next(meant, None))


def _is_meant(expected: Expected, rule: str, violation: Violation) -> bool:
    if rule not in expected.rules:
        return False
    if expected.days != "any" and violation.day not in expected.days:
        return False
    return not (expected.items and violation.item) or any(name in violation.item for name in expected.items)


def _checked(rule: str, results: Iterable[Result]) -> bool:
    return any(result.rule == rule and result.outcome != "not_checkable" for result in results)
