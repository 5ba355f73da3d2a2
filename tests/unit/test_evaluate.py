"""`make evaluate`: the file of queries, the file of results, and what is counted."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scripts.evaluate.costs import Costs
from scripts.evaluate.queries import Query, read_queries
from scripts.evaluate.report import RuleCount, percentile_90, report, rule_counts
from scripts.evaluate.results import Result, Setup, open_results
from travel_gpt.cli.errors import CliError
from travel_gpt.llm.prices import PriceList

LOCAL = Setup("local", "openai", "stream")
COSTS = Costs(PriceList.load(refuse_unknown=True))


def rule(name: str, outcome: str, severity: str = "error", *, applies: bool = True) -> dict[str, Any]:
    return {"rule": name, "outcome": outcome, "severity": severity, "applies": applies}


def result(
    *rules: dict[str, Any], before: tuple[str, ...] = (), seconds: float = 2.0, **reply: Any
) -> Result:
    """Return the result of a query that was answered with a trip."""
    checks = {"verified": True, "share_checked": 0.9, "share_needed": 0.8, "results": list(rules)}
    body = {
        "model": "gpt-6-luna",
        "usage": {"input_tokens": 1000, "output_tokens": 100},
        "truncated": False,
        "repair": {"outcome": "done" if before else "not_needed", "before": list(before)},
        "checks": checks,
        **reply,
    }
    return Result("a", {"query": "Porto"}, LOCAL, "2026-11-22T06:00:00+00:00", seconds, reply=body)


def failed(code: str) -> Result:
    return replace(result(), reply=None, error={"code": code, "message": f"About {code}."})


def queries_in(folder: Path, text: str) -> list[Query]:
    path = folder / "queries.jsonl"
    path.write_text(text, encoding="utf-8")
    return read_queries(path)


def test_queries_are_json_objects_or_texts(tmp_path: Path) -> None:
    found = queries_in(
        tmp_path,
        '\ufeff{"id": "a", "query": "Porto", "nights": 2}\r\n\n  Graça\u2028, slowly \n{"query": "x"}',
    )

    assert found[0] == Query("a", "Porto", {"nights": 2})
    assert found[0].request == {"query": "Porto", "nights": 2}
    assert [each.text for each in found[1:]] == ["Graça\u2028, slowly", "x"]
    assert len({each.id for each in found}) == 3


def test_the_id_of_a_query_without_one_depends_on_what_is_asked_alone(tmp_path: Path) -> None:
    first = queries_in(tmp_path, 'Porto\n{"query": "Rome", "nights": 2, "diet": []}')
    other = queries_in(tmp_path, 'Oslo\n{"diet": [], "nights": 2, "query": "Rome"}\nPorto')

    assert {each.id for each in first} < {each.id for each in other}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Porto\n{", "line 2: it begins as a JSON object and is none"),
        ('{"nights": 2}', 'line 1: it needs a "query" with a text'),
        ('{"query": " "}', 'line 1: it needs a "query" with a text'),
        ('{"query": "x", "id": 7}', 'line 1: its "id" must be a text'),
        ('{"query": "x", "format": "prose"}', 'line 1: leave "format" out'),
        ("Porto\n\nPorto", "line 3: this is the query of line 1 again"),
        ('{"id": "a", "query": "x"}\n{"id": "a", "query": "y"}', "line 2: this is the query of line 1 again"),
        ("\n", "has no query"),
    ],
)
def test_a_line_that_is_no_query_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(CliError) as raised:
        queries_in(tmp_path, text)

    assert said in raised.value.sentence


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes("Málaga".encode("latin-1"))

    for name, said in (("latin", "is not UTF-8"), ("none", "cannot be read: No such file")):
        with pytest.raises(CliError, match=said):
            read_queries(tmp_path / name)


QUERIES = [Query(name, "Porto") for name in "abc"]


def test_results_are_kept_and_their_queries_skipped(tmp_path: Path) -> None:
    path = tmp_path / "a.results.jsonl"
    with open_results(path) as file:
        assert file.left(QUERIES) == QUERIES
        file.add(result(rule("dates", "ok")))
        file.add(replace(failed("invalid_itinerary"), id="b"))
        file.add(replace(failed("upstream_error"), id="c"))

    with open_results(path) as file:
        assert [each.id for each in file.left(QUERIES)] == ["c"]
        assert file.results["a"] == result(rule("dates", "ok"))
        assert not file.cut
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_cut_last_line_is_removed_and_the_file_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "a.results.jsonl"
    with open_results(path) as file:
        file.add(result())
        file.add(replace(result(answer="Take tram 28. " * 100), id="b"))
    path.write_bytes(path.read_bytes()[:-30])

    with open_results(path) as file:
        assert file.cut
        assert [each.id for each in file.left(QUERIES)] == ["b", "c"]
        file.add(replace(result(seconds=9), id="b"))

    with open_results(path) as file:
        assert not file.cut
        assert [(each.id, each.seconds) for each in file.results.values()] == [("a", 2.0), ("b", 9)]


@pytest.mark.parametrize("line", ["{}", "Porto", '{"id": "a"}', "[" * 5000, '{"setup": 1}'])
def test_another_file_is_not_written_to(tmp_path: Path, line: str) -> None:
    path = tmp_path / "queries.jsonl"
    path.write_text(f"{line}\nthe last, without a line end")

    with pytest.raises(CliError, match="line 1: this is no result"), open_results(path):
        pass

    assert path.read_text() == f"{line}\nthe last, without a line end"


def test_what_no_answer_of_ours_has_is_no_result(tmp_path: Path) -> None:
    path = tmp_path / "a.results.jsonl"
    with open_results(path) as file:
        file.add(result(checks={}))

    with pytest.raises(CliError, match="no result"), open_results(path):
        pass


def test_two_runs_do_not_write_to_one_file(tmp_path: Path) -> None:
    path = tmp_path / "a.results.jsonl"

    with open_results(path), pytest.raises(CliError, match="Another run writes to"), open_results(path):
        pass


def test_results_of_another_api_mode_or_query_are_not_mixed(tmp_path: Path) -> None:
    with open_results(tmp_path / "a.results.jsonl") as file:
        file.add(result())
        file.add(replace(failed("invalid_constraint"), id="b"))

        file.require(LOCAL)
        with pytest.raises(CliError, match=r"mode openai.*asks the local server, mode demo"):
            file.require(replace(LOCAL, mode="demo"))
        with pytest.raises(CliError, match='another query with the id "a"'):
            file.left([Query("a", "Rome")])
        # One that was refused was corrected.
        assert file.left([Query("b", "Porto", {"nights": 2})])


def test_the_trips_that_keep_a_rule_are_counted_before_and_after() -> None:
    counts = rule_counts(
        [
            result(rule("overlaps", "ok"), rule("pace", "violated", "warning"), before=("overlaps", "pace")),
            result(rule("overlaps", "violated"), rule("pace", "ok", "warning"), before=("overlaps",)),
            result(rule("overlaps", "ok"), rule("pace", "not_checkable", "warning")),
            result(rule("overlaps", "ok"), rule("pace", "not_checkable", "warning", applies=False)),
            # The repair removed what the rule is about.
            result(
                rule("overlaps", "ok"),
                rule("pace", "not_checkable", "warning", applies=False),
                before=("pace",),
            ),
            failed("invalid_itinerary"),
        ]
    )

    assert counts == {
        "overlaps": RuleCount("error", trips=5, broken_before=2, broken_after=1),
        "pace": RuleCount("warning", trips=3, broken_before=2, broken_after=1, not_checkable=1),
        "all, errors": RuleCount("error", trips=5, broken_before=2, broken_after=1),
        "all, warnings": RuleCount("warning", trips=5, broken_before=2, broken_after=1),
    }


def test_the_report() -> None:
    holidays = rule("holidays", "not_checkable", "note", applies=False)
    results = [
        result(rule("dates", "ok"), holidays, before=("dates",), seconds=1),
        result(rule("dates", "ok"), holidays, seconds=2, truncated=True),
        result(
            rule("dates", "not_checkable"),
            holidays,
            seconds=12,
            usage={"input_tokens": None, "output_tokens": None},
        ),
        failed("invalid_itinerary"),
        failed("invalid_itinerary"),
        failed("upstream_error"),
    ]

    assert report(results, COSTS).split("\n") == [
        "Rule           Severity  Trips  Kept before  Kept after  Not checkable",
        "dates          error     2      1 (50%)      2 (100%)    1",
        "all, errors    error     3      2 (67%)      3 (100%)",
        "all, warnings  warning   3      3 (100%)     3 (100%)",
        "",
        "Queries        6: 3 trips, 3 failed (invalid_itinerary 2, upstream_error 1)",
        "Model          gpt-6-luna",
        "Complete       2 of 3 (67%): no day is missing",
        "Verified       3 of 3 (100%): no error, and enough could be checked",
        "Share checked  median 0.90, least 0.90; 0.8 is enough",
        "Repair         not_needed 2, done 1",
        "Time           median 2.0 s, 90th percentile 10.0 s",
        "Tokens         2,000 in, 200 out; median of a trip 1,000 in, 100 out; 1 trip without",
        # 2,000 at 0.125 USD a million (with the writing of the cache), and 200 at 0.50.
        (
            "Cost           0.0003 USD, 0.0002 a trip, by the price list of "
            f"{PriceList.load().as_of} without discounts for cached input; 1 trip without"
        ),
    ]


def test_the_report_without_a_trip() -> None:
    assert report([failed("forbidden")], COSTS) == "Queries  1: 0 trips, 1 failed (forbidden 1)"


def test_several_models_are_named() -> None:
    assert "Model          a 2, b 1" in report([result(model=name) for name in "aba"], COSTS)


@pytest.mark.parametrize(
    ("reply", "mode", "said"),
    [
        (
            {"usage": {"input_tokens": 1, "output_tokens": 1, "cost_usd": 0.02}},
            "openai",
            "0.0200 USD, 0.0200 a trip",
        ),
        (
            {"model": "llama-4"},
            "compatible",
            "not known: the model is not in the price list of this clone",
        ),
        ({"model": "travel-gpt-demo"}, "demo", "none: the demo model"),
    ],
)
def test_the_cost_and_how_it_is_known(reply: dict[str, Any], mode: str, said: str) -> None:
    found = replace(result(**reply), setup=replace(LOCAL, mode=mode))

    assert COSTS.sentence([found, failed("upstream_error")]).startswith(said)


def test_the_90th_percentile() -> None:
    # Of 1 to 11, one in ten is above 10.
    assert percentile_90(range(11, 0, -1)) == 10
    assert percentile_90([3.0]) == 3.0


def test_the_examples_are_various() -> None:
    examples = [each.constraints for each in read_queries(Path("scripts/evaluate/example.jsonl"))]

    asked = {name for each in examples for name in each}
    # Dates would be in the past one day.
    left_out = {"start", "end"}
    schema = json.loads(Path("docs/openapi.json").read_text("utf-8"))["components"]["schemas"]["Query"]
    assert asked == schema["properties"].keys() - {"query", "format"} - left_out
