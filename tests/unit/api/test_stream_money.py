"""What streams cost that end without an answer, and what is kept of them for a request that is repeated."""

import threading
import time

import pytest

from tests.fakes.dynamodb import TABLE
from tests.fakes.openai import CHAT, RESPONSES, Behaviour, Exchange, FakeOpenAI, behaviours
from tests.integration.conftest import LambdaContext
from tests.support.stream_function import KEY, Streaming, stream_function, upstream as upstream
from travel_gpt.api.streamed import StreamedResponse
from travel_gpt.aws.table import Table
from travel_gpt.bootstrap import build_api

PATHS = {"responses": RESPONSES, "chat": CHAT}
both_apis = pytest.mark.parametrize("api", PATHS)


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


def last_code(function: Streaming, **headers: str) -> str:
    """Ask for a stream, and return the code of its failure, before or after its first words."""
    response = function.api.answer(function.event(**headers), LambdaContext(100_000))
    if not isinstance(response, StreamedResponse):
        return response["body"].partition('"code":"')[2].partition('"')[0]
    sent = b"".join(response.chunks)
    response.chunks.close()
    return sent.decode().rpartition('"code":"')[2].partition('"')[0]


@both_apis
@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        (behaviours.refusal(), "content_refused"),
        (behaviours.filtered(), "content_refused"),
        (behaviours.incomplete(empty=True), "upstream_error"),
    ],
)
def test_a_stream_without_text_costs_what_the_same_query_costs(
    upstream: FakeOpenAI, api: str, behaviour: Behaviour, code: str
) -> None:
    upstream.default(PATHS[api], behaviour)
    with stream_function(upstream, api=api) as function:
        assert last_code(function) == code
        streamed = function.cost("stack")
        buffered = build_api(function.api._settings, table=Table(TABLE, send=function.table.send))
        event = function.event()
        event["resource"] = event["path"] = "/travel-gpt"
        buffered.answer(event, LambdaContext())
        buffered.close()

        assert function.cost("stack") == 2 * streamed > 0
        assert function.reserved() == []


@both_apis
def test_a_stream_that_fails_without_usage_costs_what_was_reserved(upstream: FakeOpenAI, api: str) -> None:
    upstream.default(PATHS[api], behaviours.cut_stream(1))
    with stream_function(upstream, api=api) as function:
        assert last_code(function) == "upstream_error"
        first = function.cost("stack")
        last_code(function)

        assert function.cost("stack") == 2 * first > 0
        assert function.reserved() == []


def test_what_was_paid_for_is_not_paid_for_again(upstream: FakeOpenAI) -> None:
    upstream.default(RESPONSES, behaviours.refusal())
    with stream_function(upstream) as function:
        codes = [last_code(function, Idempotency_Key="k1") for _ in range(2)]

    assert codes == ["content_refused"] * 2
    assert len(upstream.calls) == 1


@pytest.mark.parametrize("ends", ["the-caller-leaves", "the-first-event-is-late"])
def test_a_call_that_was_sent_may_cost_though_nothing_came(upstream: FakeOpenAI, ends: str) -> None:
    called, gone = threading.Event(), threading.Event()

    def silent(exchange: Exchange) -> None:
        called.set()
        if exchange.wait_for_end(5):
            gone.set()
        exchange.cut()

    upstream.default(RESPONSES, silent)
    limit = 0.5 if ends == "the-first-event-is-late" else 30.0
    with stream_function(upstream, stream_first_event_seconds=limit) as function:
        context = LambdaContext(100_000)
        if ends == "the-caller-leaves":
            context.when_left = lambda leave: threading.Timer(0.3, leave).start()  # type: ignore[attr-defined]
        began = time.monotonic()
        response = function.api.answer(function.event(), context)

        assert not isinstance(response, StreamedResponse)
        assert gone.wait(1), "the connection is closed, though no response had begun"
        assert time.monotonic() - began < 3
        assert function.cost("stack") > 0
        assert function.reserved() == []
    assert len(upstream.calls) == 1


def test_nothing_is_asked_once_the_stream_has_ended(upstream: FakeOpenAI) -> None:
    with stream_function(upstream, stream_first_event_seconds=0.2) as function:
        slow = threading.Event()

        def before(operation: str, _: object) -> None:
            if operation == "UpdateItem" and not slow.is_set():
                slow.set()
                time.sleep(1.5)

        function.table.before = before
        status, body = function.refused()
        deadline = time.monotonic() + 5
        while threading.active_count() > 3 and time.monotonic() < deadline:
            time.sleep(0.05)

        assert (status, body["code"]) == (504, "upstream_timeout")
        assert upstream.calls == []
        assert function.reserved() == []
        assert function.cost("stack") == function.cost("c1") == 0


def test_an_answer_is_kept_before_its_last_event(upstream: FakeOpenAI) -> None:
    upstream.default(RESPONSES, behaviours.answer("Take tram 28."))
    with stream_function(upstream) as function:
        response = function.open(Idempotency_Key="k1")
        while b"event: done" not in (piece := next(response.chunks)):
            assert piece
        again = function.open(Idempotency_Key="k1")

        assert b"Take tram 28." in b"".join(again.chunks)
        assert again.headers["Idempotency-Replayed"] == "true"
        response.chunks.close()
    assert len(upstream.calls) == 1


@pytest.mark.parametrize(("characters", "kept"), [(100_000, True), (200_000, False)])
def test_a_long_answer_is_kept_as_long_as_it_fits(
    upstream: FakeOpenAI, caplog: pytest.LogCaptureFixture, characters: int, kept: bool
) -> None:
    upstream.default(RESPONSES, behaviours.answer("京" * characters))
    with stream_function(upstream) as function:
        assert function.read(Idempotency_Key="k1")[-1][0] == "done"
        assert function.read(Idempotency_Key="k1")[-1][0] == "done"

    assert len(upstream.calls) == (1 if kept else 2)
    assert ("An answer was not kept, since it is too long" in caplog.messages) is not kept


def test_a_stream_says_how_many_queries_are_left(upstream: FakeOpenAI) -> None:
    with stream_function(upstream) as function:
        response = function.open()
        response.chunks.close()

    assert "r=99" in response.headers["RateLimit"]
