"""Text of the API, of which a model wrote a part, made fit for a terminal."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from travel_gpt.redaction import conceal

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""With these, an answer could move the cursor of a terminal, or rewrite what is on it."""
_REORDERING: Final = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
"""With these, an answer could show the letters after them in another order (Unicode, annex 9)."""

_HALF: Final = re.compile("[\ud800-\udfff]")
"""Half of a character, of a text that was cut: no output takes it."""


def printable(text: str) -> str:
    """Return a text of the API without what a terminal would take for a command."""
    return _CONTROL.sub("", text)


def one_line(text: str) -> str:
    """Return a text of the API as one line of a table or a sentence, without guarded values."""
    words = " ".join(_REORDERING.sub("", conceal(text)).split())
    return _HALF.sub("?", printable(words))


def json_text(body: Mapping[str, Any]) -> str:
    """Return a JSON object of the API as text that every output takes."""
    text = json.dumps(body, ensure_ascii=False, indent=2)
    return _HALF.sub(lambda half: f"\\u{ord(half[0]):04x}", text)
