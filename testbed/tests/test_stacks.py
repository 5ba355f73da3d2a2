"""The fake AWS's CloudFormation fails where AWS's fails."""

import re
from typing import Any

import pytest
from botocore.exceptions import ClientError

from testbed.fake_aws import FakeAws
from testbed.tests.small_stacks import (
    LAMBDA_TRUST,
    PREVIOUS,
    STACK,
    deploy,
    log_group,
    reasons,
    submit,
    template,
)

ALARM: dict[str, Any] = {
    "Type": "AWS::CloudWatch::Alarm",
    "Properties": {
        "Namespace": "Small",
        "MetricName": "Failures",
        "Statistic": "Sum",
        "Period": "60",
        "EvaluationPeriods": 1,
        "Threshold": 1,
        "ComparisonOperator": "GreaterThanThreshold",
    },
}
ROLE: dict[str, Any] = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": LAMBDA_TRUST}}


def retention(aws: FakeAws) -> int | None:
    """The days of the log group /small; None when there is none."""
    groups = aws.client("logs").describe_log_groups(logGroupNamePrefix="/small")["logGroups"]
    days: int | None = groups[0]["retentionInDays"] if groups else None
    return days


def alarms(aws: FakeAws) -> list[str]:
    return [each["MetricName"] for each in aws.client("cloudwatch").describe_alarms()["MetricAlarms"]]


@pytest.mark.parametrize(
    ("body", "parameters", "message"),
    [
        (template({"A": {"Type": "AWS::Nothing::Known"}}), {}, "Unrecognized resource types"),
        (template({"A": log_group({"Ref": "Absent"})}), {}, "Unresolved resource dependencies"),
        (template({"A": log_group(DependsOn="Absent")}), {}, "Unresolved resource dependencies"),
        (
            template({"A": log_group(DependsOn="B"), "B": {**ALARM, "DependsOn": "A"}}),
            {},
            "Circular dependency",
        ),
        (template({"A": log_group(Conditon="No")}), {}, "Invalid template resource property"),
        (template({}), {}, "At least one Resources member"),
        (template({"A": log_group()}, Parameters={"P": {"Type": "String"}}), {}, "must have values"),
        (template({"A": log_group()}), {"P": "x"}, "do not exist in the template"),
        (
            template({"A": log_group()}, Parameters={"P": {"Type": "String", "AllowedValues": ["a"]}}),
            {"P": "b"},
            "AllowedValues",
        ),
        (
            template({"A": log_group()}, Parameters={"P": {"Type": "Number", "MaxValue": 3}}),
            {"P": "4"},
            "must be a number between",
        ),
        (
            template({"A": {"Type": "AWS::Serverless::Function"}}, Transform="AWS::Serverless-2016-10-31"),
            {},
            "Transform AWS::Serverless-2016-10-31 failed",
        ),
    ],
)
def test_a_template_that_aws_would_not_take_is_refused_at_once(
    aws: FakeAws, body: dict[str, Any], parameters: dict[str, str | None], message: str
) -> None:
    with pytest.raises(ClientError, match=message):
        submit(aws, body, parameters)


def test_a_role_needs_the_capability(aws: FakeAws) -> None:
    named = template({"Role": {**ROLE, "Properties": {**ROLE["Properties"], "RoleName": "mine"}}})

    with pytest.raises(ClientError, match=r"Requires capabilities : \[CAPABILITY_IAM\]"):
        submit(aws, template({"Role": ROLE}), Capabilities=[])
    with pytest.raises(ClientError, match=r"Requires capabilities : \[CAPABILITY_NAMED_IAM\]"):
        submit(aws, named)


@pytest.mark.parametrize(
    ("failing", "message"),
    [
        ({**ALARM, "Properties": {**ALARM["Properties"], "Tresholds": 2}}, "unsupported property Tresholds"),
        ({**ALARM, "Properties": {**ALARM["Properties"], "Period": "soon"}}, "must be a number"),
        ({**ALARM, "Properties": {"Namespace": "Small"}}, r"required key \[ComparisonOperator"),
    ],
)
def test_a_failed_creation_is_rolled_back_and_says_why(
    aws: FakeAws, failing: dict[str, Any], message: str
) -> None:
    stack = deploy(aws, template({"Logs": log_group(), "Alarm": {**failing, "DependsOn": "Logs"}}))

    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert re.search(message, reasons(aws))
    assert retention(aws) is None
    # Then: it has to go before another one can come.
    with pytest.raises(ClientError, match="ROLLBACK_COMPLETE state and can not be updated"):
        submit(aws, template({"Logs": log_group()}))
    aws.client("cloudformation").delete_stack(StackName=STACK)
    assert deploy(aws, template({"Logs": log_group()}))["StackStatus"] == "CREATE_COMPLETE"


