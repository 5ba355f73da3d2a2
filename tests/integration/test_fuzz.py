"""Requests that Schemathesis makes from docs/openapi.json, against the local server: a short `make fuzz`."""

import subprocess
import sys

import pytest

from scripts.fuzz import ACCESS_MODES, DOCUMENT, ROOT, SCHEMATHESIS, document_for
from travel_gpt.api.resources import QUERY, STREAM

pytestmark = pytest.mark.skipif(
    not SCHEMATHESIS.exists(), reason="Schemathesis is not installed here: scripts/environment.sh fuzz"
)
# Without the random phase the requests are the same in every run, and end long before the time does.
SHORT = ("--seconds", "100", "--", "--phases", "examples,coverage", "--seed", "1")


@pytest.mark.parametrize("access", ACCESS_MODES)
def test_no_check_of_schemathesis_fails(access: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scripts.fuzz", "--access", access, *SHORT],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "No issues found" in done.stdout
    count = {"open": 7, "api-key": 4}[access]
    assert f"{count} selected / {count} total" in done.stdout


def test_the_document_has_no_default_and_no_wildcard_but_api_gateways_4xx() -> None:
    paths = document_for("api-key")["paths"]
    operations = [path[method] for path in paths.values() for method in ("get", "post") if method in path]
    assert len(operations) == 4
    for operation in operations:
        statuses = set(operation["responses"])
        assert "default" not in statuses
        # API Gateway's DEFAULT_4XX keeps the status of the failure, which is not known beforehand.
        assert {status for status in statuses if not status.isdigit()} <= {"4XX"}


def test_a_stack_with_keys_is_held_to_asking_for_one() -> None:
    for path in document_for("api-key")["paths"].values():
        assert path["post"]["security"] == [{"api_key": []}]
    for path in (QUERY, STREAM):
        assert document_for("open")["paths"][path]["post"]["security"] == [{"api_key": []}, {}]
    assert DOCUMENT.is_file()
