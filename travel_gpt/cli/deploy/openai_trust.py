"""The trust that OpenAI keeps in a role after the stack has stopped using it.

A mapping at OpenAI names the role by its ARN (the claim ``sub``). It outlives the role: anyone who may create
a role of the same name in the account gets OpenAI's tokens for the service account.

Source: OpenAI's guide "Configuring workload identity federation for AWS",
https://developers.openai.com/api/docs/guides/workload-identity-federation/aws
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from travel_gpt.cli.console import Console
from travel_gpt.cli.deploy.stack import is_failed
from travel_gpt.cli.stack import Stack

WHERE: Final = "https://platform.openai.com → Organization settings → Security → Workload identity provider"


@dataclass(frozen=True, slots=True)
class Trust:
    """A mapping that may be set up at OpenAI."""

    role: str
    """The role's ARN, or what is known of its name."""
    provider: str
    """OpenAI's id of the workload identity provider; empty where the stack was not given it."""
    service_account: str
    """OpenAI's id of the service account; empty where the stack was not given it."""

    @property
    def step(self) -> str:
        """What is for the owner to do, as one sentence of a plan."""
        return (
            f"You, at OpenAI: remove the mapping of the role {self.role}. It outlives the role, and anyone "
            "who may create a role of that name in this account inherits the trust."
        )

    def show(self, console: Console) -> None:
        """Say what to remove at OpenAI, and why.

        Args:
            console: where to say it.
        """
        console.heading("Remove at OpenAI, unless you have done so already")
        console.say(f"  {WHERE}")
        console.say()
        unknown = "not among the stack's parameters: look for the mapping with this role"
        console.rows(
            [
                ("Provider", self.provider or unknown),
                ("Mapping", "the one whose sub is this role"),
                ("  role", self.role),
                ("  service account", self.service_account or unknown),
            ]
        )
        console.say(
            "\nThe mapping outlives the role: anyone who may create a role of that name in this account "
            "inherits the trust. Delete the provider and the service account too, if nothing else uses them."
        )


def find(stack: Stack) -> Trust | None:
    """Find out whether OpenAI may trust a stack's role.

    Args:
        stack: the stack as it is.

    Returns:
        The mapping that may be set up; None for a stack that never had to do with one.
    """
    parameters = stack.parameters
    provider = parameters.get("OpenAIIdentityProviderId", "")
    # A stack that had a key again keeps the provider's id, and OpenAI may keep the mapping.
    if parameters.get("Keyless", "off") == "off" and not provider:
        return None
    role = (
        stack.outputs.get("FunctionRoleArn") or f"whose name begins with {stack.name}-TravelGPTFunctionRole"
    )
    return Trust(role, provider, parameters.get("OpenAIServiceAccountId", ""))


def ended_by(stack: Stack, values: Mapping[str, str]) -> Trust | None:
    """Find out whether a deployment takes a stack's identity at OpenAI away.

    Args:
        stack: the stack as it is.
        values: the parameters that it is to have.

    Returns:
        The mapping that is no longer needed; None where there is none, or it stays in use.
    """
    if not stack.exists:
        return None
    if is_failed(stack):
        # It is deleted first, and the new stack's role has another name.
        return find(stack)
    if stack.parameters.get("Keyless", "off") == "off" or values["Keyless"] != "off":
        return None
    return find(stack)


@contextmanager
def shown_at_the_end(console: Console, trust: Trust | None) -> Iterator[None]:
    """Show a mapping after the last steps of a deployment, also where one of them stops it.

    Args:
        console: where to show it.
        trust: the mapping, if there is one.
    """
    try:
        yield
    finally:
        # The stack does without its identity by then, whatever GET answers.
        if trust:
            trust.show(console)
