"""The tests' STS and CloudTrail answer as the real ones do."""

import re
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from mypy_boto3_sts import STSClient

from tests.fakes import identity
from tests.fakes.cloudtrail import ACCOUNT, call
from tests.fakes.openai.tokens import claims_of
from tests.support.recorded import recording
from travel_gpt.aws.clients import make_client

AUDIENCE = "https://api.openai.com/v1"


@pytest.fixture
def sts(monkeypatch: pytest.MonkeyPatch) -> Iterator[STSClient]:
    """A client of an account whose principals may get web identity tokens."""
    identity.install()
    monkeypatch.setattr(identity.Federation, "enabled", True)
    with mock_aws():
        yield boto3.client("sts", region_name="eu-west-1")


def test_the_request_and_the_answer_have_the_members_of_the_model(sts: STSClient) -> None:
    request = recording("sts/GetWebIdentityToken/model-request").body
    response = recording("sts/GetWebIdentityToken/model-response").body
    asked: Any = {"Audience": [AUDIENCE], "SigningAlgorithm": "ES384", "DurationSeconds": 300}

    answer: dict[str, Any] = dict(sts.get_web_identity_token(**asked))

    del answer["ResponseMetadata"]
    assert set(request["required"]) <= asked.keys() <= request["members"].keys()
    assert answer.keys() == response["members"].keys()


def test_a_token_lives_for_an_hour_at_most(sts: STSClient) -> None:
    documented = recording("sts/GetWebIdentityToken/model-request").body["members"]["DurationSeconds"]
    assert "from 60 seconds (1 minute) to 3600 seconds (1 hour)" in documented["documentation"]

    # Below a minute, boto3 itself refuses.
    with pytest.raises(ClientError, match="60 to 3600"):
        sts.get_web_identity_token(Audience=[AUDIENCE], SigningAlgorithm="ES384", DurationSeconds=3601)


def test_federation_that_is_off_is_refused_as_in_the_model(
    sts: STSClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = recording("sts/GetWebIdentityToken/model-errors").body
    monkeypatch.setattr(identity.Federation, "enabled", False)

    with pytest.raises(ClientError) as refused:
        sts.get_web_identity_token(Audience=[AUDIENCE], SigningAlgorithm="ES384")

    response = refused.value.response
    model = errors[response["Error"]["Code"]]["error"]
    assert response["ResponseMetadata"]["HTTPStatusCode"] == model["httpStatusCode"]


def test_a_token_has_the_documented_claims(sts: STSClient) -> None:
    documented = recording("sts/GetWebIdentityToken JWT/claims-documented").body
    role = "arn:aws:iam::123456789012:role/DataProcessingRole"
    assumed = sts.assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    session = boto3.client(
        "sts",
        region_name="eu-west-1",
        aws_access_key_id=assumed["AccessKeyId"],
        aws_secret_access_key=assumed["SecretAccessKey"],
        aws_session_token=assumed["SessionToken"],
    )

    token = session.get_web_identity_token(Audience=[AUDIENCE], SigningAlgorithm="ES384")["WebIdentityToken"]

    claims = claims_of(token)
    own = "https://sts.amazonaws.com/"
    assert claims.keys() == documented.keys()
    assert claims[own].keys() <= documented[own].keys()
    # The role itself, and not its session.
    assert claims["sub"] == documented["sub"]
    assert re.fullmatch(r"https://[\w-]+\.tokens\.sts\.global\.api\.aws", claims["iss"])
    assert isinstance(claims["aud"], str)


def test_the_function_asks_a_regional_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    said = recording("sts/GetWebIdentityToken/not-on-global-endpoint").body
    monkeypatch.setenv("AWS_REGION", "eu-west-1")

    endpoint = make_client("sts").meta.endpoint_url

    assert "not available on the STS Global endpoint" in said
    assert endpoint == "https://sts.eu-west-1.amazonaws.com"


USER = f"arn:aws:iam::{ACCOUNT}:user/example"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/Admin/example.user"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"


@pytest.mark.parametrize(
    "name",
    [
        "cloudtrail/GetSecretValue/iam-user",
        "cloudtrail/ListSecrets/iam-user",
        "cloudtrail/BatchGetSecretValue/iam-user-filter",
    ],
)
def test_a_users_call_has_the_members_of_a_recorded_one(name: str) -> None:
    recorded = recording(name).body

    event = call(recorded["eventName"], USER, recorded["requestParameters"])

    assert (event.keys(), event["userIdentity"].keys()) == (recorded.keys(), recorded["userIdentity"].keys())
    assert event["tlsDetails"].keys() == recorded["tlsDetails"].keys()
    for member in ("eventSource", "eventType", "eventCategory", "readOnly", "responseElements"):
        assert event[member] == recorded[member]


def test_a_roles_call_names_the_session_and_the_role_that_issued_it() -> None:
    recorded = recording("cloudtrail/GetSecretValue/assumed-role-error-code-doubtful").body["userIdentity"]

    who = call("GetSecretValue", SESSION, {"secretId": "a"})["userIdentity"]

    assert (who.keys(), who["sessionContext"].keys()) == (recorded.keys(), recorded["sessionContext"].keys())
    assert who["sessionContext"]["sessionIssuer"].keys() == recorded["sessionContext"]["sessionIssuer"].keys()
    assert who["principalId"].endswith(":example.user")


def test_a_console_session_of_a_user_adds_members_and_takes_none_away() -> None:
    recorded = recording("cloudtrail/GetSecretValue/iam-user-console-session").body

    event = call("GetSecretValue", USER, recorded["requestParameters"])

    assert recorded.keys() - event.keys() == {"sessionCredentialFromConsole"}
    assert event.keys() <= recorded.keys()
    assert recorded["userIdentity"].keys() - event["userIdentity"].keys() == {"sessionContext"}


def test_a_call_through_an_endpoint_of_a_vpc_names_it_at_the_top() -> None:
    documented = recording("cloudtrail/GetSecretValue/documented-vpc-endpoint").body

    event = call("GetSecretValue", USER, {"secretId": "a"}, vpcEndpointId=documented["vpcEndpointId"])

    assert documented.keys() <= event.keys()


def test_root_is_the_account_itself() -> None:
    recorded = recording("cloudtrail/other event by root/root-identity").body

    who = call("GetSecretValue", ROOT, {"secretId": "a"})["userIdentity"]

    assert (who["type"], who["principalId"], who["arn"]) == (recorded["type"], ACCOUNT, recorded["arn"])
    assert who["sessionContext"]["sessionIssuer"] == recorded["sessionContext"]["sessionIssuer"]
    # The alias of the account, which it need not have, and what a federated session would have.
    assert recorded.keys() - who.keys() == {"userName"}


def test_a_batch_is_documented_to_leave_an_event_for_each_secret() -> None:
    documented = recording("cloudtrail/BatchGetSecretValue/documented-per-secret-events").body
    by_filter = recording("cloudtrail/BatchGetSecretValue/iam-user-filter").body["requestParameters"]

    # docs/operations/audit.md has a look-up for each of the two.
    assert "GetSecretValue log entries for each secret" in documented
    assert "secretIdList" not in by_filter
