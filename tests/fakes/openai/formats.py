"""What OpenAI refuses of the format that an answer is asked for in.

Rules of strict schemas: OpenAI's guide "Structured Outputs", "Supported schemas". Names: the SDK's docstring
of ``ResponseFormatTextJSONSchemaConfigParam``. Words: recorded as
openai/POST /v1/chat/completions/400-invalid-schema-response_format; epuerta9/deep-research-py issue 19 (the
type), jamesrochabrun/SwiftOpenAI pull request 150 (no name), ultimatejimmy/xray.koplugin issue 33 (the word
JSON), tidyverse/ellmer issue 671 (the nesting); others are assumed. That Responses looks for the word JSON in
the input alone: BigDawnGhost/wenyi pull request 66.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final, Literal

from tests.fakes.openai import bodies
from tests.fakes.openai.bodies import Endpoint, Json

FormatType = Literal["text", "json_schema", "json_object"]

PARAMETER: Final[dict[Endpoint, str]] = {"responses": "text.format", "chat": "response_format"}
_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_KEYWORDS: Final = frozenset(
    (
        *("type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf"),
        *("$ref", "$defs", "definitions", "description", "title", "pattern", "format", "multipleOf"),
        *("maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum", "minItems", "maxItems"),
        *("minLength", "maxLength"),
    )
)
_MOST_LEVELS: Final = 10
_MOST_PROPERTIES: Final = 5000
_MOST_ENUM_VALUES: Final = 1000
_MOST_CHARACTERS: Final = 120_000


def asked_format(endpoint: Endpoint, body: Json) -> Json:
    """The format that a request asks for."""
    asked = (body.get("text") or {}).get("format") if endpoint == "responses" else body.get("response_format")
    return asked or {"type": "text"}


def format_type(endpoint: Endpoint, body: Json) -> str:
    """The type of that format."""
    return str(asked_format(endpoint, body).get("type"))


def complaint(endpoint: Endpoint, body: Json) -> Json | None:
    """The 400 body for a format that the real API would not take, or None for one it would."""
    asked, parameter = asked_format(endpoint, body), PARAMETER[endpoint]
    kind = asked.get("type")
    if kind == "json_object":
        return None if "json" in _messages(endpoint, body).lower() else _without_the_word(endpoint)
    if kind != "json_schema":
        return None if kind == "text" else _unknown_type(kind, parameter)
    shape: Json = asked
    if endpoint == "chat":
        shape, parameter = asked.get("json_schema") or {}, "response_format.json_schema"
    name = shape.get("name")
    for field in ("name", "schema"):
        if not shape.get(field):
            field = f"{parameter}.{field}"
            message = f"Missing required parameter: '{field}'."
            return bodies.error(message, code="missing_required_parameter", param=field)
    if not _NAME.fullmatch(str(name)):
        message = (
            f"Invalid '{parameter}.name': string does not match pattern. Expected a string that matches the "
            "pattern '^[a-zA-Z0-9_-]+$'."
        )
        return bodies.error(message, code="invalid_value", param=f"{parameter}.name")
    if shape.get("strict") and (wrong := wrong_in_schema(shape["schema"])):
        said = PARAMETER["chat"] if endpoint == "chat" else f"{parameter}.schema"
        return bodies.error(f"Invalid schema for response_format '{name}': {wrong}", param=said)
    return None


def wrong_in_schema(schema: Json) -> str:
    """What strict mode does not take of a schema; empty for nothing."""
    if schema.get("type") != "object" or "anyOf" in schema:
        return f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{schema.get('type')}\"'."
    properties, enums, characters = 0, 0, 0
    for context, level, part in _parts(schema, (), 1):
        if level > _MOST_LEVELS:
            return f"{level} levels of nesting exceeds limit of {_MOST_LEVELS}."
        if wrong := _wrong_in_part(part):
            return f"In context={context}, {wrong}"
        names = part.get("properties", {})
        properties += len(names)
        enums += len(part.get("enum", []))
        words = [*names, *part.get("$defs", {}), *part.get("enum", []), part.get("const", "")]
        characters += sum(len(str(word)) for word in words)
    for number, most, what in (
        (properties, _MOST_PROPERTIES, "object properties"),
        (enums, _MOST_ENUM_VALUES, "enum values"),
        (characters, _MOST_CHARACTERS, "characters of names and enum values"),
    ):
        if number > most:
            return f"{number} {what} exceeds limit of {most}."
    return ""


def _wrong_in_part(part: Json) -> str:
    for keyword in part:
        if keyword not in _KEYWORDS:
            return f"'{keyword}' is not permitted."
    if "properties" not in part and "object" not in str(part.get("type")):
        return ""
    if part.get("additionalProperties") is not False:
        return "'additionalProperties' is required to be supplied and to be false."
    missing = [name for name in part.get("properties", {}) if name not in part.get("required", [])]
    if missing:
        return (
            "'required' is required to be supplied and to be an array including every key in properties. "
            f"Missing '{missing[0]}'."
        )
    return ""


def _parts(schema: Json, context: tuple[str, ...], level: int) -> Iterator[tuple[tuple[str, ...], int, Json]]:
    """A schema and all schemas in it, each with where it is and how many objects it is in."""
    yield context, level, schema
    for field in ("properties", "$defs", "definitions"):
        for name, part in schema.get(field, {}).items():
            deeper = level + (field == "properties" and _has_properties(part))
            yield from _parts(part, (*context, field, name), deeper)
    inside: list[Any] = [("items", schema["items"])] if "items" in schema else []
    inside += [(str(number), part) for number, part in enumerate(schema.get("anyOf", []))]
    for name, part in inside:
        yield from _parts(part, (*context, name), level + _has_properties(part))


def _has_properties(part: Json) -> bool:
    return "properties" in part


def _messages(endpoint: Endpoint, body: Json) -> str:
    """What JSON mode looks for the word in. On Responses that is the input; instructions do not count."""
    return json.dumps(body.get("input" if endpoint == "responses" else "messages"))


def _without_the_word(endpoint: Endpoint) -> Json:
    if endpoint == "responses":
        message = (
            "Response input messages must contain the word 'json' in some form to use 'text.format' of type "
            "'json_object'."
        )
        return bodies.error(message, param="input")
    message = (
        "'messages' must contain the word 'json' in some form, to use 'response_format' of type "
        "'json_object'."
    )
    return bodies.error(message, param="messages")


def _unknown_type(kind: object, parameter: str) -> Json:
    message = f"Invalid value: '{kind}'. Supported values are: 'json_object', 'json_schema', and 'text'."
    return bodies.error(message, code="invalid_value", param=f"{parameter}.type")
