"""The admin key, as its owner stored it."""

import json

import pytest
from mypy_boto3_secretsmanager import SecretsManagerClient

from travel_gpt.aws.secret_versions import SecretVersions
from travel_gpt.errors import InvalidSecret, SecretNotFound
from travel_gpt.redaction import redact
from travel_gpt.rotation.openai_keys import fetch_admin_key

NAME = "travel-gpt/openai-admin-key"
KEY = "sk-admin-Xq7ZkV9wJ3pYtB5mHx2RfN8dLs6GcQ4vUj"

pytestmark = pytest.mark.usefixtures("harness")


@pytest.mark.parametrize("stored", [KEY, f" {KEY}\n", json.dumps({"admin_api_key": KEY})])
def test_it_is_bare_or_json(secrets: SecretsManagerClient, stored: str) -> None:
    secrets.create_secret(Name=NAME, SecretString=stored)

    assert fetch_admin_key(SecretVersions(NAME, secrets)).reveal() == KEY
    assert KEY[12:] not in redact(f"it was {KEY[12:]}")


@pytest.mark.parametrize(
    ("stored", "says"),
    [
        ("{", "not valid JSON"),
        ("[]", 'no text "admin_api_key"'),
        ('"text"', 'no text "admin_api_key"'),
        (json.dumps({"api_key": KEY}), 'no text "admin_api_key"'),
        (json.dumps({"admin_api_key": 7}), 'no text "admin_api_key"'),
        (f"{KEY} {KEY}", "admin key: "),
        (" ", "admin key: "),
        (KEY.replace("sk-admin-", "sk-proj-"), "holds a key of a project"),
        (json.dumps({"admin_api_key": KEY.replace("sk-admin-", "sk-svcacct-")}), "holds a key of a project"),
    ],
)
def test_what_is_no_admin_key_is_refused_and_not_quoted(
    secrets: SecretsManagerClient, stored: str, says: str
) -> None:
    secrets.create_secret(Name=NAME, SecretString=stored)

    with pytest.raises(InvalidSecret, match=says) as invalid:
        fetch_admin_key(SecretVersions(NAME, secrets))

    assert KEY[12:] not in str(invalid.value)
    assert invalid.value.__suppress_context__ or invalid.value.__context__ is None


def test_given_no_such_secret_then_it_is_not_found(secrets: SecretsManagerClient) -> None:
    with pytest.raises(SecretNotFound, match="admin key"):
        fetch_admin_key(SecretVersions(NAME, secrets))
