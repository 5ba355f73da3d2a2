"""What the rules find in the itineraries that were judged by hand: nothing that is unknown, nothing lost."""

from scripts.docs.measured_rules import measured_rules
from tests.support.judged_itineraries import judged_itineraries
from tests.support.rule_scores import measured
from travel_gpt.advisor.checks.result import Severity

NOT_WRONG = {
    ("athens-oia-santorini", "places", "Akrotiri"): "a village that is missing from the data",
    ("camino-from-sarria-on-foot", "places", "Palas de Rei"): "a village that is missing from the data",
    ("camino-from-sarria-on-foot", "places", "O Pedrouzo"): "a village that is missing from the data",
    ("christchurch-queenstown-milford", "places", "Milford Sound"): "a village that is missing from the data",
}
"""What is reported although it is right, and why."""

NOT_FOUND = {
    (
        "barcelona-same-church-by-a-longer-name",
        "duplicates",
        "Sagrada Família",
    ): "its name is a part of the other",
    ("rome-colosseum-by-its-latin-name", "duplicates", "Colosseum"): "the names have no word in common",
}
"""What is wrong and not reported, and why."""


def test_nothing_is_reported_that_is_right_but_what_is_known() -> None:
    unexpected = [each for each in measured().reported if each.expected is None]

    assert sorted((each.itinerary, each.rule, each.violation.item) for each in unexpected) == sorted(
        NOT_WRONG
    )


def test_everything_that_is_wrong_is_reported_but_what_is_known() -> None:
    missed = [(each.itinerary, each.expected.rules[0], each.expected.items[0]) for each in measured().missed]

    assert sorted(missed) == sorted(NOT_FOUND)


def test_no_error_is_reported_in_an_itinerary_that_is_right() -> None:
    errors = [
        (name, result.rule)
        for name, results in measured().results.items()
        for result in results
        if result.severity is Severity.ERROR and result.violations and not judged_itineraries()[name].expected
    ]

    assert errors == []


def test_each_expected_violation_counts_once() -> None:
    scores = list(measured().scores())

    assert sum(score.expected for score in scores) == sum(
        len(trip.expected) for trip in judged_itineraries().values()
    )
    assert sum(score.expected - score.found for score in scores) == len(NOT_FOUND)
    assert sum(score.reported - score.right for score in scores) == len(NOT_WRONG)


def test_the_page_shows_how_each_rule_does_and_where_it_does_not() -> None:
    text = measured_rules()

    assert "| `duplicates` | 40 | 2 | 100% | 4 | 50% |" in text
    assert "| `sums` | 40 | 0 | – | 0 | – |" in text
    assert "- `places`: “Milford Sound” in NZ is not in the list of towns: look it up" in text
    assert "- `duplicates`: Colosseum and Flavian Amphitheatre: one building." in text
