"""One request and the means to answer it, well or badly."""

import json
import socket
import struct
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any, Protocol, Self

from tests.fakes.openai import bodies
from tests.fakes.openai.bodies import Endpoint, Json


@dataclass(frozen=True)
class Call:
    """One request as it arrived.

    Attributes:
        method: the HTTP method.
        path: the path with its query, as sent.
        headers: by lower-case name.
        body: the parsed JSON, or None.
        raw: the bytes of the body.
        time: seconds since the epoch.
        endpoint: which of the API's endpoints it is for.
        peer: the caller's address and port, one for each connection.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any
    raw: bytes
    time: float
    endpoint: Endpoint
    peer: tuple[str, int]

    @classmethod
    def of(cls, request: BaseHTTPRequestHandler, raw: bytes, endpoint: Endpoint) -> Self:
        """Read a request."""
        try:
            body = json.loads(raw)
        except ValueError:
            body = None
        headers = {name.lower(): value for name, value in request.headers.items()}
        return cls(
            request.command, request.path, headers, body, raw, time.time(), endpoint, request.client_address
        )

    @property
    def key(self) -> str:
        """The key of the Authorization header, empty without one."""
        scheme, _, key = self.headers.get("authorization", "").partition(" ")
        return key.strip() if scheme.lower() == "bearer" else ""

    @property
    def text(self) -> str:
        """The newest thing the user said."""
        return bodies.last_user_text(self.body)


class Behaviour(Protocol):
    """Something that answers an exchange."""

    def __call__(self, exchange: "Exchange") -> None:
        """Answer it."""


class Exchange:
    """A call that waits for its answer.

    A client that goes away raises OSError here: the server takes it for the end of the exchange.
    """

    def __init__(self, call: Call, request: BaseHTTPRequestHandler, stopping: threading.Event) -> None:
        self.call = call
        self.endpoint: Endpoint = call.endpoint
        self.body: Json = call.body if isinstance(call.body, dict) else {}
        self._request = request
        self._stopping = stopping

    def head(self, status: int, headers: Mapping[str, str]) -> bytes:
        """The bytes of a status line and headers, OpenAI's own among them."""
        sent = {
            "x-request-id": bodies.identifier("req_"),
            "openai-processing-ms": "12",
            "openai-version": "2020-10-01",
            **headers,
        }
        lines = [f"HTTP/1.1 {status} {'OK' if status < 400 else 'Error'}"]
        lines += [f"{name}: {value}" for name, value in sent.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def reply(
        self,
        status: int,
        document: object,
        headers: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> None:
        """Send a whole answer: bytes as they are, anything else as JSON."""
        payload = document if isinstance(document, bytes) else json.dumps(document).encode()
        sent = {"content-type": content_type, "content-length": str(len(payload)), **(headers or {})}
        self.write(self.head(status, sent) + payload)

    def begin_stream(self) -> None:
        """Send the head of a stream of events."""
        headers = {"content-type": "text/event-stream; charset=utf-8", "transfer-encoding": "chunked"}
        self.write(self.head(200, headers))

    def stream(self, events: Iterable[bytes], pause: float = 0.0) -> None:
        """Send a whole stream, `pause` seconds between its events."""
        self.begin_stream()
        for event in events:
            self.chunk(event)
            self.pause(pause)
        self.write(b"0\r\n\r\n")

    def chunk(self, data: bytes) -> None:
        """Send one chunk of a stream."""
        self.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def write(self, data: bytes) -> None:
        """Send bytes now."""
        self._request.wfile.write(data)

    def pause(self, seconds: float) -> None:
        """Wait, unless the server stops: then the exchange ends."""
        if seconds > 0 and self._stopping.wait(seconds):
            raise ConnectionAbortedError("the upstream stops")

    def wait_for_end(self, seconds: float) -> bool:
        """Return whether the client closes the connection in time."""
        connection = self._request.connection
        connection.settimeout(seconds)
        try:
            return not connection.recv(1, socket.MSG_PEEK)
        except ConnectionError:
            return True
        except TimeoutError:
            return False

    def cut(self) -> None:
        """Close the connection in an orderly way, whatever was sent."""
        self._request.close_connection = True

    def reset(self) -> None:
        """Break the connection: the client sees a reset, not an end."""
        self.cut()
        self._request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
