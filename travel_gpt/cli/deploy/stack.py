"""The CloudFormation stack: its state, why it failed, its end; and the TLS policy of its address.

Source for the policy: API Gateway developer guide, "Security policies for REST APIs in API Gateway" and "How
to change a security policy": a change takes about 15 minutes, in which the API answers and its ``apiStatus``
is UPDATING.
"""

import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from travel_gpt.aws.failures import AWS_ERRORS
from travel_gpt.cli.aws_session import AwsSession
from travel_gpt.cli.console import Console
from travel_gpt.cli.errors import AWS_CLI, CliError
from travel_gpt.cli.stack import Stack, read_stack

UPDATABLE: Final = frozenset(
    {
        "CREATE_COMPLETE",
        "UPDATE_COMPLETE",
        "UPDATE_FAILED",
        "UPDATE_ROLLBACK_COMPLETE",
        "IMPORT_COMPLETE",
        "IMPORT_ROLLBACK_COMPLETE",
    }
)
_FAILED: Final = frozenset({"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"})


def is_failed(stack: Stack) -> bool:
    """Return whether a stack can only be deleted."""
    return stack.status in _FAILED


def refuse_if_busy(stack: Stack, flags: str) -> None:
    """Stop when nothing can be done to a stack now.

    Args:
        stack: the stack.
        flags: the region's and profile's flags for printed commands.

    Raises:
        CliError: CloudFormation is at work on it, or an update's rollback failed.
    """
    if stack.status == "UPDATE_ROLLBACK_FAILED":
        raise CliError(
            f"The stack {stack.name} is stuck: an update failed, and undoing it failed too "
            f"({stack.status}). Its events say why; then let CloudFormation go on ({AWS_CLI}), and repeat:\n"
            f"    aws cloudformation describe-stack-events --stack-name {stack.name}{flags}\n"
            f"    aws cloudformation continue-update-rollback --stack-name {stack.name}{flags}"
        )
    if stack.exists and stack.status.endswith("_IN_PROGRESS"):
        look = f"--stack-name {stack.name} --query 'Stacks[0].StackStatus'"
        raise CliError(
            f"CloudFormation is still at work on the stack {stack.name} ({stack.status}). Repeat once it "
            f"is done, which this shows {AWS_CLI}:\n    aws cloudformation describe-stacks {look}{flags}"
        )


def first_failure(aws: AwsSession, stack: str) -> tuple[str, str] | None:
    """Find what made the last operation on a stack fail.

    Args:
        aws: the AWS session.
        stack: the stack's name or id.

    Returns:
        The resource and the reason, or None when no event tells.
    """
    pages = aws.client("cloudformation").get_paginator("describe_stack_events")
    try:
        events = list(
            pages.paginate(StackName=stack, PaginationConfig={"MaxItems": 300}).search("StackEvents[]")
        )
    except AWS_ERRORS:
        return None
    found: tuple[str, str] | None = None
    # They come newest first: so the last one found is the first one that happened.
    for event in events:
        status, reason = event.get("ResourceStatus", ""), event.get("ResourceStatusReason", "")
        whole = event["PhysicalResourceId"] == event["StackId"]
        if status.endswith("_FAILED") and reason and "cancelled" not in reason and not whole:
            found = (f"{event['LogicalResourceId']} ({event['ResourceType']})", reason)
        if whole and _begins(event):
            break
    return found


def _begins(event: Mapping[str, Any]) -> bool:
    began = event.get("ResourceStatus") in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS")
    return began and event.get("ResourceStatusReason") in ("User Initiated", None, "")


def delete_stack(aws: AwsSession, stack: Stack, flags: str) -> None:
    """Delete a stack and wait until it is gone.

    Args:
        aws: the AWS session.
        stack: the stack.
        flags: the region's and profile's flags for printed commands.

    Raises:
        ClientError: AWS refused.
        CliError: it could not be deleted, or not within an hour.
    """
    aws.client("cloudformation").delete_stack(StackName=stack.id)
    # Lambda needs up to 40 minutes to delete the network interfaces of a function in a VPC.
    until = time.monotonic() + 3600
    while time.monotonic() < until:
        status = read_stack(aws.client("cloudformation"), stack.id).status
        if status in ("", "DELETE_COMPLETE"):
            return
        if status == "DELETE_FAILED":
            failure = first_failure(aws, stack.id)
            because = f" {failure[0]}: {failure[1]}" if failure else ""
            raise CliError(
                f"CloudFormation could not delete the stack {stack.name}.{because}\n"
                "Remove what it names by hand, then repeat the same command."
            )
        time.sleep(3)
    raise CliError(
        f"The stack {stack.name} is still being deleted after an hour. Wait for it:\n"
        f"    aws cloudformation wait stack-delete-complete --stack-name {stack.name}{flags}"
    )


TLS_OUTPUT: Final = "TlsPolicy"
"""The stack's output with the name of the policy; a stack without it has API Gateway's default."""

_TLS_POLICY: Final = re.compile(r"^ +SecurityPolicy: (\S+)$", re.MULTILINE)


def tls_note(stack: Stack) -> str:
    """Say before a deployment whether it changes the policy of an API that is there.

    Args:
        stack: the stack as it is.

    Returns:
        A sentence for the plan; empty where nothing changes for a caller.
    """
    written = _TLS_POLICY.search(Path("template.yaml").read_text("utf-8"))
    if not stack.exists or is_failed(stack) or written is None or stack.outputs.get(TLS_OUTPUT) == written[1]:
        return ""
    before = stack.outputs.get(TLS_OUTPUT, "API Gateway's default, which takes TLS 1.0")
    return (
        f"The API's address changes its TLS policy from {before} to {written[1]}. That takes about 15 "
        "minutes, in which it answers as before. Then it refuses clients that know only older TLS versions."
    )


def show_tls_change(console: Console, before: Stack, after: Stack, flags: str) -> None:
    """Say after a deployment that API Gateway is still changing the policy, if it is.

    Args:
        console: where to say it.
        before: the stack before the deployment.
        after: the stack after it.
        flags: the region's and profile's flags for printed commands.
    """
    now = after.outputs.get(TLS_OUTPUT)
    if not before.exists or is_failed(before) or now is None or now == before.outputs.get(TLS_OUTPUT):
        return
    api = after.outputs["ApiUrl"].split("/")[2].partition(".")[0]
    console.note(
        f"API Gateway needs about 15 minutes to change the TLS policy to {now}, and answers meanwhile. It is "
        f"done when this says AVAILABLE, {AWS_CLI}:\n"
        f"  aws apigateway get-rest-api --rest-api-id {api} --query apiStatus --output text{flags}"
    )
