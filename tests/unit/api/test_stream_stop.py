"""``POST /travel-gpt/stream/{id}/stop``: the flag, who may set it, and the stream that reads it."""

import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.fakes.dynamodb import TABLE, MemoryTable
from tests.fakes.openai import RESPONSES, FakeOpenAI, behaviours
from tests.integration.conftest import LambdaContext, proxy_event
from tests.support.function_log import log as log
from tests.support.stream_function import (
    KEY,
    Streaming,
    is_whole,
    parse,
    streaming as streaming,
    upstream as upstream,
)
from travel_gpt.api import stream_watch
from travel_gpt.api.resources import STOP as STOP_RESOURCE
from travel_gpt.api.routes import Api
from travel_gpt.aws.table import Table
from travel_gpt.bootstrap import build_api
from travel_gpt.guard import clients
from travel_gpt.settings import Settings

ID = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"


def buffered(table: MemoryTable, **environment: str) -> Api:
    """The function that does not stream, with the same table."""
    known = {"CREDENTIAL_SOURCE": "environment", "OPENAI_API_KEY": KEY, "TABLE_NAME": TABLE, **environment}
    return build_api(Settings.load(known), table=Table(TABLE, send=table.send))


def stop(
    api: Api, stream: str = ID, *, method: str = "POST", key_id: str = "annskey"
) -> tuple[int, dict[str, Any]]:
    event = proxy_event(method, None, resource=STOP_RESOURCE, pathParameters={"id": stream})
    event["requestContext"]["identity"] = {"apiKeyId": key_id, "sourceIp": "192.0.2.1"}
    response = api.answer(event, LambdaContext())
    return response["statusCode"], json.loads(response["body"])


def test_a_client_stops_its_stream(
    upstream: FakeOpenAI, streaming: Streaming, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_watch, "CHECK_SECONDS", 0.05)
    upstream.default(RESPONSES, behaviours.answer("word " * 500, pause=0.02))
    response = streaming.open()
    pieces = [next(response.chunks), next(response.chunks)]

    status, body = stop(buffered(streaming.table))

    assert (status, body["status"]) == (202, "success")
    events = parse(b"".join([*pieces, *response.chunks]))
    assert events[0][1]["request_id"] == ID
    assert events[-1] == ("done", {"truncated": True, "stopped": True})
    assert len(events) < 100
    assert streaming.cost("stack") > 0, "what was reserved stays counted"
    assert streaming.reserved() == []


def test_no_client_stops_a_stream_of_another(
    upstream: FakeOpenAI, streaming: Streaming, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_watch, "CHECK_SECONDS", 0.01)
    upstream.default(RESPONSES, behaviours.answer("Take tram 28.", pause=0.02))
    streaming.table.put("key#bobskey", client="c2")
    streaming.table.put("client#c2", name="bob")
    response = streaming.open()

    assert stop(buffered(streaming.table), key_id="bobskey")[0] == 202

    assert is_whole(parse(b"".join(response.chunks)))


@pytest.mark.parametrize(
    ("stream", "method", "key_id", "status", "code"),
    [
        (ID, "POST", "", 403, "forbidden"),
        (ID, "POST", "strangerskey", 403, "forbidden"),
        (ID, "GET", "annskey", 405, "method_not_allowed"),
        ("a#b", "POST", "annskey", 404, "not_found"),
        ("x" * 65, "POST", "annskey", 404, "not_found"),
        ("", "POST", "annskey", 404, "not_found"),
    ],
)
def test_what_stops_no_stream_sets_no_flag(
    stream: str, method: str, key_id: str, status: int, code: str
) -> None:
    table = MemoryTable()
    table.put("key#annskey", client="c1")
    table.put("client#c1", name="ann")

    found, body = stop(buffered(table), stream, method=method, key_id=key_id)

    assert (found, body["code"]) == (status, code)
    assert not [item for item in table.items.all() if item["pk"]["S"].startswith("stop#")]


@pytest.mark.parametrize("resource", ["/travel-gpt/stream", STOP_RESOURCE])
def test_another_method_is_answered_with_the_one_that_there_is(resource: str) -> None:
    response = buffered(MemoryTable()).answer(proxy_event("GET", None, resource=resource), LambdaContext())

    assert (response["statusCode"], response["headers"]["Allow"]) == (405, "POST")


