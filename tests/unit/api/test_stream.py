"""Answers that are streamed: their events, how they fail, and what they cost."""

import json
import time

import pytest

from tests.fakes.openai import RESPONSES, Behaviour, FakeOpenAI, behaviours
from tests.integration.conftest import LambdaContext
from tests.support.stream_function import (
    Streaming,
    parse,
    streaming as streaming,
    upstream as upstream,
)
from travel_gpt.api.streamed import StreamedResponse


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


def test_constraints_go_to_the_model_with_the_query(upstream: FakeOpenAI, streaming: Streaming) -> None:
    upstream.default(RESPONSES, behaviours.answer("Take tram 28 up to Graça."))
    event = streaming.event()
    event["body"] = json.dumps({"query": "Lisbon?", "pace": "relaxed"})

    response = streaming.api.answer(event, LambdaContext(100_000))

    assert isinstance(response, StreamedResponse)
    assert parse(b"".join(response.chunks))[-1][0] == "done"
    response.chunks.close()
    (call,) = upstream.calls
    assert call.body is not None
    asked = call.body["input"][-1]["content"]
    assert asked.startswith("Lisbon?\n\n")
    assert asked.endswith('\n{"pace": "relaxed"}')


def test_given_a_constraint_that_cannot_be_then_nothing_is_asked_or_reserved(
    upstream: FakeOpenAI, streaming: Streaming
) -> None:
    event = streaming.event()
    event["body"] = json.dumps({"query": "Lisbon?", "pace": "slow"})

    response = streaming.api.answer(event, LambdaContext(100_000))

    assert not isinstance(response, StreamedResponse)
    assert (response["statusCode"], json.loads(response["body"])["code"]) == (400, "invalid_constraint")
    assert (upstream.calls, streaming.reserved()) == ([], [])


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
