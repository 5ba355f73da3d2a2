"""How a streamed answer is measured, and what ``travel-gpt doctor --stream`` says about it."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.support.scripted_api import ScriptedApi, failure
from tests.support.secret_leaks import holds
from tests.unit.cli.conftest import Done, Person
from travel_gpt.api import sse
from travel_gpt.cli.console import Console
from travel_gpt.cli.doctor import stream as doctor_stream
from travel_gpt.cli.doctor.check_result import State
from travel_gpt.cli.doctor.stack.deployed import Deployed
from travel_gpt.cli.errors import DONE, FAILED, USAGE
from travel_gpt.cli.stack import Stack
from travel_gpt.cli.stream_measurement import QUERY, Delivery, Measurement, measure, most_cost
from travel_gpt.client import Stream, TravelGPT
from travel_gpt.settings import Settings

KEY = "Xw5annscanary7Qm3vT8xLw2Rk7Yb4Nd6H"
HEALTH = {"status": "success", "message": "OK", "has_api_key": True, "mode": "openai"}
WORDS = ("Take ", "tram ", "28 ", "up ", "to ", "Graça.")
DELTAS = [sse.event("delta", {"text": word}) for word in WORDS]
START = sse.event("start", {"request_id": "r-1", "model": "gpt-6-luna"})
USAGE_EVENT = sse.event("usage", {"usage": {"total_tokens": 9, "cost_usd": 0.0001}})


def done(milliseconds: int | None) -> bytes:
    """The last event of an answer whose text was sent in that time."""
    said = {} if milliseconds is None else {"text_milliseconds": milliseconds}
    return sse.event("done", {"truncated": False, **said})


@pytest.fixture
def server() -> Iterator[ScriptedApi]:
    with ScriptedApi() as running:
        yield running


@pytest.fixture
def api(server: ScriptedApi) -> Iterator[TravelGPT]:
    with TravelGPT(server.base_url, api_key=KEY, retries=0) as client:
        yield client


def streamed(server: ScriptedApi, pause: float = 0.03) -> None:
    """Add a stream whose pieces come one by one."""
    paced = [step for delta in DELTAS for step in (delta, pause)]
    server.stream(START, *paced, USAGE_EVENT, done(round(len(DELTAS) * pause * 1000)), b"")


def collected(server: ScriptedApi, milliseconds: int = 400) -> None:
    """Add the same after a proxy that collects it."""
    server.stream(0.1, b"".join([START, *DELTAS, USAGE_EVENT, done(milliseconds)]), b"")


def test_what_comes_while_it_is_written_is_streamed(server: ScriptedApi, api: TravelGPT) -> None:
    streamed(server)

    found = measure(api)

    assert found.delivery is Delivery.STREAMED
    assert (len(found.events_at), len(found.texts_at), len(found.gaps)) == (9, 6, 8)
    assert 0 < found.headers_at <= found.events_at[0] <= found.texts_at[0] < found.events_at[-1]
    assert 0.02 < found.median_gap <= found.longest_gap < 0.2
    assert found.text_received_in == pytest.approx(0.18, abs=0.08)
    assert (found.text_sent_in, found.model, found.cost_usd) == (0.18, "gpt-6-luna", 0.0001)
    assert json.loads(server.seen[0][3]) == {"query": QUERY}


def test_what_comes_at_once_although_it_was_written_slowly_is_a_burst(
    server: ScriptedApi, api: TravelGPT
) -> None:
    collected(server)

    found = measure(api)

    assert found.delivery is Delivery.BURST
    assert found.text_received_in < 0.1
    assert found.events_at[0] > 0.09


@pytest.mark.parametrize("milliseconds", [None, 0, 99])
def test_what_was_written_at_once_decides_nothing(
    server: ScriptedApi, api: TravelGPT, milliseconds: int | None
) -> None:
    server.whole_stream(START, *DELTAS, done(milliseconds), b"")

    found = measure(api)

    assert found.delivery is Delivery.UNDECIDED
    assert found.cost_usd is None


@pytest.mark.parametrize(
    ("sent_in", "received_in", "delivery"),
    [
        (1.0, 0.24, Delivery.BURST),
        (1.0, 0.26, Delivery.STREAMED),
        (0.1, 0.0, Delivery.BURST),
        (0.099, 0.0, Delivery.UNDECIDED),
        (None, 0.0, Delivery.UNDECIDED),
    ],
)
def test_the_rule(sent_in: float | None, received_in: float, delivery: Delivery) -> None:
    found = Measurement(1.0, (1.0, 1.5, 1.5 + received_in), (1.5,), sent_in, "m", None)

    assert found.text_received_in == pytest.approx(received_in)
    assert found.delivery is delivery


def test_a_stream_of_its_last_event_alone_is_measured(server: ScriptedApi, api: TravelGPT) -> None:
    server.whole_stream(sse.event("usage", {}), done(0), b"")

    found = measure(api)

    assert (found.delivery, found.text_received_in) == (Delivery.UNDECIDED, 0.0)
    assert "the first text" not in found.times
    assert found.document["first_text_milliseconds"] is None


def test_a_measurement_that_is_interrupted_stops_its_stream(
    server: ScriptedApi, api: TravelGPT, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.stream(START, DELTAS[0], 5.0)
    server.json(202, {"status": "success"})
    real = Stream.events

    def interrupted(self: Stream) -> Iterator[tuple[str, Mapping[str, Any]]]:
        yield next(iter(real(self)))
        raise KeyboardInterrupt

    monkeypatch.setattr(Stream, "events", interrupted)

    with pytest.raises(KeyboardInterrupt):
        measure(api)

    assert server.seen[-1][1].endswith("/stream/r-1/stop")


def test_the_most_that_it_costs_is_what_a_budget_reserves() -> None:
    dear = Settings.load({"OPENAI_MODEL": "m", "MODEL_PRICES": "m=1/1000", "OPENAI_MAX_OUTPUT_TOKENS": "100"})

    # The whole output, and at most 3,000 bytes of instructions and query.
    assert 0.1 < float(most_cost(dear).removesuffix(" USD")) < 0.104
    unknown = Settings.load({"OPENAI_MODEL": "no-such-model", "UNKNOWN_MODEL_PRICE": "refuse"})
    assert most_cost(unknown) == "an unknown amount, since no-such-model has no price"


def examine(person: Person, server: ScriptedApi, *options: str, status: int = DONE) -> Done:
    return person.run("doctor", "--stream", "--url", server.base_url, *options, status=status)


def rows(done: Done) -> list[dict[str, Any]]:
    """What the check of the stream found, of a command with --json."""
    return [each for each in json.loads(done.out)["findings"] if each["check"] == "stream"]


def test_doctor_shows_a_stream_in_rows(
    person: Person, server: ScriptedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAVEL_GPT_API_KEY", KEY)
    server.json(200, HEALTH)
    streamed(server)

    done = examine(person, server)

    lines = [line.split(maxsplit=2) for line in done.out.splitlines() if " stream " in line]
    assert [line[:2] for line in lines] == [["ok", "stream"]] * 3
    assert "the first event after" in lines[0][2]
    assert lines[0][2].endswith("for 0.000100 USD")
    assert lines[1][2].startswith("9 events, 8 gaps between them: median ")
    assert lines[2][2].startswith("it streams: the text was sent in 180 ms and arrived in ")
    assert done.err == "One short query is asked, which costs the API's owner what any query costs.\n"
    assert done.out.rstrip().endswith(f'travel-gpt ask "Three days in Lisbon?" --url {server.base_url}')
    # The key goes with the query, and nowhere else.
    assert [headers.get("x-api-key") for _, _, headers, _ in server.seen] == [None, KEY]
    assert not holds(done.out + done.err, KEY)


def test_doctor_gives_the_figures_as_json(person: Person, server: ScriptedApi) -> None:
    server.json(200, {**HEALTH, "mode": "demo"})
    streamed(server)

    done = examine(person, server, "--json")

    *others, last = rows(done)
    assert not [each for each in others if "measured" in each]
    assert last["measured"]["delivery"] == "streamed"
    assert last["measured"]["gaps"] == 8
    assert 0 < last["measured"]["headers_milliseconds"] <= last["measured"]["whole_milliseconds"]
    assert done.err == "The demo model answers, which costs nothing.\n"


def test_doctor_takes_a_burst_for_a_problem(person: Person, server: ScriptedApi) -> None:
    server.json(200, HEALTH)
    collected(server)

    done = examine(person, server, "--json", status=FAILED)

    last = rows(done)[-1]
    assert (last["state"], last["measured"]["delivery"]) == ("problem", "burst")
    assert "in one burst: the text was sent in 400 ms" in last["says"]
    assert "look for a proxy" in last["fix"]


def test_doctor_warns_where_nothing_can_be_decided(person: Person, server: ScriptedApi) -> None:
    server.json(200, HEALTH)
    collected(server, 3)

    last = rows(examine(person, server, "--json"))[-1]

    assert (last["state"], last["measured"]["delivery"]) == ("warning", "undecided")


@pytest.mark.parametrize(
    ("status", "code", "state", "fix"),
    [
        (409, "streaming_disabled", "warning", "Unset STREAMING"),
        (403, "forbidden", "problem", "Export an API key"),
        (403, "client_disabled", "problem", "Export an API key"),
        (429, "budget_exhausted", "warning", "--parameter BudgetPerDay"),
        (429, "rate_limited", "warning", "Repeat later."),
        (404, "not_found", "problem", "it ends in /travel-gpt"),
        (503, "paused", "problem", "travel-gpt resume"),
        (502, "credential_rejected", "problem", "docs/errors.md"),
    ],
)
def test_doctor_says_why_a_stream_is_refused_and_what_to_do(
    person: Person, server: ScriptedApi, status: int, code: str, state: str, fix: str
) -> None:
    server.json(200, HEALTH)
    server.json(status, failure(code, message="\x1b[31mNo."))

    done = examine(person, server, "--json", status=FAILED if state == "problem" else DONE)

    (found,) = rows(done)
    assert (found["state"], fix in found["fix"]) == (state, True), found
    assert found["says"].startswith("not measured: ")
    assert "\x1b" not in found["says"]


def test_a_stream_that_breaks_off_is_a_problem(person: Person, server: ScriptedApi) -> None:
    server.json(200, HEALTH)
    server.stream(START, DELTAS[0], b"")

    (found,) = rows(examine(person, server, "--json", status=FAILED))

    assert "ended before the answer was complete" in found["says"]


def test_without_a_server_it_says_how_to_start_one(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedApi() as gone:
        url = gone.base_url
    monkeypatch.setattr("travel_gpt.cli.asked_api.LOCAL_URL", url)
    monkeypatch.setattr("travel_gpt.cli.doctor.stream.LOCAL_URL", url)

    (found,) = rows(person.run("doctor", "--stream", "--json", status=FAILED))

    assert "No connection" in found["says"]
    assert "`make run`" in found["fix"]


@pytest.mark.parametrize(
    "options", [("--url", "https://x/travel-gpt"), ("--stream", "--url", "https://x", "--env", "prod")]
)
def test_a_url_goes_with_a_stream_that_no_stack_has(person: Person, options: tuple[str, ...]) -> None:
    person.run("doctor", *options, status=USAGE, says="--url goes with --stream")


def deployed(**variables: str) -> Deployed:
    stack = Stack("s", "CREATE_COMPLETE", outputs={"ApiUrl": "https://api.invalid/Prod/travel-gpt"})
    function = {"FunctionName": "f", "Environment": {"Variables": variables}} if variables else {}
    return Deployed(stack, {}, {}, function)


@pytest.mark.parametrize(
    ("variables", "says", "fix"),
    [
        ({}, "an older version was deployed", "./deploy.sh"),
        ({"STREAMING": "off"}, "streaming is turned off", "./deploy.sh --parameter Streaming=on"),
    ],
)
def test_a_stack_that_does_not_stream_is_not_asked(
    variables: dict[str, str], says: str, fix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (found,) = doctor_stream.check_stack_stream(deployed(**variables), " --env prod", Console())

    assert (found.state, says in found.says, fix in found.fix) == (State.WARNING, True, True)
    assert capsys.readouterr() == ("", "")
