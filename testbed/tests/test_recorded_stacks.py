"""The fake AWS's CloudFormation, Lambda and Scheduler against recorded answers."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from testbed.fake_aws import FakeAws
from testbed.tests.small_stacks import LAMBDA_TRUST, STACK, api, deploy, log_group, reasons, submit, template
from tests.support.recorded import assert_same_refusal, differences, recording, refusal, unmasked

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:doesnotexist"
ROLE = "arn:aws:iam::123456789012:role/schedules"
NAMED = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Statement": []}}}


def create_schedule(aws: FakeAws, expression: str, role: str = ROLE) -> Any:
    return aws.client("scheduler").create_schedule(
        Name="once",
        ScheduleExpression=expression,
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": FUNCTION, "RoleArn": role},
    )


def name_logging_role(aws: FakeAws, role: str) -> Any:
    change = {"op": "replace", "path": "/cloudwatchRoleArn", "value": role}
    return aws.client("apigateway").update_account(patchOperations=[change])


def roll_back(aws: FakeAws) -> Any:
    aws.refuse("AWS::Logs::LogGroup", "scripted")
    deploy(aws, template({"A": log_group()}))
    return aws.client("cloudformation").create_change_set(
        StackName=STACK,
        ChangeSetName="again",
        ChangeSetType="UPDATE",
        TemplateBody=json.dumps(template({"A": log_group()})),
    )


def describe_a_deleted_change_set(aws: FakeAws) -> Any:
    made = submit(aws, template({"A": log_group()}))
    client = aws.client("cloudformation")
    client.delete_change_set(ChangeSetName=made["ChangeSetId"])
    return client.describe_change_set(ChangeSetName=made["ChangeSetName"], StackName=STACK)


def submit_without_a_value(aws: FakeAws) -> Any:
    return submit(aws, template({"A": log_group()}, Parameters={"Input": {"Type": "String"}}))


REFUSALS: dict[str, Callable[[FakeAws], Any]] = {
    "cloudformation/DescribeStacks/by-name-does-not-exist": lambda aws: aws.client(
        "cloudformation"
    ).describe_stacks(StackName="absent"),
    "cloudformation/DescribeStackEvents/by-name-does-not-exist": lambda aws: aws.client(
        "cloudformation"
    ).describe_stack_events(StackName="absent"),
    "cloudformation/CreateChangeSet/parameter-without-value": submit_without_a_value,
    "cloudformation/CreateChangeSet/rollback-complete": roll_back,
    "cloudformation/DescribeChangeSet/deleted-change-set-404": describe_a_deleted_change_set,
    "lambda/Invoke/function-not-found": lambda aws: aws.client("lambda").invoke(
        FunctionName="doesnotexist", InvocationType="DryRun"
    ),
    "scheduler/CreateSchedule/bad-cron": lambda aws: create_schedule(aws, "cron(0 1 * * * *)"),
    "scheduler/CreateSchedule/at-with-zone": lambda aws: create_schedule(aws, "at(2021-12-31T23:59:59Z)"),
    "scheduler/CreateSchedule/role-cannot-be-assumed": lambda aws: create_schedule(
        aws, "at(2021-12-31T23:59:59)", ROLE.replace("schedules", "others")
    ),
    "apigateway/UpdateAccount/role-not-permitted": lambda aws: name_logging_role(
        aws, ROLE.replace("schedules", "others")
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_is_refused_is_refused_in_the_same_words(name: str, aws: FakeAws) -> None:
    recorded = recording(name)
    aws.make_role("schedules", service="scheduler.amazonaws.com")
    aws.make_role("others")

    error = refusal(REFUSALS[name], aws)

    # The names of the recorder's stacks are not masked in a text that was pasted.
    wording = name != "cloudformation/CreateChangeSet/rollback-complete"
    assert_same_refusal(error, recorded, wording=wording)
    if not wording:
        state = recorded.error[1].partition(" is in ")[2]
        assert error.response["Error"]["Message"].startswith("Stack:arn:aws:cloudformation:")
        assert error.response["Error"]["Message"].partition(" is in ")[2] == state


def test_a_missing_capability_is_named(aws: FakeAws) -> None:
    recorded = recording("cloudformation/CreateStack/capabilities")

    error = refusal(submit, aws, template({"A": NAMED}), Capabilities=[])

    # Change sets do not ask for the capability that was recorded; the sentence is the same.
    assert_same_refusal(error, recorded, wording=False)
    own = recorded.error[1].replace("CAPABILITY_AUTO_EXPAND", "CAPABILITY_IAM")
    assert error.response["Error"]["Message"] == own


def test_a_value_against_its_pattern_is_refused_in_the_same_words(aws: FakeAws) -> None:
    recorded = recording("cloudformation/CreateStack/parameter-pattern")
    pattern = {"VPCSubnetCidrBlock": {"Type": "String", "AllowedPattern": r"\d+"}}

    body = template({"A": log_group()}, Parameters=pattern)

    error = refusal(submit, aws, body, {"VPCSubnetCidrBlock": "x"})

    # Before the text stands the console's own, after it the recorder's pattern.
    sentence = recorded.body.partition("error: ")[2].partition("pattern ")[0]
    assert error.response["Error"]["Message"] == rf"{sentence}pattern \d+"


def test_a_change_set_without_changes_fails_by_itself(aws: FakeAws) -> None:
    recorded = recording("cloudformation/CreateChangeSet/no-changes-ends-FAILED")
    body = template({"A": log_group()})
    deploy(aws, body)

    described = submit(aws, body, Capabilities=[])

    del described["ResponseMetadata"]
    assert differences(recorded.body, described) == []


EC2_TRUST = json.loads(json.dumps(LAMBDA_TRUST).replace("lambda.", "ec2."))
LOGS = {
    "DestinationArn": "arn:aws:logs:us-east-1:123456789012:log-group:g",
    "Format": "$context.requestId",
}
OWN_SUBNET = "subnet of the account"
STOPPED: dict[str, tuple[str, dict[str, Any]]] = {
    "lambda/CreateFunction/role-cannot-be-assumed": ("Role", {"AssumeRolePolicyDocument": EC2_TRUST}),
    "lambda/CreateFunction VPC/subnet-not-found": (
        "Function",
        {"VpcConfig": {"SubnetIds": ["subnet-absent"], "SecurityGroupIds": ["sg-1"]}},
    ),
    "lambda/CreateFunction VPC/role-lacks-create-network-interface": (
        "Function",
        {"VpcConfig": {"SubnetIds": [OWN_SUBNET], "SecurityGroupIds": ["sg-1"]}},
    ),
    "lambda/PutFunctionConcurrency/below-unreserved-minimum": (
        "Function",
        {"ReservedConcurrentExecutions": 901},
    ),
    "apigateway/UpdateStage/account-role-missing": ("Stage", {"AccessLogSetting": LOGS}),
}
"""What stops a stack: the resource, and its properties."""
IN_CLOUDFORMATION = {
    "lambda/CreateFunction VPC/role-lacks-create-network-interface": (
        "lambda/CreateFunction VPC/role-lacks-create-network-interface-cfn-handler"
    ),
    "apigateway/UpdateStage/account-role-missing": (
        "apigateway/CreateStage CloudFormation/account-role-missing"
    ),
}
"""Where the same words were recorded in a stack's events."""


