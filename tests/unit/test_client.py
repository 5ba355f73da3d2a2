"""The Python client, against a server that sends what a test says, in the pieces that it says."""

import json
import logging
import os
import pickle
import ssl
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import trustme

from tests.fakes.loopback_server import Answer as Sent, LoopbackServer
from tests.support.markdown import ROOT
from tests.support.scripted_api import BODY, COMMENTS, EVENTS, TEXT, ScriptedApi, Step, failure
from tests.support.secret_leaks import holds
from travel_gpt import client
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
from travel_gpt.client.events import LONGEST, EventReader
from travel_gpt.errors import HTTP_STATUS

KEY = "Zx81canaryQm3vT8xLw2Rk7Yb4Nd6HpA0s"


@pytest.fixture
def server() -> Iterator[ScriptedApi]:
    with ScriptedApi() as running:
        yield running


@pytest.fixture
def api(server: ScriptedApi) -> Iterator[TravelGPT]:
    with TravelGPT(server.base_url, api_key=KEY, timeout=5, idle_timeout=5, retries=0) as made:
        yield made


def test_a_query_is_answered(server: ScriptedApi, api: TravelGPT) -> None:
    server.json(200, BODY)

    answer = api.ask("Lisbon? Graça \ud83d", idempotency_key="trip-1")

    method, path, headers, body = server.seen[0]
    assert (method, path) == ("POST", "/Prod/travel-gpt")
    assert json.loads(body) == {"query": "Lisbon? Graça \ud83d"}
    assert (headers["x-api-key"], headers["idempotency-key"]) == (KEY, "trip-1")
    assert headers["content-type"] == "application/json"
    assert (answer.text, answer.model, answer.request_id) == ("Take tram 28.", "gpt-6-luna", "r-1")
    assert (answer.usage.total_tokens, answer.usage.cost_usd, answer.truncated) == (12, 0.0004, False)
    assert answer.budget == client.Budget("client", "month", 2.0, 1.98, 1798761600)
    assert answer.warnings == ("80 % of the budget is used.",)
    assert answer.body == BODY


def test_without_a_key_none_is_sent(server: ScriptedApi) -> None:
    server.json(200, BODY)
    with TravelGPT(f"{server.base_url}/") as api:
        assert api.base_url == server.base_url
        api.ask("Lisbon?")

    assert not {"x-api-key", "idempotency-key"} & server.seen[0][2].keys()


def test_fields_that_an_api_does_not_have_are_unknown(server: ScriptedApi, api: TravelGPT) -> None:
    server.json(
        200, {"answer": "Yes.", "usage": {"input_tokens": None, "cost_usd": True, "total_tokens": "7"}}
    )

    answer = api.ask("Lisbon?")

    assert (answer.text, answer.usage, answer.budget, answer.warnings) == ("Yes.", client.Usage(), None, ())


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 11, 64, 100_000])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"], ids=["lf", "crlf", "cr"])
def test_events_are_the_same_however_they_are_cut(size: int, line_end: bytes) -> None:
    sent = b"\xef\xbb\xbf" + b"".join(EVENTS).replace(b"\n", line_end)
    events = EventReader()

    pieces = [sent[at : at + size] for at in range(0, len(sent), size)]
    found = [event for piece in pieces for event in (*events.feed(piece), *events.feed(b""))]

    assert [name for name, _ in found] == ["start", "delta", "delta", "usage", "done"]
    assert "".join(json.loads(data)["text"] for name, data in found if name == "delta") == TEXT


def test_events_are_the_same_wherever_they_are_cut_once() -> None:
    sent = b"".join(EVENTS)
    whole = list(EventReader().feed(sent))
    for at in range(len(sent)):
        events = EventReader()
        assert [*events.feed(sent[:at]), *events.feed(sent[at:])] == whole, at


def test_what_the_standard_says_about_fields() -> None:
    """Source: the HTML standard, "Interpreting an event stream"."""
    sent = (
        b": comment\nid: 7\nretry: 3\nunknown\nevent:delta\ndata: one\ndata:  two\ndata\n\n"
        b"data: without a name\n\nevent: without data\n\nevent: cut off\ndata: x\n"
    )

    assert list(EventReader().feed(sent)) == [("delta", "one\n two\n"), ("", "without a name")]


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


