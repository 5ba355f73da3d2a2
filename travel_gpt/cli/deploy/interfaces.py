"""The network interfaces of a function that has left its VPC, and the end of the permissions for them."""

import time
from dataclasses import replace
from typing import Final

from travel_gpt.cli.aws_session import AwsSession
from travel_gpt.cli.console import Console
from travel_gpt.cli.deploy import release
from travel_gpt.cli.deploy.permission import if_permitted
from travel_gpt.cli.deploy.plan import Plan
from travel_gpt.cli.deploy.vpc import PERMISSIONS, with_permissions
from travel_gpt.cli.stack import Stack, read_stack

_PAUSE: Final = 15.0
# Lambda needs up to 40 minutes.
_LONGEST: Final = 45 * 60.0


def finish(aws: AwsSession, console: Console, plan: Plan) -> None:
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
    # Lambda describes each interface by the name of the function that it was made for.
    named = {"Name": "description", "Values": [f"AWS Lambda VPC ENI-{stack.outputs['FunctionName']}*"]}
    pages = aws.client("ec2").get_paginator("describe_network_interfaces")
    until = time.monotonic() + longest
    while True:
        found = pages.paginate(Filters=[named]).search("NetworkInterfaces[].NetworkInterfaceId")
        left = [str(each) for each in found]
        if not left or time.monotonic() >= until:
            return left
        time.sleep(_PAUSE)
