"""The role that API Gateway needs to write access logs: one for all APIs of an account and region."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from scripts.deploy.commands import AwsError, Commands
from scripts.deploy.console import Console, Stop
from scripts.deploy.options import Options
from scripts.deploy.parameters import Parameter
from scripts.deploy.readiness import Account

ROLE: Final = "api-gateway-writes-logs"
_TRUST: Final = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "apigateway.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)
_PATIENCE: Final = 60.0


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done about access logs."""

    on: bool
    create_role: bool = False
    note: str = ""
    """What the person should know."""


def settle(console: Console, options: Options, wanted: bool, has_role: bool | None) -> Decision:
    """Decide about access logs, asking whether to create the role where that is possible.

    Args:
        console: where to ask.
        options: what the person asked for.
        wanted: whether the parameters say that there be access logs.
        has_role: whether API Gateway may write them, if that is known.

    Returns:
        The decision.

    Raises:
        Stop: they were asked for explicitly, and API Gateway may not write them.
    """
    if not wanted:
        how = ["--parameter", "AccessLogs=enabled"] if has_role else ["--create-logging-role"]
        said = f"Access logs are off. To have them: {options.command(*how)}"
        note = "" if "AccessLogs" in options.parameters else said
        return Decision(on=False, note=note)
    if has_role is None:
        unknown = "Whether API Gateway may write logs here is hidden from you; if not, deploying will say so."
        return Decision(on=True, note=unknown)
    if has_role:
        return Decision(on=True)
    if options.create_logging_role or _offer(console, options):
        return Decision(on=True, create_role=True)
    if "AccessLogs" in options.parameters:
        raise Stop(
            "AccessLogs=enabled needs API Gateway's logging role, which this region does not have. "
            "Repeat with --create-logging-role to create it."
        )
    note = (
        "API Gateway has no role to write logs with in this region, so this deploys without access logs "
        f"(AccessLogs=disabled). To have them: {options.command('--create-logging-role')}"
    )
    return Decision(on=False, note=note)


def _offer(console: Console, options: Options) -> bool:
    if not console.terminal or options.yes or options.dry_run:
        return False
    console.say()
    console.text(
        "API Gateway may not write access logs in this region yet: it needs an IAM role for it, one for all "
        f"APIs of the account. It can be created now ({ROLE}, with AWS's own policy "
        "AmazonAPIGatewayPushToCloudWatchLogs). Without it this API is deployed without access logs."
    )
    return console.ask("Create it?")


def switch_off(parameters: Sequence[Parameter]) -> list[Parameter]:
    """Turn access logs off.

    Args:
        parameters: the parameters.

    Returns:
        The same but for AccessLogs.
    """
    return [replace(one, new="disabled") if one.name == "AccessLogs" else one for one in parameters]


def has_role(commands: Commands) -> bool | None:
    """Ask whether API Gateway may write logs in this region.

    Args:
        commands: the command lines.

    Returns:
        Whether it has a role for it; None when the caller may not ask.

    Raises:
        AwsError: AWS failed to answer.
    """
    try:
        account = commands.aws("apigateway", "get-account") or {}
    except AwsError as failed:
        if failed.denied:
            return None
        raise
    return bool(account.get("cloudwatchRoleArn"))


def create_role(commands: Commands, account: Account) -> None:
    """Create the role, or take the one that another region uses already, and name it to API Gateway.

    Args:
        commands: the command lines.
        account: the account.

    Raises:
        AwsError: AWS refused.
    """
    try:
        commands.aws(
            "iam",
            "create-role",
            "--role-name",
            ROLE,
            "--assume-role-policy-document",
            _TRUST,
            "--description",
            "Lets API Gateway write access logs (made by Travel GPT's deploy.sh)",
        )
    except AwsError as failed:
        if failed.code != "EntityAlreadyExists":
            raise
    policy = f"arn:{account.partition}:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
    commands.aws("iam", "attach-role-policy", "--role-name", ROLE, "--policy-arn", policy)
    role = f"arn:{account.partition}:iam::{account.number}:role/{ROLE}"
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            commands.aws(
                "apigateway",
                "update-account",
                "--patch-operations",
                f"op=replace,path=/cloudwatchRoleArn,value={role}",
            )
        except AwsError as failed:
            # A role that is seconds old is not known everywhere yet.
            if failed.code != "BadRequestException" or time.monotonic() > until:
                raise
            time.sleep(5)
        else:
            return
