"""The API keys of a stack's clients, at API Gateway, all in one usage plan."""

import json
import math
import re
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any, Final

import boto3

from travel_gpt.aws.failures import AWS_ERRORS, AwsFailure
from travel_gpt.cli.aws_session import cli_error_of
from travel_gpt.cli.deploy.costs import BUDGETS, is_zero
from travel_gpt.cli.errors import USAGE, CliError
from travel_gpt.cli.stack import read_stack
from travel_gpt.cli.target import STACKS
from travel_gpt.guard.limits import Limits

WAIT: Final = 300
"""Seconds to wait until API Gateway knows a new key: that "might take a few minutes" (API Gateway developer
guide, "Usage plans and API keys")."""

_PAUSE: Final = 1.5
_TIMEOUT: Final = 35.0
_LONGEST: Final = 65_536
_KNOWN: Final = frozenset({"client_disabled", "client_expired", "paused"})
"""Codes of refusals that only a known key gets."""
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
    owner_key_id: str
    """The id of the stack's own API key."""
    open: bool
    """Whether anyone may POST, without an API key."""
    page: str = ""
    """The URL of the page; empty where it is turned off, or the version has none."""
    has_budget: bool = False
    """Whether a budget bounds what all clients spend together."""
    flags: str = ""
    """The options that mean this stack, with a space before them, for the next command to type."""

    def deploy(self, options: str = "") -> str:
        """Return the command that deploys it again."""
        return _deploy(self.stack, self.flags) + options


def _deploy(stack: str, flags: str) -> str:
    # deploy.sh knows environments, and no other stacks.
    env = next((env for env, name in STACKS.items() if name == stack and env != "prod"), "")
    place = re.sub(r"^ --(stack|env) \S+", "", flags)
    return f"./deploy.sh{f' --env {env}' if env else ''}{place}"


def deployed(stack: str, flags: str = "") -> Deployed:
    """Look a stack up.

    Args:
        stack: its name.
        flags: the options that mean it, for the next command to type.

    Raises:
        CliError: there is no such stack, or it was deployed by a version without clients.
        ClientError: AWS refused.
    """
    found = read_stack(boto3.client("cloudformation"), stack)
    if not found.exists:
        raise CliError(
            f"There is no stack {stack} in this account and region. Deploy it with {_deploy(stack, flags)}, "
            "or name another one with --env or --stack, and its place with --region and --profile.",
            USAGE,
        )
    names = ("ClientTableName", "UsagePlanId", "ApiUrl", "ApiKeyId")
    if not all(found.outputs.get(name) for name in names):
        raise CliError(
            f"The stack {stack} has no table of clients: it was deployed by an older version, or its first "
            f"deployment did not finish. Deploy it with {_deploy(stack, flags)}, then repeat.",
            USAGE,
        )
    table, plan, url, owner_key_id = (found.outputs[name] for name in names)
    anyone = found.outputs.get("ApiAccess") == "open"
    page = found.outputs.get("PageUrl", "") if found.outputs.get("WebPage") == "enabled" else ""
    has_budget = not all(is_zero(found.parameters.get(name, "0")) for name in BUDGETS)
    return Deployed(stack, table, plan, url, owner_key_id, anyone, page, has_budget, flags)


def require_within_plan(limits: Limits, stack: Deployed) -> None:
    """Refuse limits that the usage plan would never let a client reach.

    Args:
        limits: the limits that were given; 0 where one was not.
        stack: the stack.

    Raises:
        CliError: one is above the plan's.
    """
    plan = boto3.client("apigateway").get_usage_plan(usagePlanId=stack.plan)
    a_minute = int(plan.get("throttle", {}).get("rateLimit", 0) * 60)
    a_day = plan.get("quota", {}).get("limit", 0)
    for option, period, wanted, most, raised in (
        (
            "--per-minute",
            "minute",
            limits.per_minute,
            a_minute,
            f"ThrottleRate={math.ceil(limits.per_minute / 60)}",
        ),
        ("--per-day", "day", limits.per_day, a_day, f"DailyQuota={limits.per_day}"),
    ):
        if most and wanted > most:
            raise CliError(
                f"{option} {wanted} is above the usage plan of API Gateway, which lets {most} queries a "
                f"{period} of each key through. Lower it, or raise the plan first: "
                f"{stack.deploy(f' --parameter {raised}')}",
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
    # Without a value: API Gateway makes one. Its answer to this call is the one that has it.
    made = gateway.create_api_key(
        name=f"{stack.stack}-{name}",
        description=f"The client {name} of {stack.stack}; made by travel-gpt client",
        enabled=True,
        tags={TAG: stack.stack},
    )
    try:
        gateway.create_usage_plan_key(usagePlanId=stack.plan, keyId=made["id"], keyType="API_KEY")
    except BaseException:
        delete_unused_key(made["id"])
        raise
    return made["id"], made["value"]


def set_enabled(key_id: str, enabled: bool) -> bool:
    """Enable or disable a key at API Gateway.

    Args:
        key_id: the id of the key.
        enabled: which of both.

    Returns:
        Whether there is such a key.

    Raises:
        ClientError: AWS refused.
    """
    gateway = boto3.client("apigateway")
    try:
        gateway.update_api_key(
            apiKey=key_id,
            patchOperations=[{"op": "replace", "path": "/enabled", "value": str(enabled).lower()}],
        )
    except gateway.exceptions.NotFoundException:
        return False
    return True


def delete_key(key_id: str, gateway: Any = None) -> None:
    """Delete a key; nothing where it is gone already.

    Args:
        key_id: the id of the key.
        gateway: the client for API Gateway; that of the default session unless given.

    Raises:
        ClientError: AWS refused.
    """
    gateway = gateway or boto3.client("apigateway")
    try:
        gateway.delete_api_key(apiKey=key_id)
    except AWS_ERRORS as failed:
        if AwsFailure.of(failed).code != "NotFoundException":
            raise


def delete_unused_key(key_id: str) -> None:
    """Delete a key that was just made and became no client's, after a failure.

    Raises:
        CliError: that failed too. The text names the key.
    """
    try:
        delete_key(key_id)
    except AWS_ERRORS as failed:
        raise CliError(
            f"It failed, and the API key {key_id} that was made could not be deleted: it belongs to no "
            "client, so every request with it is refused. Delete it in the API Gateway console. "
            f"{cli_error_of(failed).sentence}"
        ) from None


def works(stack: Deployed, key: str) -> bool:
    """Wait until API Gateway and the function know a key.

    An empty POST costs nothing: it is refused with 400 once the key is known, and with 403 before. The usage
    plan counts it.

    Args:
        stack: the stack.
        key: the value of the key.

    Returns:
        Whether it works; False where that took too long.
    """
    ends = time.monotonic() + WAIT
    while True:
        status, code = _post_nothing(stack.url, key)
        if status == 400 or code in _KNOWN:
            return True
        if time.monotonic() > ends:
            return False
        time.sleep(_PAUSE)


def _post_nothing(url: str, key: str) -> tuple[int, str]:
    """Return the HTTP status, or 0 where nothing answered, and the code of the refusal."""
    # The address is of an output of the stack: it begins with https.
    request = urllib.request.Request(  # noqa: S310
        url, data=b"", headers={"x-api-key": key, "Content-Type": "application/json"}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310
            return int(answer.status), ""
    except urllib.error.HTTPError as refused:
        with refused:
            try:
                document = json.loads(refused.read(_LONGEST))
            except (ValueError, OSError):
                return refused.code, ""
            return refused.code, str(document.get("code", "")) if isinstance(document, dict) else ""
    except OSError:
        return 0, ""
