"""Leaving a VPC, as far as it is decided before anything is changed.

CloudFormation changes a role before the function that has it, and Lambda deletes the function's network
interfaces with that role, minutes after the function has left. So it takes two deployments: with the first
the function leaves, and once the interfaces are gone the second takes the permissions from the role. With one
deployment the interfaces would stay, and keep the subnets and security groups from being deleted.

Sources: Lambda developer guide, "Giving Lambda functions access to resources in an Amazon VPC"; AWS Knowledge
Center, "lambda-eni-find-delete" (Lambda deletes unused interfaces with the function's execution role);
aws/aws-cdk issue 34400 (in one deployment, Lambda's attempts to delete them are UnauthorizedOperation).
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from travel_gpt.cli.aws_session import AwsSession, if_permitted
from travel_gpt.cli.console import Console
from travel_gpt.cli.deploy import release
from travel_gpt.cli.deploy.options import Options
from travel_gpt.cli.deploy.parameters import Parameter
from travel_gpt.cli.errors import CliError
from travel_gpt.cli.stack import Stack, read_stack

if TYPE_CHECKING:
    from travel_gpt.cli.deploy.plan import Plan

PERMISSIONS: Final = "KeepVpcPermissions"
"""The parameter with which the role keeps its permissions for network interfaces."""


@dataclass(frozen=True, slots=True)
class Vpc:
    """What becomes of the role's permissions for network interfaces."""

    leaves: bool = False
    """Whether the function leaves its VPC in this run."""
    ends: bool = False
    """Whether the permissions are to end once the interfaces are gone."""

    @property
    def steps(self) -> list[str]:
        """What will happen after the first deployment, one sentence a step."""
        if not self.ends:
            return []
        first = (
            "Wait until Lambda has deleted the function's network interfaces, which can take 40 minutes."
            if self.leaves
            else "Look whether Lambda has deleted the function's network interfaces."
        )
        return [f"{first} Then deploy once more: the role loses its permissions for them."]


def resolve(options: Options, values: Mapping[str, str], current: Mapping[str, str]) -> Vpc:
    """Decide what becomes of the permissions.

    Args:
        options: what the person asked for.
        values: the parameters.
        current: what the stack has; empty for a new one.

    Returns:
        What becomes of them.

    Raises:
        CliError: half of a VPC was given, or the permissions are to end before the function has left.
    """
    if bool(values["VpcSubnetIds"]) != bool(values["VpcSecurityGroupIds"]):
        raise CliError("VpcSubnetIds and VpcSecurityGroupIds go together. Give both, or neither.", 2)
    if values["VpcSubnetIds"]:
        return Vpc()
    leaves = bool(current.get("VpcSubnetIds"))
    given = options.parameters.get(PERMISSIONS)
    if leaves and given == "disabled":
        raise CliError(
            f"The function is to leave its VPC, and deploy.sh sets {PERMISSIONS} itself for that. "
            "Leave it out.",
            2,
        )
    kept = current.get(PERMISSIONS) == "enabled"
    return Vpc(leaves=leaves, ends=(leaves or kept) and given is None)


def prepare(vpc: Vpc, parameters: Sequence[Parameter]) -> list[Parameter]:
    """Return the parameters of the first deployment: the role keeps its permissions."""
    return with_permissions("enabled", parameters) if vpc.ends else list(parameters)


def with_permissions(value: str, parameters: Sequence[Parameter]) -> list[Parameter]:
    """Return the parameters with another value for the permissions.

    Args:
        value: ``enabled`` or ``disabled``.
        parameters: every parameter of the template.

    Returns:
        The parameters.
    """
    return [replace(one, new=value) if one.name == PERMISSIONS else one for one in parameters]


_PAUSE: Final = 15.0
# Lambda needs up to 40 minutes.
_LONGEST: Final = 45 * 60.0


def finish(aws: AwsSession, console: Console, plan: "Plan") -> None:
    """Wait until Lambda has deleted the interfaces, and take the permissions for them from the role.

    Where they are not gone in time, or the caller may not see them, the role keeps its permissions, and the
    next run looks again.

    Args:
        aws: the AWS session.
        console: where to say it.
        plan: the plan, carried out so far.

    Raises:
        ClientError: AWS failed.
        CliError: the deployment failed.
    """
    stack = read_stack(aws.client("cloudformation"), plan.stack.name)
    remark = ", which Lambda deletes within 40 minutes" if plan.vpc.leaves else ""
    console.step("Looking for the function's network interfaces", remark)
    left = if_permitted(lambda: _wait(aws, stack, _LONGEST if plan.vpc.leaves else 0.0))
    if left is None:
        console.note(
            "Whether they are gone is hidden from you (ec2:DescribeNetworkInterfaces), so the role keeps its "
            "permissions for them. In an hour, take them away with:\n"
            f"  {plan.options.command('--parameter', f'{PERMISSIONS}=disabled')}"
        )
        return
    if left:
        console.note(
            f"Lambda has not deleted {', '.join(left)} yet, and needs the role's permissions for that, so it "
            "keeps them. Another function with the same subnets and security groups may still use the "
            f"interfaces. To look again, and then finish:\n  {plan.options.command()}"
        )
        return
    console.good("They are gone.")
    console.step("Taking the permissions for network interfaces from the role")
    # As the stack is by now: the switch to a function without a key changes a parameter in between.
    parameters = [replace(one, new=stack.parameters.get(one.name, one.new)) for one in plan.parameters]
    release.deploy(
        aws,
        console,
        plan.environment,
        plan.account.region,
        with_permissions("disabled", parameters),
        plan.flags,
    )


def _wait(aws: AwsSession, stack: Stack, longest: float) -> list[str]:
    # Lambda describes each interface by the name of the function that it was made for. A stack of an earlier
    # version has no function that streams.
    functions = [
        stack.outputs[each] for each in ("FunctionName", "StreamFunctionName") if each in stack.outputs
    ]
    named = {"Name": "description", "Values": [f"AWS Lambda VPC ENI-{each}*" for each in functions]}
    pages = aws.client("ec2").get_paginator("describe_network_interfaces")
    until = time.monotonic() + longest
    while True:
        found = pages.paginate(Filters=[named]).search("NetworkInterfaces[].NetworkInterfaceId")
        left = [str(each) for each in found]
        if not left or time.monotonic() >= until:
            return left
        time.sleep(_PAUSE)
