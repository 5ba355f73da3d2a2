"""Reading a request: from API Gateway's event to a query."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from travel_gpt.errors import (
    InvalidJson,
    InvalidParameter,
    InvalidQuery,
    PayloadTooLarge,
    UnsupportedMediaType,
)

MAX_BODY_BYTES: Final = 32 * 1024
MAX_QUERY_CHARACTERS: Final = 4000

VISIBLE: Final = r"[^\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u2064\u3000\ufeff]"
"""A regular expression for one character that is no control character, space or mark without width. It means
the same to Python and to ECMA-262, whose ``\\s`` differ: docs/openapi.json publishes it."""

_JSON_TYPE: Final = re.compile(r"application/(?:json|[a-z0-9.!#$&^_-]+\+json)")


class Verify(StrEnum):
    """What a GET asks to verify."""

    NOTHING = "false"
    CREDENTIAL = "true"
    IDENTITY = "workload-identity"
    """The function's own identity, while another credential serves."""


def read_verify(event: Mapping[str, Any]) -> Verify:
    """Return what a GET asks to verify (``?verify=``).

    Args:
        event: API Gateway's proxy event.

    Returns:
        What to verify; nothing where the parameter is absent.

    Raises:
        InvalidParameter: the parameter has another value, or is given more than once.
    """
    every = (event.get("multiValueQueryStringParameters") or {}).get("verify")
    given = every or [(event.get("queryStringParameters") or {}).get("verify")]
    if given == [None]:
        return Verify.NOTHING
    if len(given) > 1:
        raise InvalidParameter("verify is given more than once")
    try:
        return Verify(given[0])
    except ValueError:
        raise InvalidParameter("verify has another value") from None


def read_query(event: Mapping[str, Any]) -> str:
    """Return the travel query of a POST.

    Args:
        event: API Gateway's proxy event.

    Returns:
        The query, trimmed: 1 to 4,000 characters.

    Raises:
        UnsupportedMediaType: the body is declared as something other than plain JSON in UTF-8.
        PayloadTooLarge: the body has more than 32 KiB.
        InvalidJson: the body is not a JSON object.
        InvalidQuery: ``query`` is missing, no text, without a visible character, or of the wrong length.
    """
    _require_no_coding(_header(event, "content-encoding"))
    _require_json(_header(event, "content-type"))
    query = _json_object(_body(event)).get("query")
    if query is None:
        raise InvalidQuery(
            "no query", message='The JSON object needs a "query", a text of 1 to 4,000 characters.'
        )
    if not isinstance(query, str):
        raise InvalidQuery("the query is no text")
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


def _header(event: Mapping[str, Any], name: str) -> str:
    headers = event.get("headers") or {}
    return next((str(value) for key, value in headers.items() if key.lower() == name), "")


def _require_no_coding(content_encoding: str) -> None:
    # API Gateway hands a compressed body on as text, which destroys it, unless the API sets
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


def _body(event: Mapping[str, Any]) -> bytes:
    body = event.get("body") or ""
    if not event.get("isBase64Encoded"):
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
