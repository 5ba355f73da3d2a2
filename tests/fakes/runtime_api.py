"""Lambda's Runtime API, which keeps each request that a runtime sends: its headers, and when each chunk came.

Sources: AWS Lambda Developer Guide, "Using the Lambda runtime API for custom runtimes" and "Building a custom
runtime for AWS Lambda"; for refusals the emulator, aws/aws-lambda-runtime-interface-emulator
internal/lambda/rapi (handler/invocationresponse.go, middleware/middleware.go) @ 4fa2157. A runtime's requests
are judged by tests/integration/test_stream_runtime_recorded.py, and not by this server.
"""

import json
import queue
import socket
import struct
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, Final

from tests.fakes.loopback_server import Answer, LoopbackServer

API: Final = "/2018-06-01/runtime"
ARN: Final = "arn:aws:lambda:us-east-1:123456789012:function:travel-gpt-stream"
TRACE: Final = (
    "Root=1-66e8c2ec-1cff8e0f58ea22f160197322;Parent=256264007522c53a;Sampled=0;Lineage=1:7101cf12:0"
)
# Recorded: lambda-runtime-api/invocation response POST/answer-to-the-runtime, 16 bytes.
OK: Final = b'{"status":"OK"}\n'
WAIT: Final = 10.0


@dataclass
class Sent:
    """One request of a runtime."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    connection: int
    """The port that it came from."""
    body: bytes = b""
    chunks: list[tuple[float, bytes]] = field(default_factory=list)
    """Each with the time at which it was there."""
    trailers: list[tuple[str, str]] = field(default_factory=list)
    complete: bool = False
    """Whether the body came to its end."""

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)

    def values(self, name: str) -> list[str]:
        """The values of a header, one for each line."""
        return [value for known, value in self.headers if known.lower() == name.lower()]


@dataclass(frozen=True)
class Fault:
    """What happens to a response after some chunks. Three are metadata, delimiter and the first piece."""

    after: int
    status: int | None
    """The answer then; None resets the connection."""


class RuntimeApi(LoopbackServer):
    """The Runtime API of one execution environment: one invocation at a time.

    Attributes:
        sent: what the runtime sent, in order. A streamed body grows while it is looked at.
        fault: what happens to the next response.
    """

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.fault: Fault | None = None
        self._events: queue.Queue[tuple[str, bytes, dict[str, str]]] = queue.Queue()
        self._current = ""
        self._changed = threading.Condition()
        super().__init__(protocol="HTTP/1.1")

    @property
    def address(self) -> str:
        """Host and port, as AWS_LAMBDA_RUNTIME_API has them."""
        return f"127.0.0.1:{self.port}"

    def invoke(self, event: Any = None, *, deadline: float = 30.0, trace: str | None = TRACE) -> str:
        """Have the runtime invoke its handler; returns the invocation's id.

        Args:
            event: what the handler is given.
            deadline: the seconds that it has.
            trace: the X-Ray header; there is none where tracing is off.
        """
        request_id = str(uuid.uuid4())
        # Recorded: lambda-runtime-api/next invocation/headers-real-container.
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": request_id,
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + deadline) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": ARN,
        }
        if trace:
            headers["Lambda-Runtime-Trace-Id"] = trace
        self._events.put((request_id, json.dumps(event).encode(), headers))
        return request_id

    def wait(self, end: str, *, chunks: int | None = None, number: int = 1, seconds: float = WAIT) -> Sent:
        """Wait for a request.

        Args:
            end: what its path ends with.
            chunks: until it has this many; until it is complete without it.
            number: which of several, from 1.
            seconds: how long.
        """

        def found() -> Sent | None:
            matching = [each for each in self.sent if each.path.endswith(end)]
            if len(matching) < number:
                return None
            one = matching[number - 1]
            return one if one.complete or (chunks is not None and len(one.chunks) >= chunks) else None

        with self._changed:
            one = self._changed.wait_for(found, seconds)
        assert one is not None, f"no {end} in {[(each.path, len(each.chunks)) for each in self.sent]}"
        return one

    def response(self, request_id: str, seconds: float, alive: Callable[[], bool]) -> Iterator[bytes]:
        """Yield what the runtime sends in answer to an invocation, when it comes.

        Args:
            request_id: the id of the invocation.
            seconds: how long all of it may take.
            alive: whether the runtime still runs.

        Raises:
            TimeoutError: it was not complete in time.
            ChildProcessError: the runtime ended before.
        """
        ends = (f"/{request_id}/response", f"/{request_id}/error", "/init/error")
        until, given = time.monotonic() + seconds, 0

        def news() -> Sent | None:
            one = next((each for each in self.sent if each.path.endswith(ends)), None)
            return one if one is not None and (one.complete or len(one.chunks) > given) else None

        while True:
            running = alive()
            with self._changed:
                one = self._changed.wait_for(news, 0.25)
                new = [] if one is None else [data for _, data in one.chunks[given:]]
                ended = one is not None and one.complete
            if one is not None and ended and not one.chunks:
                yield one.body
            given += len(new)
            yield from new
            if ended:
                return
            if not running and one is None:
                raise ChildProcessError("the runtime ended without a response")
            if time.monotonic() > until:
                raise TimeoutError

    def serve(self, request: BaseHTTPRequestHandler, body: bytes) -> Answer | None:
        """Answer as Lambda does."""
        sent = Sent(request.command, request.path, request.headers.items(), request.client_address[1], body)
        with self._changed:
            self.sent.append(sent)
        fault = None
        if request.headers.get("Transfer-Encoding") == "chunked":
            fault = self._read(request, sent)
        sent.complete = fault is None
        with self._changed:
            self._changed.notify_all()
        if fault is not None:
            return self._fail(request, fault)
        if sent.method == "GET":
            return self._next(sent.path)
        return self._judge(sent)

    def _read(self, request: BaseHTTPRequestHandler, sent: Sent) -> Fault | None:
        fault, self.fault = self.fault, None
        while size := int(request.rfile.readline() or b"-1", 16):
            if size < 0:
                raise ConnectionResetError("the runtime left")
            data = request.rfile.read(size)
            if request.rfile.readline() != b"\r\n":
                raise ConnectionResetError("the runtime left")
            with self._changed:
                sent.chunks.append((time.monotonic(), data))
                sent.body += data
                self._changed.notify_all()
            if fault is not None and len(sent.chunks) == fault.after:
                return fault
        for line in iter(request.rfile.readline, b"\r\n"):
            name, _, value = line.decode().rstrip("\r\n").partition(": ")
            sent.trailers.append((name, value))
        return None

    def _fail(self, request: BaseHTTPRequestHandler, fault: Fault) -> Answer | None:
        self._current = ""
        request.close_connection = True
        if fault.status is not None:
            return _refusal(fault.status, "RequestEntityTooLarge")
        request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return None

    def _next(self, path: str) -> Answer:
        if path != f"{API}/invocation/next":
            return _refusal(404, "NotFound")
        if self._current:
            return _refusal(403, "InvalidStateTransition")
        while not self.stopping.is_set():
            try:
                self._current, event, headers = self._events.get(timeout=0.02)
            except queue.Empty:
                continue
            return 200, headers, event
        raise ConnectionResetError("the environment ends")

    def _judge(self, sent: Sent) -> Answer:
        if sent.path == f"{API}/init/error":
            return 202, {"Content-Type": "application/json"}, OK
        if sent.path not in {f"{API}/invocation/{self._current}/{kind}" for kind in ("response", "error")}:
            return _refusal(400, "InvalidRequestID")
        if sent.values("Lambda-Runtime-Function-Response-Mode") not in ([], ["streaming"]):
            return _refusal(400, "InvalidFunctionResponseMode")
        self._current = ""
        return 202, {"Content-Type": "application/json"}, OK


def _refusal(status: int, kind: str) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps({"errorType": kind}).encode()


def by_name(headers: Iterable[tuple[str, str]]) -> Mapping[str, list[str]]:
    """The values of each header, by its name in lower case."""
    found: dict[str, list[str]] = {}
    for name, value in headers:
        found.setdefault(name.lower(), []).append(value)
    return found
