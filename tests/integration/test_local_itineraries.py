"""Trips over real HTTP: readers that leave, a local server that stops, and a function that is killed."""

import json
import time
from pathlib import Path

import pytest

from tests.fakes.dynamodb import TABLE, FakeTableServer
from tests.fakes.openai import RESPONSES, FakeOpenAI
from tests.fakes.runtime_api import RuntimeApi
from tests.integration.test_local_server import KEY, LocalServer
from tests.integration.test_local_stream import connected, interrupt
from tests.integration.test_stream_killed import variables
from tests.support.hanging_model import Hanging
from tests.support.stream_function import CLIENT, Streaming
from tests.support.stream_process import ROOT, started
from tests.support.trip_replies import trip_but
from travel_gpt.aws.table import Table
from travel_gpt.bootstrap import build_stream_api
from travel_gpt.settings import Settings

BODY = json.dumps({"query": "Lisbon and Porto", "format": "itinerary"}).encode()


def serving(folder: Path, upstream: FakeOpenAI) -> LocalServer:
    return LocalServer(folder, OPENAI_BASE_URL=upstream.base_url, OPENAI_API_KEY=KEY)


def test_a_reader_that_leaves_during_the_days_ends_each_call_within_a_second(
    tmp_path_factory: pytest.TempPathFactory, upstream: FakeOpenAI
) -> None:
    days = Hanging(5)
    upstream.default(RESPONSES, trip_but(day1=days, day3=days))
    with serving(tmp_path_factory.mktemp("home"), upstream) as server:
        with connected(server, body=BODY) as connection:
            days.wait(begun=2)
            sent = b""
            while b"event: day" not in sent:
                sent += connection.recv(65536)
        left = time.monotonic()

        days.wait(gone=2)
        assert time.monotonic() - left < 1
        server.wait_for(r"POST /Prod/travel-gpt/stream \d+ \d+ ms")
        assert not server.errors
        assert len(upstream.calls) == 4, "nothing more is asked"


@pytest.mark.parametrize("path", ["/stream", ""], ids=["streamed", "buffered"])
def test_a_server_that_stops_does_not_wait_for_days(
    tmp_path_factory: pytest.TempPathFactory, upstream: FakeOpenAI, path: str
) -> None:
    days = Hanging(5)
    upstream.default(RESPONSES, trip_but(day=days))
    with (
        serving(tmp_path_factory.mktemp("home"), upstream) as server,
        connected(server, path, BODY) as connection,
    ):
        days.wait(begun=3)
        began = time.monotonic()

        interrupt(server)
        if not path:
            # The first lets answers that are under way end; the second does not.
            server.wait_for("Stopping")
            interrupt(server)

        server.process.wait(10)
        assert time.monotonic() - began < 5
        assert "Traceback" not in server.printed
        days.wait(gone=3)
        connection.close()


def test_of_a_function_that_is_killed_every_reservation_stands(
    upstream: FakeOpenAI, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    days = Hanging(5)
    upstream.default(RESPONSES, trip_but(day1=days, day3=days))
    with FakeTableServer() as table:
        table.put("key#annskey", client=CLIENT)
        table.put(f"client#{CLIENT}", name="ann", per_day=5)
        known = variables(upstream, table)
        api = build_stream_api(Settings.load(known), table=Table(TABLE, send=table.send))
        function = Streaming(api, table)
        event = function.event()
        event["body"] = BODY.decode()
        source = (ROOT / "travel_gpt/stream_handler.py").read_text()
        with (
            RuntimeApi() as runtime_api,
            started(runtime_api, tmp_path_factory.mktemp("killed"), source, known) as runtime,
        ):
            runtime_api.invoke(event, deadline=60)
            days.wait(begun=2)
            runtime_api.wait("/response", chunks=3)
            runtime.process.kill()
            runtime.ended()

        days.wait(gone=2)
        # It may have been killed between the two counters of another day, which was settled.
        assert min(function.cost("stack"), function.cost(CLIENT)) > 0
        assert len(function.reserved()) >= 2 * 2, "of both days, of the client and of the stack"
        function.api.close()
