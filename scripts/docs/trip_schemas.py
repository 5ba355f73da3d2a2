"""The JSON schemas of trips: those that a model is asked for, and the one that callers get."""

import ast
import inspect
import json
import re
from itertools import pairwise
from types import ModuleType
from typing import Any, Final

from pydantic import TypeAdapter

from travel_gpt.advisor import trip
from travel_gpt.advisor.checks import result
from travel_gpt.advisor.checks.result import Result
from travel_gpt.advisor.trip import SCHEMA_VERSION, Day, Trip
from travel_gpt.advisor.wire import SHAPES

_KEPT: Final = ("type", "enum", "anyOf", "items", "const")


_DOCUMENTED: Final = (trip, result)


def schema_files() -> dict[str, str]:
    """Return the text of each schema's file, by its path in the repository."""
    schemas = {name: strict_schema(shape) for name, shape in SHAPES.items()}
    found = component_schemas("#/$defs/")
    itinerary = found.pop(Trip.__name__)
    # What callers get besides a trip has no file of its own.
    del found[Result.__name__], found["Violation"]
    schemas["itinerary"] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **itinerary,
        "$defs": found,
    }
    return {
        f"travel_gpt/advisor/schemas/{name}.v{SCHEMA_VERSION}.json": _text(schema)
        for name, schema in schemas.items()
    }


def model_schemas() -> dict[str, dict[str, Any]]:
    """Return the schemas that the model is asked for, by the names that they have in the OpenAPI document."""
    return {
        "".join(word.capitalize() for word in name.split("_")): {
            **strict_schema(shape),
            "description": "What the model is asked to write. No response has it.",
        }
        for name, shape in SHAPES.items()
    }


def component_schemas(prefix: str) -> dict[str, dict[str, Any]]:
    """Return the schemas of what callers get, by their names, with the descriptions of the code.

    Args:
        prefix: what stands before a name in a reference.
    """
    adapters: list[TypeAdapter[Any]] = [TypeAdapter(root) for root in (Trip, Day, Result)]
    _, whole = TypeAdapter.json_schemas(
        [(number, "serialization", adapter) for number, adapter in enumerate(adapters)],
        ref_template=prefix + "{model}",
    )
    texts = {name: texts for module in _DOCUMENTED for name, texts in _descriptions(module).items()}
    return {name: _described(schema, texts[name]) for name, schema in whole["$defs"].items()}


def _described(schema: dict[str, Any], texts: dict[str, str]) -> dict[str, Any]:
    kept = {name: value for name, value in schema.items() if name not in ("title", "properties")}
    kept["description"] = texts[""]
    if "properties" in schema:
        kept["properties"] = {
            name: {
                **{key: value for key, value in about.items() if key not in ("title", "default")},
                **({"description": texts[name]} if name in texts else {}),
            }
            for name, about in schema["properties"].items()
        }
        # Each is always sent.
        kept["required"] = list(schema["properties"])
    return kept


def _descriptions(module: ModuleType) -> dict[str, dict[str, str]]:
    """Return the docstrings of a module's classes, and of their attributes, by name; a class's own by ""."""
    tree = ast.parse(inspect.getsource(module))
    return {
        node.name: {
            "": _one_line(ast.get_docstring(node) or ""),
            **{
                attribute.target.id: _one_line(text.value.value)
                for attribute, text in pairwise(node.body)
                if isinstance(attribute, ast.AnnAssign)
                and isinstance(attribute.target, ast.Name)
                and isinstance(text, ast.Expr)
                and isinstance(text.value, ast.Constant)
                and isinstance(text.value.value, str)
            },
        }
        for node in tree.body
        if isinstance(node, ast.ClassDef)
    }


def _one_line(text: str) -> str:
    return " ".join(re.sub(r"\bNone\b", "null", text.replace("``", "`")).split())


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
