"""The fake AWS's IAM, and KMS behind Secrets Manager, refuse in the words that were recorded."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from testbed.fake_aws import FakeAws
from tests.support.recorded import assert_same_refusal, recording

NAME = "travel-gpt/openai-api-key"


def secrets_of_a_role(aws: FakeAws, *allowed: str, resource: str = "*", role: str = "reader") -> Any:
    """A client with the credentials of a role that may do these things."""
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    made = aws.client("iam").create_role(
        RoleName=role, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )
    statement = {"Effect": "Allow", "Action": list(allowed) or ["s3:GetObject"], "Resource": resource}
    aws.client("iam").put_role_policy(
        RoleName=role,
        PolicyName="own",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    credentials = aws.client("sts").assume_role(RoleArn=made["Role"]["Arn"], RoleSessionName="session")
    given = credentials["Credentials"]
    return aws.client(
        "secretsmanager",
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )


def refusal_of(client: Any, action: str, **parameters: str) -> ClientError:
    with pytest.raises(ClientError) as refused:
        getattr(client, action)(**parameters)
    return refused.value


def sentence(text: str) -> str:
    """What is the same in every refusal: from the action on, without the resource."""
    before, _, after = text.partition("is not authorized to perform: ")[2].partition(" on resource: ")
    return f"{before} {after.partition(' ')[2].partition(' status code')[0].partition(chr(10))[0]}"


@pytest.mark.parametrize(
    "name",
    [
        "secretsmanager/GetSecretValue/role-without-permission-by-name",
        "secretsmanager/GetSecretValue/iam-user-without-permission",
    ],
)
def test_a_refusal_names_the_secret_as_the_caller_did(aws: FakeAws, name: str) -> None:
    recorded = recording(name)
    aws.client("secretsmanager").create_secret(Name=NAME, SecretString="v")

    error = refusal_of(secrets_of_a_role(aws), "get_secret_value", SecretId=NAME)

    assert_same_refusal(error, recorded, wording=False)
    message = error.response["Error"]["Message"]
    assert f"on resource: {NAME} because" in message
    assert sentence(message) == sentence(recorded.body)


def test_a_refusal_names_the_arn_where_the_caller_did(aws: FakeAws) -> None:
    recorded = recording("secretsmanager/DescribeSecret/role-without-permission-by-arn")
    arn = aws.client("secretsmanager").create_secret(Name=NAME, SecretString="v")["ARN"]

    error = refusal_of(secrets_of_a_role(aws), "describe_secret", SecretId=arn)

    assert_same_refusal(error, recorded, wording=False)
    message = error.response["Error"]["Message"]
    assert f"on resource: {arn} because" in message
    assert sentence(message) == sentence(recorded.body)


def test_permission_is_asked_before_existence(aws: FakeAws) -> None:
    said = recording("secretsmanager/GetSecretValue/authorisation-before-existence")
    aws.client("secretsmanager").create_secret(Name="there", SecretString="v")
    client = secrets_of_a_role(aws)

    codes = {
        name: refusal_of(client, "get_secret_value", SecretId=name).response["Error"]["Code"]
        for name in ("there", "absent")
    }

    assert "IAM authorisation happens first" in said.body
    assert codes == {"there": "AccessDeniedException", "absent": "AccessDeniedException"}


def test_a_denied_kms_key_reads_like_a_missing_permission(aws: FakeAws) -> None:
    recorded = recording("kms/GetSecretValue/kms-denied-wrapped")
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    aws.client("secretsmanager").create_secret(Name=NAME, SecretString="v", KmsKeyId=key)

    error = refusal_of(
        secrets_of_a_role(aws, "secretsmanager:GetSecretValue"), "get_secret_value", SecretId=NAME
    )

    assert_same_refusal(error, recorded)


def test_a_disabled_kms_key_is_the_declared_decryption_failure(aws: FakeAws) -> None:
    documented = recording("secretsmanager/service model/DecryptionFailure").body["DecryptionFailure"]
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    client = aws.client("secretsmanager")
    client.create_secret(Name=NAME, SecretString="v", KmsKeyId=key)
    aws.client("kms").disable_key(KeyId=key.rpartition("/")[2])

    error = refusal_of(client, "get_secret_value", SecretId=NAME)

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

    error = refusal_of(client, "describe_secret", SecretId=NAME)

    # There it was the secret's policy that denied; the fake judges the caller's policies alone.
    assert_same_refusal(error, documented, wording=False)
    own = error.response["Error"]["Message"].replace("an identity-based", "a resource-based")
    assert sentence(own) == sentence(documented.body)
