"""A model's server with OpenAI's HTTP API on loopback: both APIs and ``/models``, at a pace that is given."""

import hmac
import json
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from travel_gpt.local.model_apis import APIS, Asked, Event, Refused, capped
from travel_gpt.local.server import QuietRequestHandler

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_LARGEST_BODY: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast a model writes, streamed or not."""

    seconds: float = 0
    """The least time of an answer."""
    first_token: float = 0
    """Seconds before the first token."""
    tokens_per_second: float | None = None
    """None for no limit."""
    word_seconds: float = 0
    """The least time from one word of a streamed answer to the next."""

    def duration(self, tokens: int) -> float:
        """Return the seconds that an answer of so many tokens takes."""
        writing = tokens / self.tokens_per_second if self.tokens_per_second else 0
        return max(self.seconds, self.first_token + writing)


class ModelServer:
    """A model's server. It accepts only its own key, as the real one does.

    Args:
        name: the name of its only model.
        write: writes the answer to what was asked.
        pace: how fast it writes.
    """

    def __init__(self, name: str, write: Callable[[Asked], str], pace: Pace) -> None:
        self._name = name
        self._write = write
        self._pace = pace
        self.key = "demo-" + secrets.token_hex(16)
        self._server = make_server(
            "127.0.0.1", 0, self._application, threaded=True, request_handler=QuietRequestHandler
        )
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), daemon=True, name="demo-model")

    @property
    def base_url(self) -> str:
        """The value for OPENAI_BASE_URL."""
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _application(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        request = Request(environ)
        request.max_content_length = _LARGEST_BODY
        try:
            response = self._answer(request)
        except Refused as refused:
            error = {
                "message": refused.message,
                "type": "invalid_request_error",
                "param": None,
                "code": refused.code,
            }
            response = _json({"error": error}, refused.status)
        return response(environ, start_response)

    def _answer(self, request: Request) -> Response:
        began = time.monotonic()
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), self.key.encode()):
            raise Refused(401, "Incorrect API key provided.", "invalid_api_key")
        if (request.method, request.path) == ("GET", "/v1/models"):
            return _json({"object": "list", "data": [self._model()]})
        api = APIS.get(request.path)
        if request.method != "POST" or api is None:
            raise Refused(404, f"Invalid URL ({request.method} {request.path})")
        body = _body(request)
        asked = api.read(body)
        text, cut = capped(self._write(asked), asked.cap)
        written = api.document(body, self._name, asked, text, cut)
        duration = self._pace.duration(written.tokens)
        if body.get("stream"):
            events = self._paced(list(api.events(written.document, body)), began, duration)
            return Response(events, content_type="text/event-stream; charset=utf-8")
        _sleep_until(began + duration)
        return _json(written.document)

    def _paced(self, events: list[Event], began: float, duration: float) -> Iterator[bytes]:
        """Yield events, each word when a model at this pace would have written it."""
        first = min(self._pace.first_token, duration)
        words = sum(is_word for is_word, _ in events)
        each = max(self._pace.word_seconds, (duration - first) / max(words, 1))
        written = 0
        for is_word, event in events:
            if is_word:
                written += 1
                _sleep_until(began + first + written * each)
            yield event.encode()

    def _model(self) -> dict[str, Any]:
        return {"id": self._name, "object": "model", "created": 1_790_000_000, "owned_by": "travel-gpt"}


def _sleep_until(moment: float) -> None:
    # Counted from the beginning: the delays of a busy machine do not add up.
    time.sleep(max(0, moment - time.monotonic()))


def _json(document: Mapping[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(document), status, content_type="application/json")


def _body(request: Request) -> Mapping[str, Any]:
    body = request.get_json(force=True, silent=True)
    if not isinstance(body, dict):
        raise Refused(400, "We could not parse the JSON body of your request.")
    return body