@pytest.mark.parametrize("name", STOPPED)
def test_what_stops_a_stack_is_in_its_events_in_the_same_words(name: str, aws: FakeAws) -> None:
    sentence = unmasked(recording(name).error[1])
    resources, (logical_id, properties) = api(aws, key_required=False), STOPPED[name]
    own = aws.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
    resources[logical_id]["Properties"] |= json.loads(json.dumps(properties).replace(OWN_SUBNET, own))
    deploy(aws, template(resources))

    assert sentence.search(reasons(aws))
    if name in IN_CLOUDFORMATION:
        assert sentence.search(recording(IN_CLOUDFORMATION[name]).body)


def test_naming_the_logging_role_twice_within_seconds_is_throttled(
    aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = recording("apigateway/control plane/too-many-requests-sdk-object")
    model = recording("apigateway/service model/TooManyRequestsException-retryAfterSeconds")
    # botocore would wait, and try a throttled call again.
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    role = aws.make_role("logs")
    refusal(name_logging_role, aws, role)

    throttled = refusal(name_logging_role, aws, role).response

    assert throttled["ResponseMetadata"]["HTTPStatusCode"] == recorded.status == model.status
    assert f"[{throttled['Error']['Code']}: {throttled['Error']['Message']}]" in recorded.body
    assert throttled["Error"]["Code"] in model.body["UpdateAccount.errors"]
    shape = model.body["TooManyRequestsException"]["members"]["retryAfterSeconds"]
    assert int(throttled["ResponseMetadata"]["HTTPHeaders"][shape["locationName"].lower()]) > 0
