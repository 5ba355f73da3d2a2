"""The upstream itself: OpenAI's API on a loopback port, one thread a connection."""

import contextlib
import json
import socket
import socketserver
import threading
import time
from collections import deque
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Any, Final, Self, cast

from tests.fakes.openai import bodies, checks
from tests.fakes.openai.admin import PATH as ADMIN_PATH, Organization
from tests.fakes.openai.behaviours import answer
from tests.fakes.openai.bodies import Endpoint
from tests.fakes.openai.exchange import Behaviour, Call, Exchange
from tests.fakes.openai.tokens import PATH as TOKEN_PATH, TokenExchange

ANY: Final = "*"


class FakeOpenAI:
    """OpenAI's API as a script tells it to behave. Safe to use from any thread.

    A behaviour scripted for a path is used once, in order; then the path's default holds, which
    is to answer. A key that is not accepted gets 401 whatever the script says, and uses none of it up.

    Args:
        port: the port on 127.0.0.1; 0 takes a free one.
        strict: refuse requests that the real API would refuse (see checks).

    Attributes:
        tokens: the token exchange; a token that it gave is let in like an accepted key.
        organization: the admin API's; a key that it made is let in too. At the start it has no admin key.
    """

    def __init__(self, port: int = 0, *, strict: bool = True) -> None:
        self.strict = strict
        self.tokens = TokenExchange()
        self.organization = Organization("")
        self._lock = threading.Condition()
        self._stopping = threading.Event()
        self._calls: list[Call] = []
        self._queues: dict[str, deque[Behaviour]] = {}
        self._defaults: dict[str, Behaviour] = {}
        self._accepted: frozenset[str] | None = None
        self._server = _Server(("127.0.0.1", port), self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), name="upstream", daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        """What goes into OPENAI_BASE_URL: the URL with `/v1`."""
        return self.url + "/v1"

    @property
    def accepted_keys(self) -> frozenset[str] | None:
        """The keys that are let in; None, as at the start, lets every key in (but not the lack of one)."""
        return self._accepted

    @accepted_keys.setter
    def accepted_keys(self, keys: Iterable[str] | None) -> None:
        self._accepted = None if keys is None else frozenset(keys)

    def script(self, path: str, *behaviours: Behaviour) -> None:
        """Queue behaviours for the next calls of a path (RESPONSES, CHAT, MODELS or ANY)."""
        with self._lock:
            self._queues.setdefault(_endpoint(path), deque()).extend(behaviours)

    def default(self, path: str, behaviour: Behaviour) -> None:
        """Say what a path (or ANY) does once its queue is empty."""
        with self._lock:
            self._defaults[_endpoint(path)] = behaviour

    def left(self, path: str = ANY) -> int:
        """How many scripted behaviours of a path were not used yet; of all paths for ANY."""
        with self._lock:
            if path == ANY:
                return sum(len(queue) for queue in self._queues.values())
            return len(self._queues.get(_endpoint(path), ()))

    @property
    def calls(self) -> list[Call]:
        """Every request so far, in order of arrival."""
        with self._lock:
            return list(self._calls)

    def calls_to(self, path: str) -> list[Call]:
        """The requests to one path."""
        return [call for call in self.calls if call.endpoint == _endpoint(path)]

    def wait_for(self, number: int, timeout: float = 5.0) -> list[Call]:
        """Wait until `number` requests have arrived.

        Args:
            number: how many.
            timeout: seconds to wait at the most.

        Returns:
            All requests so far.

        Raises:
            TimeoutError: they did not arrive.
        """
        with self._lock:
            if not self._lock.wait_for(lambda: len(self._calls) >= number, timeout):
                raise TimeoutError(f"{len(self._calls)} of {number} requests arrived within {timeout} s")
            return list(self._calls)

    def forget(self) -> None:
        """Back to the start: no calls, no script, no defaults, every key let in."""
        with self._lock:
            self._calls.clear()
            self._queues.clear()
            self._defaults.clear()
            self._accepted = None
            self.tokens = TokenExchange()
            self.organization = Organization("")

    def close(self) -> None:
        """Stop listening, end every wait and connection, and join the threads."""
        self._stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server.hang_up()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _record(self, call: Call) -> None:
        with self._lock:
            self._calls.append(call)
            self._lock.notify_all()

    def _next(self, endpoint: Endpoint) -> Behaviour:
        with self._lock:
            for name in (endpoint, ANY):
                if queue := self._queues.get(name):
                    return queue.popleft()
            return self._defaults.get(endpoint) or self._defaults.get(ANY) or answer()

    def take(self, call: Call, connection: socket.socket) -> bool:
        """Record a call and answer it.

        Args:
            call: what came.
            connection: where the answer goes.

        Returns:
            Whether the connection stays open.
        """
        self._record(call)
        exchange = Exchange(call, connection, self._stopping)
        accepted = self._accepted
        made = self.tokens.good(call.key) or self.organization.alive(call.key)
        let_in = accepted is None or call.key in accepted or made
        if not call.key or not let_in:
            exchange.reply(401, bodies.wrong_key(call.key), {"www-authenticate": bodies.AUTHENTICATE})
        elif refusal := self.organization.missing_scope(call.key, call.endpoint):
            exchange.reply(401, json.loads(refusal))
        elif self.strict and (complaint := checks.complaint(call.endpoint, call.body)):
            exchange.reply(400, complaint)
        else:
            self._next(call.endpoint)(exchange)
        return exchange.keep_open


