"""API Gateway's responses: from the result of the handler, as strictly as it does, and its own."""

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Protocol

from travel_gpt import errors

# API Gateway sets these itself and ignores the function's.
_DROPPED: Final = frozenset({"connection", "content-length", "keep-alive", "transfer-encoding", "upgrade"})
# It renames these.
_REMAPPED: Final = frozenset({"authorization", "date", "server", "www-authenticate"})

# It refuses an answer with any other member, and an empty one; each of these is optional.
_MEMBERS: Final = frozenset({"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"})

_NAME: Final = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+")


class Chunks(Protocol):
    """The pieces of a body that is streamed."""

    def __iter__(self) -> Iterator[bytes]:
        """Return the pieces."""
        ...

    def close(self) -> None:
        """End what makes them."""
        ...


class MalformedResponse(Exception):
    """The result of the handler is not a proxy response."""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An HTTP response, ready to be sent."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    chunks: "Chunks | None" = None
    """The body of a streamed response, in the place of ``body``; to be closed by who sends it."""


def http_response(returned: object, *, binary: bool = False) -> HttpResponse:
    """Convert a proxy response to an HTTP response.

    The rules follow answers recorded at AWS (apigateway/Lambda proxy response in the tests' recordings): an
    answer of headers alone is a 200, an empty one and one with an unknown member are refused, a base64 body
    is decoded only where the API declares a binary media type that matches.

    Args:
        returned: what the handler returned.
        binary: whether the API declares the response's media type as binary.

    Returns:
        The response to send.

    Raises:
        MalformedResponse: API Gateway would answer 502; the text has the reason.
    """
    answer = _as_the_runtime_sends_it(returned)
    status = answer.get("statusCode")
    if status is None:
        status = 200
    elif isinstance(status, str) and status.isdigit():
        status = int(status)
    if not isinstance(status, int) or isinstance(status, bool) or not 100 <= status <= 599:
        raise MalformedResponse("statusCode is not an HTTP status")
    return HttpResponse(status, _headers(answer), _body(answer, binary=binary))


def _as_the_runtime_sends_it(returned: object) -> Mapping[str, Any]:
    try:
        answer = json.loads(json.dumps(returned))
    except (TypeError, ValueError) as wrong:
        raise MalformedResponse(f"it cannot be written as JSON ({type(wrong).__name__})") from None
    if not isinstance(answer, dict):
        raise MalformedResponse("it is not an object")
    if not answer:
        raise MalformedResponse("it is an empty object: return at least a statusCode")
    if unknown := sorted(answer.keys() - _MEMBERS):
        raise MalformedResponse(f"it has members that API Gateway does not know: {', '.join(unknown)}")
    return answer


def _headers(answer: Mapping[str, Any]) -> list[tuple[str, str]]:
    single = answer.get("headers") or {}
    many = answer.get("multiValueHeaders") or {}
    if not isinstance(single, dict) or not isinstance(many, dict):
        raise MalformedResponse("headers is not an object")
    gathered: dict[str, list[str]] = {}
    for name, values in many.items():
        if not isinstance(values, list):
            raise MalformedResponse("a value in multiValueHeaders is not a list")
        gathered[name.lower()] = [_value(value) for value in values]
    for name, value in single.items():
        present = gathered.setdefault(name.lower(), [])
        if _value(value) not in present:
            present.append(_value(value))
    if any(_NAME.fullmatch(name) is None for name in gathered):
        raise MalformedResponse("a header's name is invalid")
    gathered.setdefault("content-type", ["application/json"])
    return [
        (f"x-amzn-remapped-{name}" if name in _REMAPPED else name, value)
        for name, values in gathered.items()
        if name not in _DROPPED
        for value in values
    ]


def _value(value: object) -> str:
    if isinstance(value, dict | list) or value is None:
        raise MalformedResponse("a header's value is not a text")
    text = json.dumps(value) if isinstance(value, bool) else str(value)
    if not (text.isascii() and text.isprintable()):
        raise MalformedResponse("a header's value is not printable ASCII")
    return text


def _body(answer: Mapping[str, Any], *, binary: bool) -> bytes:
    body = answer.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise MalformedResponse("body is not a text")
    if not (binary and answer.get("isBase64Encoded")):
        return body.encode("utf-8", "replace")
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error:
        raise MalformedResponse("body is not base64, but isBase64Encoded is true") from None


@dataclass(frozen=True, slots=True)
class Refusal:
    """One of API Gateway's own answers."""

    status: int | None
    """The HTTP status; None if every failure of the kind has its own."""
    code: str
    message: str
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    error_type: str = "InternalServerErrorException"
    """The value of x-amzn-ErrorType, which a GatewayResponse does not change."""

    def body(self, request_id: str) -> bytes:
        """Return the JSON body. It has no timestamp: API Gateway cannot compute one."""
        return json.dumps(
            {"status": "error", "code": self.code, "message": self.message, "request_id": request_id}
        ).encode()


# The error types are those of answers recorded at AWS (apigateway/gateway response 403 and 429 in the tests'
# recordings); those of 413, 415 and DEFAULT_4XX are assumed.
_NO_PATH: Final = Refusal(
    404, errors.NotFound.code, errors.NotFound.message, error_type="MissingAuthenticationTokenException"
)
_NO_KEY: Final = Refusal(
    403, errors.Forbidden.code, errors.Forbidden.message, error_type="ForbiddenException"
)
_BAD_REQUEST: Final = "BadRequestException"
_FAILED: Final = errors.InternalError

REFUSALS: Final[Mapping[str, Refusal]] = MappingProxyType(
    {
        # API Gateway's answer to every path and method that the API does not declare.
        "MISSING_AUTHENTICATION_TOKEN": _NO_PATH,
        "RESOURCE_NOT_FOUND": _NO_PATH,
        "INVALID_API_KEY": _NO_KEY,
        "ACCESS_DENIED": _NO_KEY,
        "THROTTLED": Refusal(
            429,
            "rate_limited",
            "Too many requests at once. Try again in a second.",
            {"Retry-After": "1"},
            "TooManyRequestsException",
        ),
        "QUOTA_EXCEEDED": Refusal(
            429,
            "rate_limited",
            "The quota of this key is used up for today.",
            {"Retry-After": "3600"},
            "LimitExceededException",
        ),
        "REQUEST_TOO_LARGE": Refusal(
            413,
            errors.PayloadTooLarge.code,
            errors.PayloadTooLarge.message,
            error_type="RequestTooLongException",
        ),
        "UNSUPPORTED_MEDIA_TYPE": Refusal(
            415,
            errors.UnsupportedMediaType.code,
            errors.UnsupportedMediaType.message,
            error_type=_BAD_REQUEST,
        ),
        "INTEGRATION_TIMEOUT": Refusal(504, errors.UpstreamTimeout.code, errors.UpstreamTimeout.message),
        "INTEGRATION_FAILURE": Refusal(502, _FAILED.code, _FAILED.message),
        "DEFAULT_4XX": Refusal(
            None, "bad_request", "The request cannot be understood.", error_type=_BAD_REQUEST
        ),
        "DEFAULT_5XX": Refusal(None, _FAILED.code, _FAILED.message),
    }
)
