"""What protects the key, and what is off, as the settings tell."""

import io
import json
import subprocess
import sys

import pytest

from travel_gpt.security_summary import summarize_security
from travel_gpt.settings import Settings, settings_fields

IDS = {"OPENAI_IDENTITY_PROVIDER_ID": "wip_acme", "OPENAI_SERVICE_ACCOUNT_ID": "sa_travel"}


def test_the_defaults() -> None:
    summary = summarize_security(Settings())

    assert summary.protects == (
        "the key is in Secrets Manager",
        "POST needs an API key",
        "queries and the key go to OpenAI",
        "each request leaves a line in the log, without its words",
    )
    assert summary.off == (
        "no budget bounds what all clients together spend (BUDGET_PER_DAY, BUDGET_PER_MONTH)",
        "a key of any age is taken (CREDENTIAL_ROTATION_DAYS)",
        "a key whose expires_at has passed is used (CREDENTIAL_EXPIRY)",
        "a replaced key may be used for 3600 s (CREDENTIAL_PREVIOUS_SECONDS)",
    )


@pytest.mark.parametrize(
    ("environment", "off"),
    [
        ({"API_ACCESS": "open"}, "POST is open to everybody (API_ACCESS)"),
        ({"OPENAI_BASE_URL": "https://llm.example.com/v1"}, "queries and the key go to llm.example.com"),
        ({"LOG_LEVEL": "ERROR"}, "the log leaves out"),
        ({"CREDENTIAL_SOURCE": "environment"}, "the key is in the environment"),
        ({"CREDENTIAL_SOURCE": "secrets-manager,environment"}, "the key is in the environment"),
        ({"CREDENTIAL_SOURCE": "encrypted-file"}, "its master key is in the environment"),
        ({"CREDENTIAL_SOURCE": "vault"}, "the token for Vault is in the environment (VAULT_AUTH)"),
    ],
)
def test_what_is_off_is_listed(environment: dict[str, str], off: str) -> None:
    assert any(line.startswith(off) for line in summarize_security(Settings.load(environment)).off)
    assert not any(line.startswith(off) for line in summarize_security(Settings()).off)


def test_everything_on() -> None:
    budget = {"BUDGET_PER_MONTH": "50", "TABLE_NAME": "clients"}
    strict = {"CREDENTIAL_ROTATION_DAYS": "30", "CREDENTIAL_EXPIRY": "enforce", **budget}
    summary = summarize_security(Settings.load({**strict, "CREDENTIAL_PREVIOUS_SECONDS": "0"}))
    assert summary.off == ()
    assert "a key whose expires_at has passed is refused" in summary.protects
    identity = {"CREDENTIAL_SOURCE": "workload-identity", **IDS, **budget}
    assert summarize_security(Settings.load(identity)).off == ()
    by_role = {"CREDENTIAL_SOURCE": "vault", "VAULT_AUTH": "aws", "CREDENTIAL_PREVIOUS_SECONDS": "0"}
    assert summarize_security(Settings.load(strict | by_role)).off == ()


def test_every_source_is_known() -> None:
    (spec,) = (spec for spec in settings_fields() if spec.variable == "CREDENTIAL_SOURCE")
    with pytest.raises(ValueError, match=r"must be one of") as caught:
        spec.parse("no-such-source")

    for choice in str(caught.value).partition(": ")[2].split(", "):
        assert summarize_security(Settings(credential_source=(choice,))).protects


@pytest.mark.parametrize(
    ("environment", "level", "problems"),
    [({}, "INFO", []), ({"LOG_LEVEL": "LOUD", "API_ACCESS": "maybe"}, "ERROR", ["API_ACCESS", "LOG_LEVEL"])],
)
def test_the_function_writes_it_at_start_as_one_line_with_every_problem(
    environment: dict[str, str], level: str, problems: list[str]
) -> None:
    started = subprocess.run(
        [sys.executable, "-c", "import travel_gpt.handler"],
        env={"AWS_REGION": "eu-west-1", "PATH": "", **environment},
        capture_output=True,
        text=True,
        check=True,
    )

    (line,) = (json.loads(text) for text in io.StringIO(started.stdout) if '"Security summary"' in text)
    assert line["level"] == level
    assert "the key is in Secrets Manager" in line["protects"]
    assert line["off"]
    assert [problem.split()[0] for problem in line["problems"]] == problems
