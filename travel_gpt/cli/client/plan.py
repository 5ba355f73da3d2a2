"""The API keys of a stack's clients, at API Gateway, all in one usage plan."""

import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Final

import boto3

from travel_gpt.cli.errors import USAGE, CliError
from travel_gpt.cli.stack import read_stack
from travel_gpt.guard.limits import Limits

WAIT: Final = 90
"""Seconds to wait until API Gateway knows a new key; it usually takes a few."""

_PAUSE: Final = 1.5
_TIMEOUT: Final = 35.0
TAG: Final = "travel-gpt:stack"
"""The tag by which ``--delete`` finds the keys of a stack: they are not part of it."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """What a stack has for its clients."""

    stack: str
    table: str
    plan: str
    """The id of the usage plan."""
    url: str
    open: bool
    """Whether anyone may POST, without an API key."""


def deployed(stack: str) -> Deployed:
    """Look a stack up.

    Args:
        stack: its name.

    Raises:
        CliError: there is no such stack, or it was deployed by a version without clients.
        ClientError: AWS refused.
    """
    found = read_stack(boto3.client("cloudformation"), stack)
    if not found.exists:
        raise CliError(
            f"There is no stack {stack} in this account and region. Deploy it with ./deploy.sh, or name "
            "another one with --env or --stack."
        )
    try:
        table, plan = found.outputs["ClientTableName"], found.outputs["UsagePlanId"]
    except KeyError:
        raise CliError(
            f"The stack {stack} was deployed by a version without clients. Update it with ./deploy.sh, then "
            "repeat."
        ) from None
    return Deployed(stack, table, plan, found.outputs["ApiUrl"], found.outputs.get("ApiAccess") == "open")


def require_within_plan(limits: Limits, stack: Deployed) -> None:
    """Refuse limits that the usage plan would never let a client reach.

    Args:
        limits: the limits of the client.
        stack: the stack.

    Raises:
        CliError: one is above the plan's.
    """
    plan = boto3.client("apigateway").get_usage_plan(usagePlanId=stack.plan)
    a_minute = int(plan.get("throttle", {}).get("rateLimit", 0) * 60)
    a_day = plan.get("quota", {}).get("limit", 0)
    for option, wanted, most, parameter in (
        ("--per-minute", limits.per_minute, a_minute, "ThrottleRate"),
        ("--per-day", limits.per_day, a_day, "DailyQuota"),
    ):
        if most and wanted > most:
            raise CliError(
                f"{option} {wanted:,} is above what API Gateway lets each key through: {most:,}. Lower it, "
                f"or raise the parameter {parameter} first: ./deploy.sh --parameter {parameter}=...",
                USAGE,
            )


def make_key(stack: Deployed, name: str) -> tuple[str, str]:
    """Have API Gateway make a key, in the usage plan.

    Args:
        stack: the stack.
        name: the client's name.

    Returns:
        The id of the key, and its value, which is not stored anywhere else.

    Raises:
        ClientError: AWS refused. No key is left behind.
    """
    gateway = boto3.client("apigateway")
    made = gateway.create_api_key(
        name=f"{stack.stack}-{name}", enabled=True, generateDistinctId=True, tags={TAG: stack.stack}
    )
    try:
        gateway.create_usage_plan_key(usagePlanId=stack.plan, keyId=made["id"], keyType="API_KEY")
    except BaseException:
        gateway.delete_api_key(apiKey=made["id"])
        raise
    return made["id"], made["value"]


def set_enabled(key_id: str, enabled: bool) -> None:
    """Enable or disable a key at API Gateway."""
    change = {"op": "replace", "path": "/enabled", "value": str(enabled).lower()}
    boto3.client("apigateway").update_api_key(apiKey=key_id, patchOperations=[change])


def delete_key(key_id: str) -> None:
    """Delete a key; nothing where it is gone already."""
    gateway = boto3.client("apigateway")
    try:
        gateway.delete_api_key(apiKey=key_id)
    except gateway.exceptions.NotFoundException:
        return


def works(stack: Deployed, key: str) -> bool:
    """Wait until API Gateway and the function know a key.

    An empty POST costs nothing: it is refused with 400 once the key is known, and with 403 before.

    Args:
        stack: the stack.
        key: the value of the key.

    Returns:
        Whether it works; False where that took too long.
    """
    if stack.open:
        return True
    ends = time.monotonic() + WAIT
    while True:
        if _status(stack.url, key) not in (403, 0):
            return True
        if time.monotonic() > ends:
            return False
        time.sleep(_PAUSE)


def _status(url: str, key: str) -> int:
    # The address is of an output of the stack: it begins with https.
    request = urllib.request.Request(  # noqa: S310
        url, data=b"", headers={"x-api-key": key, "Content-Type": "application/json"}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code
    except OSError:
        return 0
