"""Streams that fail, and the limits of their time: each with its event, its log line and its settlement."""

import io
import json
import threading
import time
from collections.abc import Callable
from itertools import islice
from typing import Any

import pytest

from tests.fakes.openai import CHAT, RESPONSES, Behaviour, Exchange, FakeOpenAI, behaviours
from tests.fakes.openai.events import chat_stream, responses_event, responses_stream
from tests.integration.conftest import LambdaContext
from tests.support.function_log import log as log
from tests.support.stream_function import KEY, stream_function, upstream as upstream
from travel_gpt.api import exchange, responses, streamed
from travel_gpt.api.streamed import StreamedResponse

PATHS = {"responses": RESPONSES, "chat": CHAT}
STREAMS = {"responses": responses_stream, "chat": chat_stream}
TEXT = "Take tram 28 up the hill, and walk down through Alfama in the evening light."
both_apis = pytest.mark.parametrize("api", PATHS)


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


def begin(events: int, then: Callable[[Exchange], object]) -> Behaviour:
    """Send the first events of a stream, then something else."""

    def act(exchange: Exchange) -> None:
        exchange.begin_stream()
        for event in islice(STREAMS[exchange.endpoint](exchange.body, TEXT), events):
            exchange.chunk(event)
        then(exchange)

    return act


def held(go_on: threading.Event) -> Behaviour:
    """Answer, but wait after the first words."""

    def act(exchange: Exchange) -> None:
        exchange.begin_stream()
        for number, event in enumerate(responses_stream(exchange.body, TEXT)):
            exchange.chunk(event)
            if number == 5:
                go_on.wait(60)
        exchange.write(b"0\r\n\r\n")

    return act


def hang(exchange: Exchange) -> None:
    exchange.pause(20)


def garbage(exchange: Exchange) -> None:
    exchange.chunk(b"data: {not JSON\n\n\xff\xfe\n\n")
    exchange.write(b"0\r\n\r\n")


def ends_with(event: bytes) -> Behaviour:
    """Send one more event, and end."""

    def act(exchange: Exchange) -> None:
        exchange.chunk(event)
        exchange.write(b"0\r\n\r\n")

    return act


def lines(log: io.StringIO) -> list[dict[str, Any]]:
    """The lines of requests."""
    found = [json.loads(line) for line in log.getvalue().splitlines()]
    return [line for line in found if line["message"] == "Answered a request"]


def failures_counted(capsys: pytest.CaptureFixture[str]) -> int:
    """The metric StreamFailed in what was written to standard output (embedded metric format)."""
    written = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return sum(int(sum(line.get("StreamFailed", []))) for line in written)


def test_comments_are_sent_until_the_first_words(
    upstream: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streamed, "BEGIN_SECONDS", 0.1)
    monkeypatch.setattr(exchange, "HEARTBEAT_SECONDS", 0.1)
    upstream.default(RESPONSES, behaviours.slow(0.6))

    with stream_function(upstream) as function:
        response = function.open()
        sent = [*response.chunks]

    words = next(at for at, chunk in enumerate(sent) if chunk.startswith(b"event: delta"))
    assert sent[0].startswith(b"event: start")
    assert 2 <= len(sent[1:words]) <= 6
    assert set(sent[1:words]) == {b":\n\n"}
    assert sent[-1].startswith(b"event: done")


