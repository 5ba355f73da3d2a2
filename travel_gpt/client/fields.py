"""Reads JSON objects that come from elsewhere: a field that is absent, or of another type, is unknown."""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any


def json_object(content: bytes | str) -> dict[str, Any] | None:
    """Parse a JSON object.

    Returns:
        The object; None where the text is none.
    """
    with suppress(ValueError, RecursionError):
        found = json.loads(content)
        if isinstance(found, dict):
            return found
    return None


def text(body: Mapping[str, Any], name: str) -> str:
    """Return a text; an empty one where it is not known."""
    value = body.get(name)
    return value if isinstance(value, str) else ""


def mapping(body: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """Return an object; None where it is not known."""
    value = body.get(name)
    return value if isinstance(value, dict) else None


def whole(body: Mapping[str, Any], name: str) -> int | None:
    """Return a whole number; None where it is not known."""
    value = number(body, name)
    return None if value is None else int(value)


def number(body: Mapping[str, Any], name: str) -> float | None:
    """Return a number; None where it is not known."""
    value = body.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    # json also reads NaN and Infinity.
    return value if abs(value) < 1e15 else None