def _endpoint(path: str) -> str:
    """The queue a path belongs to: a compatible server's prefix makes no difference."""
    bare = path.partition("?")[0].rstrip("/")
    if bare.endswith("responses"):
        return "responses"
    if bare.endswith(("chat/completions", "chat")):
        return "chat"
    if bare.endswith("models") or "/models/" in bare:
        return "models"
    if path == ANY:
        return ANY
    raise ValueError(f"the upstream has no path {path}")


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128
    # A test that starts a second upstream on the port of the first must not wait for the kernel.
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], upstream: FakeOpenAI) -> None:
        self.upstream = upstream
        self._open: dict[threading.Thread, socket.socket] = {}
        self._open_lock = threading.Lock()
        super().__init__(address, _Handler)

    def hold(self, connection: socket.socket) -> None:
        """Remember the connection of this thread."""
        with self._open_lock:
            self._open[threading.current_thread()] = connection

    def release(self) -> None:
        """Forget it."""
        with self._open_lock:
            self._open.pop(threading.current_thread(), None)

    def hang_up(self) -> None:
        """End every connection that is still open, and wait for its thread."""
        with self._open_lock:
            held = dict(self._open)
        for thread, connection in held.items():
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join(5)

    def shutdown_request(self, request: Any) -> None:
        # The base class says an orderly goodbye first, which would hide a reset.
        self.close_request(request)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Two small writes on a kept-alive connection otherwise wait 40 ms for the client's ACK.
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        cast("_Server", self.server).hold(self.connection)

    def finish(self) -> None:
        super().finish()
        cast("_Server", self.server).release()

    def handle(self) -> None:
        # A client that went away, or an upstream that stops, ends the exchange.
        with contextlib.suppress(OSError):
            super().handle()

    def do_GET(self) -> None:
        self._take()

    def do_POST(self) -> None:
        self._take()

    def do_DELETE(self) -> None:
        self._take()

    def _take(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        upstream = cast("_Server", self.server).upstream
        if self.path == TOKEN_PATH:
            status, document = upstream.tokens.answer(json.loads(raw))
            Exchange(self._call("models", raw), self.connection, threading.Event()).reply(status, document)
            return
        if self.path.startswith(ADMIN_PATH):
            call = self._call("models", raw)
            status, text = upstream.organization.answer(self.command, self.path, call.key, call.body or {})
            Exchange(call, self.connection, threading.Event()).reply(status, json.loads(text))
            return
        try:
            endpoint = _endpoint(self.path)
        except ValueError:
            endpoint = ANY
        if endpoint == ANY or (endpoint == "models") != (self.command == "GET"):
            document = bodies.error(f"Invalid URL ({self.command} {self.path})")
            Exchange(self._call("models", raw), self.connection, threading.Event()).reply(404, document)
            return
        call = self._call(cast("Endpoint", endpoint), raw)
        if not upstream.take(call, self.connection):
            self.close_connection = True

    def _call(self, endpoint: Endpoint, raw: bytes) -> Call:
        try:
            body = json.loads(raw)
        except ValueError:
            body = None
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Call(self.command, self.path, headers, body, raw, time.time(), endpoint, self.client_address)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing: the calls are recorded."""
