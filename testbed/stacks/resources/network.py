"""What Lambda does in EC2 for a function in a VPC: its checks, and its network interfaces.

Lambda checks the function's role before it makes an interface ("role-lacks-create-network-interface" in the
recordings), by what the role's policies say of

- creating one in the named subnets, with the named groups: by their ARNs;
- deleting one: of no particular resource, since there is none yet. A policy that allows it on
  ``network-interface/*`` is refused with "... to call DeleteNetworkInterface on EC2" (reported by
  two public projects with this scoping; AWS's managed policy AWSLambdaVPCAccessExecutionRole has ``*``);
- describing them: EC2 knows no resources for that.

No answer was found that refuses a role for AssignPrivateIpAddresses or UnassignPrivateIpAddresses, so nothing
is checked of them.

Lambda deletes unused interfaces with the role of the function that they were made for (AWS Knowledge Center,
"lambda-eni-find-delete"). It does so here at once, in reality within 40 minutes. Where the role may not, they
stay, and nothing says so (aws/aws-cdk issue 34400).
"""

import json
import uuid
from typing import Any

from botocore.exceptions import ClientError
from moto.iam.access_control import IAMPolicy, PermissionResult

from testbed.stacks.document import InvalidTemplate
from testbed.stacks.resources.base import Account, Properties


def settle_network(
    account: Account, name: str, role: str, network: Properties | None, previous: Properties | None
) -> None:
    """Give a function the interfaces of its network, and delete those of the one it leaves.

    Args:
        account: where it is.
        name: the function's name.
        role: the name of its role.
        network: its VpcConfig; None where it has none (any more).
        previous: the VpcConfig that it had.
    """
    if network == previous:
        return
    if previous:
        _delete_interfaces(account, name, role)
    for subnet in (network or {}).get("SubnetIds", []):
        account.client("ec2").create_network_interface(
            SubnetId=subnet,
            Groups=(network or {})["SecurityGroupIds"],
            Description=f"AWS Lambda VPC ENI-{name}-{uuid.uuid4()}",
        )


def check_network(account: Account, network: Properties, role: str) -> None:
    """Refuse a network that is not there, or a role that Lambda could not work with.

    Raises:
        InvalidTemplate: with Lambda's own words.
    """
    try:
        account.client("ec2").describe_subnets(SubnetIds=network["SubnetIds"])
    except ClientError as failed:
        # "subnet-not-found" in the recordings.
        error = failed.response["Error"]
        raise InvalidTemplate(
            f"Error occurred while DescribeSubnets. EC2 Error Code: {error['Code']}. "
            f"EC2 Error Message: {error['Message']}"
        ) from failed
    needed = [
        ("CreateNetworkInterface", account.arn("ec2", f"{kind}/{each}"))
        for kind, ids in (
            ("network-interface", ["*"]),
            ("subnet", network["SubnetIds"]),
            ("security-group", network["SecurityGroupIds"]),
        )
        for each in ids
    ]
    for action, resource in [*needed, ("DeleteNetworkInterface", "*"), ("DescribeNetworkInterfaces", "*")]:
        if not _may(account, role, action, resource):
            raise InvalidTemplate(
                f"The provided execution role does not have permissions to call {action} on EC2"
            )


def _delete_interfaces(account: Account, name: str, role: str) -> None:
    ec2 = account.client("ec2")
    named = [{"Name": "description", "Values": [f"AWS Lambda VPC ENI-{name}-*"]}]
    for interface in ec2.describe_network_interfaces(Filters=named)["NetworkInterfaces"]:
        own = account.arn("ec2", f"network-interface/{interface['NetworkInterfaceId']}")
        if _may(account, role, "DeleteNetworkInterface", own):
            ec2.delete_network_interface(NetworkInterfaceId=interface["NetworkInterfaceId"])


def _may(account: Account, role: str, action: str, resource: str) -> bool:
    iam: Any = account.client("iam")
    results = {
        IAMPolicy(
            json.dumps(iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"])
        ).is_action_permitted(f"ec2:{action}", resource)
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
    }
    return PermissionResult.PERMITTED in results and PermissionResult.DENIED not in results
