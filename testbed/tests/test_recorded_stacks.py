"""The fake AWS's CloudFormation, Lambda and Scheduler against recorded answers."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from testbed.fake_aws import FakeAws
from testbed.tests.small_stacks import STACK, api, deploy, log_group, reasons, submit, template
from tests.support.recorded import assert_same_refusal, differences, recording

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:doesnotexist"
ROLE = "arn:aws:iam::123456789012:role/schedules"
NAMED = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Statement": []}}}


def trust(service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def refused(ask: Callable[[], Any]) -> ClientError:
    with pytest.raises(ClientError) as error:
        ask()
    return error.value


def create_schedule(aws: FakeAws, expression: str, role: str = ROLE) -> Any:
    return aws.client("scheduler").create_schedule(
        Name="once",
        ScheduleExpression=expression,
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": FUNCTION, "RoleArn": role},
    )


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
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_is_refused_is_refused_in_the_same_words(name: str, aws: FakeAws) -> None:
    recorded = recording(name)
    iam = aws.client("iam")
    for role, service in (("schedules", "scheduler.amazonaws.com"), ("others", "lambda.amazonaws.com")):
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=trust(service))

    error = refused(lambda: REFUSALS[name](aws))

    # The names of the recorder's stacks are not masked in a text that was pasted.
    wording = name != "cloudformation/CreateChangeSet/rollback-complete"
    assert_same_refusal(error, recorded, wording=wording)
    if not wording:
        state = recorded.error[1].partition(" is in ")[2]
        assert error.response["Error"]["Message"].startswith("Stack:arn:aws:cloudformation:")
        assert error.response["Error"]["Message"].partition(" is in ")[2] == state


def test_a_missing_capability_is_named(aws: FakeAws) -> None:
    recorded = recording("cloudformation/CreateStack/capabilities")

    error = refused(lambda: submit(aws, template({"A": NAMED}), Capabilities=[]))

    # Change sets do not ask for the capability that was recorded; the sentence is the same.
    assert_same_refusal(error, recorded, wording=False)
    own = recorded.error[1].replace("CAPABILITY_AUTO_EXPAND", "CAPABILITY_IAM")
    assert error.response["Error"]["Message"] == own


def test_a_value_against_its_pattern_is_refused_in_the_same_words(aws: FakeAws) -> None:
    recorded = recording("cloudformation/CreateStack/parameter-pattern")
    pattern = {"VPCSubnetCidrBlock": {"Type": "String", "AllowedPattern": r"\d+"}}

    error = refused(
        lambda: submit(aws, template({"A": log_group()}, Parameters=pattern), {"VPCSubnetCidrBlock": "x"})
    )

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


def test_a_role_that_lambda_cannot_assume_stops_the_function(aws: FakeAws) -> None:
    recorded = recording("lambda/CreateFunction/role-cannot-be-assumed")
    raw = recording("lambda/CreateFunction/role-cannot-be-assumed-headers")
    resources = api(aws, key_required=False)
    resources["Role"]["Properties"]["AssumeRolePolicyDocument"] = json.loads(trust("ec2.amazonaws.com"))

    deploy(aws, template(resources))

    sentence = recorded.error[1]
    assert sentence in reasons(aws)
    body = {"Type": "User", "message": sentence}
    assert len(json.dumps(body, separators=(",", ":"))) == int(raw.headers["content-length"])


VPC = {"VpcConfig": {"SubnetIds": ["subnet-absent"], "SecurityGroupIds": ["sg-1"]}}


def test_a_subnet_that_is_not_there_is_named(aws: FakeAws) -> None:
    recorded = recording("lambda/CreateFunction VPC/subnet-not-found")
    resources = api(aws, key_required=False)
    resources["Function"]["Properties"] |= VPC

    deploy(aws, template(resources))

    assert recorded.error[1].replace("<subnet_id_1>", "subnet-absent") in reasons(aws)


@pytest.mark.parametrize(
    "name",
    [
        "lambda/CreateFunction VPC/role-lacks-create-network-interface",
        "lambda/CreateFunction VPC/role-lacks-create-network-interface-cfn-handler",
    ],
)
def test_a_role_that_may_make_no_network_interface_is_refused(aws: FakeAws, name: str) -> None:
    recorded = recording(name)
    subnet = aws.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
    resources = api(aws, key_required=False)
    resources["Function"]["Properties"]["VpcConfig"] = {"SubnetIds": [subnet], "SecurityGroupIds": ["sg-1"]}

    deploy(aws, template(resources))

    sentence = "The provided execution role does not have permissions to call CreateNetworkInterface on EC2"
    assert sentence in recorded.body
    assert sentence in reasons(aws)


def test_a_stage_with_logs_needs_the_accounts_role(aws: FakeAws) -> None:
    handled = recording("apigateway/CreateStage CloudFormation/account-role-missing")
    called = recording("apigateway/UpdateStage/account-role-missing")
    resources = api(aws, key_required=False)
    resources["Stage"]["Properties"]["AccessLogSetting"] = {
        "DestinationArn": "arn:aws:logs:us-east-1:123456789012:log-group:g",
        "Format": "$context.requestId",
    }

    deploy(aws, template(resources))

    sentence = called.error[1]
    assert sentence in handled.body
    assert sentence in reasons(aws)
