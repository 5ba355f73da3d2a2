"""The Python client, and answers that are streamed."""

import threading
import time

import pytest

from tests.support.scripted_api import BODY, COMMENTS, EVENTS, TEXT, ScriptedApi, Step
from tests.unit.client.conftest import KEY
from travel_gpt.api import sse
from travel_gpt.client import (
    AccessRefused,
    ApiError,
    ApiFailed,
    ConnectionFailed,
    LimitReached,
    RequestRefused,
    TimedOut,
    TravelGPT,
    UnexpectedAnswer,
)
from travel_gpt.client.events import LONGEST
from travel_gpt.errors import HTTP_STATUS


def test_a_stream_is_read_as_it_comes(server: ScriptedApi, api: TravelGPT) -> None:
    more = threading.Event()
    server.stream(EVENTS[0], EVENTS[2], lambda: assert_(more.wait(5)), *EVENTS[3:], b"")

    with api.stream("Lisbon?") as stream:
        first = next(stream)
        assert (first, stream.request_id, stream.model) == (TEXT[:8], "r-1", "gpt-6-luna")
        more.set()
        assert first + "".join(stream) == TEXT
        answer = stream.answer()

    assert server.seen[0][1] == "/Prod/travel-gpt/stream"
    assert answer.text == TEXT
    expected = {**BODY, "answer": TEXT}
    del expected["timestamp"]
    assert answer.body == expected


def assert_(value: bool) -> None:
    assert value


def test_a_stream_in_single_bytes_is_the_same(server: ScriptedApi, api: TravelGPT) -> None:
    sent = b"".join(EVENTS)
    server.stream(*(sent[at : at + 1] for at in range(len(sent))), b"")

    with api.stream("Lisbon?") as stream:
        assert stream.answer().text == TEXT


def test_after_its_last_event_a_stream_is_complete(server: ScriptedApi, api: TravelGPT) -> None:
    # A server that keeps the connection open, and sends what is no event of this version before.
    server.stream(*EVENTS[:5], b"event: news\ndata: {}\n\n", *EVENTS[5:], 10.0)

    began = time.monotonic()
    with api.stream("Lisbon?") as stream:
        assert stream.answer().text == TEXT
    assert time.monotonic() - began < 4


def test_the_events_of_a_stream_are_seen_one_by_one(server: ScriptedApi, api: TravelGPT) -> None:
    server.whole_stream()

    with api.stream("Lisbon?") as stream:
        events = list(stream.events())

    assert [name for name, _ in events] == ["start", "delta", "delta", "usage", "done"]
    assert events[1][1] == {"text": TEXT[:8]}
    assert stream.answer().text == TEXT


def test_a_stopped_answer_is_truncated(server: ScriptedApi, api: TravelGPT) -> None:
    server.whole_stream(*EVENTS[:3], sse.event("done", {"truncated": True, "stopped": True}))

    with api.stream("Lisbon?") as stream:
        answer = stream.answer()

    assert (answer.text, answer.truncated, answer.body["stopped"]) == (TEXT[:8], True, True)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("upstream_timeout", ApiFailed),
        ("content_refused", RequestRefused),
        ("budget_exhausted", LimitReached),
        ("client_disabled", AccessRefused),
        ("of_a_later_version", ApiFailed),
    ],
)
def test_an_error_event_is_the_error_of_a_post(
    server: ScriptedApi, api: TravelGPT, code: str, kind: type[ApiError]
) -> None:
    data = {"code": code, "message": "No more.", "request_id": "r-1", "retry_after": 7}
    server.whole_stream(*EVENTS[:3], sse.event("error", data))
    pieces: list[str] = []

    with api.stream("Lisbon?") as stream, pytest.raises(kind) as raised:
        pieces += stream

    assert pieces == [TEXT[:8]]
    status = {each.code: status for each, status in HTTP_STATUS.items()}.get(code, 500)
    failed = raised.value
    assert (failed.code, failed.status, failed.request_id) == (code, status, "r-1")
    assert (failed.retry_after, str(failed)) == (7, "No more.")


