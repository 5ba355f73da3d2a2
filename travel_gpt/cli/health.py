"""What a deployed API answers to GET."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any, Final

from travel_gpt.redaction import redact

TIMEOUT: Final = 35.0
"""Seconds. API Gateway ends a request after 29."""
_LONGEST: Final = 65_536


@dataclass(frozen=True, slots=True)
class Health:
    """The answer, or why there is none."""

    status: int
    """The HTTP status; 0 where nothing answered."""
    reason: str
    """What happened, to continue a sentence that begins with the URL."""
    body: dict[str, Any] = field(default_factory=dict)
    """The JSON object; an empty one where the answer is none."""

    @property
    def is_good(self) -> bool:
        """Whether the function has what it needs."""
        return self.status == 200 and self.body.get("status") == "success"

    @property
    def verifier(self) -> str:
        """Which server accepted the credential, as messages call it; empty where none was asked."""
        if not self.body.get("verified"):
            return ""
        return "the model server" if self.body.get("mode") == "compatible" else "OpenAI"


def get_health(url: str) -> Health:
    """GET an API once, as a caller would.

    Args:
        url: the API's address, from the outputs of the stack.
    """
    # Such an address begins with https: no file and no other scheme.
    request = urllib.request.Request(url, headers={"Accept": "application/json"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
            return Health(answer.status, f"answered {answer.status}", _object(answer.read(_LONGEST)))
    except urllib.error.HTTPError as refused:
        with refused:
            return Health(refused.code, f"answered {refused.code}", _object(refused.read(_LONGEST)))
    except (OSError, ValueError) as failed:
        return Health(0, f"cannot be reached ({redact(str(getattr(failed, 'reason', failed)))})")


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
