"""A local API Gateway: its own answers, and the invocation of the function."""

import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any, Final

from travel_gpt.api.resources import STREAMS, WITH_API_KEY
from travel_gpt.deadline import ANSWER_WITHIN
from travel_gpt.local.invocation import Caller, HttpRequest, LambdaContext, Route, proxy_event, route_of
from travel_gpt.local.responses import REFUSALS, HttpResponse, MalformedResponse, Refusal, http_response
from travel_gpt.local.usage_plan import UsagePlan

MORE_THAN_THE_FUNCTION: Final = 1.0
"""Seconds that API Gateway waits after the function's own limit: 29 s to 28 s on AWS."""

STREAM_WITHIN: Final = 90.0
"""Seconds for a whole streamed answer, unless others are set."""

Handler = Callable[[dict[str, Any], Any], Any]

_OTHER_NAME: Final = Refusal(
    403,
    "forbidden",
    "This server answers only as localhost. To use another name, start it with HOST=0.0.0.0.",
    error_type="ForbiddenException",
)
# Must not be sent without TLS (RFC 6797, section 7.2), which this gateway does not have.
_NEEDS_TLS: Final = "strict-transport-security"
_LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its response."""

    request: HttpRequest
    response: HttpResponse
    seconds: float
    error: str = ""
    """How the function failed; empty if it did not."""


class Gateway:
    """API Gateway in front of a handler.

    Several requests may run at the same time, as on AWS. There each has its own environment; here they share
    one.

    Args:
        handler: the Lambda handler.
        stream_handler: that of the function which streams; None where there is no such function.
        api_keys: the keys that a POST may come with, and the id of each; None for no key.
        usage: what the usage plan and the stage let through; None for no limit.
        any_name: whether to answer to host names other than localhost.
        answer_within: seconds for an answer of the function.
        stream_within: seconds for a whole streamed answer.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        stream_handler: Handler | None = None,
        api_keys: Mapping[str, str] | None = None,
        usage: UsagePlan | None = None,
        any_name: bool = False,
        answer_within: float = ANSWER_WITHIN,
        stream_within: float = STREAM_WITHIN,
    ) -> None:
        self._handler = handler
        self._stream_handler = stream_handler
        self._api_keys = api_keys
        self._usage = usage
        self._any_name = any_name
        self._answer_within = answer_within
        self._stream_within = stream_within
        self._waiting: set[SimpleQueue[tuple[Any, BaseException | None]]] = set()
        self._stopped = False
        self._lock = Lock()

    def streams(self, request: HttpRequest) -> bool:
        """Return whether the function that streams answers a request."""
        route = route_of(request.path)
        is_post = route is not None and route.resource in STREAMS and request.method == "POST"
        return is_post and self._stream_handler is not None

    def answer(self, request: HttpRequest, caller: Caller | None = None) -> Exchange:
        """Answer one request, whatever the function does.

        Args:
            request: the request.
            caller: who waits for the answer.
        """
        begun = time.monotonic()
        error = ""
        if refusal := self._refusal(request):
            response = refused(request, refusal)
        else:
            response, error = self._integrate(request, caller or Caller())
        return Exchange(request, response, time.monotonic() - begun, error)

    def stop(self) -> None:
        """Refuse the running requests, and all that follow, without waiting for the function."""
        with self._lock:
            self._stopped = True
            for outcome in self._waiting:
                outcome.put((None, _Stopped()))

    def _refusal(self, request: HttpRequest) -> Refusal | None:
        # A web page whose host name resolves to this machine could use the key (DNS rebinding).
        if not self._any_name and _name(request.header("host")) not in _LOOPBACK_NAMES:
            return _OTHER_NAME
        # Every method of the path goes to the function, which answers 405 to most. The answer to a method
        # that ANY does not include, such as TRACE, is not documented; RFC 9110, section 15.5.6, asks for 405.
        route = route_of(request.path)
        if route is None:
            return REFUSALS["MISSING_AUTHENTICATION_TOKEN"]
        key_id = self._key_id(request, route)
        if self._asks_for_key(request, route) and not key_id:
            return REFUSALS["INVALID_API_KEY"]
        if self._usage is not None:
            refused = self._usage.refusal(request.method, route.resource, key_id)
            return REFUSALS[refused] if refused else None
        return None

    def _asks_for_key(self, request: HttpRequest, route: Route) -> bool:
        return self._api_keys is not None and request.method == "POST" and route.resource in WITH_API_KEY

    def _key_id(self, request: HttpRequest, route: Route) -> str:
        """Return the id of the key that authenticated a request; empty where none is asked for, or known."""
        if not self._asks_for_key(request, route):
            return ""
        given = request.header("x-api-key").encode()
        found = ""
        for key, key_id in (self._api_keys or {}).items():
            if hmac.compare_digest(given, key.encode()):
                found = key_id
        return found

    def _integrate(self, request: HttpRequest, caller: Caller) -> tuple[HttpResponse, str]:
        """Return the response, and how the function failed."""
        handler, answer_within = self._handler, self._answer_within
        read: Callable[[object], HttpResponse] = http_response
        if self._stream_handler is not None and self.streams(request):
            handler, answer_within, read = self._stream_handler, self._stream_within, _streamed_response
        outcome: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()
        route = route_of(request.path)
        event = proxy_event(request, self._key_id(request, route) if route is not None else "")

        def invoke() -> None:
            try:
                outcome.put((handler(event, LambdaContext(answer_within, caller)), None))
            except BaseException as failure:  # noqa: BLE001 - Lambda reports every exception
                outcome.put((None, failure))

        Thread(target=invoke, daemon=True, name="invocation").start()
        timeout = answer_within + MORE_THAN_THE_FUNCTION
        try:
            returned, failure = self._wait(outcome, timeout)
        except Empty:
            refusal = REFUSALS["INTEGRATION_TIMEOUT"]
            return refused(request, refusal), f"the function took longer than {timeout:g} s"
        refusal = REFUSALS["INTEGRATION_FAILURE"]
        if isinstance(failure, _Stopped):
            return refused(request, refusal), "the server was stopped before the function answered"
        if failure is not None:
            return refused(request, refusal), f"the function raised {_where(failure)}"
        try:
            made = read(returned)
        except MalformedResponse as wrong:
            return refused(request, refusal), f"the function's response is malformed: {wrong}"
        headers = [pair for pair in made.headers if pair[0] != _NEEDS_TLS]
        traced = [*headers, ("X-Amzn-Trace-Id", event["headers"]["X-Amzn-Trace-Id"])]
        return replace(made, headers=traced), ""

    def _wait(
        self, outcome: "SimpleQueue[tuple[Any, BaseException | None]]", timeout: float
    ) -> tuple[Any, BaseException | None]:
        with self._lock:
            if self._stopped:
                return None, _Stopped()
            self._waiting.add(outcome)
        try:
            return outcome.get(timeout=timeout)
        finally:
            with self._lock:
                self._waiting.discard(outcome)


def _streamed_response(returned: object) -> HttpResponse:
    """Return the response of the function that streams.

    Raises:
        MalformedResponse: it is none.
    """
    # Not before there is a stream: it imports the SDK.
    from travel_gpt.api.streamed import StreamedResponse

    if not isinstance(returned, StreamedResponse):
        return http_response(returned)
    # What comes before the body is the same (Lambda developer guide, "Response streaming": the metadata).
    head = {"statusCode": returned.status, "headers": dict(returned.headers)}
    return replace(http_response(head), chunks=returned.chunks)


class _Stopped(Exception):
    """The server is stopping and no longer waits for the function."""


def refused(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """Return the response of a refusal; the default status is 400."""
    headers = [
        ("content-type", "application/json"),
        ("x-amzn-ErrorType", refusal.error_type),
        *refusal.headers.items(),
    ]
    return HttpResponse(refusal.status or 400, headers, refusal.body(request.request_id))


def _name(host: str) -> str:
    """Return the name in a Host header, without port and brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower()


def _where(failure: BaseException) -> str:
    """Return the name of an exception and its line. Its text is omitted, as it could quote anything."""
    trace = failure.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" in {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else ""
    return type(failure).__name__ + place
