"""Answers that are streamed: their events, how they fail, and what they cost."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from tests.fakes.dynamodb import TABLE, MemoryTable
from tests.fakes.openai import RESPONSES, Behaviour, FakeOpenAI, behaviours
from tests.integration.conftest import LambdaContext, proxy_event
from travel_gpt.api.streamed import StreamApi, StreamedResponse
from travel_gpt.aws.table import Table
from travel_gpt.bootstrap import build_stream_api
from travel_gpt.settings import Settings

KEY = "sk-proj-Str3amT3stK3y0000000000000000000000000001"
CLIENT = "c1"
Events = list[tuple[str, dict[str, Any]]]


class Streaming:
    """A function that streams, with a table and one client."""

    def __init__(self, api: StreamApi, table: MemoryTable) -> None:
        self.api, self.table = api, table

    def event(self, query: str = "Lisbon?", **headers: str) -> dict[str, Any]:
        event = proxy_event("POST", json.dumps({"query": query}))
        event["resource"] = event["path"] = "/travel-gpt/stream"
        event["headers"] |= {name.replace("_", "-"): value for name, value in headers.items()}
        event["requestContext"]["identity"] = {"apiKeyId": "annskey", "sourceIp": "192.0.2.1"}
        return event

    def open(self, query: str = "Lisbon?", **headers: str) -> StreamedResponse:
        response = self.api.answer(self.event(query, **headers), LambdaContext(100_000))
        assert isinstance(response, StreamedResponse), response
        return response

    def read(self, query: str = "Lisbon?", **headers: str) -> Events:
        """Return every event of a stream."""
        response = self.open(query, **headers)
        sent = b"".join(response.chunks)
        response.chunks.close()
        return parse(sent)

    def refused(self, query: str = "Lisbon?", **headers: str) -> tuple[int, dict[str, Any]]:
        """Return the status and body of a response that is no stream."""
        response = self.api.answer(self.event(query, **headers), LambdaContext(100_000))
        assert not isinstance(response, StreamedResponse)
        return response["statusCode"], json.loads(response["body"])

    def cost(self, name: str) -> int:
        items = [item for item in self.table.items.all() if item["pk"]["S"] == f"usage#{name}"]
        return sum(int(item["cost"]["N"]) for item in items)

    def reserved(self) -> list[str]:
        """The reservations that are not settled."""
        return [name for item in self.table.items.all() for name in item if name.startswith("r2")]


def parse(sent: bytes) -> Events:
    """Read server-sent events, without the comments."""
    found: Events = []
    for block in sent.decode().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if lines:
            found.append((lines["event"], json.loads(lines["data"])))
    return found


def is_whole(events: Events) -> bool:
    """Whether a stream came to its end, with the whole answer."""
    name, data = events[-1]
    return (name, data.get("truncated")) == ("done", False)


@pytest.fixture
def upstream() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as server:
        yield server


@pytest.fixture
def streaming(upstream: FakeOpenAI, monkeypatch: pytest.MonkeyPatch) -> Iterator[Streaming]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with stream_function(upstream) as function:
        yield function


@contextmanager
def stream_function(
    upstream: FakeOpenAI, *, api: str = "responses", retries: int = 0, **settings_: float
) -> Iterator[Streaming]:
    """A function whose key is in ``OPENAI_API_KEY``.

    Args:
        upstream: the model's server.
        api: which of its APIs.
        retries: how often a call is tried again.
        settings_: limits in seconds, which may be shorter than those that can be set.
    """
    table = MemoryTable()
    table.put("key#annskey", client=CLIENT)
    table.put(f"client#{CLIENT}", name="ann", per_minute=100)
    settings = Settings.load(
        {
            "CREDENTIAL_SOURCE": "environment",
            "OPENAI_API_KEY": KEY,
            "OPENAI_BASE_URL": upstream.base_url,
            "OPENAI_MAX_RETRIES": str(retries),
            "OPENAI_API": api,
            "TABLE_NAME": TABLE,
            "BUDGET_PER_DAY": "1",
        }
    )
    assert settings.problems == ()
    limits: dict[str, Any] = settings_
    function = build_stream_api(replace(settings, **limits), table=Table(TABLE, send=table.send))
    yield Streaming(function, table)
    function.close()


def test_an_answer_comes_as_events(upstream: FakeOpenAI, streaming: Streaming) -> None:
    upstream.default(RESPONSES, behaviours.answer("Take tram 28 up to Graça."))

    events = streaming.read()

    names = [name for name, _ in events]
    assert (names[0], names[-2:]) == ("start", ["usage", "done"])
    assert set(names[1:-2]) == {"delta"}
    assert "".join(data["text"] for name, data in events if name == "delta") == "Take tram 28 up to Graça."
    start, usage, done = events[0][1], events[-2][1], events[-1][1]
    assert start["model"] == "gpt-6-luna"
    assert usage["usage"]["cost_usd"] == streaming.cost("stack") / 10**9 > 0
    assert usage["budget"]["whose"] == "api"
    assert done["truncated"] is False
    assert streaming.reserved() == []


@pytest.mark.parametrize(
    ("behaviour", "status", "code"),
    [
        (behaviours.reject_key(), 502, "credential_rejected"),
        (behaviours.rate_limited(), 429, "upstream_rate_limited"),
        (behaviours.server_error(), 502, "upstream_error"),
        (behaviours.out_of_quota(), 503, "quota_exhausted"),
    ],
)
def test_a_refusal_before_the_first_words_is_an_ordinary_response(
    upstream: FakeOpenAI, streaming: Streaming, behaviour: Behaviour, status: int, code: str
) -> None:
    upstream.default(RESPONSES, behaviour)

    found, body = streaming.refused()

    assert (found, body["code"]) == (status, code)
    assert streaming.reserved() == []


def test_a_failure_after_the_first_words_is_an_event(upstream: FakeOpenAI, streaming: Streaming) -> None:
    upstream.default(RESPONSES, behaviours.cut_stream())

    events = streaming.read()

    assert events[0][0] == "start"
    assert events[1][0] == "delta"
    assert (events[-1][0], events[-1][1]["code"]) == ("error", "upstream_error")
    assert streaming.cost("stack") > 0, "it may have been charged"
    assert streaming.reserved() == []


def test_the_last_event_says_how_long_the_text_was_sent(upstream: FakeOpenAI, streaming: Streaming) -> None:
    upstream.default(RESPONSES, behaviours.answer("Take tram 28 up to Graça, slowly.", pause=0.02))
    response = streaming.open()
    assert next(response.chunks).startswith(b"event: start")
    assert next(response.chunks).startswith(b"event: delta")
    began = time.monotonic()

    events = parse(b"".join(response.chunks))

    seconds = time.monotonic() - began
    assert seconds > 0.05
    assert events[-1][1]["text_milliseconds"] == pytest.approx(seconds * 1000, abs=25)


def test_a_reader_that_leaves_ends_the_call(upstream: FakeOpenAI, streaming: Streaming) -> None:
    upstream.default(RESPONSES, behaviours.answer("one two three four five six seven eight", pause=0.2))
    response = streaming.open()
    assert next(response.chunks).startswith(b"event: start")
    assert next(response.chunks).startswith(b"event: delta")

    response.chunks.close()

    assert streaming.cost("stack") > 0
    assert streaming.reserved() == []


def test_a_stream_that_is_never_read_is_settled(upstream: FakeOpenAI, streaming: Streaming) -> None:
    upstream.default(RESPONSES, behaviours.answer("Take tram 28."))

    streaming.open().chunks.close()

    assert streaming.reserved() == []


def test_a_repeated_query_gets_the_answer_in_one_piece(upstream: FakeOpenAI, streaming: Streaming) -> None:
    upstream.default(RESPONSES, behaviours.answer("Take tram 28."))
    first = streaming.read(Idempotency_Key="k1")

    again = streaming.read(Idempotency_Key="k1")

    assert len(upstream.calls_to(RESPONSES)) == 1
    assert [name for name, _ in again] == ["start", "delta", "usage", "done"]
    assert again[1][1] == {"text": "Take tram 28."}
    assert again[0][1]["request_id"] == first[0][1]["request_id"]
