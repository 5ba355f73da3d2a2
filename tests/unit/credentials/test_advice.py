"""Advice fits the place of the key and the server: every source, at OpenAI and elsewhere."""

import os

import httpx2
import pytest

from tests.unit.llm.sdk import model_client
from travel_gpt.credentials.advice import (
    Local,
    key_place,
    not_permitted_message,
    refused_message,
    server_name,
)
from travel_gpt.credentials.secret import Credential, Key
from travel_gpt.credentials.sources.environment import EnvironmentSource
from travel_gpt.credentials.sources.secrets_manager import SecretsManagerSource
from travel_gpt.deadline import Deadline
from travel_gpt.errors import AccessDenied, CredentialRejected, InvalidSecret, SecretNotFound

OPENAI = "https://api.openai.com/v1"
OTHER = "https://llm.example.com:8443/v1"
SOURCES = ("secrets-manager", "environment", "vault", "encrypted-file")


def test_the_server_is_named_by_its_host() -> None:
    assert [server_name(url) for url in ("", OPENAI, "https://eu.api.openai.com/v1")] == ["OpenAI"] * 3
    assert server_name(OTHER) == "llm.example.com:8443"
    assert server_name("http://localhost:11434/v1") == "localhost:11434"


@pytest.mark.parametrize(
    ("source", "local", "advice"),
    [
        ("secrets-manager", "", "./deploy.sh --replace-key"),
        ("secrets-manager", "source", "travel-gpt secret rotate"),
        ("secrets-manager", "key", "OPENAI_API_KEY"),
        ("environment", "", "OPENAI_API_KEY"),
        ("environment", "source", "OPENAI_API_KEY"),
        ("vault", "", "in Vault"),
        ("encrypted-file", "source", "travel-gpt secret encrypt --replace"),
    ],
)
def test_a_key_that_openai_refuses_is_replaced_where_it_is_kept(
    source: str, local: Local, advice: str
) -> None:
    message = refused_message(source, OPENAI, local=local)
    assert message.startswith("OpenAI refused the configured key. The owner should ")
    assert advice in message
    assert ("./deploy.sh" in message) == (advice == "./deploy.sh --replace-key")


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("local", ["", "source", "key"])
def test_a_key_that_another_server_refuses_is_no_matter_of_openais(source: str, local: Local) -> None:
    message = refused_message(source, OTHER, local=local)
    assert "llm.example.com:8443" in message
    assert "OPENAI_BASE_URL" in message
    assert "OpenAI" not in message
    assert "deploy.sh" not in message


def test_a_base_url_in_the_secret_is_what_is_named() -> None:
    message = refused_message("secrets-manager", OTHER, in_secret=True)
    assert "base_url in the secret" in message
    assert "OPENAI_BASE_URL" not in message


def test_a_server_that_was_given_no_key_asks_for_one() -> None:
    message = refused_message("secrets-manager", "http://localhost:1/v1", local="no-key")
    assert message == (
        "localhost:1 asks for a key, and none is set. The owner should set OPENAI_API_KEY where this runs, "
        "and start it again, or check OPENAI_BASE_URL."
    )


def test_the_variable_that_holds_the_key_is_named() -> None:
    assert "SECRET_TEAM_KEY" in key_place("environment", variable="SECRET_TEAM_KEY").replace


def test_a_call_that_another_server_does_not_permit_is_no_matter_of_openais() -> None:
    assert "OpenAI knows the configured key" in not_permitted_message(OPENAI)
    message = not_permitted_message(OTHER)
    assert "OpenAI " not in message
    assert "llm.example.com:8443" in message


@pytest.mark.parametrize(("base_url", "named"), [(OPENAI, "OpenAI knows"), (OTHER, "llm.example.com:8443")])
def test_the_model_client_names_the_server_that_does_not_permit_a_call(base_url: str, named: str) -> None:
    upstream = model_client(
        lambda _: httpx2.Response(403, json={"error": {"message": "no"}}), OPENAI_BASE_URL=base_url
    )
    credential = Credential(key=Key("sk-canary-0123456789abcdefghij"), source="environment")
    with pytest.raises(CredentialRejected) as refused:
        upstream.verify(credential, Deadline(5))
    assert named in refused.value.message
    assert "canary" not in refused.value.message + refused.value.detail


def test_a_credential_says_where_it_is_replaced() -> None:
    credential = Credential(key=Key("k" * 20), source="environment", version="SECRET_TEAM_KEY")
    assert "SECRET_TEAM_KEY to another key" in credential.refusal("refused", OTHER).message
    secret = Credential(key=Key("k" * 20), source="secrets-manager", base_url=OTHER)
    assert "base_url in the secret" in secret.refusal("refused", OPENAI).message


def test_an_environment_without_a_key_names_the_variable() -> None:
    with pytest.raises(SecretNotFound) as missing:
        EnvironmentSource("travel-gpt/openai-api-key", {}).fetch()
    assert "OPENAI_API_KEY" in missing.value.message
    assert "deploy.sh" not in missing.value.message
    with pytest.raises(InvalidSecret) as wrong:
        EnvironmentSource("travel-gpt/openai-api-key", {"OPENAI_API_KEY": "sk-canary 0123456789"}).fetch()
    assert wrong.value.message.startswith("OPENAI_API_KEY does not hold a usable key.")
    assert "canary" not in wrong.value.message + wrong.value.detail
    assert "deploy.sh" not in wrong.value.message


@pytest.mark.parametrize(("local", "advice"), [("", "./deploy.sh"), ("source", "travel-gpt secret put")])
def test_a_missing_secret_is_created_where_it_is_kept(local: Local, advice: str) -> None:
    from moto import mock_aws

    with mock_aws(), pytest.raises(SecretNotFound) as missing:
        SecretsManagerSource("travel-gpt/openai-api-key", local).fetch()
    assert advice in missing.value.message


def test_without_aws_credentials_the_role_is_not_blamed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_") and "KEY" in name]:
        monkeypatch.delenv(name)
    with pytest.raises(AccessDenied) as missing:
        SecretsManagerSource("travel-gpt/openai-api-key").fetch()
    assert missing.value.message.startswith("There are no AWS credentials")
    assert "role" not in missing.value.message
