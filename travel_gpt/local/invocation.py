"""What the handler is called with: the event of API Gateway, and the context of Lambda."""

import re
import secrets
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock
from typing import Any, Final
from urllib.parse import parse_qsl

from travel_gpt.api import resources
from travel_gpt.deadline import ANSWER_WITHIN

STAGE: Final = "Prod"
_VARIABLE: Final = re.compile(r"{(\w+)}")
_ROUTES: Final = {
    # With the stage as on AWS, and without it as behind a custom domain. The root may lack its slash.
    resource: re.compile(f"(?:/{STAGE})?(" + _VARIABLE.sub(r"(?P<\1>[^/]+)", resource) + ")")
    if resource != resources.ROOT
    else re.compile(f"/{STAGE}(/?)|(/)")
    for resource in resources.ALL
}

API_KEY_ID: Final = "localapikey"
_API_ID: Final = "local00000"

# Headers of the connection to API Gateway, which are not part of the event.
_OF_THE_CONNECTION: Final = frozenset(
    {"connection", "content-length", "expect", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
)


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """An HTTP request as received."""

    method: str
    path: str
    """Decoded, without the query."""
    query: str
    """As sent, without the question mark."""
    headers: Sequence[tuple[str, str]]
    """In order, with the original spelling."""
    body: bytes
    source_ip: str
    port: int
    """The port that it was sent to."""
    protocol: str = "HTTP/1.1"
    taken_at: float = field(default_factory=time.time)
    """Seconds since the epoch."""
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    extended_request_id: str = field(default_factory=lambda: secrets.token_urlsafe(11) + "=")

    def header(self, name: str) -> str:
        """Return the last value of a header, empty without one."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        return values[-1] if values else ""


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request leads."""

    resource: str
    path: str
    """The path without the stage."""
    parameters: Mapping[str, str]
    """The variable parts of the path."""


def route_of(path: str) -> Route | None:
    """Return where a path leads; None for one that the API does not have."""
    for resource, pattern in _ROUTES.items():
        if found := pattern.fullmatch(path):
            return Route(resource, found[1] or resources.ROOT, found.groupdict())
    return None


def proxy_event(request: HttpRequest, key_id: str = "") -> dict[str, Any]:
    """Return the event, of payload version 1.0.

    Args:
        request: the HTTP request, whose path the API has.
        key_id: the id of the API key that authenticated the caller; empty where the method needs none.

    Returns:
        The event, as Lambda passes it to the handler.
    """
    headers = _many(_forwarded(request))
    query = _many(parse_qsl(request.query, keep_blank_values=True))
    route = route_of(request.path)
    if route is None:
        raise ValueError(f"the API has no path {request.path}")
    return {
        "resource": route.resource,
        "path": route.path,
        "httpMethod": request.method,
        "headers": _last(headers),
        "multiValueHeaders": headers,
        "queryStringParameters": _last(query) or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": dict(route.parameters) or None,
        "stageVariables": None,
        "requestContext": _request_context(request, route, key_id),
        # No binary media types are declared, so API Gateway treats every body as text.
        "body": request.body.decode("utf-8", "replace") or None,
        "isBase64Encoded": False,
    }


def _request_context(request: HttpRequest, route: Route, key_id: str) -> dict[str, Any]:
    arrived = datetime.fromtimestamp(request.taken_at, UTC)
    domain = request.header("host").partition(":")[0] or "127.0.0.1"
    return {
        "resourceId": "local0",
        "resourcePath": route.resource,
        "httpMethod": request.method,
        "extendedRequestId": request.extended_request_id,
        "requestTime": arrived.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "path": request.path,
        "accountId": ACCOUNT,
        "protocol": request.protocol,
        "stage": STAGE,
        "domainPrefix": domain.partition(".")[0],
        "requestTimeEpoch": int(request.taken_at * 1000),
        "requestId": request.request_id,
        "identity": _identity(request, key_id),
        "domainName": domain,
        "deploymentId": "local0",
        "apiId": _API_ID,
    }


def _identity(request: HttpRequest, key_id: str) -> dict[str, str | None]:
    identity: dict[str, str | None] = dict.fromkeys(
        (
            "cognitoIdentityPoolId",
            "accountId",
            "cognitoIdentityId",
            "caller",
            "principalOrgId",
            "accessKey",
            "cognitoAuthenticationType",
            "cognitoAuthenticationProvider",
            "userArn",
            "user",
        )
    )
    identity["sourceIp"] = request.source_ip
    identity["userAgent"] = request.header("user-agent") or None
    if key_id:
        identity["apiKey"] = request.header("x-api-key")
        identity["apiKeyId"] = key_id
    return identity


def _forwarded(request: HttpRequest) -> list[tuple[str, str]]:
    added = {"x-amzn-trace-id", "x-forwarded-for", "x-forwarded-port", "x-forwarded-proto"}
    passed = [
        (name, value)
        for name, value in request.headers
        if name.lower() not in _OF_THE_CONNECTION and name.lower() not in added
    ]
    claimed = request.header("x-forwarded-for")
    trace = f"Root=1-{int(request.taken_at):08x}-{secrets.token_hex(12)}"
    return [
        *passed,
        ("X-Amzn-Trace-Id", request.header("x-amzn-trace-id") or trace),
        ("X-Forwarded-For", f"{claimed}, {request.source_ip}" if claimed else request.source_ip),
        ("X-Forwarded-Port", str(request.port)),
        ("X-Forwarded-Proto", "http"),
    ]


def _many(pairs: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    gathered: dict[str, list[str]] = {}
    for name, value in pairs:
        gathered.setdefault(name, []).append(value)
    return gathered


def _last(gathered: dict[str, list[str]]) -> dict[str, str]:
    return {name: values[-1] for name, values in gathered.items()}


MORE_THAN_AN_ANSWER: Final = 2.0
"""Seconds that the function may run after the time for an answer: 30 s to 28 s, as in the template."""

REGION: Final = "us-east-1"
ACCOUNT: Final = "123456789012"
FUNCTION: Final = "travel-gpt-local-TravelGPTFunction"


class Caller:
    """The connection of a caller, as far as the function may know of it.

    Lambda does not say when a caller leaves. Here the server does, so that a call whose answer is no longer
    read ends at once.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._left = False
        self._to_call: list[Callable[[], None]] = []

    def when_left(self, call: Callable[[], None]) -> None:
        """Have a function called once the caller has left; at once where it has."""
        with self._lock:
            if not self._left:
                self._to_call.append(call)
                return
        call()

    def leave(self) -> None:
        """Note that the caller closed its connection."""
        with self._lock:
            self._left, to_call, self._to_call = True, self._to_call, []
        for call in to_call:
            call()


class LambdaContext:
    """The second argument of the handler.

    Args:
        answer_within: seconds for an answer, from the arrival of the request.
        caller: who waits for it.
    """

    function_name = FUNCTION
    function_version = "$LATEST"
    invoked_function_arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{FUNCTION}"
    memory_limit_in_mb = "1024"
    log_group_name = f"/aws/lambda/{FUNCTION}"
    log_stream_name = "local"
    identity = None
    client_context = None

    def __init__(self, answer_within: float = ANSWER_WITHIN, caller: Caller | None = None) -> None:
        self.when_left = (caller or Caller()).when_left
        self.aws_request_id = str(uuid.uuid4())
        self.answer_within = answer_within
        self._ends = time.monotonic() + answer_within + MORE_THAN_AN_ANSWER

    def get_remaining_time_in_millis(self) -> int:
        """Return the remaining milliseconds, at least 0."""
        return max(0, int((self._ends - time.monotonic()) * 1000))
