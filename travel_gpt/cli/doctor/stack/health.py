"""The answer of the deployed API to GET."""

from collections.abc import Iterator
from typing import Any

from travel_gpt.cli.doctor.check_result import CheckResult, ok, problem, warning
from travel_gpt.cli.doctor.stack.deployed import Deployed
from travel_gpt.cli.health import Health, get_health
from travel_gpt.redaction import redact


def check_health(deployed: Deployed, *, verify: bool) -> Iterator[CheckResult]:
    """GET the API, as a caller would.

    Args:
        deployed: the stack.
        verify: whether the function verifies the key with one live call.
    """
    check = "live call" if verify else "health"
    url = deployed.stack.outputs["ApiUrl"]
    health = get_health(f"{url}?verify=true" if verify else url)
    body = health.body
    if health.is_good:
        yield ok(check, f"200: {_credential(body)}{_verified(health)}")
        for each in body.get("warnings", []):
            yield warning(check, redact(str(each)), "docs/operations/incidents.md explains it.")
    elif "code" in body:
        yield problem(
            check,
            f"{health.status} {redact(str(body['code']))}: {redact(str(body.get('message', '')))}",
            f"docs/operations/incidents.md, {redact(str(body['code']))}.",
        )
    else:
        yield problem(check, f"{url} {health.reason}", "Check the network here, and the log.")


def _credential(body: dict[str, Any]) -> str:
    """Name the credential of the function; one that was deployed before ``mode`` existed has a key."""
    source = redact(str(body.get("credential_source", "its source")))
    if body.get("has_api_key", True):
        return f"the function has a key from {source}"
    if body.get("mode") == "keyless":
        return "the function has no key: it authenticates with its own identity"
    return f"the function has no key, only a placeholder from {source}"


def _verified(health: Health) -> str:
    if not health.verifier:
        return ""
    accepts = "the key" if health.body.get("has_api_key", True) else "the function's identity"
    if health.body.get("mode") == "compatible" and not health.body.get("has_api_key", True):
        accepts = "a call without a key"
    return f", and {health.verifier} accepts {accepts}"
