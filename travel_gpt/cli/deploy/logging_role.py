"""API Gateway's logging role: one for all APIs of an account and region.

Sources: Amazon API Gateway developer guide, "Set up CloudWatch logging for REST APIs in API Gateway" (the
trust, the managed policy, STS) and "Amazon API Gateway quotas" (how often UpdateAccount may be called).
"""

import enum
import json
import time
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

from botocore.config import Config

from travel_gpt.aws.failures import AWS_ERRORS, AwsFailure
from travel_gpt.cli.aws_session import Account, AwsSession, if_permitted
from travel_gpt.cli.console import Console

NAME: Final = "api-gateway-writes-logs"
POLICY: Final = "AmazonAPIGatewayPushToCloudWatchLogs"
_SERVICE: Final = "apigateway.amazonaws.com"
_TRUST: Final = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": _SERVICE}, "Action": "sts:AssumeRole"},
        ],
    }
)
_SPREAD: Final = 10.0
"""Seconds that a new role is left alone: named at once, it is refused, and the refusal counts as a call."""
_PAUSE: Final = 21.0
"""Seconds between two calls of UpdateAccount: its quota is 1 request every 20 seconds per account."""
_RETRIED_FOR: Final = 120.0
_THROTTLED: Final = frozenset({"TooManyRequestsException", "429"})
"""The second is what botocore makes of an answer without a code, which was seen too: pull request 924 of
awslabs/nx-plugin-for-aws."""


class RoleState(enum.Enum):
    """What there is of the role ``NAME`` in the account."""

    MISSING = enum.auto()
    HIDDEN = enum.auto()
    """The caller may not look."""
    UNTRUSTED = enum.auto()
    """It is there, and API Gateway may not assume it."""
    WITHOUT_POLICY = enum.auto()
    """API Gateway may assume it, and it has not the policy by which it may write logs."""
    READY = enum.auto()


TO_BE_CREATED: Final = frozenset({RoleState.MISSING, RoleState.HIDDEN})
UNTRUSTED: Final = (
    f"There is an IAM role {NAME}, and its trust policy does not let API Gateway ({_SERVICE}) assume it "
    "without a condition, so it is left as it is. Let it trust API Gateway, or delete it if nothing uses it, "
    "first."
)
STILL_REFUSED: Final = (
    "API Gateway asks AWS STS for the role: see that STS is active in this region (IAM, Account settings)."
)


class RoleNotUsable(Exception):
    """There is a role of that name that is not for API Gateway, or that may not be looked at."""


def is_named(aws: AwsSession) -> bool | None:
    """Ask whether API Gateway has a role to write logs with in this region.

    Args:
        aws: the AWS session.

    Returns:
        Whether it has; None when the caller may not ask.

    Raises:
        ClientError: AWS failed to answer.
    """
    account = if_permitted(aws.client("apigateway").get_account)
    return None if account is None else bool(account.get("cloudwatchRoleArn"))


def look(aws: AwsSession, account: Account) -> RoleState:
    """Look at the role ``NAME``: IAM's roles are those of the account, so another region may use it already.

    Args:
        aws: the AWS session.
        account: the account.

    Returns:
        What there is of it.

    Raises:
        ClientError: AWS failed to answer.
    """
    try:
        return if_permitted(lambda: _look(aws.client("iam"), account)) or RoleState.HIDDEN
    except AWS_ERRORS as failed:
        if AwsFailure.of(failed).code == "NoSuchEntity":
            return RoleState.MISSING
        raise


def _look(iam: Any, account: Account) -> RoleState:
    if not lets_api_gateway_assume(iam.get_role(RoleName=NAME)["Role"]["AssumeRolePolicyDocument"]):
        return RoleState.UNTRUSTED
    pages = iam.get_paginator("list_attached_role_policies").paginate(RoleName=NAME)
    has_policy = _policy(account) in pages.search("AttachedPolicies[].PolicyArn")
    return RoleState.READY if has_policy else RoleState.WITHOUT_POLICY


def lets_api_gateway_assume(trust: Mapping[str, Any]) -> bool:
    """Tell whether a trust policy lets API Gateway assume its role.

    A statement with a condition does not count: whether it holds can only be seen when API Gateway tries.

    Args:
        trust: the role's AssumeRolePolicyDocument.

    Returns:
        Whether a statement allows it without a condition, and none denies it.
    """
    about = [each for each in _listed(trust.get("Statement")) if _is_about_api_gateway(each)]
    allowed = any(each.get("Effect") == "Allow" and not each.get("Condition") for each in about)
    return allowed and not any(each.get("Effect") == "Deny" for each in about)


