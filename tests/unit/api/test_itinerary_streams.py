"""Streams of trips that are late, that hang, or whose reader leaves."""

import io
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.fakes.dynamodb import MemoryTable
from tests.fakes.openai import RESPONSES, Behaviour, Exchange, FakeOpenAI, behaviours
from tests.integration.conftest import LambdaContext
from tests.support.function_log import log as log
from tests.support.hanging_model import Hanging
from tests.support.stream_function import (
    KEY,
    Events,
    Streaming,
    parse,
    stream_function,
    upstream as upstream,
)
from tests.support.trip_replies import trip_but
from tests.unit.api.test_stream_stop import buffered, stop
from travel_gpt.advisor import planner, trip_adviser
from travel_gpt.api import stream_watch, streamed
from travel_gpt.api.streamed import StreamedResponse
from travel_gpt.guard import clients


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


@pytest.fixture(params=[0, 5], ids=["before-its-head", "after-its-first-words"])
def hanging(request: pytest.FixtureRequest) -> Hanging:
    return Hanging(request.param)


def opened(function: Streaming, context: LambdaContext | None = None) -> StreamedResponse:
    event = function.event()
    event["body"] = json.dumps({"query": "Lisbon and Porto", "format": "itinerary"})
    response = function.api.answer(event, context or LambdaContext(100_000))
    assert isinstance(response, StreamedResponse), response
    return response


def read(function: Streaming) -> Events:
    response = opened(function)
    sent = b"".join(response.chunks)
    response.chunks.close()
    return parse(sent)


def until(response: StreamedResponse, name: str) -> bytes:
    """Read a stream up to an event."""
    sent = b""
    while f"event: {name}\n".encode() not in sent:
        sent += next(response.chunks)
    return sent


def missing(events: Events) -> list[int]:
    """Return the days that a stream says are missing, once it has come to its end."""
    assert [name for name, _ in events[-4:]] == ["itinerary", "checks", "usage", "done"], events
    days: list[int] = dict(events)["itinerary"]["itinerary"]["missing_days"]
    assert dict(events)["done"]["truncated"] == bool(days)
    return days


def test_a_day_that_hangs_costs_the_trip_that_day_alone(upstream: FakeOpenAI, hanging: Hanging) -> None:
    upstream.default(RESPONSES, trip_but(day2=hanging))

    with stream_function(upstream, stream_idle_seconds=0.3) as function:
        events = read(function)

    assert missing(events) == [2]
    assert dict(events)["checks"]["repair"]["outcome"] == "failed"
    assert hanging.begun == 2, "once it was asked for again"


def test_a_day_that_hangs_once_is_there_in_the_end(upstream: FakeOpenAI) -> None:
    hanging = Hanging(5)
    second: Iterator[Behaviour] = iter([hanging, trip_but()])
    upstream.default(RESPONSES, trip_but(day2=lambda exchange: next(second)(exchange)))

    with stream_function(upstream, stream_idle_seconds=0.3) as function:
        events = read(function)

    assert missing(events) == []
    assert dict(events)["checks"]["repair"] == {"outcome": "done", "days": [2], "before": ["dates"]}


@pytest.mark.parametrize("task", ["outline", "day"])
def test_given_nothing_but_silence_then_it_is_a_timeout(
    upstream: FakeOpenAI, monkeypatch: pytest.MonkeyPatch, task: str
) -> None:
    monkeypatch.setattr(streamed, "BEGIN_SECONDS", 0.0)
    upstream.default(RESPONSES, trip_but(**{task: Hanging(5)}))

    with stream_function(upstream, stream_first_event_seconds=0.2, stream_idle_seconds=0.2) as function:
        name, data = read(function)[-1]

    assert (name, data["code"]) == ("error", "upstream_timeout")


def test_each_part_of_a_server_that_does_not_stream_has_its_time(upstream: FakeOpenAI) -> None:
    def whole(exchange: Exchange) -> None:
        exchange.pause(0.25)
        exchange.body["stream"] = False
        trip_but()(exchange)

    upstream.default(RESPONSES, whole)

    with stream_function(upstream, stream_first_event_seconds=0.4, stream_idle_seconds=0.4) as function:
        assert missing(read(function)) == []


