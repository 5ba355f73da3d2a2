"""moto's Secrets Manager, as the tests patch it, answers what Secrets Manager was recorded to answer."""

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from mypy_boto3_secretsmanager import SecretsManagerClient

from tests.support.recorded import Recording, assert_same_refusal, differences, recording
from tests.support.rotation_function import rotation_function
from travel_gpt.local.environment import SECRET_NAME, secret_store

Ask = Callable[[SecretsManagerClient], Any]

NAME = "travel-gpt/openai-api-key"
TOKEN = str(uuid.UUID(int=7))


@pytest.fixture(scope="module")
def client() -> SecretsManagerClient:
    """One client for all: making one takes longer than most of these tests."""
    return boto3.client("secretsmanager")


@pytest.fixture
def secrets(client: SecretsManagerClient) -> Iterator[SecretsManagerClient]:
    """The client of an account with one secret."""
    with mock_aws():
        client.create_secret(Name=NAME, SecretString="my_secret")
        yield client


@pytest.fixture
def watched(secrets: SecretsManagerClient) -> SecretsManagerClient:
    """A client of a test's own in the same account, to listen to."""
    del secrets
    return boto3.client("secretsmanager")


def refused(ask: Ask, secrets: SecretsManagerClient) -> ClientError:
    with pytest.raises(ClientError) as error:
        ask(secrets)
    return error.value


def answered(answer: Any) -> dict[str, Any]:
    """An answer without the part that botocore adds; the status has to be 200."""
    assert answer.pop("ResponseMetadata")["HTTPStatusCode"] == 200
    return dict(answer)


def read_without_a_version(secrets: SecretsManagerClient) -> None:
    secrets.create_secret(Name="empty")
    secrets.get_secret_value(SecretId="empty")


def read_another_label_of_the_version(secrets: SecretsManagerClient) -> None:
    version = secrets.describe_secret(SecretId=NAME)["VersionIdsToStages"]
    secrets.get_secret_value(SecretId=NAME, VersionId=next(iter(version)), VersionStage="AWSPREVIOUS")


def create_again_after_deletion(secrets: SecretsManagerClient) -> None:
    secrets.delete_secret(SecretId=NAME)
    secrets.create_secret(Name=NAME, SecretString="again")


def read_after_deletion(secrets: SecretsManagerClient) -> None:
    secrets.delete_secret(SecretId=NAME)
    secrets.get_secret_value(SecretId=NAME)


def rotate_with_a_forbidden_function(secrets: SecretsManagerClient) -> None:
    secrets.rotate_secret(SecretId=NAME, RotationLambdaARN=rotation_function(invokable=False))


def rotate_while_a_version_is_pending(secrets: SecretsManagerClient) -> None:
    secrets.put_secret_value(SecretId=NAME, SecretString="new", VersionStages=["AWSPENDING"])
    secrets.rotate_secret(
        SecretId=NAME, RotationLambdaARN=rotation_function(), RotationRules={"AutomaticallyAfterDays": 30}
    )


