"""A stream of the page: what its session allows, and what ends it."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.conftest import LambdaContext
from tests.fakes.dynamodb import TABLE
from tests.fakes.openai import RESPONSES, FakeOpenAI, behaviours
from tests.support.page import PageFunction, page_event
from tests.support.stream_function import is_whole, parse
from travel_gpt.api import resources, stream_watch
from travel_gpt.api.streamed import StreamApi, StreamedResponse
from travel_gpt.aws.table import Table
from travel_gpt.bootstrap import build_stream_api
from travel_gpt.deadline import Deadline
from travel_gpt.guard import clients

LONG = behaviours.answer("word " * 500, pause=0.02)


@pytest.fixture
def streams(function: PageFunction, monkeypatch: pytest.MonkeyPatch) -> Iterator[StreamApi]:
    """The function that streams, beside the other one."""
    monkeypatch.setattr(stream_watch, "CHECK_SECONDS", 0.05)
    monkeypatch.setattr(clients, "RECORD_TTL", 0.1)
    api = build_stream_api(function.settings, table=Table(TABLE, send=function.table.send))
    yield api
    api.close()


def begin(streams: StreamApi, cookie: str) -> StreamedResponse:
    event = page_event(resources.PAGE_STREAM, {"query": "Lisbon?"}, cookie=cookie)
    response = streams.answer(event, LambdaContext(100_000))
    assert isinstance(response, StreamedResponse), response
    return response


def disable(function: PageFunction) -> None:
    function.guest(disabled=1, sessions_after=1_795_176_000)


def end_sessions(function: PageFunction) -> None:
    function.guest(sessions_after=1_795_176_000)


def test_a_guest_reads_a_stream_and_no_cookie_is_set(function: PageFunction, streams: StreamApi) -> None:
    response = begin(streams, function.sign_in())

    assert is_whole(parse(b"".join(response.chunks)))
    assert "set-cookie" not in {name.lower() for name in response.headers}


def test_a_stream_takes_one_read_more_than_with_an_api_key(
    function: PageFunction, streams: StreamApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_watch, "CHECK_SECONDS", 60.0)
    monkeypatch.setattr(clients, "RECORD_TTL", 60.0)
    cookie = function.sign_in()
    function.table.calls.clear()

    assert is_whole(parse(b"".join(begin(streams, cookie).chunks)))

    # Of the session; of the client and the flag. Two reservations, two settlements.
    assert function.table.calls == Counter(BatchGetItem=2, UpdateItem=4)


@pytest.mark.parametrize(
    ("act", "code"),
    [(disable, "client_disabled"), (end_sessions, "session_expired")],
)
def test_a_stream_ends_once_the_owner_ended_its_session(
    function: PageFunction,
    streams: StreamApi,
    upstream: FakeOpenAI,
    act: Callable[[PageFunction], None],
    code: str,
) -> None:
    upstream.default(RESPONSES, LONG)
    cookie = function.sign_in()
    response = begin(streams, cookie)
    pieces = [next(response.chunks), next(response.chunks)]

    act(function)

    events = parse(b"".join([*pieces, *response.chunks]))
    assert (events[-1][0], events[-1][1]["code"]) == ("error", code)
    assert cookie.partition("=")[2] not in str(events)


def test_a_stream_goes_on_while_its_session_cannot_be_read(
    function: PageFunction, streams: StreamApi, upstream: FakeOpenAI
) -> None:
    upstream.default(RESPONSES, behaviours.answer("Take tram 28 up the hill.", pause=0.05))
    cookie = function.sign_in()
    response = begin(streams, cookie)
    reads = Counter[str]()

    def refuse(operation: str, parameters: dict[str, Any]) -> str | None:
        if operation != "BatchGetItem":
            return None
        kind = parameters["RequestItems"][TABLE]["Keys"][0]["pk"]["S"].partition("#")[0]
        reads[kind] += 1
        return "fail" if kind == "session" else None

    function.table.before = refuse

    assert is_whole(parse(b"".join(response.chunks)))
    assert reads["session"] > 1


def test_a_guest_stops_its_own_stream_and_no_other(
    function: PageFunction, streams: StreamApi, upstream: FakeOpenAI
) -> None:
    upstream.default(RESPONSES, LONG)
    cookie = function.sign_in()
    response = begin(streams, cookie)
    pieces = [next(response.chunks), next(response.chunks)]
    ((_, start),) = parse(b"".join(pieces))[:1]
    stop = {"pathParameters": {"id": start["request_id"]}}
    function.table.put("client#c2", name="bob")
    other = function.guard.sessions.begin(
        clients.Client("c2", "bob", function.client.limits), "x" * 43, "", Deadline(28)
    )

    foreign = function.send(resources.PAGE_STOP, cookie=f"{cookie.partition('=')[0]}={other.token}", **stop)
    pieces.append(next(response.chunks))
    own = function.send(resources.PAGE_STOP, cookie=cookie, **stop)

    assert (foreign.status, own.status) == (202, 202), "it does not say whether there is such a stream"
    events = parse(b"".join([*pieces, *response.chunks]))
    assert events[-1] == ("done", {"truncated": True, "stopped": True})
    flags = {item["pk"]["S"] for item in function.table.items.all() if item["pk"]["S"].startswith("stop#")}
    assert flags == {f"stop#{client}#{start['request_id']}" for client in ("c1", "c2")}
