"""The request: API Gateway's event, read once, and what a valid one asks for."""

import base64
import binascii
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, Protocol, get_args

from travel_gpt.advisor.question import Format, Question
from travel_gpt.api import resources
from travel_gpt.deadline import ANSWER_WITHIN, Deadline
from travel_gpt.errors import (
    Forbidden,
    InvalidConstraint,
    InvalidJson,
    InvalidParameter,
    InvalidQuery,
    Misconfigured,
    PayloadTooLarge,
    UnsupportedMediaType,
)
from travel_gpt.guard.callers import Caller
from travel_gpt.settings import Settings

MAX_BODY_BYTES: Final = 32 * 1024
MAX_QUERY_CHARACTERS: Final = 4000

VISIBLE: Final = r"[^\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u2064\u3000\ufeff]"
"""A regular expression for one character that is no control character, space or mark without width. It means
the same to Python and to ECMA-262, whose ``\\s`` differ: docs/openapi.json publishes it."""

_JSON_TYPE: Final = re.compile(r"application/(?:json|[a-z0-9.!#$&^_-]+\+json)")


class Context(Protocol):
    """The part of Lambda's context that is read."""

    @property
    def aws_request_id(self) -> str:
        """The invocation's id."""
        ...

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds that are left of the invocation."""
        ...


@dataclass(frozen=True, slots=True)
class Request:
    """One request, as API Gateway passed it on. Nothing but this class reads its event.

    What the caller wrote is not in the ``repr``, since it could hold a key.
    """

    method: str
    path: str
    """The resource, such as ``/travel-gpt``: without the stage, or the base path of a custom domain."""
    url_path: str
    """The path of the URL, with the stage or the base path of a custom domain."""
    headers: Mapping[str, str] = field(repr=False)
    """The headers by their names in lower case."""
    path_parameters: Mapping[str, str]
    """The variable parts of the path."""
    query: Mapping[str, tuple[str, ...]] = field(repr=False)
    """The values of each query parameter."""
    body: str = field(repr=False)
    """The body as text, or in base64."""
    is_base64: bool
    caller: Caller
    """Who sent it, by what API Gateway reports."""
    id: str
    """API Gateway's request id, which its access log and response headers have as well."""
    invocation_id: str
    """Lambda's id of the invocation."""
    taken_at: float
    """When API Gateway took the request, in seconds since the epoch."""
    deadline: Deadline
    """When the response must be ready."""

    @property
    def log_fields(self) -> dict[str, str]:
        """What each line of the log about this request has."""
        fields = {"method": self.method, "request_id": self.id, "function_request_id": self.invocation_id}
        if self.is_of_the_page:
            # Else a visitor's requests would look like health checks and queries.
            fields["resource"] = self.path
        return fields

    @property
    def is_of_the_page(self) -> bool:
        """Whether it is for the web page: for its files, or what its script asks for."""
        return self.path == resources.ROOT or self.path.startswith(resources.PAGE)

    @classmethod
    def of(
        cls, event: Mapping[str, Any], context: Context, *, answer_within: float = ANSWER_WITHIN
    ) -> "Request":
        """Read an event.

        Args:
            event: the proxy event of a REST API. One that was written by hand may lack every part.
            context: Lambda's context. The local server's may allow another number of seconds
                (``answer_within``).
            answer_within: the seconds after API Gateway took the request within which the response must be
                complete.

        Returns:
            The request.
        """
        about = _mapping(event, "requestContext")
        taken_at = about.get("requestTimeEpoch")
        identity = _mapping(about, "identity")
        headers: dict[str, str] = {}
        for name, value in _mapping(event, "headers").items():
            headers.setdefault(name.lower(), str(value))
        # queryStringParameters holds the last value of a repeated parameter, and the other all of them.
        single = _mapping(event, "queryStringParameters")
        query = {name: (value,) for name, value in single.items() if value is not None}
        for name, values in _mapping(event, "multiValueQueryStringParameters").items():
            if values and isinstance(values, list):
                query[name] = tuple(values)
        return cls(
            method=event.get("httpMethod") or "",
            path=event.get("resource") or "",
            url_path=about.get("path") or "",
            headers=headers,
            path_parameters=_mapping(event, "pathParameters"),
            query=query,
            body=event.get("body") or "",
            is_base64=bool(event.get("isBase64Encoded")),
            caller=Caller(address=identity.get("sourceIp") or "", key_id=identity.get("apiKeyId") or ""),
            id=about.get("requestId") or context.aws_request_id,
            invocation_id=context.aws_request_id,
            taken_at=taken_at / 1000 if isinstance(taken_at, int | float) else time.time(),
            deadline=Deadline.of(
                context.get_remaining_time_in_millis() / 1000,
                taken_at,
                answer_within=getattr(context, "answer_within", answer_within),
            ),
        )


