"""A CloudFormation stack as AWS describes it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack as it is now. One that does not exist has no status."""

    name: str
    status: str = ""
    id: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    drift: Mapping[str, Any] = field(default_factory=dict)
    """What the last drift detection found: CloudFormation's StackDriftInformation."""

    @property
    def exists(self) -> bool:
        """Whether there is anything to update or delete."""
        # CloudFormation leaves an empty stack where it refused a first deployment before it began.
        return self.status not in ("", "REVIEW_IN_PROGRESS")


def read_stack(formation: "CloudFormationClient", name: str) -> Stack:
    """Look up a stack.

    Source: AWS CloudFormation API Reference, DescribeStacks: a ValidationError where there is no such stack;
    recorded as cloudformation/DescribeStacks/by-name-does-not-exist.

    Args:
        formation: the client to ask.
        name: the stack's name, or its id, which finds it after its deletion too.

    Returns:
        The stack; one without a status when there is none.

    Raises:
        ClientError: AWS refused to say.
        BotoCoreError: AWS cannot be asked.
    """
    try:
        described = formation.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as failed:
        if failed.response["Error"].get("Message", "").endswith("does not exist"):
            return Stack(name)
        raise
    return Stack(
        name=described["StackName"],
        status=described["StackStatus"],
        id=described["StackId"],
        parameters={item["ParameterKey"]: item["ParameterValue"] for item in described.get("Parameters", [])},
        outputs={item["OutputKey"]: item["OutputValue"] for item in described.get("Outputs", [])},
        drift=described.get("DriftInformation", {}),
    )
