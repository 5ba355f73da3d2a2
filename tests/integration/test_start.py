"""Nothing at import may fail because something is wrong: GET says what it is."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GET = """
import json
from travel_gpt.handler import lambda_handler
class Context:
    aws_request_id = "invocation"
    def get_remaining_time_in_millis(self): return 2000
print(json.dumps(lambda_handler({"resource": "/travel-gpt", "httpMethod": "GET"}, Context())))
"""


def get(before: str = "", after: str = "", **environment: str) -> tuple[int, dict[str, object], str]:
    """Start the function in a process of its own, as Lambda does, and GET its health."""
    done = subprocess.run(
        [sys.executable, "-c", "\n".join([before, GET, after])],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "AWS_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    response = json.loads(next(line for line in done.stdout.splitlines() if line.startswith('{"statusCode"')))
    return response["statusCode"], json.loads(response["body"]), done.stdout


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SSL_CERT_FILE", "/nowhere/ca.pem"),
        ("POWERTOOLS_DEV", "sk-proj-akeyinthewrongplace"),
        ("HTTPS_PROXY", "ftp://proxy.example.com"),
    ],
)
def test_a_variable_that_a_library_does_not_take(variable: str, value: str) -> None:
    status, body, output = get(**{variable: value})

    assert (status, body["code"], body["has_api_key"]) == (503, "misconfigured", False)
    assert "could not start" in str(body["message"])
    assert "Traceback" in output, "the log says where"
    assert '"CredentialFailure": 1' in output, "and the alarm counts it"
    assert "akeyinthewrongplace" not in output


@pytest.mark.parametrize(
    ("variable", "value"), [("SSL_CERT_FILE", "/nowhere/ca.pem"), ("HTTPS_PROXY", "ftp://proxy.example.com")]
)
def test_a_variable_that_the_model_client_does_not_take_where_it_is_imported_later(
    variable: str, value: str
) -> None:
    page = {"WEB_PAGE": "enabled", "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand"}
    status, body, output = get(**page, **{variable: value})

    assert (status, body["code"], body["has_api_key"]) == (503, "misconfigured", False)
    assert "could not start" in str(body["message"])
    assert "Traceback" in output, "the log says where"
    assert '"CredentialFailure"' in output, "and the alarm counts it"


def test_a_store_that_is_away_and_a_wrong_setting() -> None:
    status, body, _ = get()
    assert (status, body["code"]) == (503, "credentials_unavailable")
    status, body, _ = get(OPENAI_API="soap", AWS_LAMBDA_INITIALIZATION_TYPE="on-demand")
    assert (status, body["code"]) == (503, "misconfigured")
    assert "OPENAI_API" in str(body["message"])


@pytest.mark.parametrize(
    ("source", "library"),
    [("vault", "hvac"), ("encrypted-file", "joserfc"), ("encrypted-file", "cryptography")],
)
def test_a_source_whose_library_is_not_there(source: str, library: str) -> None:
    status, body, _ = get(before=f"import sys; sys.modules[{library!r}] = None", CREDENTIAL_SOURCE=source)

    assert (status, body["code"], body["credential_source"]) == (503, "misconfigured", source)
    assert f"--requirement requirements/lambda-{source}.txt" in str(body["message"])


def test_the_default_source_pays_for_no_other() -> None:
    after = "import sys; print(*sorted(sys.modules))"
    _, _, output = get(after=after, AWS_LAMBDA_INITIALIZATION_TYPE="on-demand")
    assert "travel_gpt.credentials.sources.secrets_manager" in (imported := output.splitlines()[-1].split())
    of_others = (
        *("joserfc", "cryptography", "hvac", "requests", "dotenv", "rich", "typer"),
        *(f"travel_gpt.credentials.{name}" for name in ("vault", "encrypted_file", "container")),
    )
    assert not [name for name in imported if name.startswith(of_others)]

    # And each of these sources does need them: a module that is never imported would show nothing.
    for source, library in (("vault", "hvac"), ("vault", "requests"), ("encrypted-file", "joserfc")):
        _, _, output = get(after=after, CREDENTIAL_SOURCE=source)
        assert library in output.splitlines()[-1].split()
