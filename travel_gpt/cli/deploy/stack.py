"""The CloudFormation stack: its state, why it failed, its end."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from travel_gpt.cli.deploy.console import CliError
from travel_gpt.cli.deploy.shell import AwsError, Commands

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
_DEAD: Final = frozenset({"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"})


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack as it is now.

    A stack that does not exist has no status.
    """

    name: str
    status: str = ""
    id: str = ""
    changed: str = ""
    """When it was created or last updated."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)

    @property
    def exists(self) -> bool:
        """Whether there is anything to update or delete."""
        # What a first deployment leaves behind that CloudFormation refused before it began: an empty shell.
        return self.status not in ("", "REVIEW_IN_PROGRESS")

    @property
    def dead(self) -> bool:
        """Whether it can only be deleted."""
        return self.status in _DEAD

    def refuse_if_busy(self, flags: str) -> None:
        """Stop when nothing can be done to the stack now.

        Args:
            flags: the region's and profile's flags for printed commands.

        Raises:
            Stop: CloudFormation is at work on it, or an update's rollback failed.
        """
        if self.status == "UPDATE_ROLLBACK_FAILED":
            raise CliError(
                f"The stack {self.name} is stuck: an update failed, and undoing it failed too "
                f"({self.status}). Its events say why; then let CloudFormation go on, and repeat:\n"
                f"    aws cloudformation describe-stack-events --stack-name {self.name}{flags}\n"
                f"    aws cloudformation continue-update-rollback --stack-name {self.name}{flags}"
            )
        if self.exists and self.status.endswith("_IN_PROGRESS"):
            look = f"--stack-name {self.name} --query 'Stacks[0].StackStatus'"
            raise CliError(
                f"CloudFormation is still at work on the stack {self.name} ({self.status}). Repeat once it "
                f"is done, which this tells:\n    aws cloudformation describe-stacks {look}{flags}"
            )


def read_stack(commands: Commands, name: str) -> Stack:
    """Look at a stack.

    Args:
        commands: the command lines.
        name: the stack's name, or its id, which finds it after its deletion too.

    Returns:
        The stack; one without a status when there is none.

    Raises:
        AwsError: AWS refused to say.
    """
    try:
        described = commands.aws("cloudformation", "describe-stacks", "--stack-name", name)["Stacks"][0]
    except AwsError as failed:
        if "does not exist" in failed.said:
            return Stack(name)
        raise
    return Stack(
        name=described["StackName"],
        status=described["StackStatus"],
        id=described["StackId"],
        changed=str(described.get("LastUpdatedTime") or described["CreationTime"]),
        parameters={item["ParameterKey"]: item["ParameterValue"] for item in described.get("Parameters", [])},
        outputs={item["OutputKey"]: item["OutputValue"] for item in described.get("Outputs", [])},
    )


def first_failure(commands: Commands, stack: str) -> tuple[str, str] | None:
    """Find what made the last operation on a stack fail.

    Args:
        commands: the command lines.
        stack: the stack's name or id.

    Returns:
        The resource and the reason, or None when no event tells.
    """
    try:
        listed = commands.aws(
            "cloudformation", "describe-stack-events", "--stack-name", stack, "--max-items", "300"
        )
    except AwsError:
        return None
    found: tuple[str, str] | None = None
    # They come newest first: so the last one found is the first one that happened.
    for event in listed["StackEvents"]:
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


def delete_stack(commands: Commands, stack: Stack, flags: str) -> None:
    """Delete a stack and wait until it is gone.

    Args:
        commands: the command lines.
        stack: the stack.
        flags: the region's and profile's flags for printed commands.

    Raises:
        AwsError: AWS refused.
        Stop: it could not be deleted, or not within an hour.
    """
    commands.aws("cloudformation", "delete-stack", "--stack-name", stack.id)
    # Lambda needs up to 40 minutes to delete the network interfaces of a function in a VPC.
    until = time.monotonic() + 3600
    while time.monotonic() < until:
        status = read_stack(commands, stack.id).status
        if status in ("", "DELETE_COMPLETE"):
            return
        if status == "DELETE_FAILED":
            failure = first_failure(commands, stack.id)
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
