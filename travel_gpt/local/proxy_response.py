"""Convert the result of the handler to an HTTP response, as strictly as API Gateway does."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

# API Gateway sets these itself and ignores the function's.
_DROPPED: Final = frozenset({"connection", "content-length", "keep-alive", "transfer-encoding", "upgrade"})
# It renames these.
_REMAPPED: Final = frozenset({"authorization", "date", "server", "www-authenticate"})

# It refuses an answer with any other member, and an empty one; each of these is optional.
_MEMBERS: Final = frozenset({"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"})

_NAME: Final = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+")


class MalformedResponse(Exception):
    """The result of the handler is not a proxy response."""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An HTTP response, ready to be sent."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


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
