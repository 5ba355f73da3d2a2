"""Where the API key goes, and where it does not: hosts, proxies, messages, variables."""

import json
import logging
import pickle
import ssl
import traceback
from collections.abc import Callable
from typing import Any

import pytest
import trustme

from tests.fakes.loopback_server import Answer as Sent, LoopbackServer
from tests.support.scripted_api import BODY, EVENTS, ScriptedApi, Step, failure
from tests.support.secret_leaks import holds
from tests.unit.client.conftest import KEY
from travel_gpt.client import (
    ApiError,
    ConnectionFailed,
    TravelGPT,
    UnexpectedAnswer,
)


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