def test_a_stream_of_comments_alone_is_given_up(server: ScriptedApi) -> None:
    server.stream(EVENTS[0], *COMMENTS)
    with TravelGPT(server.base_url, stream_timeout=0.2) as api, api.stream("Lisbon?") as stream:
        began = time.monotonic()
        with pytest.raises(TimedOut):
            next(stream)

    assert time.monotonic() - began < 4


def test_an_answer_that_drips_is_given_up(server: ScriptedApi) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    drip: list[Step] = [b" ", 0.02]
    server.script.append([head, *drip * 500])
    with TravelGPT(server.base_url, timeout=0.2) as api:
        began = time.monotonic()
        with pytest.raises(TimedOut):
            api.ask("Lisbon?")

    assert time.monotonic() - began < 4


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RequestRefused),
        (401, AccessRefused),
        (403, AccessRefused),
        (404, RequestRefused),
        (409, RequestRefused),
        (422, RequestRefused),
        (429, LimitReached),
        (500, ApiFailed),
        (503, ApiFailed),
    ],
)
@pytest.mark.parametrize("call", ["ask", "stream", "health"])
def test_a_refusal_is_a_typed_error(
    server: ScriptedApi, api: TravelGPT, status: int, kind: type[ApiError], call: str
) -> None:
    server.json(status, failure("some_code"), Retry_After="12")

    with pytest.raises(ApiError) as raised:
        getattr(api, call)(*(() if call == "health" else ("Lisbon?",)))

    failed = raised.value
    assert type(failed) is kind
    assert (failed.code, failed.status, failed.request_id) == ("some_code", status, "r-9")
    assert (failed.retry_after, str(failed), failed.message) == (12, "About some_code.", "About some_code.")


def test_retry_after_may_be_a_date(server: ScriptedApi, api: TravelGPT) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    for value, expected in ((later, range(28, 31)), ("Sun, 06 Nov 1994 08:49:37 GMT", (0,))):
        server.script.clear()
        server.json(429, failure("rate_limited"), Retry_After=value)
        with pytest.raises(LimitReached) as raised:
            api.ask("Lisbon?")
        assert raised.value.retry_after in expected


@pytest.mark.parametrize("value", ["soon", "-1", "", "1.5", "²"])
def test_a_retry_after_that_cannot_be_read_is_none(server: ScriptedApi, api: TravelGPT, value: str) -> None:
    server.json(429, failure("rate_limited"), Retry_After=value)

    with pytest.raises(LimitReached) as raised:
        api.ask("Lisbon?")
    assert raised.value.retry_after is None


@pytest.mark.parametrize(
    "answer",
    [
        (200, {"Content-Type": "text/html"}, b"<h1>Welcome</h1>"),
        (200, {}, b'{"answer": 7}'),
        (200, {}, b"[1]"),
        (200, {}, b'{"answer": "x", "has_api_key": true}' + b" " * LONGEST),
        (404, {}, b"<h1>Not found</h1>"),
        (403, {}, b'{"message": "Missing Authentication Token"}'),
    ],
    ids=["html", "no-text", "no-object", "too-long", "404", "another-gateway"],
)
@pytest.mark.parametrize("call", ["ask", "stream", "health"])
def test_another_server_is_said(server: ScriptedApi, api: TravelGPT, answer: Sent, call: str) -> None:
    server.script.append(answer)

    with pytest.raises(UnexpectedAnswer, match="ends in /travel-gpt") as raised:
        getattr(api, call)(*(() if call == "health" else ("Lisbon?",)))
    assert raised.value.code == "unexpected_answer"


def test_a_server_error_of_a_proxy_is_a_failure(server: ScriptedApi, api: TravelGPT) -> None:
    server.script.append((502, {}, b"<html>"))

    with pytest.raises(ApiFailed, match="answered 502, without saying why"):
        api.ask("Lisbon?")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("call", ["ask", "stream", "health", "stop"])
def test_the_key_is_not_sent_after_a_redirect(
    server: ScriptedApi, api: TravelGPT, status: int, call: str
) -> None:
    with ScriptedApi() as other:
        other.json(200, {**BODY, "has_api_key": True})
        body = json.dumps({**BODY, "has_api_key": True}).encode()
        server.script.append((status, {"Location": f"{other.base_url}?key=x"}, body))

        with pytest.raises(UnexpectedAnswer, match=f"redirects to 127.0.0.1:{other.port}") as raised:
            getattr(api, call)(*(() if call == "health" else ("Lisbon?",)))

        assert other.seen == []
    assert (raised.value.code, raised.value.status) == ("redirected", status)