def test_a_failed_update_puts_back_what_was(aws: FakeAws) -> None:
    deploy(aws, template({"Logs": log_group(7)}))
    aws.refuse("AWS::CloudWatch::Alarm", "not today")

    stack = deploy(aws, template({"Logs": log_group(30), "Alarm": {**ALARM, "DependsOn": "Logs"}}))

    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "not today" in reasons(aws)
    assert (retention(aws), alarms(aws)) == (7, [])
    # And then: the fault is over, and the same change is made.
    aws.refuse("AWS::CloudWatch::Alarm", None)
    stack = deploy(aws, template({"Logs": log_group(30), "Alarm": {**ALARM, "DependsOn": "Logs"}}))
    assert (stack["StackStatus"], retention(aws)) == ("UPDATE_COMPLETE", 30)


def test_a_parameter_changes_what_it_is_in_and_previous_values_stay(aws: FakeAws) -> None:
    body = template(
        {
            "Logs": log_group({"Ref": "Days"}),
            "Alarm": {
                **ALARM,
                "Condition": "Wanted",
                "Properties": {**ALARM["Properties"], "MetricName": {"Fn::Sub": "${Name}Failures"}},
            },
        },
        Parameters={
            "Days": {"Type": "Number", "Default": 7},
            "Name": {"Type": "String", "Default": "Some"},
            "Alarms": {"Type": "String", "Default": "yes"},
        },
        Conditions={"Wanted": {"Fn::Equals": [{"Ref": "Alarms"}, "yes"]}},
        Outputs={"Group": {"Value": {"Fn::GetAtt": ["Logs", "Arn"]}}},
    )
    created = deploy(aws, body, {"Days": "30"})
    assert created["Outputs"][0]["OutputValue"] == "arn:aws:logs:us-east-1:123456789012:log-group:/small:*"
    assert (retention(aws), alarms(aws)) == (30, ["SomeFailures"])

    deploy(aws, body, {"Days": PREVIOUS, "Name": "Other"})
    assert (retention(aws), alarms(aws)) == (30, ["OtherFailures"])

    deploy(aws, body, {"Days": PREVIOUS, "Alarms": "no"})
    assert (retention(aws), alarms(aws)) == (30, [])


