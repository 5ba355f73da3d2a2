"""`make evaluate` as a process: its examples on the demo model, and an API that fails in every way."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.evaluate.__main__ import EXAMPLES
from tests.support.markdown import ROOT, Page
from tests.support.scripted_api import COMMENTS, ScriptedApi, failure
from tests.support.trip_answers import TRIP_BODY, trip_events

KEY = "Ev4luatecanary7Qm3vT8xLw2Rk7Yb4Nd6H"
TRIP = {**TRIP_BODY, "repair": {**TRIP_BODY["repair"], "before": ["overlaps"]}}
HEALTHY = {"status": "success", "message": "Fine.", "has_api_key": True, "mode": "openai"}


def start(home: Path, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
    """Start it in an empty folder: a developer's own .env would be read."""
    kept = {name: value for name, value in os.environ.items() if name.startswith(("COV", "PATH", "LANG"))}
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "scripts.evaluate", *arguments],
        cwd=home,
        env={**kept, "PYTHONPATH": str(ROOT), "HOME": str(home), **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(home: Path, *arguments: str, status: int = 0, **environment: str) -> tuple[str, str]:
    with start(home, *arguments, **environment) as process:
        out, err = process.communicate(timeout=100)
    assert process.returncode == status, (out, err)
    assert KEY not in out + err
    return out, err


def shown(text: str) -> str:
    """Return a report without what differs from one run to the next, or with the texts that are sent."""
    text = re.sub(r"[\d.]+ s\b", "N s", text)
    text = re.sub(r"(?m)^ ", "", text)
    return re.sub(r"(?m)^Tokens .*", lambda line: re.sub(r"[\d,]+", "N", line[0]), text).strip()


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """The folder of a run of the examples on the demo model, and what it printed."""
    home = tmp_path_factory.mktemp("home")
    return home, *run(home, "--parallel", "8")


def test_the_examples_run_on_the_demo_model(evaluated: tuple[Path, str, str]) -> None:
    home, out, err = evaluated

    section = Page.read("docs/itineraries.md").section("Evaluate a model")
    (documented,) = re.findall(r"```text\n(.*?)```", section, re.DOTALL)
    assert shown(out) == shown(documented), f"docs/itineraries.md shows another report than this:\n{out}"
    assert "The demo model answers" in err
    assert "12/12 " in err
    lines = (home / "example.results.jsonl").read_text("utf-8").splitlines()
    assert {json.loads(line)["id"] for line in lines} > {"rome-florence", "german"}
    assert len(lines) == len(EXAMPLES.read_text("utf-8").splitlines()) == 12


def test_a_second_run_asks_only_what_is_missing(evaluated: tuple[Path, str, str]) -> None:
    home, first, _ = evaluated
    path = home / "example.results.jsonl"
    # As where the power failed.
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    cut = json.loads(whole.splitlines()[-1])["id"]

    out, err = run(home)

    assert "The last line of example.results.jsonl was cut, so its query is asked again." in err
    assert "11 of 12 queries have a result in example.results.jsonl: they are skipped." in err
    assert re.findall(r"^\d+/12 ([\w-]+)", err, re.M) == [cut]
    assert shown(out) == shown(first)

    out, err = run(home)

    assert shown(out) == shown(first)
    assert "12 of 12 queries have a result" in err
    assert "Nothing was left to ask." in err


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    with ScriptedApi() as server:
        server.json(200, HEALTHY)
        yield server


def asked(api: ScriptedApi) -> list[dict[str, Any]]:
    return [json.loads(body) for method, _, _, body in api.seen if method == "POST"]


def write_queries(home: Path, *ids: str) -> None:
    lines = [json.dumps({"id": each, "query": f"A trip to {each}", "nights": 3}) for each in ids]
    (home / "own.jsonl").write_text("\n".join(lines))


def test_failures_are_counted_and_passing_ones_asked_again(api: ScriptedApi, tmp_path: Path) -> None:
    write_queries(tmp_path, "a", "b", "c", "d")
    api.json(502, failure("invalid_itinerary"))
    api.json(502, failure("upstream_error"))
    api.json(429, failure("rate_limited"), Retry_After="1")
    api.whole_stream(*trip_events(TRIP))
    arguments = ("own.jsonl", "--url", api.base_url, "--parallel", "1")

    out, err = run(tmp_path, *arguments, TRAVEL_GPT_API_KEY=KEY)

    assert "Queries        4: 2 trips, 2 failed (invalid_itinerary 1, upstream_error 1)" in out
    assert "Cost           0.0008 USD, 0.0004 a trip\n" in out
    assert "1/4 a: About invalid_itinerary. (invalid_itinerary), 0.0 s" in err
    assert "3/4 c: 4 days, not verified, errors: 1, repair partly, 0." in err, "without the wait"
    assert "3 of 4 queries are done. The same command asks the others." in err
    assert {headers.get("x-api-key") for method, _, headers, _ in api.seen if method == "POST"} == {KEY}
    assert asked(api)[0] == {"query": "A trip to a", "format": "itinerary", "nights": 3}

    api.seen.clear()
    api.script[:0] = [(200, {"Content-Type": "application/json"}, json.dumps(HEALTHY).encode())]
    out, err = run(tmp_path, *arguments)

    assert [each["query"] for each in asked(api)] == ["A trip to b"]
    assert "Queries        4: 3 trips, 1 failed (invalid_itinerary 1)" in out
    assert "The answers are in own.results.jsonl." in err
    assert KEY not in (tmp_path / "own.results.jsonl").read_text()


@pytest.mark.parametrize(
    ("status", "body", "headers", "said"),
    [
        (
            403,
            failure("forbidden"),
            {},
            "About forbidden. (forbidden) Check the API key in TRAVEL_GPT_API_KEY.",
        ),
        (
            404,
            failure("streaming_disabled"),
            {},
            "About streaming_disabled. (streaming_disabled) Add --buffered.",
        ),
        (
            429,
            failure("budget_exhausted"),
            {"Retry_After": "3600"},
            "About budget_exhausted. (budget_exhausted)",
        ),
        (200, {"answer": "Take tram 28."}, {}, "is not an API of Travel GPT."),
    ],
)
def test_where_each_query_would_be_refused_the_run_ends(
    api: ScriptedApi, tmp_path: Path, status: int, body: dict[str, Any], headers: dict[str, str], said: str
) -> None:
    write_queries(tmp_path, "a", "b", "c")
    api.whole_stream(*trip_events(TRIP))
    api.json(status, body, **headers)

    out, err = run(tmp_path, "own.jsonl", "--url", api.base_url, "--parallel", "1", status=1)

    assert len(asked(api)) == 2
    assert said in err
    assert "The other queries were not asked." in err
    assert "1 of 3 queries are done. The same command asks the others." in err
    assert "Queries        1: 1 trip, 0 failed" in out


def test_what_is_running_when_one_is_refused_is_kept(api: ScriptedApi, tmp_path: Path) -> None:
    write_queries(tmp_path, *"abcdef")
    # The first request is being answered when the second one is refused.
    api.stream(2.0, *trip_events(TRIP), b"")
    api.json(403, failure("forbidden"))
    api.whole_stream(*trip_events(TRIP))

    _, err = run(tmp_path, "own.jsonl", "--url", api.base_url, "--parallel", "2", status=1)

    assert len(asked(api)) == 2
    assert "1 of 6 queries are done." in err


def test_prose_is_no_trip(api: ScriptedApi, tmp_path: Path) -> None:
    write_queries(tmp_path, "a", "b")
    api.json(200, {"answer": "Take tram 28."})

    _, err = run(tmp_path, "own.jsonl", "--url", api.base_url, "--buffered", "--parallel", "1", status=1)

    assert "it is of a version that makes none" in err
    assert [path for method, path, *_ in api.seen if method == "POST"] == ["/Prod/travel-gpt"]


def test_an_api_without_a_key_is_not_asked(tmp_path: Path) -> None:
    write_queries(tmp_path, "a")
    with ScriptedApi() as api:
        api.json(503, failure("secret_not_found", has_api_key=False))

        _, err = run(tmp_path, "own.jsonl", "--url", api.base_url, status=1)

    assert err == "About secret_not_found. (secret_not_found). Nothing was asked.\n"
    assert asked(api) == []


def test_ctrl_c_keeps_what_is_done_and_stops_what_is_running(api: ScriptedApi, tmp_path: Path) -> None:
    write_queries(tmp_path, "a", "b", "c")
    api.whole_stream(*trip_events(TRIP))
    api.stream(*COMMENTS)
    api.json(200, {"status": "success"})

    with start(tmp_path, "own.jsonl", "--url", api.base_url, "--parallel", "1") as process:
        until = time.monotonic() + 30
        while len(asked(api)) < 2 and time.monotonic() < until:
            time.sleep(0.05)
        # The second stream has begun.
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)

    assert process.returncode == 130
    assert "Queries        1: 1 trip, 0 failed" in out
    assert "Interrupted.\n1 of 3 queries are done. The same command asks the others.\n" in err
    assert "Traceback" not in err
    assert api.seen[-1][:2] == ("POST", "/Prod/travel-gpt/stream/r-1/stop")
    (line,) = (tmp_path / "own.results.jsonl").read_text().splitlines()
    assert json.loads(line)["id"] == "a"


def children(pid: int) -> set[str]:
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True)
    return {words[0] for words in map(str.split, listed.stdout.splitlines()) if words[1] == str(pid)}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_local_server_ends_with_the_run(tmp_path: Path, number: signal.Signals) -> None:
    write_queries(tmp_path, "a")

    with start(tmp_path, "own.jsonl", DEMO_SECONDS="20") as process:
        assert process.stderr is not None
        assert "The demo model answers" in process.stderr.readline()
        (server,) = children(process.pid)
        process.send_signal(number)
        _, err = process.communicate(timeout=20)

    assert process.returncode == 130
    assert "Interrupted.\n0 of 1 queries are done." in err
    with pytest.raises(ProcessLookupError):
        os.kill(int(server), 0)


def test_a_local_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    write_queries(tmp_path, "a")

    _, err = run(tmp_path, "own.jsonl", status=2, OPENAI_API_KEY=KEY, OPENAI_MAX_RETRIES="many")

    assert "OPENAI_MAX_RETRIES" in err
    assert "The local server did not start, so nothing was asked." in err