@pytest.mark.parametrize("headers", [{}, {"Location": "https://[::1/"}], ids=["absent", "malformed"])
def test_a_redirect_to_nowhere_is_said(server: ScriptedApi, api: TravelGPT, headers: dict[str, str]) -> None:
    server.script.append((302, headers, b""))

    with pytest.raises(UnexpectedAnswer, match="redirects to another address"):
        api.ask("Lisbon?")


@pytest.mark.parametrize("scheme", ["https", "HTTPS"])
def test_a_certificate_that_cannot_be_verified_gets_no_key(scheme: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)

    class Stranger(LoopbackServer):
        def serve(self, *_: Any) -> Sent:
            raise AssertionError("a request was sent")

    with (
        Stranger(tls=context) as stranger,
        TravelGPT(f"{scheme}://127.0.0.1:{stranger.port}/travel-gpt", api_key=KEY, retries=0) as api,
        pytest.raises(ConnectionFailed, match="CERTIFICATE_VERIFY_FAILED") as raised,
    ):
        api.ask("Lisbon?")
    assert not raised.value.sent


def test_health(server: ScriptedApi, api: TravelGPT) -> None:
    body = {
        "status": "success",
        "message": "Configured",
        "has_api_key": True,
        "mode": "openai",
        "request_id": "r",
    }
    server.json(200, body)

    health = api.health(verify=True)

    assert (health.healthy, health.message, health.mode, health.code) == (True, "Configured", "openai", "")
    assert health.body == body
    method, path, headers, _ = server.seen[0]
    assert (method, path) == ("GET", "/Prod/travel-gpt?verify=true")
    assert "x-api-key" not in headers


def test_an_api_without_a_credential_says_why(server: ScriptedApi, api: TravelGPT) -> None:
    server.json(503, failure("secret_not_found", has_api_key=False))

    health = api.health()

    assert (health.healthy, health.code, health.message) == (
        False,
        "secret_not_found",
        "About secret_not_found.",
    )
    assert server.seen[0][1] == "/Prod/travel-gpt"


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    return waited


def test_a_request_is_repeated_after_the_time_that_the_api_gives(
    server: ScriptedApi, pauses: list[float]
) -> None:
    server.json(429, failure("rate_limited"), Retry_After="3")
    server.json(503, failure("limits_unavailable"), Retry_After="20")
    server.whole_stream()

    with TravelGPT(server.base_url) as api, api.stream("Lisbon?", idempotency_key="k") as stream:
        assert stream.answer().text == TEXT

    assert pauses == [3, 20]
    assert [headers["idempotency-key"] for _, _, headers, _ in server.seen] == ["k"] * 3


@pytest.mark.parametrize(
    ("status", "retry_after", "retries", "sent"),
    [(429, "21", 2, 1), (429, "", 2, 1), (500, "", 2, 1), (429, "1", 0, 1), (429, "1", 2, 3)],
    ids=["too-long", "no-time", "failed", "off", "twice"],
)
def test_a_request_is_not_repeated_otherwise(
    server: ScriptedApi, pauses: list[float], status: int, retry_after: str, retries: int, sent: int
) -> None:
    server.json(status, failure("rate_limited"), Retry_After=retry_after)

    with TravelGPT(server.base_url, retries=retries) as api, pytest.raises(ApiError):
        api.ask("Lisbon?")

    assert (len(server.seen), len(pauses)) == (sent, sent - 1)


def test_a_cut_connection_is_repeated_with_an_idempotency_key_only(
    server: ScriptedApi, pauses: list[float]
) -> None:
    server.script += [[b""], [b""]]
    with TravelGPT(server.base_url) as api:
        with pytest.raises(ConnectionFailed) as raised:
            api.ask("Lisbon?")
        assert (len(server.seen), raised.value.sent, raised.value.status) == (1, True, None)

        server.json(200, BODY)
        assert api.ask("Lisbon?", idempotency_key="k").text == "Take tram 28."
    assert len(pauses) == 1


