"""What the deployed API says of itself."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any, Final

from travel_gpt.cli.doctor.check_result import CheckResult, ok, problem, warning
from travel_gpt.cli.doctor.stack.deployed import Deployed
from travel_gpt.redaction import redact

ANSWERS_WITHIN: Final = 35.0
"""Seconds. API Gateway hangs up after 29."""
_LONGEST: Final = 65_536


def check_health(deployed: Deployed, *, verify: bool) -> Iterator[CheckResult]:
    """GET the API, as a caller would.

    Args:
        deployed: the stack.
        verify: whether the function is to prove the key with one live call.
    """
    check = "live call" if verify else "health"
    url = deployed.outputs["ApiUrl"]
    status, body, said = _get(f"{url}?verify=true" if verify else url)
    if status == 200 and body.get("status") == "success":
        yield ok(check, f"200: {_held(body)}{_proven(body) if body.get('verified') else ''}")
        for each in body.get("warnings", []):
            yield warning(check, redact(str(each)), "docs/operations/incidents.md explains it.")
    elif "code" in body:
        yield problem(
            check,
            f"{status} {redact(str(body['code']))}: {redact(str(body.get('message', '')))}",
            f"docs/operations/incidents.md, {redact(str(body['code']))}.",
        )
    else:
        yield problem(check, f"{url} {said}", "Check the network from here; look at the function's log.")


def _held(body: dict[str, Any]) -> str:
    """Say which credential the function has; one that was deployed before ``mode`` existed has a key."""
    source = redact(str(body.get("credential_source", "its source")))
    if body.get("has_api_key", True):
        return f"the function has a key from {source}"
    if body.get("mode") == "keyless":
        return "the function has no key: it authenticates with its own identity"
    return f"the function has no key, only a placeholder from {source}"


def _proven(body: dict[str, Any]) -> str:
    server = "the model server" if body.get("mode") == "compatible" else "OpenAI"
    accepts = "the key" if body.get("has_api_key", True) else "the function's identity"
    if body.get("mode") == "compatible" and not body.get("has_api_key", True):
        accepts = "a call without a key"
    return f", and {server} accepts {accepts}"


def _get(url: str) -> tuple[int, dict[str, Any], str]:
    # An https address out of the stack's own outputs, so no file and no other scheme.
    request = urllib.request.Request(url, headers={"Accept": "application/json"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=ANSWERS_WITHIN) as answer:  # noqa: S310
            return answer.status, _object(answer.read(_LONGEST)), f"answered {answer.status}"
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, _object(refused.read(_LONGEST)), f"answered {refused.code}"
    except (OSError, ValueError) as failed:
        reason = getattr(failed, "reason", failed)
        return 0, {}, f"cannot be reached ({redact(str(reason))})"


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
