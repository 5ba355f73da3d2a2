"""The HTTP server in front of the gateway."""

import errno
import select
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.client import responses as reason_phrases
from threading import Condition, Event, Thread
from typing import TYPE_CHECKING, Any, Final

from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wsgi import ClosingIterator

from travel_gpt.local.gateway import Exchange, Gateway, refused
from travel_gpt.local.invocation import Caller, HttpRequest
from travel_gpt.local.responses import REFUSALS, HttpResponse, Refusal

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

LARGEST_BODY: Final = 10 * 1024 * 1024
"""The largest body that API Gateway accepts, in bytes."""

_REFUSED_WITHIN: Final = 2.0

_LOOK_EVERY: Final = 0.25
"""Seconds after which it is looked at again whether the caller of a stream is still there."""

_HEADERS: Final = "travel_gpt.headers"

_ENDS: Final = (b"event: done\n", b"event: error\n")
"""How the last event of a stream begins."""


class CannotListen(Exception):
    """The address cannot be used; the text has the reason."""


def listen(host: str, port: int) -> socket.socket:
    """Bind an address and accept connections, which wait until the server starts.

    Args:
        host: a name or an address of this machine.
        port: the port; 0 chooses a free one.

    Returns:
        The listening socket.

    Raises:
        CannotListen: the address is in use, forbidden or not of this machine.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError):
        raise CannotListen(f"{host} is not an address of this machine: correct HOST or --host.") from None
    listener = socket.socket(family, kind, protocol)
    try:
        # A server that was just stopped must not block the port for a minute.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
    except OSError as wrong:
        listener.close()
        raise CannotListen(_why_not(host, port, wrong)) from wrong
    return listener


def _why_not(host: str, port: int, wrong: OSError) -> str:
    match wrong.errno:
        case errno.EADDRINUSE:
            other = port + 1 if port < 65535 else 3000
            return f"Port {port} is in use, perhaps by an earlier server. Try: PORT={other} make run"
        case errno.EACCES:
            return f"Port {port} is reserved for the system. Try: PORT=3000 make run"
        case errno.EADDRNOTAVAIL:
            return f"{host} is not an address of this machine: correct HOST or --host."
    return f"{host} port {port} cannot be used: {wrong.strerror}."


class Server:
    """Serves a gateway until it is closed.

    Args:
        gateway: the gateway.
        listener: the listening socket; the server closes it.
        report: called with every exchange.
    """

    def __init__(
        self, gateway: Gateway, listener: socket.socket, report: Callable[[Exchange], None] = lambda _: None
    ) -> None:
        self._gateway = gateway
        self._listener = listener
        self._report = report
        host, port = listener.getsockname()[:2]
        self._server = make_server(
            host,
            port,
            self._application,
            threaded=True,
            request_handler=_RequestHandler,
            fd=listener.fileno(),
        )
        self._running = 0
        self._callers: set[Caller] = set()
        self._closing = False
        self._changed = Condition()
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), daemon=True, name="server")

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._listener.getsockname()[1])

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    @property
    def running(self) -> int:
        """The number of running requests, without the streams."""
        return self._running - len(self._callers)

    def close(self, within: float = 0.0) -> None:
        """Stop: accept no more requests, answer the running ones, and end the streams.

        Args:
            within: seconds to wait for the function. Unanswered requests are refused then.
        """
        self._server.shutdown()
        self._thread.join()
        with self._changed:
            self._closing = True
            for caller in self._callers:
                caller.leave()
            if not self._changed.wait_for(lambda: self.running <= 0, within):
                self._gateway.stop()
            # Wait until the ends are sent, except to a client that does not read.
            self._changed.wait_for(lambda: not self._running, _REFUSED_WITHIN)
        self._server.server_close()
        self._listener.close()

    def _application(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        with self._changed:
            self._running += 1
        return ClosingIterator(self._answer(environ, start_response), self._answered)

    def _answered(self) -> None:
        with self._changed:
            self._running -= 1
            self._changed.notify_all()

    def _answer(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterator[bytes]:
        body, refusal = _body(environ)
        request = _request(environ, body)
        if refusal is None and self._gateway.streams(request):
            yield from self._stream(request, environ["werkzeug.socket"], start_response)
            return
        if refusal is None:
            exchange = self._gateway.answer(request)
        else:
            exchange = Exchange(request, refused(request, refusal), 0.0)
        self._report(exchange)
        yield _begin(exchange, start_response)

    def _stream(
        self, request: HttpRequest, connection: socket.socket, start_response: "StartResponse"
    ) -> Iterator[bytes]:
        began = time.monotonic()
        with self._watched(connection) as caller:
            exchange = self._gateway.answer(request, caller)
            first = _begin(exchange, start_response)
            chunks = exchange.response.chunks
            if chunks is None:
                self._report(exchange)
                yield first
                return
            last = first
            try:
                for last in chunks:
                    yield last
                if self._closing and not last.startswith(_ENDS):
                    yield _stopped(request)
            finally:
                chunks.close()
                # As long as the whole answer took, and in the order of their ends.
                self._report(replace(exchange, seconds=time.monotonic() - began))

    @contextmanager
    def _watched(self, connection: socket.socket) -> Iterator[Caller]:
        """Return the caller at the other end of a connection, and note when it leaves."""
        caller, over = Caller(), Event()
        watcher = Thread(target=_watch, args=(connection, caller, over), daemon=True, name="caller")
        watcher.start()
        with self._changed:
            self._callers.add(caller)
            if self._closing:
                caller.leave()
        try:
            yield caller
        finally:
            with self._changed:
                self._callers.discard(caller)
            over.set()
            watcher.join()


def _begin(exchange: Exchange, start_response: "StartResponse") -> bytes:
    """Begin the response, and return the body of one that is not streamed."""
    request, response = exchange.request, exchange.response
    phrase = reason_phrases.get(response.status, "Unknown")
    start_response(f"{response.status} {phrase}", _headers(request, response))
    return b"" if request.method == "HEAD" else response.body


def _stopped(request: HttpRequest) -> bytes:
    """Return the last event of a stream that ends with the server."""
    # Not before there is a stream, as in the gateway.
    from travel_gpt.api import sse

    message = "The server was stopped before the answer was complete. Start it and ask again."
    code = REFUSALS["INTEGRATION_FAILURE"].code
    return sse.event("error", {"code": code, "message": message, "request_id": request.request_id})


def _watch(connection: socket.socket, caller: Caller, over: Event) -> None:
    """Wait until the other end of a connection is closed, or the answer is over."""
    while not over.is_set():
        try:
            if select.select([connection], [], [], _LOOK_EVERY)[0]:
                if not connection.recv(1, socket.MSG_PEEK):
                    caller.leave()
                    return
                # More than the request: what follows it cannot be seen.
                over.wait()
        except (OSError, ValueError):
            caller.leave()
            return


def _body(environ: "WSGIEnvironment") -> tuple[bytes, Refusal | None]:
    """Read the whole body, or return the refusal.

    Source: RFC 9112, section 6.3: different lengths, and a length with a transfer coding, are errors,
    because a proxy may have used the other one.
    """
    chunked = bool(environ.get("wsgi.input_terminated"))
    lengths = {value.strip() for name, value in environ[_HEADERS] if name.lower() == "content-length"}
    if len(lengths) > 1 or (lengths and chunked):
        return b"", REFUSALS["DEFAULT_4XX"]
    announced = environ.get("CONTENT_LENGTH") or "0"
    if not (announced.isascii() and announced.isdigit() and len(announced) <= 12):
        return b"", REFUSALS["DEFAULT_4XX"]
    length = LARGEST_BODY + 1 if chunked else int(announced)
    if not chunked and length > LARGEST_BODY:
        return b"", REFUSALS["REQUEST_TOO_LARGE"]
    try:
        body: bytes = environ["wsgi.input"].read(length)
    except OSError:
        return b"", REFUSALS["DEFAULT_4XX"]
    if len(body) > LARGEST_BODY:
        return b"", REFUSALS["REQUEST_TOO_LARGE"]
    if not chunked and len(body) < length:
        return b"", REFUSALS["DEFAULT_4XX"]
    return body, None


def _request(environ: "WSGIEnvironment", body: bytes) -> HttpRequest:
    return HttpRequest(
        method=environ["REQUEST_METHOD"],
        path=environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace"),
        query=environ["QUERY_STRING"],
        headers=environ[_HEADERS],
        body=body,
        source_ip=environ["REMOTE_ADDR"],
        port=int(environ["SERVER_PORT"]),
        protocol=environ["SERVER_PROTOCOL"],
    )


def _headers(request: HttpRequest, response: HttpResponse) -> list[tuple[str, str]]:
    headers = [
        *response.headers,
        ("x-amzn-RequestId", request.request_id),
        ("x-amz-apigw-id", request.extended_request_id),
    ]
    # RFC 9110, section 8.6: that of a 304 would be the length of the body that it leaves out.
    if response.chunks is None and response.status != 304:
        headers.append(("Content-Length", str(len(response.body))))
    return headers


class QuietRequestHandler(WSGIRequestHandler):
    """Werkzeug's handler, without its log and its name in the answers."""

    protocol_version = "HTTP/1.1"
    # Each chunk is sent in several writes. Nagle's algorithm would have the later ones wait for the reader's
    # acknowledgement of the first, which takes up to 40 ms.
    disable_nagle_algorithm = True
    # Seconds without data after which a connection is closed.
    timeout = 35.0

    @property
    def server_version(self) -> str:  # type: ignore[override] # a property in werkzeug, too
        """The Server header."""
        return "travel-gpt-local"

    def version_string(self) -> str:
        """Return the Server header, without Python's version."""
        return self.server_version

    def parse_request(self) -> bool:
        """Read the head of a request, and answer ``Expect: 100-continue``.

        Source: RFC 9110, section 10.1.1: an HTTP/1.0 client gets no interim answer.
        """
        if not super().parse_request():
            return False
        # The standard library has sent the interim answer. Werkzeug would send it again.
        del self.headers["Expect"]
        return True

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002
        """Write nothing."""


class _RequestHandler(QuietRequestHandler):
    def make_environ(self) -> "WSGIEnvironment":
        # WSGI joins repeated headers and changes their spelling; API Gateway does not.
        return {**super().make_environ(), _HEADERS: list(self.headers.items())}

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what is not HTTP, with the body of other refusals."""
        del message, explain
        # Without a version in the request line the answer would be HTTP/0.9, without headers.
        self.request_version = self.protocol_version
        request = HttpRequest("", "", "", (), b"", self.client_address[0], 0)
        body = REFUSALS["DEFAULT_4XX"].body(request.request_id)
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True
