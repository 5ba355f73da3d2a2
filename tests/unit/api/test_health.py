"""The mode that GET reports: the truth about what a query would use."""

import json
from dataclasses import replace
from typing import get_args

import pytest

from tests.unit.doubles import FIRST
from travel_gpt.api.health import DEMO_MODEL, CredentialStatus, status_of
from travel_gpt.api.responses import Mode
from travel_gpt.credentials.secret import NO_KEY, Credential, Key, WorkloadIdentity, read_secret, with_new_key
from travel_gpt.errors import InvalidSecret
from travel_gpt.local.environment import read_model_access
from travel_gpt.settings import Settings

OPENAI = Settings.load({})
OLLAMA = Settings.load({"OPENAI_BASE_URL": "http://localhost:11434/v1", "OPENAI_MODEL": "llama3.3"})
DEMO = Settings.load({"OPENAI_BASE_URL": "http://127.0.0.1:40001/v1", "OPENAI_MODEL": DEMO_MODEL})
IDENTITY = replace(FIRST, key=NO_KEY, identity=WorkloadIdentity("idp", "sa", str))


@pytest.mark.parametrize(
    ("credential", "settings", "status"),
    [
        (FIRST, OPENAI, CredentialStatus("openai", has_api_key=True)),
        (
            replace(FIRST, base_url="https://eu.api.openai.com/v1"),
            OLLAMA,
            CredentialStatus("openai", has_api_key=True),
        ),
        (FIRST, OLLAMA, CredentialStatus("compatible", has_api_key=True)),
        (
            replace(FIRST, base_url="https://llm.example/v1"),
            OPENAI,
            CredentialStatus("compatible", has_api_key=True),
        ),
        (replace(FIRST, placeholder=True), OLLAMA, CredentialStatus("compatible", has_api_key=False)),
        (replace(FIRST, placeholder=True), OPENAI, CredentialStatus("openai", has_api_key=False)),
        (FIRST, DEMO, CredentialStatus("demo", has_api_key=False)),
        (IDENTITY, OPENAI, CredentialStatus("keyless", has_api_key=False)),
        (IDENTITY, OLLAMA, CredentialStatus("keyless", has_api_key=False)),
    ],
)
def test_the_mode_is_that_of_the_credential_and_its_server(
    credential: Credential, settings: Settings, status: CredentialStatus
) -> None:
    assert status_of(credential, settings) == status


@pytest.mark.parametrize("base_url", ["https://api.openai.com/v1", "https://llm.example/v1"])
def test_a_deployed_function_cannot_report_the_demo(base_url: str) -> None:
    settings = Settings.load({"OPENAI_BASE_URL": base_url, "OPENAI_MODEL": DEMO_MODEL})
    assert status_of(FIRST, settings).mode != "demo"


def test_only_a_key_is_called_configured() -> None:
    assert CredentialStatus("openai", has_api_key=True).message == "OpenAI API key is configured"
    assert CredentialStatus("compatible", has_api_key=True).message == "OpenAI API key is configured"
    said = {CredentialStatus(mode, has_api_key=False).message for mode in get_args(Mode)}
    assert len(said) == len(get_args(Mode))
    assert all(message.startswith("No ") for message in said)


@pytest.mark.parametrize(
    ("environ", "placeholder"),
    [({}, True), ({"OPENAI_API_KEY": "sk-canary-0123456789abcdefghij"}, False)],
)
def test_make_run_marks_the_key_that_it_makes_up(environ: dict[str, str], placeholder: bool) -> None:
    owner = read_model_access({"OPENAI_BASE_URL": "http://localhost:11434/v1", **environ})
    assert read_secret(owner.secret, source="x", version="").placeholder is placeholder
    assert owner.holds_key is not placeholder


def read(value: object) -> Credential:
    secret = json.dumps({"api_key": "unused-by-the-server", "placeholder": value})
    return read_secret(secret, source="x", version="")


@pytest.mark.parametrize(("value", "expected"), [(True, True), (False, False), (None, False)])
def test_a_secret_may_say_that_its_key_is_a_placeholder(value: object, expected: bool) -> None:
    assert read(value).placeholder is expected


@pytest.mark.parametrize("value", ["true", 1, [], {}])
def test_a_placeholder_that_is_neither_true_nor_false_is_refused(value: object) -> None:
    with pytest.raises(InvalidSecret, match='"placeholder" in the secret must be true or false'):
        read(value)


def test_a_new_key_in_the_place_of_a_placeholder_is_a_key() -> None:
    old = json.dumps({"api_key": "unused-by-the-server", "placeholder": True, "model": "llama3.3"})
    new = read_secret(with_new_key(old, Key("sk-canary-0123456789abcdefghij")), source="x", version="")
    assert (new.placeholder, new.model) == (False, "llama3.3")