def require_api_key(request: Request, settings: Settings) -> None:
    """Refuse a caller that API Gateway did not authenticate, unless the API is open to everyone.

    API Gateway refuses these already. One click in its console turns that off, and then everyone could spend
    the owner's money.

    Args:
        request: the request.
        settings: say whether the API is open.

    Raises:
        Forbidden: the request has no API key.
    """
    if settings.api_access != "open" and not request.caller.key_id:
        raise Forbidden("a POST reached the function without an API key: check the method's ApiKeyRequired")


def require_no_problems(settings: Settings) -> None:
    """Refuse to answer while a setting is wrong.

    Args:
        settings: the settings.

    Raises:
        Misconfigured: names each that is wrong.
    """
    if settings.problems:
        named = "; ".join(settings.problems)
        raise Misconfigured(named, message=f"A setting of this deployment is wrong: {named}.")


def read_idempotency_key(request: Request) -> str:
    """Return the value of ``Idempotency-Key``; empty without one.

    Args:
        request: the request.

    Raises:
        InvalidIdempotencyKey: it is malformed.
    """
    if "idempotency-key" not in request.headers:
        return ""
    from travel_gpt.guard.idempotency import read_key

    return read_key(request.headers["idempotency-key"])


class Verify(StrEnum):
    """What a GET asks to verify."""

    NOTHING = "false"
    CREDENTIAL = "true"
    IDENTITY = "workload-identity"
    """The function's own identity, while another credential serves."""


def read_verify(request: Request) -> Verify:
    """Return what a GET asks to verify (``?verify=``).

    Args:
        request: the request.

    Returns:
        What to verify; nothing where the parameter is absent.

    Raises:
        InvalidParameter: the parameter has another value, or is given more than once.
    """
    values = request.query.get("verify", (Verify.NOTHING,))
    if len(values) > 1:
        raise InvalidParameter("verify is given more than once")
    try:
        return Verify(values[0])
    except ValueError:
        raise InvalidParameter("verify has another value") from None


def read_question(request: Request, now: Callable[[], float]) -> Question:
    """Return what a POST asks.

    Args:
        request: the request.
        now: the wall clock, in seconds. Which dates a trip can have depends on it.

    Returns:
        The question. Its query is trimmed, and has 1 to 4,000 characters.

    Raises:
        UnsupportedMediaType: the body is declared as something other than plain JSON in UTF-8.
        PayloadTooLarge: the body has more than 32 KiB.
        InvalidJson: the body is not a JSON object.
        InvalidQuery: ``query`` is missing, not a string, without a visible character, or of the wrong length.
        InvalidConstraint: another field has a value that it cannot have.
    """
    body = read_body(request)
    query, answer_format = _query(body.get("query")), _format(body.get("format"))
    if body.keys() <= {"query", "format"}:
        return Question(query, answer_format)
    from travel_gpt.advisor.constraints import Constraints
    from travel_gpt.api.constraint_fields import read_constraints

    constraints = read_constraints(body, datetime.fromtimestamp(now(), UTC).date())
    return Question(query, answer_format, None if constraints == Constraints() else constraints)


