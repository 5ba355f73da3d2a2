"""The upstream itself: OpenAI's API on a loopback port."""

import re
import threading
from collections import deque
from http.server import BaseHTTPRequestHandler
from typing import Final, cast

from tests.fakes.loopback_server import LoopbackServer
from tests.fakes.openai import bodies, checks
from tests.fakes.openai.admin import PATH as ADMIN_PATH, Organization
from tests.fakes.openai.behaviours import answer, missing_scope, reject_key
from tests.fakes.openai.bodies import Endpoint
from tests.fakes.openai.exchange import Behaviour, Call, Exchange
from tests.fakes.openai.tokens import PATH as TOKEN_PATH, TokenExchange

ANY: Final = "*"
_ENDPOINT: Final = re.compile(
    r"(?:^|/)(?:(?P<responses>responses)|(?P<chat>chat)(?:/completions)?|(?P<models>models)(?:/.*)?)/?(?:\?|$)"
)


class FakeOpenAI(LoopbackServer):
    """OpenAI's API as a script tells it to behave. Safe to use from any thread.

    A behaviour scripted for a path is used once, in order; then the path's default holds, which
    is to answer. A key that is not accepted gets 401 whatever the script says, and uses none of it up.

    Args:
        strict: refuse requests that the real API would refuse (see checks).

    Attributes:
        base_url: what goes into OPENAI_BASE_URL: the URL with `/v1`.
        accepted_keys: the keys that are let in; None lets every key in (but not the lack of one).
        tokens: the token exchange; a token that it gave is let in like an accepted key.
        organization: the admin API's; a key that it made is let in too. At the start it has no admin key.
        calls: every request to a model so far, in order of arrival.
    """

    def __init__(self, *, strict: bool = True) -> None:
        self.strict = strict
        self._lock = threading.Condition()
        self.forget()
        super().__init__(protocol="HTTP/1.1")
        self.base_url = f"{self.url}/v1"

    def forget(self) -> None:
        """Back to the start: no calls, no script, no defaults, every key let in."""
        with self._lock:
            self.accepted_keys: list[str] | set[str] | None = None
            self.tokens = TokenExchange()
            self.organization = Organization("")
            self.calls: list[Call] = []
            self._queues: dict[str, deque[Behaviour]] = {}
            self._defaults: dict[str, Behaviour] = {}

    def script(self, path: str, *behaviours: Behaviour) -> None:
        """Queue behaviours for the next calls of a path (RESPONSES, CHAT, MODELS or ANY)."""
        with self._lock:
            self._queues.setdefault(_named(path), deque()).extend(behaviours)

    def default(self, path: str, behaviour: Behaviour) -> None:
        """Say what a path (or ANY) does once its queue is empty."""
        with self._lock:
            self._defaults[_named(path)] = behaviour

    def calls_to(self, path: str) -> list[Call]:
        """The requests to one path."""
        endpoint = _named(path)
        return [call for call in self.calls if call.endpoint == endpoint]

    def wait_for(self, number: int, timeout: float = 5.0) -> None:
        """Wait until `number` requests have arrived.

        Args:
            number: how many.
            timeout: seconds to wait at the most.

        Raises:
            TimeoutError: they did not arrive.
        """
        with self._lock:
            if not self._lock.wait_for(lambda: len(self.calls) >= number, timeout):
                raise TimeoutError(f"{len(self.calls)} of {number} requests arrived within {timeout} s")

    def serve(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        """Record a call to a model, and let it be answered as scripted."""
        endpoint = _endpoint(request.path)
        call = Call.of(request, body, cast("Endpoint", endpoint))
        exchange = Exchange(call, request, self.stopping)
        if call.path == TOKEN_PATH:
            exchange.reply(*self.tokens.answer(call.body))
        elif call.path.startswith(ADMIN_PATH):
            status, text = self.organization.answer(call.method, call.path, call.key, call.body or {})
            exchange.reply(status, text.encode())
        elif endpoint == ANY or (endpoint == "models") != (call.method == "GET"):
            exchange.reply(404, bodies.error(f"Invalid URL ({call.method} {call.path})"))
        else:
            with self._lock:
                self.calls.append(call)
                self._lock.notify_all()
            self._answer(exchange)

    def _answer(self, exchange: Exchange) -> None:
        call, accepted = exchange.call, self.accepted_keys
        made = self.tokens.good(call.key) or self.organization.alive(call.key)
        if not call.key or not (accepted is None or call.key in accepted or made):
            reject_key()(exchange)
        elif scope := self.organization.missing_scope(call.key, call.endpoint):
            missing_scope(scope)(exchange)
        elif self.strict and (complaint := checks.complaint(call.endpoint, call.body)):
            exchange.reply(400, complaint)
        else:
            self._next(call.endpoint)(exchange)

    def _next(self, endpoint: Endpoint) -> Behaviour:
        with self._lock:
            for name in (endpoint, ANY):
                if queue := self._queues.get(name):
                    return queue.popleft()
            return self._defaults.get(endpoint) or self._defaults.get(ANY) or answer()


def _named(path: str) -> str:
    """The endpoint that a test names, or ANY; a mistyped path must not mean all of them."""
    endpoint = _endpoint(path)
    if endpoint == ANY != path:
        raise ValueError(f"the upstream has no path {path}")
    return endpoint


def _endpoint(path: str) -> str:
    """The endpoint that a path belongs to, ANY for another path; a server's prefix makes no difference."""
    found = _ENDPOINT.search(path)
    return (found and found.lastgroup) or ANY