@pytest.mark.parametrize(
    "steps",
    [(*EVENTS[:3], b""), EVENTS[:3], (EVENTS[0], EVENTS[2][:-3], b""), (*EVENTS[:6], EVENTS[6][:-1], b"")],
    ids=["ends", "cut", "ends-in-an-event", "ends-before-the-blank-line"],
)
def test_a_stream_that_ends_too_early_is_no_answer(
    server: ScriptedApi, api: TravelGPT, steps: list[Step]
) -> None:
    server.stream(*steps)

    with api.stream("Lisbon?") as stream, pytest.raises(ConnectionFailed) as raised:
        stream.answer()

    assert (raised.value.code, raised.value.request_id) == ("connection_failed", "r-1")
    with pytest.raises(ConnectionFailed, match="closed before its end"):
        stream.answer()


@pytest.mark.parametrize(
    "event",
    [
        b"event: delta\ndata: {not json}\n\n",
        b"event: delta\ndata: [1]\n\n",
        b"data: " + b"[" * 100_000 + b"\n\n",
        b"data: " + b"x" * (LONGEST + 1),
    ],
    ids=["no-json", "no-object", "nested", "too-long"],
)
def test_what_is_no_event_of_the_api_is_said(server: ScriptedApi, api: TravelGPT, event: bytes) -> None:
    server.whole_stream(EVENTS[0], event)

    with api.stream("Lisbon?") as stream, pytest.raises(UnexpectedAnswer, match="ends in /travel-gpt"):
        list(stream)


def test_closing_a_stream_closes_its_connection(server: ScriptedApi, api: TravelGPT) -> None:
    server.stream(*EVENTS[:3], *COMMENTS)

    with api.stream("Lisbon?") as stream:
        next(stream)

    assert server.gone.wait(5)
    assert list(stream) == []


def test_a_stream_of_which_nothing_was_read_is_closed(server: ScriptedApi, api: TravelGPT) -> None:
    server.stream(*EVENTS[:3], *COMMENTS)

    with api.stream("Lisbon?"):
        pass

    assert server.gone.wait(5)


def test_a_stream_is_stopped(server: ScriptedApi, api: TravelGPT) -> None:
    server.stream(*EVENTS[:3], *COMMENTS)
    server.json(202, {})

    with api.stream("Lisbon?") as stream:
        next(stream)
        stream.stop()

    method, path, headers, _ = server.seen[1]
    assert (method, path, headers["x-api-key"]) == ("POST", "/Prod/travel-gpt/stream/r-1/stop", KEY)
    assert server.gone.wait(5)


def test_a_stream_is_stopped_before_its_first_event(server: ScriptedApi, api: TravelGPT) -> None:
    server.stream(*COMMENTS)
    server.json(202, {})

    api.stream("Lisbon?").stop()

    assert server.seen[1][1] == "/Prod/travel-gpt/stream/r-1/stop"


def test_an_id_cannot_lead_to_another_path(server: ScriptedApi, api: TravelGPT) -> None:
    server.json(200, {})

    api.stop("../../other?x=1#")

    assert server.seen[0][1] == "/Prod/travel-gpt/stream/..%2F..%2Fother%3Fx%3D1%23/stop"


def test_a_complete_stream_has_nothing_to_stop(server: ScriptedApi, api: TravelGPT) -> None:
    server.whole_stream()

    with api.stream("Lisbon?") as stream:
        stream.answer()
        stream.stop()

    assert len(server.seen) == 1


def test_a_silent_stream_is_given_up(server: ScriptedApi) -> None:
    server.stream(*EVENTS[:3], 10.0)
    with TravelGPT(server.base_url, idle_timeout=0.2) as api, api.stream("Lisbon?") as stream:
        assert next(stream) == TEXT[:8]
        with pytest.raises(TimedOut) as raised:
            next(stream)

    assert (raised.value.code, raised.value.request_id, raised.value.sent) == ("timed_out", "r-1", True)


def test_comments_keep_a_stream_open(server: ScriptedApi) -> None:
    pause: list[Step] = [sse.HEARTBEAT, 0.1]
    server.stream(*EVENTS[:3], *pause * 10, *EVENTS[4:], b"")
    with TravelGPT(server.base_url, idle_timeout=0.6) as api, api.stream("Lisbon?") as stream:
        assert stream.answer().text == TEXT


def test_a_stream_of_comments_alone_is_given_up(server: ScriptedApi) -> None:
    server.stream(EVENTS[0], *COMMENTS)
    with TravelGPT(server.base_url, stream_timeout=0.2) as api, api.stream("Lisbon?") as stream:
        began = time.monotonic()
        with pytest.raises(TimedOut):
            next(stream)

    assert time.monotonic() - began < 4
