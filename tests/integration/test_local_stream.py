"""Streams of the local server over real HTTP: the commands of docs/streaming.md, and readers that leave."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.loopback_server import Answer, LoopbackServer
from tests.fakes.openai import RESPONSES, Exchange, FakeOpenAI, behaviours
from tests.fakes.openai.events import responses_stream
from tests.integration.test_local_server import KEY, LocalServer
from tests.support.markdown import Page
from tests.support.stream_function import parse
from travel_gpt.cli.stream_measurement import Delivery, measure
from travel_gpt.client import TravelGPT

PAGE = Page.read("docs/streaming.md")
BLOCKS = [text for language, text in PAGE.fenced if language == "sh"]
QUERY = json.dumps({"query": "Three days in Lisbon?"}).encode()

curl = pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl here")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    with LocalServer(tmp_path_factory.mktemp("home")) as server:
        yield server


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """The server of the documented `DEMO_SECONDS=… make run`."""
    (block,) = [each for each in BLOCKS if "DEMO_SECONDS" in each]
    found = re.fullmatch(r'DEMO_SECONDS=(\d+) make run OPTIONS="(.+)"\s*', block)
    assert found
    with LocalServer(tmp_path_factory.mktemp("home"), *found[2].split(), DEMO_SECONDS=found[1]) as server:
        yield server


def key_of(server: LocalServer) -> str:
    return str(server.wait_for(r"x-api-key: (\S+) \(made up").group(1))


def bash(block: str, server: LocalServer, **variables: str) -> "subprocess.Popen[bytes]":
    """Begin a block of the page, with the variables that its reader sets."""
    here = block.replace("http://127.0.0.1:3000/Prod/travel-gpt", server.url).replace("curl ", "curl -sS ")
    assert here != block
    here = re.sub(r"^(OWNER|ID)=.*\n", "", here, flags=re.MULTILINE)
    return subprocess.Popen(
        [shutil.which("bash") or "bash", "-c", here],
        stdout=subprocess.PIPE,
        env={"PATH": os.environ["PATH"], **variables},
    )


@contextmanager
def connected(server: LocalServer, path: str = "/stream", body: bytes = QUERY) -> Iterator[socket.socket]:
    """A connection on which a stream was asked for."""
    port = int(re.findall(r":(\d+)/", server.url)[0])
    head = (
        f"POST /Prod/travel-gpt{path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(head.encode() + body)
        yield connection


@curl
def test_the_documented_stream_prints_events(demo: LocalServer) -> None:
    block = next(each for each in BLOCKS if "curl -N" in each and "x-api-key" not in each)
    with bash(block, demo) as running:
        sent, _ = running.communicate(timeout=30)

    events = parse(sent)
    assert [name for name, _ in events if name != "delta"] == ["start", "usage", "done"]
    (shown,) = [text for language, text in PAGE.fenced if language == "text" and "event: " in text]
    assert [name for name, _ in parse(shown.encode())] == [name for name, _ in events[:3]]
    assert parse(shown.encode())[1:] == events[1:3]
    text = "".join(data["text"] for name, data in events if name == "delta")
    assert text == demo.post("Three days in Lisbon?")[1]["answer"]


@curl
def test_the_documented_stop_ends_the_stream(slow: LocalServer) -> None:
    streaming = next(each for each in BLOCKS if "curl -N" in each and "x-api-key" in each)
    (stopping,) = [each for each in BLOCKS if "/stop" in each]
    owner = key_of(slow)
    began = time.monotonic()
    with bash(streaming, slow, OWNER=owner) as running:
        assert running.stdout
        first = running.stdout.readline() + running.stdout.readline() + running.stdout.readline()
        ((_, start),) = parse(first)
        with bash(stopping, slow, OWNER=owner, ID=start["request_id"]) as stop:
            assert json.loads(stop.communicate(timeout=10)[0])["status"] == "success"
        rest, _ = running.communicate(timeout=10)

    assert parse(rest)[-1] == ("done", {"truncated": True, "stopped": True})
    assert time.monotonic() - began < 10, "the whole answer takes 20 s"


def test_a_stream_needs_the_key_as_a_query_does(slow: LocalServer) -> None:
    with connected(slow) as connection:
        assert connection.recv(100).startswith(b"HTTP/1.1 403 ")


def test_another_method_is_refused_with_the_one_that_there_is(demo: LocalServer) -> None:
    with connected(demo, body=b"[]") as connection:
        assert connection.recv(100).startswith(b"HTTP/1.1 400 "), "a refusal is an ordinary response"
    assert demo.get("/stream")[1]["code"] == "method_not_allowed"


class Recorded:
    """An upstream that sends a word, waits, and notes when its caller is gone."""

    def __init__(self, *, words: bool) -> None:
        self.words = words
        self.begun, self.gone = threading.Event(), threading.Event()

    def __call__(self, exchange: Exchange) -> None:
        exchange.begin_stream()
        events = list(responses_stream(exchange.body, "Take tram 28 up the hill."))
        for event in events[: 6 if self.words else 2]:
            exchange.chunk(event)
        self.begun.set()
        connection = exchange._request.connection
        connection.settimeout(10)
        if not connection.recv(1):
            self.gone.set()
        exchange.cut()


@pytest.mark.parametrize("words", [True, False], ids=["after-the-first-words", "before-them"])
def test_a_reader_that_leaves_ends_the_call_of_the_model_within_a_second(
    tmp_path_factory: pytest.TempPathFactory, upstream: FakeOpenAI, words: bool
) -> None:
    model = Recorded(words=words)
    upstream.default(RESPONSES, model)
    home = tmp_path_factory.mktemp("home")
    with LocalServer(home, OPENAI_BASE_URL=upstream.base_url, OPENAI_API_KEY=KEY) as server:
        with connected(server) as connection:
            assert model.begun.wait(5)
            if words:
                while b"delta" not in connection.recv(65536):
                    pass
        left = time.monotonic()

        assert model.gone.wait(5)
        assert time.monotonic() - left < 1
        server.wait_for(r"POST /Prod/travel-gpt/stream \d+ \d+ ms")
        assert not server.errors
        # The server still answers.
        upstream.default(RESPONSES, behaviours.answer())
        assert server.post("Rome?")[0] == 200


def test_chunks_arrive_one_by_one(tmp_path_factory: pytest.TempPathFactory, upstream: FakeOpenAI) -> None:
    upstream.default(RESPONSES, behaviours.answer("one two three four five six", pause=0.1))
    times: list[float] = []
    home = tmp_path_factory.mktemp("home")
    known: dict[str, Any] = {"OPENAI_BASE_URL": upstream.base_url, "OPENAI_API_KEY": KEY}
    with LocalServer(home, **known) as server, connected(server) as connection:
        while data := connection.recv(65536):
            times += [time.monotonic()] * data.count(b"event: delta")

    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert len(times) == 6
    assert min(gaps) > 0.03, gaps


def interrupt(server: LocalServer) -> None:
    """Send SIGINT to the newest thread of a process: the kernel may choose any of them.

    Where the system lists no threads, or those that it lists have ended, to the process.
    """
    folder = Path(f"/proc/{server.process.pid}/task")
    threads = sorted((int(thread.name) for thread in folder.glob("*")), reverse=True)
    for thread in [*threads, server.process.pid]:
        with suppress(ProcessLookupError):
            os.kill(thread, signal.SIGINT)
            return


@pytest.mark.parametrize("words", [True, False], ids=["after-the-first-words", "before-them"])
def test_a_server_that_stops_ends_its_streams_at_once(
    tmp_path_factory: pytest.TempPathFactory, upstream: FakeOpenAI, words: bool
) -> None:
    model = Recorded(words=words)
    upstream.default(RESPONSES, model)
    home = tmp_path_factory.mktemp("home")
    with (
        LocalServer(home, OPENAI_BASE_URL=upstream.base_url, OPENAI_API_KEY=KEY) as server,
        connected(server) as connection,
    ):
        assert model.begun.wait(5)
        sent = b""
        while words and b"event: delta" not in sent:
            sent += connection.recv(65536)
        began = time.monotonic()

        interrupt(server)

        assert server.process.wait(10) == 0
        assert time.monotonic() - began < 4, "the streams and the end of the process"
        assert "Stopping" not in server.printed, "it waits for nothing"
        assert not server.errors
        while data := connection.recv(65536):
            sent += data

    assert model.gone.wait(5)
    if words:
        assert sent.endswith(b"\r\n0\r\n\r\n"), "a whole response"
        last = sent[sent.index(b"event: error") :].splitlines()[1].removeprefix(b"data: ")
        assert json.loads(last)["message"].startswith("The server was stopped")
        assert sent.count(b"event: error") == 1
    else:
        assert sent.startswith(b"HTTP/1.1 502 ")


class CollectingProxy(LoopbackServer):
    """Passes a response on once it is complete, as a proxy that buffers does."""

    def __init__(self, url: str) -> None:
        self._target = url.partition("/Prod/")[0]
        super().__init__()

    def serve(self, request: BaseHTTPRequestHandler, body: bytes) -> Answer:
        """Ask the API, and answer with all that it said."""
        asked = urllib.request.Request(
            self._target + request.path, body, {"Content-Type": request.headers["Content-Type"]}
        )
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return answer.status, {"Content-Type": answer.headers["Content-Type"]}, answer.read()


def test_a_measurement_tells_the_stream_from_what_a_proxy_has_collected(demo: LocalServer) -> None:
    with CollectingProxy(demo.url) as proxy:
        behind = demo.url.replace(demo.url.partition("/Prod/")[0], proxy.url)
        with TravelGPT(demo.url) as direct, TravelGPT(behind) as collected:
            streamed, burst = measure(direct), measure(collected)

    assert streamed.delivery is Delivery.STREAMED, streamed
    assert burst.delivery is Delivery.BURST, burst
    # The demo model writes a word every 5 ms.
    assert len(streamed.texts_at) > 20
    assert streamed.median_gap > 0.003
    assert burst.median_gap < 0.003