@both_apis
@pytest.mark.parametrize(
    ("events", "then", "limits", "cause"),
    [
        # Longer than a busy machine takes for the first call of a Chat Completions server, which is refused.
        (0, hang, {"stream_first_event_seconds": 0.8}, "no event within 0.8 s"),
        (9, hang, {"stream_idle_seconds": 0.3}, "no event for 0.3 s"),
        (9, hang, {"stream_seconds": 2.5}, "not complete within 2.5 s"),
    ],
    ids=["first-event", "idle", "whole"],
)
def test_each_limit_ends_in_an_error_and_a_settled_budget(
    upstream: FakeOpenAI,
    log: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
    api: str,
    events: int,
    then: Behaviour,
    limits: dict[str, Any],
    cause: str,
) -> None:
    # With words before the limit the response has begun, and without them it begins with a comment.
    monkeypatch.setattr(streamed, "BEGIN_SECONDS", 0.1)
    monkeypatch.setattr(exchange, "HEARTBEAT_SECONDS", 0.1)
    upstream.default(PATHS[api], begin(events, then))

    with stream_function(upstream, api=api, **limits) as function:
        began = time.monotonic()
        sent = function.read()

    assert time.monotonic() - began < 4
    assert sent[0][0] == "start"
    assert (sent[-1][0], sent[-1][1]["code"]) == ("error", "upstream_timeout")
    (line,) = lines(log)
    assert (line["level"], line["status"], line["code"]) == ("ERROR", 200, "upstream_timeout")
    assert cause in line["detail"]
    assert function.cost("stack") > 0, "it may have been charged"
    assert function.reserved() == []


def test_the_first_event_may_be_too_late_before_the_response_began(
    upstream: FakeOpenAI, log: io.StringIO
) -> None:
    upstream.default(RESPONSES, begin(0, hang))

    with stream_function(upstream, stream_first_event_seconds=0.3) as function:
        began = time.monotonic()
        assert function.refused()[0] == 504
        assert time.monotonic() - began < 2

    assert lines(log)[0]["code"] == "upstream_timeout"
    assert function.reserved() == []


@both_apis
@pytest.mark.parametrize(
    "fault",
    [
        behaviours.cut_stream(10, TEXT),
        behaviours.stream_error(10, TEXT),
        begin(10, garbage),
        begin(10, lambda exchange: exchange.reset()),
    ],
    ids=["cut", "error-event", "garbage", "reset"],
)
def test_a_fault_after_ten_events_is_an_error_event(
    upstream: FakeOpenAI,
    log: io.StringIO,
    capsys: pytest.CaptureFixture[str],
    api: str,
    fault: Behaviour,
) -> None:
    upstream.default(PATHS[api], fault)

    with stream_function(upstream, api=api, retries=2) as function:
        sent = function.read()

    assert sent[1][0] == "delta"
    assert (sent[-1][0], sent[-1][1]["code"]) == ("error", "upstream_error")
    assert [name for name, _ in sent].count("error") == 1
    (line,) = lines(log)
    assert (line["level"], line["code"], line["outcome"]) == ("ERROR", "upstream_error", "upstream_error")
    assert line["detail"]
    # The first call of a Chat Completions server is refused: it has another name for the output cap.
    assert len(upstream.calls) == {"responses": 1, "chat": 2}[api], "no other try after the first words"
    assert function.cost("stack") > 0
    assert function.reserved() == []
    assert KEY[:12] not in log.getvalue()
    assert failures_counted(capsys) == 1


@pytest.mark.parametrize(
    ("code", "level", "counted"), [("rate_limit_exceeded", "WARNING", 0), ("insufficient_quota", "ERROR", 1)]
)
def test_what_the_owner_must_know_of_is_counted(
    upstream: FakeOpenAI,
    log: io.StringIO,
    capsys: pytest.CaptureFixture[str],
    code: str,
    level: str,
    counted: int,
) -> None:
    error = {"type": "error", "error": {"code": code, "message": "No.", "type": "x"}}
    upstream.default(RESPONSES, begin(10, ends_with(responses_event(error))))

    with stream_function(upstream) as function:
        assert function.read()[-1][0] == "error"

    assert lines(log)[0]["level"] == level
    assert failures_counted(capsys) == counted


def test_a_refusal_is_counted_by_api_gateway_alone(
    upstream: FakeOpenAI, capsys: pytest.CaptureFixture[str]
) -> None:
    upstream.default(RESPONSES, behaviours.server_error())

    with stream_function(upstream) as function:
        assert function.refused()[0] == 502

    assert failures_counted(capsys) == 0


@pytest.mark.parametrize(
    "fault", [behaviours.drop(), behaviours.drop(reset=True), begin(0, garbage), begin(3, garbage)]
)
def test_a_fault_before_the_first_words_is_a_refusal(
    upstream: FakeOpenAI, log: io.StringIO, fault: Behaviour
) -> None:
    upstream.default(RESPONSES, fault)

    with stream_function(upstream) as function:
        status, body = function.refused()

    assert (status, body["code"]) == (502, lines(log)[0]["code"])
    assert function.reserved() == []


