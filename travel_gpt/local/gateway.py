"""API Gateway on one machine: HTTP in, proxy events to the handler, HTTP out."""

import hmac
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

from travel_gpt.local.context import LambdaContext
from travel_gpt.local.proxy_event import METHODS, PATHS, HttpRequest, proxy_event
from travel_gpt.local.proxy_response import HttpResponse, MalformedResponse, http_response
from travel_gpt.local.refusals import REFUSALS, Refusal

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

LARGEST_BODY: Final = 10 * 1024 * 1024
"""Bytes that API Gateway takes."""

INTEGRATION_TIMEOUT: Final = 29.0
"""Seconds after which API Gateway stops waiting for the function."""

Handler = Callable[[dict[str, Any], Any], Any]

_OTHER_HOST: Final = Refusal(
    403,
    "forbidden",
    "This server answers on localhost only. To serve it under another name, start it with HOST=0.0.0.0.",
)
_LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what became of it, for the line that is printed of it."""

    request: HttpRequest
    status: int
    milliseconds: float
    trouble: str
    """What went wrong with the function; empty where nothing did."""


class Gateway:
    """A WSGI application that plays API Gateway in front of a handler.

    Args:
        handler: the Lambda handler.
        api_key: the key that a POST must carry; None asks for none.
        report: is told of every exchange.
        any_host: whether to answer under names other than this machine's own.
        timeout: seconds to wait for the handler.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        api_key: str | None = None,
        report: Callable[[Exchange], None] = lambda _: None,
        any_host: bool = False,
        timeout: float = INTEGRATION_TIMEOUT,
    ) -> None:
        self._handler = handler
        self._api_key = api_key
        self._report = report
        self._any_host = any_host
        self._timeout = timeout

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer one HTTP request."""
        begun = time.monotonic()
        request = _read(environ)
        trouble = ""
        if isinstance(request, Unreadable):
            request, refusal = request.request, request.refusal
            response = _refused(request, refusal, 400)
        else:
            response, trouble = self._answer(request)
        self._report(Exchange(request, response.status, (time.monotonic() - begun) * 1000, trouble))
        start_response(f"{response.status} {_reason(response.status)}", _sent(request, response))
        return [b"" if request.method == "HEAD" else response.body]

    def _answer(self, request: HttpRequest) -> tuple[HttpResponse, str]:
        """Return the response, and what went wrong with the function."""
        if not self._any_host and _name(request.header("host")) not in _LOOPBACK_NAMES:
            # A page of a foreign site that resolves its own name to this machine could spend the key.
            return _refused(request, _OTHER_HOST), ""
        if request.path not in PATHS or request.method not in METHODS:
            return _refused(request, REFUSALS["MISSING_AUTHENTICATION_TOKEN"]), ""
        api_key = None
        if self._api_key is not None and request.method == "POST":
            api_key = request.header("x-api-key")
            if not hmac.compare_digest(api_key.encode(), self._api_key.encode()):
                return _refused(request, REFUSALS["INVALID_API_KEY"]), ""
        return self._integrate(request, api_key)

    def _integrate(self, request: HttpRequest, api_key: str | None) -> tuple[HttpResponse, str]:
        outcome: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()
        # Through JSON, so that the handler gets what Lambda's runtime would give it.
        event = json.loads(json.dumps(proxy_event(request, api_key)))

        def invoke() -> None:
            try:
                outcome.put((self._handler(event, LambdaContext()), None))
            except BaseException as failure:  # noqa: BLE001 - Lambda reports whatever ends an invocation
                outcome.put((None, failure))

        Thread(target=invoke, daemon=True, name="invocation").start()
        try:
            returned, failure = outcome.get(timeout=self._timeout)
        except Empty:
            took = f"the function took longer than {self._timeout:g} s"
            return _refused(request, REFUSALS["INTEGRATION_TIMEOUT"]), took
        if failure is not None:
            return _refused(
                request, REFUSALS["INTEGRATION_FAILURE"]
            ), f"the function raised {_where(failure)}"
        try:
            return http_response(returned), ""
        except MalformedResponse as wrong:
            said = f"the function's response is malformed: {wrong}"
            return _refused(request, REFUSALS["INTEGRATION_FAILURE"]), said


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A request whose body cannot be taken."""

    request: HttpRequest
    refusal: Refusal


def _read(environ: "WSGIEnvironment") -> HttpRequest | Unreadable:
    refusal: Refusal | None = None
    body = b""
    try:
        body = _body(environ)
    except OverflowError:
        refusal = REFUSALS["REQUEST_TOO_LARGE"]
    except (OSError, ValueError):
        refusal = REFUSALS["DEFAULT_4XX"]
    request = HttpRequest(
        method=environ["REQUEST_METHOD"],
        path=environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace"),
        query=environ["QUERY_STRING"],
        headers=environ["travel_gpt.headers"],
        body=body,
        source_ip=environ["REMOTE_ADDR"],
        port=int(environ["SERVER_PORT"]),
        protocol=environ["SERVER_PROTOCOL"],
    )
    return Unreadable(request, refusal) if refusal else request


def _body(environ: "WSGIEnvironment") -> bytes:
    """Read the whole body.

    Raises:
        OverflowError: it is larger than API Gateway takes.
        ValueError: its length makes no sense, or it ends early.
        OSError: its chunks make no sense, or the client is gone.
    """
    if environ.get("wsgi.input_terminated"):
        body: bytes = environ["wsgi.input"].read(LARGEST_BODY + 1)
        if len(body) > LARGEST_BODY:
            raise OverflowError
        return body
    announced = environ.get("CONTENT_LENGTH") or "0"
    if not announced.isascii() or not announced.isdigit():
        raise ValueError("no length")
    if len(announced) > 12 or int(announced) > LARGEST_BODY:
        raise OverflowError
    body = environ["wsgi.input"].read(int(announced))
    if len(body) < int(announced):
        raise ValueError("the body ends early")
    return body


def _refused(request: HttpRequest, refusal: Refusal, status: int = 403) -> HttpResponse:
    headers = [("content-type", "application/json"), *refusal.headers.items()]
    return HttpResponse(refusal.status or status, headers, refusal.body(request.request_id))


def _sent(request: HttpRequest, response: HttpResponse) -> list[tuple[str, str]]:
    return [
        *response.headers,
        ("x-amzn-RequestId", request.request_id),
        ("x-amz-apigw-id", request.extended_request_id),
        ("Content-Length", str(len(response.body))),
    ]


def _reason(status: int) -> str:
    from http import HTTPStatus

    return HTTPStatus(status).phrase if status in HTTPStatus.__members__.values() else "Unknown"


def _name(host: str) -> str:
    """Return the name in a Host header, without port and brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower()


def _where(failure: BaseException) -> str:
    """Name an exception and the place it came from. Its text could quote anything, so it is left out."""
    trace = failure.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" in {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else ""
    return f"{type(failure).__name__}{place}"
