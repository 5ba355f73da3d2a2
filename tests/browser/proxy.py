"""A proxy in front of the server: it records requests, and loses, cuts and holds answers as networks do."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

PAGE: Final = "/Prod/travel-gpt/app"

_OF_ONE_CONNECTION: Final = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})

CONTROL_COOKIE: Final = "control"
"""A cookie of the proxy's own, which browsers send from other sites too: see ``Proxy.set_control_cookie``."""


@dataclass(slots=True)
class Seen:
    """A request that went through."""

    method: str
    path: str
    headers: dict[str, str]
    status: int = 0
    """That of the answer."""


@dataclass(slots=True)
class Fault:
    """What happens to the next answer to a path."""

    path: str
    """The end of the path."""
    drop: bool = False
    """The server answers, and the browser does not get that."""
    cut_after: int = 0
    """The connection ends after this many events of a stream."""
    hold_after: int = 0
    """No more comes after this many events of a stream, until ``released``."""
    happened: threading.Event = field(default_factory=threading.Event)
    """Set once it has."""
    released: threading.Event = field(default_factory=threading.Event)


class Proxy:
    """Forwards from a port of its own to the server.

    Args:
        port: the server's port on 127.0.0.1.
    """

    def __init__(self, port: int) -> None:
        self.seen: list[Seen] = []
        self.set_control_cookie = False
        self._server_port = port
        self._made: list[Fault] = []
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                proxy._forward(self)

            do_POST = do_OPTIONS = do_GET  # noqa: N815 - the names of BaseHTTPRequestHandler

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)

    @property
    def port(self) -> int:
        """The port that browsers connect to."""
        return int(self._http.server_address[1])

    @property
    def page(self) -> str:
        """The address of the page behind it."""
        return f"http://127.0.0.1:{self.port}{PAGE}"

    @contextmanager
    def running(self) -> Iterator["Proxy"]:
        """Forward until the block ends."""
        self._thread.start()
        try:
            yield self
        finally:
            for fault in self._made:
                fault.released.set()
            self._http.shutdown()
            self._thread.join()
            self._http.server_close()

    def fail_next(self, fault: Fault) -> Fault:
        """Have something happen to the next answer to the fault's path, and return the fault."""
        with self._lock:
            self._made.append(fault)
            self._faults.append(fault)
        return fault

    def requests(self, path: str) -> list[Seen]:
        """Return the requests that went to a path, by its end."""
        return [each for each in self.seen if each.path.endswith(path)]

    def _forward(self, request: BaseHTTPRequestHandler) -> None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = request.rfile.read(int(headers.get("content-length", "0")))
        with self._lock:
            seen = Seen(request.command, request.path, headers)
            self.seen.append(seen)
            fault = next((each for each in self._faults if request.path.endswith(each.path)), None)
            if fault:
                self._faults.remove(fault)
        connection = http.client.HTTPConnection("127.0.0.1", self._server_port, timeout=60)
        try:
            kept = {name: value for name, value in headers.items() if name != "connection"}
            connection.request(request.command, request.path, body or None, kept)
            answer = connection.getresponse()
            seen.status = answer.status
            with suppress(OSError):
                self._answer(request, answer, fault)
        finally:
            connection.close()

    def _answer(
        self, request: BaseHTTPRequestHandler, answer: http.client.HTTPResponse, fault: Fault | None
    ) -> None:
        if fault and fault.drop:
            answer.read()
            # With nothing at all, a browser would repeat the request itself on a new connection.
            request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n")
            request.close_connection = True
            fault.happened.set()
            return
        request.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in _OF_ONE_CONNECTION:
                request.send_header(name, value)
        if self.set_control_cookie:
            request.send_header("Set-Cookie", f"{CONTROL_COOKIE}=1; Path=/; Secure; SameSite=None")
        has_body = answer.status not in {204, 304}
        if has_body:
            request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        if has_body:
            self._send_body(request, answer, fault)

    def _send_body(
        self, request: BaseHTTPRequestHandler, answer: http.client.HTTPResponse, fault: Fault | None
    ) -> None:
        events = 0
        while piece := answer.read1(65_536):
            request.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            request.wfile.flush()
            events += piece.count(b"event: ")
            if fault and fault.cut_after and events >= fault.cut_after:
                # Without the last chunk: the browser knows that something is missing.
                request.close_connection = True
                fault.happened.set()
                return
            if fault and fault.hold_after and events >= fault.hold_after:
                fault.happened.set()
                fault.released.wait(30)
        request.wfile.write(b"0\r\n\r\n")