def _is_about_api_gateway(statement: Mapping[str, Any]) -> bool:
    principal = statement.get("Principal")
    services = _listed(principal.get("Service")) if isinstance(principal, Mapping) else ()
    actions = (str(action).lower() for action in _listed(statement.get("Action")))
    return _SERVICE in services and any(fnmatchcase("sts:assumerole", action) for action in actions)


def _listed(value: Any) -> Iterable[Any]:
    # IAM takes one instead of a list of one.
    return value if isinstance(value, list) else () if value is None else (value,)


def step(state: RoleState, region: str) -> str:
    """Say what will be done about the role.

    Args:
        state: what there is of it.
        region: the AWS region.

    Returns:
        One sentence of a plan.
    """
    what = {
        RoleState.READY: f"Name the IAM role {NAME}, which is there,",
        RoleState.WITHOUT_POLICY: f"Attach {POLICY} to the IAM role {NAME}, which is there, and name it",
    }.get(state, f"Create the IAM role {NAME} and name it")
    return (
        f"{what} to API Gateway, which may then write logs for all APIs of this account in {region}. This "
        "may take two minutes; the key is not stored before."
    )


def provide(aws: AwsSession, console: Console, account: Account) -> None:
    """Create the role, or take the one that is there, and name it to API Gateway.

    Args:
        aws: the AWS session.
        console: where the progress is shown.
        account: the account.

    Raises:
        ClientError: AWS refused, and waiting two minutes did not help where it could.
        RoleNotUsable: there is a role of that name that is not API Gateway's, or cannot be looked at.
    """
    state = look(aws, account)
    if state is RoleState.UNTRUSTED:
        raise RoleNotUsable(UNTRUSTED)
    if state in TO_BE_CREATED:
        _create(aws)
    if state is not RoleState.READY:
        aws.client("iam").attach_role_policy(RoleName=NAME, PolicyArn=_policy(account))
    if state in TO_BE_CREATED:
        console.say(f"  | Created. Waiting {_SPREAD:.0f} s, until IAM has made it known everywhere")
        time.sleep(_SPREAD)
    _name(aws, console, f"arn:{account.partition}:iam::{account.number}:role/{NAME}")


def _create(aws: AwsSession) -> None:
    try:
        aws.client("iam").create_role(
            RoleName=NAME,
            AssumeRolePolicyDocument=_TRUST,
            Description="Lets API Gateway write access logs (made by Travel GPT's deploy.sh)",
        )
    except AWS_ERRORS as failed:
        if AwsFailure.of(failed).code != "EntityAlreadyExists":
            raise
        raise RoleNotUsable(
            f"There is an IAM role {NAME} already, and you may not look at it (iam:GetRole, "
            "iam:ListAttachedRolePolicies). It is not used, since API Gateway may not be trusted by it."
        ) from None


def _policy(account: Account) -> str:
    return f"arn:{account.partition}:iam::aws:policy/service-role/{POLICY}"


def _name(aws: AwsSession, console: Console, role: str) -> None:
    """Name the role to API Gateway, for two minutes if need be: every attempt counts for the quota."""
    change = {"op": "replace", "path": "/cloudwatchRoleArn", "value": role}
    until = time.monotonic() + _RETRIED_FOR
    # One request each time, where boto3 would repeat a throttled one at once.
    gateway = aws.client("apigateway", config=Config(retries={"total_max_attempts": 1}))
    while True:
        try:
            gateway.update_account(patchOperations=[change])
        except AWS_ERRORS as failed:
            why = _why_it_may_pass(failed)
            left = until - time.monotonic() - _PAUSE
            if not why or left < 0:
                raise
        else:
            return
        console.say(f"  | {why}. Trying again in {_PAUSE:.0f} s; after that for {left:.0f} s more")
        time.sleep(_PAUSE)


def _why_it_may_pass(failed: Exception) -> str:
    if AwsFailure.of(failed).code in _THROTTLED:
        return "API Gateway takes this call once in 20 s for the whole account"
    # The same answer for a role that is seconds old as for one that it may not use: terraform-provider-aws
    # (internal/service/apigateway/account.go) repeats it for two minutes, too.
    return (
        "API Gateway cannot use the role yet" if AwsFailure.of(failed).code == "BadRequestException" else ""
    )
