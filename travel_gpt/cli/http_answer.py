"""What an address of a stack answers to one request."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from travel_gpt.redaction import redact

TIMEOUT: Final = 35.0
"""Seconds. API Gateway ends a request after 29."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """The answer, or why there is none."""

    status: int
    """The HTTP status; 0 where nothing answered."""
    reason: str
    """What happened, to continue a sentence that begins with the URL."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """By their names in lower case."""
    body: bytes = b""

    @property
    def document(self) -> dict[str, Any]:
        """The JSON object in the body; an empty one where there is none."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


def send(request: urllib.request.Request, longest: int) -> HttpAnswer:
    """Send a request once.

    Args:
        request: the request. Its address is an output of a stack and begins with https: no file and no other
            scheme.
        longest: bytes of a body that are read.
    """
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
            return _answered(answer.status, answer, longest)
    except urllib.error.HTTPError as refused:
        with refused:
            return _answered(refused.code, refused, longest)
    except (OSError, ValueError) as failed:
        return HttpAnswer(0, f"cannot be reached ({redact(str(getattr(failed, 'reason', failed)))})")


def _answered(status: int, answer: Any, longest: int) -> HttpAnswer:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return HttpAnswer(status, f"answered {status}", headers, answer.read(longest))
