"""The fake AWS's IAM, and KMS behind Secrets Manager, refuse in the words that were recorded."""

import json
from typing import Any

import pytest

from testbed.fake_aws import FakeAws
from tests.support.permissions import client_as
from tests.support.recorded import assert_same_refusal, recording, refusal

NAME = "travel-gpt/openai-api-key"


def secrets_of_a_role(aws: FakeAws, action: str = "s3:GetObject") -> Any:
    """A client with the credentials of a role that may do this."""
    role = aws.make_role("reader", {"Effect": "Allow", "Action": action, "Resource": "*"})
    return client_as(aws, role, "secretsmanager")


def sentence(text: str) -> str:
    """What is the same in every refusal: from the action on, without the resource."""
    before, _, after = text.partition("is not authorized to perform: ")[2].partition(" on resource: ")
    return f"{before} {after.partition(' ')[2].partition(' status code')[0].partition(chr(10))[0]}"


@pytest.mark.parametrize(
    ("name", "action", "by"),
    [
        ("secretsmanager/GetSecretValue/role-without-permission-by-name", "get_secret_value", "Name"),
        ("secretsmanager/GetSecretValue/iam-user-without-permission", "get_secret_value", "Name"),
        ("secretsmanager/DescribeSecret/role-without-permission-by-arn", "describe_secret", "ARN"),
    ],
)
def test_a_refusal_names_the_secret_as_the_caller_did(aws: FakeAws, name: str, action: str, by: str) -> None:
    recorded = recording(name)
    asked = aws.client("secretsmanager").create_secret(Name=NAME, SecretString="v")[by]

    error = refusal(getattr(secrets_of_a_role(aws), action), SecretId=asked)

    assert_same_refusal(error, recorded, wording=False)
    message = error.response["Error"]["Message"]
    assert f"on resource: {asked} because" in message
    assert sentence(message) == sentence(recorded.body)


def test_permission_is_asked_before_existence(aws: FakeAws) -> None:
    said = recording("secretsmanager/GetSecretValue/authorisation-before-existence")
    aws.client("secretsmanager").create_secret(Name="there", SecretString="v")
    client = secrets_of_a_role(aws)

    codes = {
        name: refusal(client.get_secret_value, SecretId=name).response["Error"]["Code"]
        for name in ("there", "absent")
    }

    assert "IAM authorisation happens first" in said.body
    assert codes == {"there": "AccessDeniedException", "absent": "AccessDeniedException"}


def test_a_denied_kms_key_reads_like_a_missing_permission(aws: FakeAws) -> None:
    recorded = recording("kms/GetSecretValue/kms-denied-wrapped")
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    aws.client("secretsmanager").create_secret(Name=NAME, SecretString="v", KmsKeyId=key)

    client = secrets_of_a_role(aws, "secretsmanager:GetSecretValue")

    error = refusal(client.get_secret_value, SecretId=NAME)

    assert_same_refusal(error, recorded)


def test_a_disabled_kms_key_is_the_declared_decryption_failure(aws: FakeAws) -> None:
    documented = recording("secretsmanager/service model/DecryptionFailure").body["DecryptionFailure"]
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    client = aws.client("secretsmanager")
    client.create_secret(Name=NAME, SecretString="v", KmsKeyId=key)
    aws.client("kms").disable_key(KeyId=key.rpartition("/")[2])

    error = refusal(client.get_secret_value, SecretId=NAME)

    assert error.response["Error"]["Code"] == "DecryptionFailure"
    assert error.response["Error"]["Message"] in documented["documentation"]
    assert documented["members"].keys() <= error.response.keys()


def test_an_explicit_deny_is_called_that(aws: FakeAws) -> None:
    documented = recording("secretsmanager/DescribeSecret/explicit-deny-in-resource-policy")
    client = secrets_of_a_role(aws, "secretsmanager:*")
    deny = {"Effect": "Deny", "Action": "secretsmanager:DescribeSecret", "Resource": "*"}
    aws.client("iam").put_role_policy(
        RoleName="reader",
        PolicyName="deny",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [deny]}),
    )

    error = refusal(client.describe_secret, SecretId=NAME)

    # There it was the secret's policy that denied; the fake judges the caller's policies alone.
    assert_same_refusal(error, documented, wording=False)
    own = error.response["Error"]["Message"].replace("an identity-based", "a resource-based")
    assert sentence(own) == sentence(documented.body)