REFUSALS: dict[str, Ask] = {
    "secretsmanager/GetSecretValue/missing-secret-with-permission": lambda secrets: secrets.get_secret_value(
        SecretId="another"
    ),
    "secretsmanager/GetSecretValue/no-version-with-stage-AWSPREVIOUS": lambda secrets: (
        secrets.get_secret_value(SecretId=NAME, VersionStage="AWSPREVIOUS")
    ),
    "secretsmanager/GetSecretValue/stage-AWSPENDING-absent": lambda secrets: secrets.get_secret_value(
        SecretId=NAME, VersionStage="AWSPENDING"
    ),
    "secretsmanager/GetSecretValue/version-and-stage-mismatch": read_another_label_of_the_version,
    "secretsmanager/GetSecretValue/secret-without-any-version": read_without_a_version,
    "secretsmanager/GetSecretValue/scheduled-for-deletion": read_after_deletion,
    "secretsmanager/CreateSecret/name-scheduled-for-deletion": create_again_after_deletion,
    "secretsmanager/CreateSecret/already-exists": lambda secrets: secrets.create_secret(
        Name=NAME, SecretString="again"
    ),
    "secretsmanager/CreateSecret/invalid-name": lambda secrets: secrets.create_secret(
        Name="a name with 'quotes'"
    ),
    "secretsmanager/RotateSecret/no-lambda-arn": lambda secrets: secrets.rotate_secret(SecretId=NAME),
    "secretsmanager/RotateSecret/lambda-not-invokable": rotate_with_a_forbidden_function,
    "secretsmanager/RotateSecret/previous-rotation-not-complete": rotate_while_a_version_is_pending,
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_is_refused_is_refused_in_the_same_words(name: str, secrets: SecretsManagerClient) -> None:
    assert_same_refusal(refused(REFUSALS[name], secrets), recording(name))


def test_the_text_of_2019_has_the_same_code(secrets: SecretsManagerClient) -> None:
    recorded = recording("secretsmanager/GetSecretValue/scheduled-for-deletion-2019-curly")

    code = refused(read_after_deletion, secrets).response["Error"]["Code"]

    assert f'"code":"{code}"' in recorded.body


def test_a_missing_function_is_refused_like_a_forbidden_one(secrets: SecretsManagerClient) -> None:
    missing = "arn:aws:lambda:us-east-1:123456789012:function:missing"

    error = refused(lambda client: client.rotate_secret(SecretId=NAME, RotationLambdaARN=missing), secrets)

    assert_same_refusal(error, recording("secretsmanager/RotateSecret/lambda-not-invokable"))


@pytest.mark.parametrize(
    ("name", "ask"),
    [
        (
            "secretsmanager/RotateSecret/no-client-request-token-raw",
            lambda secrets: secrets.rotate_secret(SecretId=NAME),
        ),
        (
            "secretsmanager/UpdateSecret/no-client-request-token-raw",
            lambda secrets: secrets.update_secret(SecretId=NAME, SecretString="new"),
        ),
    ],
)
def test_a_raw_request_without_its_token_is_refused_in_the_same_body(
    name: str, ask: Ask, watched: SecretsManagerClient
) -> None:
    recorded = recording(name)
    bodies: list[Any] = []
    watched.meta.events.register("before-call.secrets-manager", _take_the_token_away)
    watched.meta.events.register(
        "response-received.secrets-manager",
        lambda response_dict, **_: bodies.append((response_dict["status_code"], response_dict["body"])),
    )

    refused(ask, watched)

    ((status, body),) = bodies
    assert (status, json.loads(body)) == (recorded.status, recorded.body["Error"])


def _take_the_token_away(params: dict[str, Any], **_: Any) -> None:
    body = json.loads(params["body"])
    del body["ClientRequestToken"]
    params["body"] = json.dumps(body).encode()


def test_a_text_is_read_as_it_was_recorded(secrets: SecretsManagerClient) -> None:
    answer = answered(secrets.get_secret_value(SecretId=NAME))

    assert differences(recording("secretsmanager/GetSecretValue/success-string").body, answer) == []
    assert recording("secretsmanager/GetSecretValue/documented-example").body.keys() == answer.keys()


def test_the_local_servers_store_answers_as_it_was_recorded() -> None:
    with secret_store("my_secret"):
        answer = answered(boto3.client("secretsmanager").get_secret_value(SecretId=SECRET_NAME))

    assert differences(recording("secretsmanager/GetSecretValue/success-string").body, answer) == []


def test_bytes_are_read_as_they_were_recorded(watched: SecretsManagerClient) -> None:
    recorded = recording("secretsmanager/GetSecretValue/success-binary-raw-http")
    watched.create_secret(Name="binary", SecretBinary=b"footest")
    bodies: list[Any] = []
    watched.meta.events.register(
        "response-received.secrets-manager",
        lambda response_dict, **_: bodies.append(json.loads(response_dict["body"])),
    )

    watched.get_secret_value(SecretId="binary")

    (raw,) = bodies
    # The recorder wrote a word for the number of seconds that is on the wire.
    assert isinstance(raw.pop("CreatedDate"), int | float)
    assert differences({k: v for k, v in recorded.body.items() if k != "CreatedDate"}, raw) == []


def rotate(secrets: SecretsManagerClient, token: str, value: str) -> None:
    """Rotate as Secrets Manager and the function do it together."""
    current = secrets.get_secret_value(SecretId=NAME)["VersionId"]
    secrets.rotate_secret(SecretId=NAME, ClientRequestToken=token)
    secrets.put_secret_value(
        SecretId=NAME, ClientRequestToken=token, SecretString=value, VersionStages=["AWSPENDING"]
    )
    secrets.update_secret_version_stage(
        SecretId=NAME, VersionStage="AWSCURRENT", MoveToVersionId=token, RemoveFromVersionId=current
    )


def test_after_two_rotations_the_oldest_version_has_vanished(secrets: SecretsManagerClient) -> None:
    recorded = recording("secretsmanager/DescribeSecret/after-rotation-AWSPREVIOUS")
    secrets.update_secret(SecretId=NAME, Description="testing rotation of secrets")
    secrets.rotate_secret(
        SecretId=NAME,
        RotationLambdaARN=rotation_function(),
        RotationRules={"AutomaticallyAfterDays": 1},
        RotateImmediately=False,
    )
    for number in (1, 2):
        rotate(secrets, str(uuid.UUID(int=number)), f"value {number}")
        secrets.update_secret_version_stage(
            SecretId=NAME, VersionStage="AWSPENDING", RemoveFromVersionId=str(uuid.UUID(int=number))
        )

    described = answered(secrets.describe_secret(SecretId=NAME))

    ids = {"<version_uuid:2>": str(uuid.UUID(int=1)), "<version_uuid:3>": str(uuid.UUID(int=2))}
    stages = {ids[masked]: labels for masked, labels in recorded.body["VersionIdsToStages"].items()}
    assert differences({**recorded.body, "VersionIdsToStages": stages}, described) == []


def test_the_documented_description_has_members_that_the_fake_knows(secrets: SecretsManagerClient) -> None:
    recorded = recording("secretsmanager/DescribeSecret/documented-example")
    secrets.update_secret(SecretId=NAME, Description="d", KmsKeyId="alias/travel")
    secrets.tag_resource(SecretId=NAME, Tags=[{"Key": "SecondTag", "Value": "AnotherValue"}])
    secrets.rotate_secret(
        SecretId=NAME, RotationLambdaARN=rotation_function(), RotationRules={"AutomaticallyAfterDays": 14}
    )

    described = answered(secrets.describe_secret(SecretId=NAME))

    # The example is of a secret that was rotated before, and the next date is not in it.
    assert described.keys() - recorded.body.keys() == {"CreatedDate", "NextRotationDate"}
    assert recorded.body.keys() - described.keys() == {"LastAccessedDate", "LastRotatedDate"}


def test_a_secret_that_is_scheduled_for_deletion_is_described_all_the_same(
    secrets: SecretsManagerClient,
) -> None:
    recorded = recording("secretsmanager/DescribeSecret/scheduled-for-deletion")
    (version,) = secrets.describe_secret(SecretId=NAME)["VersionIdsToStages"]
    secrets.delete_secret(SecretId=NAME)

    described = answered(secrets.describe_secret(SecretId=NAME))

    stages = {version: ["AWSCURRENT"]}
    assert differences({**recorded.body, "VersionIdsToStages": stages}, described) == []
    # And it can be deleted at once after that.
    recorded = recording("secretsmanager/DeleteSecret/force-after-scheduled")
    deleted = secrets.delete_secret(SecretId=NAME, ForceDeleteWithoutRecovery=True)
    assert differences(recorded.body, answered(deleted)) == []


def test_a_pending_version_stands_beside_the_current_one(secrets: SecretsManagerClient) -> None:
    secrets.put_secret_value(SecretId=NAME, SecretString="new", VersionStages=["AWSPENDING"])

    listed = answered(secrets.list_secret_version_ids(SecretId=NAME))

    assert differences(recording("secretsmanager/ListSecretVersionIds/AWSPENDING").body, listed) == []


def test_a_promoted_version_keeps_awspending(secrets: SecretsManagerClient) -> None:
    recorded = recording("secretsmanager/ListSecretVersionIds/AWSCURRENT-and-AWSPENDING-same-version")
    (first,) = secrets.describe_secret(SecretId=NAME)["VersionIdsToStages"]
    secrets.put_secret_value(
        SecretId=NAME, SecretString="new", VersionStages=["AWSPENDING"], ClientRequestToken=TOKEN
    )
    secrets.update_secret_version_stage(
        SecretId=NAME, VersionStage="AWSCURRENT", MoveToVersionId=TOKEN, RemoveFromVersionId=first
    )

    listed = answered(secrets.list_secret_version_ids(SecretId=NAME))

    for each in listed["Versions"]:
        each["VersionStages"] = sorted(each["VersionStages"])
    assert differences(recorded.body, listed) == []


def test_a_pending_label_on_the_current_version_does_not_keep_a_rotation_from_beginning(
    secrets: SecretsManagerClient,
) -> None:
    recording("secretsmanager/ListSecretVersionIds/AWSCURRENT-and-AWSPENDING-same-version")
    secrets.rotate_secret(
        SecretId=NAME,
        RotationLambdaARN=rotation_function(),
        RotationRules={"AutomaticallyAfterDays": 1},
        RotateImmediately=False,
    )
    rotate(secrets, str(uuid.UUID(int=1)), "value 1")

    rotate(secrets, str(uuid.UUID(int=2)), "value 2")

    stages = secrets.describe_secret(SecretId=NAME)["VersionIdsToStages"]
    assert {version: sorted(labels) for version, labels in stages.items()} == {
        str(uuid.UUID(int=1)): ["AWSPREVIOUS"],
        str(uuid.UUID(int=2)): ["AWSCURRENT", "AWSPENDING"],
    }


def test_a_policy_is_shown_as_it_was_recorded(secrets: SecretsManagerClient) -> None:
    recorded = recording("secretsmanager/GetResourcePolicy/success")
    secrets.put_resource_policy(SecretId=NAME, ResourcePolicy=json.dumps(recorded.body["ResourcePolicy"]))

    shown = answered(secrets.get_resource_policy(SecretId=NAME))

    # The recorder parsed the text that the member is.
    assert isinstance(shown["ResourcePolicy"], str)
    shown["ResourcePolicy"] = json.loads(shown["ResourcePolicy"])
    assert differences(recorded.body, shown) == []


def test_the_errors_that_the_model_declares_are_those_of_botocore(secrets: SecretsManagerClient) -> None:
    declared: Recording = recording("secretsmanager/service model/GetSecretValue-declared-errors")
    decryption = recording("secretsmanager/service model/DecryptionFailure")
    operation = secrets.meta.service_model.operation_model("GetSecretValue")

    shapes: dict[str, Any] = {shape.name: shape for shape in operation.error_shapes}

    assert set(shapes) == set(declared.body)
    assert list(shapes["DecryptionFailure"].members) == list(decryption.body["DecryptionFailure"]["members"])
