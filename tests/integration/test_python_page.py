"""docs/python.md: its examples run against the API, its numbers are those of the code."""

import re
from collections.abc import Iterator

import pytest

from tests.fakes.openai import FakeOpenAI
from tests.support.markdown import Page
from tests.support.scripted_api import ScriptedApi
from tests.support.streaming_server import StreamingServer
from tests.support.trip_answers import TRIP_BODY, trip_events
from travel_gpt import client

PAGE = Page.read("docs/python.md")
EXAMPLES = [text for language, text in PAGE.fenced if language == "python"]
OPENAI_KEY = "sk-proj-PythonPag3T3stK3y000000000000000000000001"
KEY = "Xk4annscanary7Qm3vT8xLw2Rk7Yb4Nd6H"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[StreamingServer]:
    monkeypatch.setenv("OPENAI_API_KEY", OPENAI_KEY)
    # They are written to the standard output, which the examples print to.
    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "true")
    with FakeOpenAI() as upstream, StreamingServer(upstream, key=OPENAI_KEY) as running:
        monkeypatch.setenv("TRAVEL_GPT_URL", running.base_url)
        monkeypatch.setenv("TRAVEL_GPT_API_KEY", KEY)
        yield running


def run(example: str, server: StreamingServer | ScriptedApi) -> None:
    """Run an example as it is, but for the URL of the local server."""
    here = re.sub(r"TravelGPT\((?=\)|retries)", f"TravelGPT('{server.base_url}', ", example)
    exec(compile(here, "docs/python.md", "exec"), {})


def example(marker: str) -> str:
    (found,) = [each for each in EXAMPLES if marker in each]
    return found


def test_every_example_is_run() -> None:
    markers = (
        "Three days in Lisbon?",
        "TRAVEL_GPT_API_KEY",
        "A week in Japan",
        "api.ask(\n",
        "stream.events()",
        "retries=0",
        "uuid",
        "health()",
    )
    assert [example(marker) for marker in markers] == EXAMPLES


def test_asking(server: StreamingServer, capsys: pytest.CaptureFixture[str]) -> None:
    run(example("Three days in Lisbon?"), server)

    *text, numbers = capsys.readouterr().out.splitlines()
    assert text
    assert re.fullmatch(r"gpt-6-luna [0-9]+ [0-9.e-]+", numbers)


def test_a_deployed_api_gets_the_key(server: StreamingServer, capsys: pytest.CaptureFixture[str]) -> None:
    run(example("TRAVEL_GPT_API_KEY"), server)

    assert server.seen == [("POST", "/travel-gpt", KEY)]
    assert capsys.readouterr().out.strip()


def test_streaming(server: StreamingServer, capsys: pytest.CaptureFixture[str]) -> None:
    run(example("A week in Japan"), server)

    text, total = capsys.readouterr().out.strip().rsplit("\n", 1)
    assert text
    assert int(total) > 0
    assert server.seen == [("POST", "/travel-gpt/stream", "")]


def test_a_trip(capsys: pytest.CaptureFixture[str]) -> None:
    with ScriptedApi() as server:
        server.json(200, TRIP_BODY)
        run(example("api.ask(\n"), server)

    assert capsys.readouterr().out.splitlines() == [
        "1 To Lisbon 563.0 EUR",
        "2 Belém 196.0 EUR",
        "3 To Porto 253.0 EUR",
        "4 Home 390.0 EUR",
        "verified: False errors: 1",
    ]


def test_a_streamed_trip(capsys: pytest.CaptureFixture[str]) -> None:
    with ScriptedApi() as server:
        server.whole_stream(*trip_events())
        run(example("stream.events()"), server)

    assert capsys.readouterr().out.splitlines() == [
        *(f"day {number} is written" for number in (2, 1, 3, 4)),
        "Lisbon and Porto by train",
    ]


def test_a_failure(server: StreamingServer, capsys: pytest.CaptureFixture[str]) -> None:
    run(example("retries=0"), server)

    first, text = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"invalid_query 400 [0-9a-f-]{36}", first)
    assert text == '"query" is empty: write what you would like to know.'


def test_repeating(server: StreamingServer, capsys: pytest.CaptureFixture[str]) -> None:
    run(example("uuid"), server)

    assert capsys.readouterr().out == "True\n"
    assert (len(server.seen), len(server.upstream.calls)) == (2, 1)


def test_health(server: StreamingServer, capsys: pytest.CaptureFixture[str]) -> None:
    run(example("health()"), server)

    assert capsys.readouterr().out == "True compatible OpenAI API key is configured\n"


def test_every_exception_and_limit_is_described() -> None:
    kinds = {name for name in client.__all__ if issubclass_of_error(name)}
    assert kinds <= set(PAGE.spans)
    for name, seconds in (
        ("timeout", client.ANSWER_TIMEOUT),
        ("idle_timeout", client.IDLE_TIMEOUT),
        ("stream_timeout", client.STREAM_TIMEOUT),
    ):
        assert f"| `{name}` | {seconds:g} |" in PAGE.text


def issubclass_of_error(name: str) -> bool:
    kind = getattr(client, name)
    return isinstance(kind, type) and issubclass(kind, client.ApiError)
