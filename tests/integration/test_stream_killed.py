"""The function that streams is killed (SIGKILL) in the middle of a stream: what stands, and until when."""

import time
from pathlib import Path

import pytest

from tests.fakes.dynamodb import TABLE, FakeTableServer
from tests.fakes.openai import RESPONSES, FakeOpenAI, behaviours
from tests.fakes.runtime_api import RuntimeApi
from tests.support.clock import Clock
from tests.support.stream_function import CLIENT, KEY, Streaming, parse, upstream as upstream
from tests.support.stream_process import ROOT, started
from travel_gpt.api.streamed import StreamApi
from travel_gpt.aws.table import Table
from travel_gpt.bootstrap import build_stream_api
from travel_gpt.guard import idempotency, request_counters
from travel_gpt.guard.guard import Guard
from travel_gpt.settings import Settings

STREAM_SECONDS = 60


def variables(upstream: FakeOpenAI, table: FakeTableServer) -> dict[str, str]:
    return {
        "CREDENTIAL_SOURCE": "environment",
        "OPENAI_API_KEY": KEY,
        "OPENAI_BASE_URL": upstream.base_url,
        "STREAMING": "on",
        "STREAM_SECONDS": str(STREAM_SECONDS),
        "TABLE_NAME": TABLE,
        "BUDGET_PER_DAY": "1",
        "AWS_ENDPOINT_URL_DYNAMODB": table.url,
        "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }


def environment_at(clock: Clock, known: dict[str, str], table: FakeTableServer) -> StreamApi:
    """Another environment of the function, at another time."""
    settings = Settings.load(known)
    guard = Guard(settings, Table(TABLE, send=table.send), now=clock)
    made = build_stream_api(settings)
    made._guard = lambda: guard
    return made


def test_what_a_killed_stream_reserved_stands_and_it_blocks_others_for_its_time_only(
    upstream: FakeOpenAI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    upstream.script(RESPONSES, behaviours.answer("word " * 500, pause=0.02))
    with FakeTableServer() as table:
        table.put("key#annskey", client=CLIENT)
        table.put(f"client#{CLIENT}", name="ann", parallel=1, per_day=2)
        known = variables(upstream, table)
        clock = Clock(time.time())
        function = Streaming(environment_at(clock, known, table), table)
        source = (ROOT / "travel_gpt/stream_handler.py").read_text()
        with RuntimeApi() as api, started(api, tmp_path, source, known) as runtime:
            api.invoke(function.event(Idempotency_Key="k1"), deadline=STREAM_SECONDS)
            sent = api.wait("/response", chunks=6)
            runtime.process.kill()
            runtime.ended()

        events = parse(sent.body.partition(bytes(8))[2].rpartition(b"\n\n")[0])
        assert [name for name, _ in events[:2]] == ["start", "delta"]
        assert events[-1][0] == "delta", "the reader sees that it was cut"
        reserved = function.cost("stack")
        assert reserved > 0
        assert len(function.reserved()) == 2, "of the client and of the stack"

        # Until it must have ended, it counts as running.
        clock.moment = time.time()
        assert refusal(function, Idempotency_Key="k1") == "request_in_progress"
        assert refusal(function) == "rate_limited"
        assert function.cost("stack") == reserved
        clock.advance(STREAM_SECONDS - 10)
        assert refusal(function, Idempotency_Key="k1") == "request_in_progress"
        assert refusal(function) == "rate_limited"
        clock.advance(10 + max(idempotency.MARGIN, request_counters.LEASE_MARGIN))
        assert function.read(Idempotency_Key="k1")[-1][0] == "done"

        assert function.cost("stack") > reserved, "its reservation stays counted"
        assert refusal(function) == "rate_limited", "and so does its request"
        function.api.close()


def refusal(function: Streaming, **headers: str) -> str:
    status, body = function.refused(**headers)
    assert status in (409, 429)
    return str(body["code"])