def test_a_connection_that_is_refused_is_repeated(pauses: list[float]) -> None:
    with ScriptedApi() as closed:
        url = closed.base_url
    with TravelGPT(url) as api, pytest.raises(ConnectionFailed, match="No connection to 127") as raised:
        api.ask("Lisbon?")

    assert (len(pauses), raised.value.sent) == (2, False)


def test_an_answer_of_the_first_try_is_waited_for(server: ScriptedApi, pauses: list[float]) -> None:
    server.script.append([b""])
    for _ in range(4):
        server.json(409, failure("request_in_progress"), Retry_After="2")
    server.json(200, BODY)

    with TravelGPT(server.base_url, retries=1) as api:
        assert api.ask("Lisbon?", idempotency_key="k").text == "Take tram 28."

    assert pauses == [0.5, 2, 2, 2, 2]


@pytest.mark.parametrize(("retries", "timeout", "sent"), [(0, 30.0, 1), (1, 0.0, 2)], ids=["off", "too-long"])
def test_an_answer_of_another_try_is_not_waited_for(
    server: ScriptedApi, pauses: list[float], retries: int, timeout: float, sent: int
) -> None:
    server.json(409, failure("request_in_progress"), Retry_After="2")

    with (
        TravelGPT(server.base_url, retries=retries, stream_timeout=timeout) as api,
        pytest.raises(RequestRefused) as raised,
    ):
        api.stream("Lisbon?", idempotency_key="k")

    assert raised.value.code == "request_in_progress"
    assert (len(server.seen), len(pauses)) == (sent, sent - 1)