def test_the_same_again_changes_nothing(aws: FakeAws) -> None:
    body = template({"Logs": log_group()})
    deploy(aws, body)
    aws.forget_calls()

    again = submit(aws, body)

    assert (again["Status"], again["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert "didn't contain changes" in again["StatusReason"]
    with pytest.raises(ClientError, match="cannot be executed"):
        aws.client("cloudformation").execute_change_set(ChangeSetName=again["ChangeSetId"])
    assert [call.name for call in aws.calls() if call.action != "ExecuteChangeSet"] == []


def test_deletion_leaves_what_is_to_be_kept(aws: FakeAws) -> None:
    deploy(aws, template({"Logs": log_group(DeletionPolicy="Retain"), "Alarm": ALARM}))

    aws.client("cloudformation").delete_stack(StackName=STACK)

    assert (retention(aws), alarms(aws)) == (7, [])
    with pytest.raises(ClientError, match="does not exist"):
        aws.client("cloudformation").describe_stacks(StackName=STACK)
    # Then: what stayed is in the way of the next stack, as it would be at AWS.
    assert deploy(aws, template({"Logs": log_group()}))["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "already exists" in reasons(aws)


def test_what_is_not_emulated_is_refused(aws: FakeAws) -> None:
    with pytest.raises(ClientError, match="does not emulate cloudformation:create_stack") as caught:
        aws.client("cloudformation").create_stack(StackName=STACK, TemplateBody="{}")

    assert caught.value.response["Error"]["Code"] == "FakeAws"


def test_rules_between_parameters_are_judged_before_anything_is_made(aws: FakeAws) -> None:
    body = template(
        {"Logs": log_group()},
        Parameters={name: {"Type": "String", "Default": ""} for name in ("A", "B", "Mode")},
        Rules={
            "NotBoth": {
                "RuleCondition": {"Fn::Contains": [["strict", "strictest"], {"Ref": "Mode"}]},
                "Assertions": [
                    {
                        "Assert": {"Fn::Or": [{"Fn::Equals": [{"Ref": name}, ""]} for name in ("A", "B")]},
                        "AssertDescription": "A and B exclude each other",
                    }
                ],
            }
        },
    )

    with pytest.raises(ClientError, match="NotBoth: A and B exclude each other"):
        submit(aws, body, {"A": "x", "B": "y", "Mode": "strict"})
    assert retention(aws) is None
    assert deploy(aws, body, {"A": "x", "B": "y"})["StackStatus"] == "CREATE_COMPLETE"
    changed = deploy(aws, body, {"A": "x", "B": "", "Mode": "strict"})
    assert changed["StackStatus"] == "UPDATE_COMPLETE"


def in_a_vpc(aws: FakeAws, *allowed: tuple[str, str]) -> dict[str, Any]:
    """A template of a function in the account's own subnets, and of its role."""
    ec2 = aws.client("ec2")
    group = ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    function = {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "FunctionName": "small",
            "Code": {"ZipFile": "pass"},
            "Handler": "index.handler",
            "Runtime": "python3.13",
            "Role": {"Fn::GetAtt": ["Role", "Arn"]},
            "VpcConfig": {"SubnetIds": [subnet], "SecurityGroupIds": [group]},
        },
    }
    statements = [{"Effect": "Allow", "Action": f"ec2:{a}", "Resource": r} for a, r in allowed]
    policy = {"PolicyName": "p", "PolicyDocument": {"Version": "2012-10-17", "Statement": statements}}
    role = {**ROLE, "Properties": {**ROLE["Properties"], "Policies": [policy]}}
    return template({"Role": role, "Function": function})


CREATE, DESCRIBE = ("CreateNetworkInterface", "*"), ("DescribeNetworkInterfaces", "*")
DELETE = ("DeleteNetworkInterface", "*")


@pytest.mark.parametrize(
    ("allowed", "missing"),
    [
        ([DELETE, DESCRIBE], "CreateNetworkInterface"),
        ([CREATE, DELETE], "DescribeNetworkInterfaces"),
        # On every interface there may ever be, and yet on none: Lambda asks of no particular resource.
        ([CREATE, DESCRIBE, (DELETE[0], "arn:aws:ec2:*:*:network-interface/*")], "DeleteNetworkInterface"),
        ([CREATE, DESCRIBE, (DELETE[0], "arn:aws:ec2:*:*:*/*")], "DeleteNetworkInterface"),
    ],
)
def test_a_vpc_is_refused_to_a_role_that_lambda_cannot_manage_network_interfaces_with(
    aws: FakeAws, allowed: list[tuple[str, str]], missing: str
) -> None:
    stack = deploy(aws, in_a_vpc(aws, *allowed))

    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    said = f"The provided execution role does not have permissions to call {missing} on EC2"
    assert said in reasons(aws)
    assert aws.client("ec2").describe_network_interfaces()["NetworkInterfaces"] == []


@pytest.mark.parametrize("keeps", [True, False])
def test_a_function_that_leaves_its_vpc_leaves_interfaces_behind_if_its_role_lost_the_permission_before(
    aws: FakeAws, keeps: bool
) -> None:
    # Given a function in a VPC
    inside = in_a_vpc(aws, CREATE, DESCRIBE, DELETE)
    assert deploy(aws, inside)["StackStatus"] == "CREATE_COMPLETE"
    network = aws.client("lambda").get_function_configuration(FunctionName="small")["VpcConfig"]
    (subnet,) = aws.client("ec2").describe_subnets(SubnetIds=network["SubnetIds"])["Subnets"]
    assert network["VpcId"] == subnet["VpcId"]

    # When it leaves, with or without its role's permissions
    outside = in_a_vpc(aws, *([CREATE, DESCRIBE, DELETE] if keeps else [CREATE, DESCRIBE]))
    del outside["Resources"]["Function"]["Properties"]["VpcConfig"]
    assert deploy(aws, outside)["StackStatus"] == "UPDATE_COMPLETE"

    # Then Lambda has deleted its interface, or could not and said nothing
    left = aws.client("ec2").describe_network_interfaces()["NetworkInterfaces"]
    assert len(left) == (0 if keeps else 1)


def test_a_subnet_that_is_not_there_is_refused(aws: FakeAws) -> None:
    body = in_a_vpc(aws, CREATE, DESCRIBE, DELETE)
    body["Resources"]["Function"]["Properties"]["VpcConfig"]["SubnetIds"] = ["subnet-0a1b2c3d"]

    assert deploy(aws, body)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "EC2 Error Code: InvalidSubnetID.NotFound" in reasons(aws)
