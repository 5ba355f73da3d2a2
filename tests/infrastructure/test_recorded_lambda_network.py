"""The fake of Lambda refuses a VPC in the recorded words."""

import json
from collections.abc import Iterator
from typing import Any, cast

import boto3
import pytest
from moto import mock_aws
from moto.iam.access_control import IAMPolicyStatement

from testbed import policies
from testbed.stacks.document import InvalidTemplate
from testbed.stacks.resources.base import Account
from testbed.stacks.resources.network import check_network
from tests.support.recorded import differences, recording

TRUST = {"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "*"}}}
NETWORK = ("CreateNetworkInterface", "DeleteNetworkInterface", "DescribeNetworkInterfaces")


class InProcess:
    """An account without a server."""

    def client(self, service: str) -> Any:
        return boto3.client(service, region_name="us-east-1")  # type: ignore[call-overload]

    def arn(self, service: str, resource: str) -> str:
        return f"arn:aws:{service}:us-east-1:123456789012:{resource}"


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    monkeypatch.setattr(IAMPolicyStatement, "is_action_permitted", policies.evaluate)
    with mock_aws():
        yield cast("Account", InProcess())


def refused(account: Account, *actions: str, subnet: str = "") -> str:
    """What Lambda says about a function whose role may do these actions of EC2."""
    iam, ec2 = account.client("iam"), account.client("ec2")
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(TRUST))
    allowed = {"Effect": "Allow", "Action": [f"ec2:{each}" for each in actions], "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=document)
    network = {
        "SubnetIds": [subnet or ec2.describe_subnets()["Subnets"][0]["SubnetId"]],
        "SecurityGroupIds": [ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]],
    }
    try:
        check_network(account, network, "r")
    except InvalidTemplate as said:
        return str(said)
    return ""


def test_a_role_with_all_of_it_is_taken(account: Account) -> None:
    assert refused(account, *NETWORK) == ""


def test_a_role_without_a_permission(account: Account) -> None:
    recorded = recording("lambda/CreateFunction VPC/role-lacks-create-network-interface")

    assert refused(account, *NETWORK[1:]) == recorded.error[1]


def test_a_subnet_that_is_not_there(account: Account) -> None:
    recorded = recording("lambda/CreateFunction VPC/subnet-not-found")

    assert not differences(recorded.error[1], refused(account, *NETWORK, subnet="subnet-0a1b2c3d"))