@both_apis
@pytest.mark.parametrize("fault", [behaviours.drop(), behaviours.drop(reset=True)], ids=["closed", "reset"])
def test_a_fault_before_the_response_is_tried_again(upstream: FakeOpenAI, api: str, fault: Behaviour) -> None:
    with stream_function(upstream, api=api, retries=1) as function:
        # The server's other name for the output cap is learned.
        assert function.read()[-1][0] == "done"
        known, spent = len(upstream.calls), function.cost("stack")
        upstream.script(PATHS[api], fault)
        sent = function.read()

    assert "".join(data["text"] for name, data in sent if name == "delta").startswith("Scripted answer")
    assert [name for name, _ in sent if name != "delta"] == ["start", "usage", "done"]
    assert len(upstream.calls) - known == 2
    assert function.cost("stack") > 2 * spent, "what the failed try may have cost stays counted"
    assert function.reserved() == []


def test_a_server_that_is_not_there_is_a_refusal_that_costs_nothing() -> None:
    with FakeOpenAI() as gone:
        pass
    with stream_function(gone) as function:
        assert function.refused()[1]["code"] == "upstream_unreachable"
    assert function.cost("stack") == 0
    assert function.reserved() == []


def test_a_bug_before_the_first_words_is_an_ordinary_response(
    upstream: FakeOpenAI, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stream_function(upstream) as function:
        with monkeypatch.context() as broken:
            broken.setattr(streamed, "read_question", lambda *_: 1 / 0)
            status, body = function.refused(Idempotency_Key="k1")

        assert (status, body["code"]) == (500, "internal_error")
        assert lines(log)[-1]["level"] == "ERROR"
        assert "ZeroDivisionError" in log.getvalue()
        assert function.reserved() == []
        assert function.read(Idempotency_Key="k1")[-1][0] == "done", "the same query may be sent again"


def test_a_bug_after_the_first_words_is_an_error_event(
    upstream: FakeOpenAI, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(responses, "answered", broken)
    with stream_function(upstream) as function:
        sent = function.read(Idempotency_Key="k1")

        assert (sent[-1][0], sent[-1][1]["code"]) == ("error", "internal_error")
        assert lines(log)[-1]["level"] == "ERROR"
        assert "ZeroDivisionError" in log.getvalue()
        assert function.reserved() == []
        monkeypatch.undo()
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        assert function.read(Idempotency_Key="k1")[-1][0] == "done", "the same query may be sent again"


def test_while_a_stream_runs_its_idempotency_key_is_taken(upstream: FakeOpenAI) -> None:
    with stream_function(upstream) as function:
        response = function.open(Idempotency_Key="k1")
        status, body = function.refused(Idempotency_Key="k1")
        response.chunks.close()

        assert (status, body["code"]) == (409, "request_in_progress")
        assert function.read(Idempotency_Key="k1")[-1][0] == "done"


class Callers:
    """A context whose caller leaves when the test says."""

    def __init__(self) -> None:
        self.leave: Callable[[], None] = lambda: None

    def context(self) -> Any:
        made: Any = LambdaContext(100_000)
        made.when_left = lambda call: setattr(self, "leave", call)
        return made


def test_a_caller_that_leaves_before_the_first_words_ends_the_call(
    upstream: FakeOpenAI, log: io.StringIO
) -> None:
    upstream.default(RESPONSES, begin(0, hang))
    callers = Callers()
    with stream_function(upstream) as function:
        left = threading.Timer(0.3, lambda: callers.leave())
        left.start()
        began = time.monotonic()
        assert not isinstance(function.api.answer(function.event(), callers.context()), StreamedResponse)
        left.join()

    assert time.monotonic() - began < 2
    (line,) = lines(log)
    assert (line["outcome"], line["stream"]) == ("caller_left", True)
    assert "Internal error" not in log.getvalue()
    assert function.cost("stack") > 0
    assert function.reserved() == []
