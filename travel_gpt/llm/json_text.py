"""The JSON object in a model's text, whatever a model writes around it."""

import json
import re
from typing import Any, Final, NoReturn

_FENCE: Final = re.compile(r"^[ \t]*+```[ \t]*+(?:json)?+\s*+(?=[{\[])", re.IGNORECASE | re.MULTILINE)
"""A code fence at the beginning of a line, which cannot be inside a JSON string."""


def json_in(text: str) -> dict[str, Any]:
    """Return the JSON object in a text: the whole text, in a code fence, or from the first brace on.

    Nothing is repaired: of an object that is cut, no part is returned. The time grows with the length of the
    text alone.

    Args:
        text: what a model wrote.

    Raises:
        ValueError: there is none.
    """
    start = len(text) - len(text.lstrip())
    if text[start : start + 1] not in ("{", "["):
        if fence := _FENCE.search(text):
            start = fence.end()
        elif (start := text.find("{")) < 0:
            raise ValueError("the text has no JSON object")
    try:
        document, _ = _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        # Not chained: the failure has the text.
        raise ValueError("the text has no complete JSON object") from None
    if isinstance(document, dict):
        return document
    raise ValueError("the JSON in the text is a list")


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse)
"""Without NaN and Infinity, which Python reads and JSON does not have."""