def read_body(request: Request) -> dict[str, Any]:
    """Return the JSON object that a POST has.

    Args:
        request: the request.

    Raises:
        UnsupportedMediaType: the body is declared as something other than plain JSON in UTF-8.
        PayloadTooLarge: the body has more than 32 KiB.
        InvalidJson: the body is not a JSON object.
    """
    _require_no_coding(request.headers.get("content-encoding", ""))
    _require_json(request.headers.get("content-type", ""))
    return _json_object(_decode_body(request))


def _format(value: object) -> Format:
    formats: tuple[Format, ...] = get_args(Format)
    for each in formats:
        if value == each:
            return each
    if value is None:
        return "prose"
    raise InvalidConstraint(message=f'"format" must be one of {", ".join(formats)}.')


def _query(query: object) -> str:
    if query is None:
        raise InvalidQuery(
            "no query", message='The JSON object needs a "query", a text of 1 to 4,000 characters.'
        )
    if not isinstance(query, str):
        raise InvalidQuery("the query is not a string")
    query = query.strip()
    if not query:
        raise InvalidQuery(
            "the query is empty", message='"query" is empty: write what you would like to know.'
        )
    if not re.search(VISIBLE, query):
        raise InvalidQuery(
            "the query has no visible character",
            message='"query" holds only control characters or spaces: write what you would like to know.',
        )
    if len(query) > MAX_QUERY_CHARACTERS:
        raise InvalidQuery(
            f"the query has {len(query)} characters",
            message=f'"query" has {len(query):,} characters; 4,000 is the most.',
        )
    try:
        query.encode()
    except UnicodeEncodeError:
        raise InvalidQuery(
            "the query has half of a surrogate pair",
            message='"query" holds half a character (a lone surrogate).',
        ) from None
    return query


def _require_no_coding(content_encoding: str) -> None:
    # API Gateway passes a compressed body on as text, which destroys it, unless the API sets
    # minimumCompressionSize (developer guide, "Payload compression for REST APIs"); this API does not.
    if content_encoding.strip().lower() not in ("", "identity"):
        raise UnsupportedMediaType(
            "the body is compressed",
            message="Send the JSON without compression: without the header Content-Encoding.",
        )


def _require_json(content_type: str) -> None:
    # API Gateway, too, takes a body without a type for JSON.
    if not content_type:
        return
    media_type, *parameters = [part.strip().lower() for part in content_type.split(";")]
    if not _JSON_TYPE.fullmatch(media_type):
        raise UnsupportedMediaType("not JSON")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip().strip('"') not in ("utf-8", "utf8", "us-ascii"):
            raise UnsupportedMediaType("not UTF-8", message="Send the JSON in UTF-8.")


def _decode_body(request: Request) -> bytes:
    body = request.body
    if not request.is_base64:
        # A lone surrogate of an event that was made by hand must become a 400, as any text that is not UTF-8.
        raw = body.encode("utf-8", "surrogatepass")
    else:
        # Base64 takes four characters for three bytes: what is longer need not be decoded to be refused.
        if len(body) > MAX_BODY_BYTES * 2:
            raise PayloadTooLarge(f"about {len(body) * 3 // 4} bytes")
        try:
            raw = base64.b64decode(body, validate=True)
        except (binascii.Error, ValueError):
            raise InvalidJson(
                "the body is marked as base64 and is not", message="The body is not base64."
            ) from None
    if len(raw) > MAX_BODY_BYTES:
        raise PayloadTooLarge(f"{len(raw)} bytes")
    return raw


def _json_object(raw: bytes) -> dict[str, Any]:
    if not raw.strip():
        raise InvalidJson("the body is empty", message=f"The body is empty. {InvalidJson.message}")
    try:
        document = json.loads(raw.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise InvalidJson("the body is not JSON") from None
    if not isinstance(document, dict):
        raise InvalidJson("the body is JSON, but not an object")
    return document


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _mapping(holder: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = holder.get(name)
    return value if isinstance(value, Mapping) else {}
