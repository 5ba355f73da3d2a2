"""The JSON schemas of trips: those that a model is asked for, and the one that callers get."""

import json
from typing import Any, Final

from pydantic import TypeAdapter

from travel_gpt.advisor.trip import SCHEMA_VERSION
from travel_gpt.advisor.wire import SHAPES

_KEPT: Final = ("type", "enum", "anyOf", "items", "const")


def wire_schemas() -> dict[str, str]:
    """Return the text of each schema that a model is asked for, by its path in the repository."""
    return {
        f"travel_gpt/advisor/schemas/{name}.v{SCHEMA_VERSION}.json": _text(strict_schema(shape))
        for name, shape in SHAPES.items()
    }


def strict_schema(shape: type) -> dict[str, Any]:
    """Return the JSON schema of a shape, as OpenAI's strict structured outputs take it.

    Each property is required and no other is allowed, and references are replaced by what they refer to,
    which not all servers can do. Other keywords are left to the validation in ``travel_gpt.advisor.wire``.

    Args:
        shape: one of ``SHAPES``.

    Returns:
        The schema. Source of what is supported: OpenAI's guide "Structured model outputs".
    """
    whole = TypeAdapter(shape).json_schema()
    return _strict(whole, whole.get("$defs", {}))


def _strict(part: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in part:
        return _strict(definitions[part["$ref"].rpartition("/")[2]], definitions)
    kept = {name: value for name, value in part.items() if name in _KEPT}
    if "anyOf" in part:
        kept["anyOf"] = [_strict(each, definitions) for each in part["anyOf"]]
    if "items" in part:
        kept["items"] = _strict(part["items"], definitions)
    if "properties" in part:
        kept["properties"] = {name: _strict(value, definitions) for name, value in part["properties"].items()}
        kept |= {"required": list(part["properties"]), "additionalProperties": False}
    return kept


def _text(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=1) + "\n"