def test_a_day_that_waits_to_be_asked_for_again_is_not_idle(upstream: FakeOpenAI) -> None:
    tries = iter([behaviours.rate_limited(1)])
    upstream.default(RESPONSES, trip_but(day2=lambda exchange: next(tries, trip_but())(exchange)))

    with stream_function(upstream, stream_idle_seconds=0.3) as function:
        assert missing(read(function)) == []


def test_the_whole_limit_leaves_out_what_is_not_ready(
    upstream: FakeOpenAI, monkeypatch: pytest.MonkeyPatch, hanging: Hanging
) -> None:
    monkeypatch.setattr(trip_adviser, "TO_SEND", 0.3)
    monkeypatch.setattr(streamed, "TO_FINISH", 0.1)
    monkeypatch.setattr(planner, "TO_CHECK", 0.3)
    upstream.default(RESPONSES, trip_but(day3=hanging))

    with stream_function(upstream, stream_seconds=1.8) as function:
        began = time.monotonic()
        events = read(function)
        took = time.monotonic() - began
        hanging.wait(gone=1)

        assert missing(events) == [3]
        assert dict(events)["checks"]["repair"]["outcome"] == "no_time"
        assert took < 1.8
        assert function.reserved() == []


def test_with_its_usual_limits_a_stream_ends_in_a_trip_before_they_cut_it() -> None:
    assert streamed.TO_FINISH + 0.5 < trip_adviser.TO_SEND


def leaves(function: Streaming, response: StreamedResponse, leave: Callable[[], None]) -> None:  # noqa: ARG001
    leave()


def closes(function: Streaming, response: StreamedResponse, leave: Callable[[], None]) -> None:  # noqa: ARG001
    response.chunks.close()


def stops(function: Streaming, response: StreamedResponse, leave: Callable[[], None]) -> None:  # noqa: ARG001
    assert stop(buffered(function.table))[0] == 202


def pauses(function: Streaming, response: StreamedResponse, leave: Callable[[], None]) -> None:  # noqa: ARG001
    pause(function.table)


def pause(table: MemoryTable) -> None:
    table.put("flag#paused")


@pytest.mark.parametrize(
    ("ends", "last"),
    [
        (leaves, None),
        (closes, None),
        (stops, ("done", {"truncated": True, "stopped": True})),
        (pauses, "paused"),
    ],
)
def test_an_end_during_the_days_ends_every_call(
    upstream: FakeOpenAI,
    monkeypatch: pytest.MonkeyPatch,
    log: io.StringIO,
    ends: Callable[..., None],
    last: Any,
) -> None:
    monkeypatch.setattr(stream_watch, "CHECK_SECONDS", 0.05)
    monkeypatch.setattr(clients, "RECORD_TTL", 0.05)
    hanging = Hanging(5)
    upstream.default(RESPONSES, trip_but(day1=hanging, day3=hanging))
    context, gone = LambdaContext(100_000), list[Callable[[], None]]()
    context.when_left = gone.append  # type: ignore[attr-defined]
    with stream_function(upstream) as function:
        response = opened(function, context)
        sent = until(response, "day")
        hanging.wait(begun=2)
        paid = function.cost("stack")

        ends(function, response, gone[0])
        sent += b"".join(response.chunks)
        response.chunks.close()

        hanging.wait(gone=2)
        name, data = parse(sent)[-1]
        if last is None:
            assert name == "day"
        else:
            assert last in ((name, data), data.get("code"))
        assert len(upstream.calls) == 4, "neither is any asked for again"
        assert function.reserved() == []
        assert function.cost("stack") == paid, "what was reserved stays counted"
        lines = [json.loads(line) for line in log.getvalue().splitlines()]
        assert [line["message"] for line in lines if line["level"] in ("WARNING", "ERROR")] == []
