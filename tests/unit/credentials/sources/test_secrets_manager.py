"""Secrets Manager as moto emulates it: the secret that is there, is not, is deleted, or is no text."""

import json
from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws
from mypy_boto3_secretsmanager import SecretsManagerClient

from travel_gpt.credentials.secret import Credential, Key
from travel_gpt.credentials.sources.secrets_manager import SecretsManagerSource
from travel_gpt.errors import SecretNotFound

NAME = "travel-gpt/openai-api-key"
KEY = "sk-proj-Xq7ZkV9wJ3pYtB5mHx2RfN8dLs6GcQ4vUj"


@pytest.fixture
def owner() -> Iterator[SecretsManagerClient]:
    """The owner's own client, on an empty account."""
    with mock_aws():
        yield boto3.client("secretsmanager")


def test_given_a_secret_then_its_key_its_source_and_its_version_are_read(owner: SecretsManagerClient) -> None:
    made = owner.create_secret(Name=NAME, SecretString=json.dumps({"api_key": KEY, "model": "gemma4"}))

    credential = SecretsManagerSource(NAME).fetch()

    assert credential == Credential(key=Key(KEY), source="secrets-manager", model="gemma4")
    assert credential.version == made["VersionId"]


def test_a_secret_is_found_by_its_arn_too(owner: SecretsManagerClient) -> None:
    arn = owner.create_secret(Name=NAME, SecretString=KEY)["ARN"]

    assert SecretsManagerSource(arn).fetch().key.reveal() == KEY


def test_given_no_secret_then_it_is_not_found_and_aws_own_words_are_in_the_detail(
    owner: SecretsManagerClient,
) -> None:
    owner.create_secret(Name=f"{NAME}-2", SecretString=KEY)

    with pytest.raises(SecretNotFound) as refused:
        SecretsManagerSource(NAME).fetch()

    assert refused.value.detail.startswith("the secret, or its current version, does not exist: ")
    assert "Secrets Manager can't find the specified secret" in refused.value.detail


def test_given_a_secret_without_a_value_then_it_is_not_found(owner: SecretsManagerClient) -> None:
    owner.create_secret(Name=NAME)

    with pytest.raises(SecretNotFound):
        SecretsManagerSource(NAME).fetch()


def test_given_a_secret_scheduled_for_deletion_then_it_is_not_found_until_it_is_restored(
    owner: SecretsManagerClient,
) -> None:
    owner.create_secret(Name=NAME, SecretString=KEY)
    owner.delete_secret(SecretId=NAME, RecoveryWindowInDays=7)
    source = SecretsManagerSource(NAME)

    with pytest.raises(SecretNotFound, match="scheduled for deletion"):
        source.fetch()

    owner.restore_secret(SecretId=NAME)
    assert source.fetch().key.reveal() == KEY


@pytest.mark.parametrize("default", ["eu-west-1", None])
def test_lambdas_own_region_is_asked_whatever_boto3s_default_is(
    owner: SecretsManagerClient, monkeypatch: pytest.MonkeyPatch, default: str | None
) -> None:
    owner.create_secret(Name=NAME, SecretString=KEY)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    if default:
        monkeypatch.setenv("AWS_DEFAULT_REGION", default)
    else:
        monkeypatch.delenv("AWS_DEFAULT_REGION")

    assert SecretsManagerSource(NAME).fetch().key.reveal() == KEY
