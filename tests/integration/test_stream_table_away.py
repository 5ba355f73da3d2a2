"""Streams while the table of clients cannot be used: at each of its calls, before a stream and meanwhile."""

import io
import threading
from collections.abc import Callable
from typing import Any

import pytest

from tests.fakes.dynamodb import TABLE
from tests.fakes.openai import RESPONSES, FakeOpenAI, behaviours
from tests.integration.test_stream_faults import held, key as key, lines
from tests.support.function_log import log as log
from tests.support.stream_function import is_whole, parse, stream_function, upstream as upstream
from travel_gpt.api import stream_watch


def calls_of(kind: str, after: int = 0) -> Callable[[str, dict[str, Any]], str | None]:
    """Let the calls of the table fail whose keys begin so.

    Args:
        kind: the beginning.
        after: how many of them work before.
    """
    seen: list[str] = []

    def before(_: str, parameters: dict[str, Any]) -> str | None:
        batch = parameters.get("RequestItems", {}).get(TABLE, {}).get("Keys", [])
        if any(key["pk"]["S"].startswith(kind) for key in (parameters.get("Key"), *batch) if key):
            seen.append(kind)
            return "throttle" if len(seen) > after else None
        return None

    return before


def test_a_stream_is_refused_while_the_table_is_away(upstream: FakeOpenAI) -> None:
    with stream_function(upstream) as function:
        function.table.before = lambda *_: "throttle"
        status, body = function.refused()

    assert (status, body["code"]) == (503, "limits_unavailable")
    assert upstream.calls == []


@pytest.mark.parametrize("kind", ["key#", "client#", "idempotency#", "usage#"])
def test_a_stream_is_refused_where_a_call_of_the_table_fails_before_it(
    upstream: FakeOpenAI, log: io.StringIO, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    with stream_function(upstream) as function:
        function.table.before = calls_of(kind)
        status, body = function.refused(Idempotency_Key="k1")

        assert (status, body["code"]) == (503, "limits_unavailable")
        assert upstream.calls == []
        assert lines(log)[-1]["code"] == "limits_unavailable"
        assert '"LimitsUnavailable"' in capsys.readouterr().out
        assert function.reserved() == []
        assert function.cost("stack") == 0
        function.table.before = lambda *_: None
        assert function.read(Idempotency_Key="k1")[-1][0] == "done", "the same query may be sent again"


def test_a_stream_ends_well_where_the_table_goes_away_meanwhile(
    upstream: FakeOpenAI, log: io.StringIO
) -> None:
    go_on = threading.Event()
    upstream.default(RESPONSES, held(go_on))
    with stream_function(upstream) as function:
        response = function.open()
        function.table.before = lambda *_: "fail"
        go_on.set()
        sent = parse(b"".join(response.chunks))

    assert is_whole(sent)
    assert "A reservation may not have been settled" in log.getvalue()
    assert function.reserved() != [], "it stands"


@pytest.mark.parametrize(
    ("kind", "after", "says", "stands", "again"),
    [
        ("stop#", 0, "It cannot be read whether a stream was stopped", False, "repeated"),
        # Of the client and of the stack, each reserved before and settled after.
        ("usage#", 2, "A reservation may not have been settled", True, "repeated"),
        ("idempotency#", 1, "An answer was not kept", False, "request_in_progress"),
    ],
)
def test_a_stream_ends_well_where_a_call_of_the_table_fails_meanwhile(
    upstream: FakeOpenAI,
    log: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    after: int,
    says: str,
    stands: bool,
    again: str,
) -> None:
    monkeypatch.setattr(stream_watch, "CHECK_SECONDS", 0.005)
    upstream.default(RESPONSES, behaviours.answer("Take tram 28 up the hill.", pause=0.03))
    with stream_function(upstream) as function:
        function.table.before = calls_of(kind, after)
        assert is_whole(function.read(Idempotency_Key="k1"))
        function.table.before = lambda *_: None

        assert says in log.getvalue()
        assert lines(log)[-1]["outcome"] == "success"
        assert bool(function.reserved()) is stands
        assert function.cost("stack") > 0 or stands
        if again == "repeated":
            assert function.read(Idempotency_Key="k1")[0][1]["repeated"] is True
        else:
            assert function.refused(Idempotency_Key="k1")[1]["code"] == again
