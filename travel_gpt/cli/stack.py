"""A deployed stack: what CloudFormation reports about it, and what its API answers to GET."""

import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from travel_gpt.cli.http_answer import send

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


_LONGEST: Final = 65_536


@dataclass(frozen=True, slots=True)
class Health:
    """The answer, or why there is none."""

    status: int
    """The HTTP status; 0 where nothing answered."""
    reason: str
    """What happened, to continue a sentence that begins with the URL."""
    body: dict[str, Any] = field(default_factory=dict)
    """The JSON object; an empty one where the answer is none."""

    @property
    def is_good(self) -> bool:
        """Whether the function has what it needs."""
        return self.status == 200 and self.body.get("status") == "success"

    @property
    def code(self) -> str:
        """The code of a failure; empty where there is none."""
        return str(self.body.get("code", ""))

    @property
    def sentence(self) -> str:
        """What happened, with the code and the message of a failure, to end a sentence."""
        return (
            f"{self.reason}, {self.code}: {self.body.get('message', '')}" if self.code else f"{self.reason}."
        )

    @property
    def verifier(self) -> str:
        """Which server accepted the credential, as messages call it; empty where none was asked."""
        if not self.body.get("verified"):
            return ""
        return "the model server" if self.body.get("mode") == "compatible" else "OpenAI"


def get_health(url: str) -> Health:
    """GET an API once, as a caller would.

    Args:
        url: the API's address, from the outputs of the stack.
    """
    # Such an address begins with https: no file and no other scheme.
    return _send(urllib.request.Request(url, headers={"Accept": "application/json"}))  # noqa: S310


def verify_stream_identity(url: str, api_key: str) -> Health:
    """Have the function that streams verify its identity at OpenAI, once.

    Args:
        url: the address of the streams.
        api_key: an API key; empty for an API that asks for none.
    """
    headers = {"Accept": "application/json", "Content-Type": "application/json"}
    if api_key:
        headers["x-api-key"] = api_key
    address = f"{url}?verify=workload-identity"
    body = b'{"query": "Verify."}'  # Required, and not asked.
    return _send(urllib.request.Request(address, body, headers, method="POST"))  # noqa: S310


def _send(request: urllib.request.Request) -> Health:
    answer = send(request, _LONGEST)
    return Health(answer.status, answer.reason, answer.document)
