"""The local server with many streams at once, and what memory an open one holds."""

import json
import math
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Final

from benchmarks import ANSWER, QUERY
from benchmarks.measure import WrongAnswer
from benchmarks.model import PacedModel
from benchmarks.packages import ROOT

WITHIN: Final = 120.0
"""Seconds for whatever is waited for."""


@dataclass(frozen=True, slots=True)
class Together:
    """Streams that were open at the same time."""

    begun: float
    """Seconds from the first connection until each stream had its first words."""
    ended: float
    """Seconds from then, when the model went on, until each had its last event."""
    each: float
    """Resident memory of the server for one stream while all were open, in KiB."""
    memory: float
    """The most memory that the server held, in MB."""


class Stream:
    """A reader of one stream.

    Args:
        port: where the local server listens.
    """

    def __init__(self, port: int) -> None:
        body = json.dumps({"query": QUERY})
        self._received = b""
        self._connection = socket.create_connection(("127.0.0.1", port), timeout=WITHIN)
        self._connection.sendall(
            "POST /Prod/travel-gpt/stream HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
        )

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def read_until(self, event: str) -> float:
        """Return when an event was there, on the monotonic clock.

        Args:
            event: its name.

        Raises:
            WrongAnswer: the stream ended without it.
        """
        while f"event: {event}\n".encode() not in self._received:
            data = self._connection.recv(65536)
            if not data:
                raise WrongAnswer(f"the local server answered {self._received!r}")
            self._received += data
        return time.monotonic()

    def read_answer(self) -> None:
        """Read to the end.

        Raises:
            WrongAnswer: it is not the answer to expect.
        """
        self.read_until("done")
        texts = re.findall(rb'^data: (\{"text":.*\})$', self._received, re.MULTILINE)
        if "".join(json.loads(text)["text"] for text in texts) != ANSWER:
            raise WrongAnswer(f"the local server answered {self._received!r}")


class LocalServer:
    """A local server that runs.

    Args:
        process: its id.
        port: where it listens.
    """

    def __init__(self, process: int, port: int) -> None:
        self._process, self._port = process, port
        self.url = f"http://127.0.0.1:{port}/Prod/travel-gpt"

    def stream(self) -> Stream:
        """Ask for a stream."""
        return Stream(self._port)

    def memory(self, figure: str) -> float:
        """Return a figure of its memory in KiB, by its name in /proc/PID/status; NaN without /proc."""
        try:
            status = Path(f"/proc/{self._process}/status").read_text(encoding="utf-8")
        except OSError:
            return math.nan
        return int(status.partition(f"{figure}:")[2].split()[0])


@contextmanager
def local_server(home: Path, model: str, **further: str) -> Iterator[LocalServer]:
    """Run the local server for as long as it is needed.

    Args:
        home: an empty folder, so that no .env of the user is read.
        model: the base URL of the server that it asks.
        further: variables of its environment, besides and before those that it has here.
    """
    variables = {
        "PATH": os.defpath,
        "HOME": str(home),
        "PYTHONPATH": str(ROOT),
        "OPENAI_BASE_URL": model,
        "OPENAI_API_KEY": "sk-benchmark",
        # On a busy machine, the first of many streams waits longer for the last than a model may.
        "STREAM_SECONDS": "600",
        "STREAM_IDLE_SECONDS": "120",
        **further,
    }
    command = [sys.executable, "-m", "travel_gpt.local", "--port", "0"]
    with subprocess.Popen(
        command, cwd=home, env=variables, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            lines = iter(process.stdout.readline, "")
            found = next(filter(None, (re.search(r" on http://[^/]+:(\d+)/", line) for line in lines)), None)
            if found is None:
                raise WrongAnswer("the local server did not start: see above")
            # It prints a line for each request, and would wait for somebody to read them.
            Thread(target=process.stdout.read, daemon=True).start()
            yield LocalServer(process.pid, int(found[1]))
        finally:
            process.terminate()


def first_event(server: LocalServer, model: PacedModel) -> float:
    """Return the seconds from the model's first event to the first event at the reader."""
    with server.stream() as stream:
        at = stream.read_until("start")
        stream.read_answer()
    return at - model.began


def together(server: LocalServer, model: PacedModel, streams: int) -> Together:
    """Open streams, hold them all open, and let them end.

    Args:
        server: a server that has answered before: what it imports for its first stream is not counted.
        model: the server that it asks.
        streams: how many.
    """
    before = server.memory("VmRSS")
    with ExitStack() as opened, model.held():
        began = time.monotonic()
        connected = [opened.enter_context(server.stream()) for _ in range(streams)]
        for stream in connected:
            stream.read_until("delta")
        begun = time.monotonic()
        each = (server.memory("VmRSS") - before) / streams
        model.go_on()
        for stream in connected:
            stream.read_answer()
        ended = time.monotonic()
    return Together(begun - began, ended - begun, each, server.memory("VmHWM") / 1024)