@pytest.mark.parametrize("key", ["k", None])
def test_an_answer_that_is_cut_is_repeated_with_an_idempotency_key_only(
    server: ScriptedApi, pauses: list[float], key: str | None
) -> None:
    server.script.append([b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"])
    server.json(200, BODY)

    with TravelGPT(server.base_url) as api:
        if key:
            assert api.ask("Lisbon?", idempotency_key=key).text == "Take tram 28."
        else:
            with pytest.raises(ConnectionFailed, match="was cut"):
                api.ask("Lisbon?")

    assert (len(server.seen), len(pauses)) == ((2, 1) if key else (1, 0))


def test_nothing_prints_the_key(
    server: ScriptedApi, api: TravelGPT, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("httpx2", "httpcore2"):
        caplog.set_level(logging.DEBUG, logger=name)
    server.json(403, failure("forbidden"))
    said = [repr(api), str(api), f"{api}", repr(vars(api)), repr(vars(api._transport))]
    for call in (lambda: api.ask("Lisbon?"), lambda: api.stream("Lisbon?"), lambda: pickle.dumps(api)):
        try:
            call()
        except (ApiError, TypeError) as failed:
            said += [repr(failed), str(failed), *traceback.format_exception(failed)]
    server.script[:] = [[b"nonsense\r\n\r\n"]]
    with pytest.raises(ConnectionFailed) as raised:
        api.ask("Lisbon?")
    said += [*traceback.format_exception(raised.value), caplog.text]

    assert "POST" in caplog.text
    assert not holds("\n".join(said), KEY)


def without_a_key_in_any_frame(call: Callable[[], object], kind: type[Exception]) -> None:
    # As those do that report exceptions to a service: with the variables of every function.
    with pytest.raises(kind) as raised:
        call()
    report = traceback.TracebackException.from_exception(raised.value, capture_locals=True)
    frames = [each for each in report.stack if each.filename != __file__]
    assert frames
    assert report.__cause__ is None
    assert not holds(repr([each.locals for each in frames]), KEY)


@pytest.mark.parametrize("call", ["ask", "stream"])
def test_no_variable_of_a_failed_call_has_the_key(server: ScriptedApi, api: TravelGPT, call: str) -> None:
    answers: list[Sent | list[Step]] = [(403, {}, b"{}"), [b"nonsense\r\n\r\n"], [b""], [10.0]]
    for answer in answers:
        server.script[:] = [answer]
        api._timeout = api._idle_timeout = 0.3
        without_a_key_in_any_frame(lambda: getattr(api, call)("Lisbon?"), ApiError)
    assert server.seen[0][2]["x-api-key"] == KEY


def test_no_variable_of_a_failed_stream_has_the_key(server: ScriptedApi, api: TravelGPT) -> None:
    server.stream(*EVENTS[:3])

    with api.stream("Lisbon?") as stream:
        without_a_key_in_any_frame(stream.answer, ConnectionFailed)


@pytest.mark.parametrize("bad", [f"{KEY}\nx: y", f"{KEY} x", f"{KEY}é", "", " "])
def test_a_key_that_cannot_be_sent_is_not_quoted(server: ScriptedApi, bad: str) -> None:
    with pytest.raises(ValueError, match="visible ASCII") as raised:
        TravelGPT(server.base_url, api_key=bad)

    assert not holds(str(raised.value), KEY)
    with TravelGPT(server.base_url, api_key=f" {KEY}\n") as api:
        server.json(200, BODY)
        api.ask("Lisbon?")
    assert server.seen[0][2]["x-api-key"] == KEY


@pytest.mark.parametrize("key", ["", "two words", "a\r\nx-other: y", "ü"])
def test_an_idempotency_key_that_cannot_be_sent_is_refused(
    api: TravelGPT, server: ScriptedApi, key: str
) -> None:
    with pytest.raises(ValueError, match="idempotency key"):
        api.ask("Lisbon?", idempotency_key=key)
    assert server.seen == []


@pytest.mark.parametrize(
    "url", ["http://example.com/Prod/travel-gpt", "ftp://x", "https://user@x/", "https://x/?a", "x", ""]
)
def test_a_url_that_a_key_may_not_be_sent_to_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="must be an https:// URL"):
        TravelGPT(url, api_key=KEY)


def test_no_proxy_sees_what_is_sent_to_this_machine(
    server: ScriptedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.json(200, BODY)
    with ScriptedApi() as proxy:
        proxy.json(200, BODY)
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        with TravelGPT(server.base_url, api_key=KEY) as api:
            api.ask("Lisbon?")

        assert (len(server.seen), proxy.seen) == (1, [])


def test_a_proxy_that_refuses_is_said(monkeypatch: pytest.MonkeyPatch, pauses: list[float]) -> None:
    with ScriptedApi() as proxy:
        proxy.script.append((407, {}, b""))
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        with (
            TravelGPT("https://api.example.com/Prod/travel-gpt", api_key=KEY) as api,
            pytest.raises(ConnectionFailed, match=r"No connection to api\.example\.com .+\(407") as raised,
        ):
            api.ask("Lisbon?")

        assert (len(pauses), raised.value.sent) == (2, False)
        # Only where to connect to: the rest is encrypted.
        assert {method for method, *_ in proxy.seen} == {"CONNECT"}
        assert not holds(repr(proxy.seen), KEY)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALL_PROXY", "socks5://127.0.0.1:1"),
        ("HTTPS_PROXY", f"nonsense://ann:{KEY}@proxy"),
        ("HTTPS_PROXY", f"http://ann:{KEY}@proxy:port"),
        ("SSL_CERT_FILE", "/nowhere"),
    ],
)
def test_an_environment_that_cannot_be_used_is_said(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ValueError, match=name) as raised:
        TravelGPT("https://api.example.com/Prod/travel-gpt")

    assert not holds("".join(traceback.format_exception(raised.value)), KEY)


def test_a_host_name_that_cannot_be_one_is_said() -> None:
    with (
        TravelGPT(f"https://{'a' * 64}.example/travel-gpt", retries=0) as api,
        pytest.raises(ConnectionFailed, match="No connection") as raised,
    ):
        api.ask("Lisbon?")

    assert not raised.value.sent


def test_threads_share_a_client(server: ScriptedApi, api: TravelGPT) -> None:
    server.whole_stream()
    texts: list[str] = []

    def read() -> None:
        with api.stream("Lisbon?") as stream:
            texts.append(stream.answer().text)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert texts == [TEXT] * 8


def test_the_client_imports_the_http_library_and_nothing_else_that_is_large() -> None:
    code = "import sys, travel_gpt.client; print(*{name.partition('.')[0] for name in sys.modules})"
    environment = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )

    loaded = set(done.stdout.split())
    assert "httpx2" in loaded
    assert not loaded & {"boto3", "openai", "aws_lambda_powertools", "pydantic", "typer", "werkzeug"}
