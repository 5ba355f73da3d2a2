"""How well the rules of a trip do, for docs/itineraries.md: measured with itineraries judged by hand."""

from collections.abc import Iterator
from textwrap import fill
from typing import Final

from scripts.docs.tables import code, table
from tests.support.judged_itineraries import JudgedItinerary, judged_itineraries
from tests.support.rule_scores import Measured, Score, measured

_WIDTH: Final = 120
_HEAD: Final = ("Rule", "Checked in", "Reported", "Precision", "Real", "Recall")


def measured_rules() -> str:
    """Return how many of the reported violations are real, and how many of the real ones are reported."""
    outcome, trips = measured(), judged_itineraries().values()
    right = sum(map(_is_right, trips))
    introduction = (
        f"Measured with {len(trips)} [itineraries](../tests/data/itineraries) whose author judged them "
        f"without having seen the rules: {right} are right, though not all look it, and {len(trips) - right} "
        "break one to three rules. Since then they have served to correct rules; expect less of others."
    )
    explanation = (
        "Precision is the share of the reported violations that are real, and recall the share of the real "
        "ones that are reported. Most rules have only a few real violations here: one more or less changes "
        "their shares a lot."
    )
    parts = (
        fill(introduction, _WIDTH, break_long_words=False, break_on_hyphens=False),
        table(_HEAD, map(_row, outcome.scores())),
        fill(explanation, _WIDTH),
        *_differences(outcome),
    )
    return "\n\n".join(parts)


def _is_right(trip: JudgedItinerary) -> bool:
    # A public holiday is only something to know.
    return all(expected.rules == ("holidays",) for expected in trip.expected)


def _row(score: Score) -> tuple[str, ...]:
    return (
        code(score.rule),
        str(score.checked),
        str(score.reported),
        _share(score.right, score.reported),
        str(score.expected),
        _share(score.found, score.expected),
    )


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "–"


def _differences(outcome: Measured) -> Iterator[str]:
    unreal = [(each.rule, each.violation.message) for each in outcome.reported if each.expected is None]
    missed = [
        (each.expected.rules[0], f"{' and '.join(each.expected.items)}: {each.expected.reason}.")
        for each in outcome.missed
    ]
    for head, lines in (("Reported, and not real:", unreal), ("Real, and not reported:", missed)):
        if lines:
            yield head
            yield "\n".join(f"- {code(rule)}: {text}" for rule, text in lines)
