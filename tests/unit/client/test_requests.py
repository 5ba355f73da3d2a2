"""The Python client, against a server that sends what a test says."""

import json
import os
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from tests.fakes.loopback_server import Answer as Sent
from tests.support.markdown import ROOT
from tests.support.scripted_api import BODY, TEXT, ScriptedApi, Step, failure
from tests.unit.client.conftest import KEY
from travel_gpt import client
from travel_gpt.client import (
    AccessRefused,
    ApiError,
    ApiFailed,
    LimitReached,
    RequestRefused,
    TimedOut,
    TravelGPT,
    UnexpectedAnswer,
)
from travel_gpt.client.events import LONGEST


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


@pytest.mark.parametrize("key", ["", "two words", "a\r\nx-other: y", "ü"])
def test_an_idempotency_key_that_cannot_be_sent_is_refused(
    api: TravelGPT, server: ScriptedApi, key: str
) -> None:
    with pytest.raises(ValueError, match="idempotency key"):
        api.ask("Lisbon?", idempotency_key=key)
    assert server.seen == []


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
