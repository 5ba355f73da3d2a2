"""What an account sets and limits, against recorded answers: the logging role, concurrency."""

import json

import pytest
from botocore.exceptions import ClientError

from testbed.fake_aws import FakeAws
from testbed.tests.small_stacks import api, deploy, reasons, template
from tests.support.recorded import assert_same_refusal, recording


@pytest.fixture(autouse=True)
def one_try(monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore would wait, and try a throttled call again."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")


def name_a_role(aws: FakeAws, service: str, name: str = "logs") -> ClientError:
    """Name a role that trusts a service, and return the refusal."""
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    made = aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document)
    change = {"op": "replace", "path": "/cloudwatchRoleArn", "value": made["Role"]["Arn"]}
    gateway = aws.client("apigateway")
    with pytest.raises(ClientError) as error:
        gateway.update_account(patchOperations=[change])
    return error.value


def test_a_reservation_that_leaves_too_little_is_refused(aws: FakeAws) -> None:
    recorded = recording("lambda/PutFunctionConcurrency/below-unreserved-minimum")
    resources = api(aws, key_required=False)
    resources["Function"]["Properties"]["ReservedConcurrentExecutions"] = 901

    deploy(aws, template(resources))

    sentence = recorded.error[1].partition("[")[0]
    assert f"{sentence}[100]." in reasons(aws)


def test_the_logging_role_must_trust_api_gateway(aws: FakeAws) -> None:
    recorded = recording("apigateway/UpdateAccount/role-not-permitted")

    assert_same_refusal(name_a_role(aws, "lambda.amazonaws.com"), recorded)


def test_naming_it_twice_within_seconds_is_throttled(aws: FakeAws) -> None:
    recorded = recording("apigateway/control plane/too-many-requests-sdk-object")
    model = recording("apigateway/service model/TooManyRequestsException-retryAfterSeconds")
    name_a_role(aws, "lambda.amazonaws.com")

    throttled = name_a_role(aws, "lambda.amazonaws.com", "others").response

    assert throttled["ResponseMetadata"]["HTTPStatusCode"] == recorded.status == model.status
    assert f"[{throttled['Error']['Code']}: {throttled['Error']['Message']}]" in recorded.body
    assert throttled["Error"]["Code"] in model.body["UpdateAccount.errors"]
    shape = model.body["TooManyRequestsException"]["members"]["retryAfterSeconds"]
    assert int(throttled["ResponseMetadata"]["HTTPHeaders"][shape["locationName"].lower()]) > 0