def test_without_a_table_no_stream_can_be_stopped() -> None:
    status, body = stop(buffered(MemoryTable(), TABLE_NAME=""))

    assert (status, body["code"]) == (404, "not_found")
    assert "Close the connection" in body["message"]


def test_while_the_table_is_away_the_stop_says_so() -> None:
    table = MemoryTable()
    table.put("key#annskey", client="c1")
    table.put("client#c1", name="ann")
    api = buffered(table)
    assert stop(api)[0] == 202
    table.before = lambda *_: "throttle"

    status, body = stop(api)

    assert (status, body["code"]) == (503, "limits_unavailable")


def test_a_stream_goes_on_while_its_flag_cannot_be_read(
    upstream: FakeOpenAI, streaming: Streaming, monkeypatch: pytest.MonkeyPatch, log: io.StringIO
) -> None:
    monkeypatch.setattr(stream_watch, "CHECK_SECONDS", 0.01)
    monkeypatch.setattr(clients, "RECORD_TTL", 0.0)
    upstream.default(RESPONSES, behaviours.answer("Take tram 28 up the hill.", pause=0.03))
    response = streaming.open()
    streaming.table.before = lambda operation, _: "fail" if operation == "BatchGetItem" else None

    assert is_whole(parse(b"".join(response.chunks)))
    assert log.getvalue().count("It cannot be read whether a stream was stopped") == 1, "it says so once"


def pause(table: MemoryTable) -> None:
    table.put("flag#paused")


def disable(table: MemoryTable) -> None:
    table.put("client#c1", name="ann", disabled=1)


def expire(table: MemoryTable) -> None:
    table.put("client#c1", name="ann", expires_at=1)


def use_up(table: MemoryTable) -> None:
    table.put("client#c1", name="ann", per_day=1)


@pytest.mark.parametrize("cannot_ask", [pause, disable, expire, use_up])
def test_a_client_that_may_ask_no_more_stops_its_stream_all_the_same(
    upstream: FakeOpenAI,
    streaming: Streaming,
    monkeypatch: pytest.MonkeyPatch,
    cannot_ask: Callable[[MemoryTable], None],
) -> None:
    monkeypatch.setattr(stream_watch, "CHECK_SECONDS", 0.5)
    upstream.default(RESPONSES, behaviours.answer("word " * 500, pause=0.02))
    response = streaming.open()
    pieces = [next(response.chunks), next(response.chunks)]
    cannot_ask(streaming.table)

    assert stop(buffered(streaming.table))[0] == 202

    assert parse(b"".join([*pieces, *response.chunks]))[-1] == ("done", {"truncated": True, "stopped": True})


@pytest.mark.parametrize(
    ("cannot_ask", "code"), [(pause, "paused"), (disable, "client_disabled"), (expire, "client_expired")]
)
def test_a_stream_ends_once_its_client_may_ask_no_more(
    upstream: FakeOpenAI,
    streaming: Streaming,
    monkeypatch: pytest.MonkeyPatch,
    log: io.StringIO,
    capsys: pytest.CaptureFixture[str],
    cannot_ask: Callable[[MemoryTable], None],
    code: str,
) -> None:
    monkeypatch.setattr(stream_watch, "CHECK_SECONDS", 0.05)
    monkeypatch.setattr(clients, "RECORD_TTL", 0.1)
    upstream.default(RESPONSES, behaviours.answer("word " * 500, pause=0.02))
    response = streaming.open(Idempotency_Key="k1")
    pieces = [next(response.chunks), next(response.chunks)]

    cannot_ask(streaming.table)

    events = parse(b"".join([*pieces, *response.chunks]))
    assert (events[-1][0], events[-1][1]["code"]) == ("error", code)
    assert len(events) < 100
    *_, line = [json.loads(each) for each in log.getvalue().splitlines()]
    assert (line["message"], line["level"], line["outcome"]) == ("Answered a request", "INFO", code)
    assert "StreamFailed" not in capsys.readouterr().out, "the owner wanted it"
    assert streaming.cost("stack") > 0, "what was reserved stays counted"
    assert streaming.reserved() == []
    assert not idempotency_runs(streaming.table)


def idempotency_runs(table: MemoryTable) -> bool:
    """Whether a record says that its request still runs."""
    items = [item for item in table.items.all() if item["pk"]["S"].startswith("idempotency#")]
    assert items
    return any(item["until"]["N"] != "0" for item in items)
