"""The role that API Gateway needs to write access logs: one for all APIs of an account and region."""

import json
import time
from typing import Final

from scripts.deploy.commands import AwsError, Commands
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
