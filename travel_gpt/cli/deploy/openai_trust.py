"""OpenAI's trust in the functions' roles: what is to be set up there, verified, and removed.

OpenAI has one mapping for each pair of an identity provider and a service account, and one mapping alone may
match a token. So the mapping does not name a role: it asks for an attribute that the provider computes of the
token, which is true for the roles of both functions. A wildcard would match roles of other stacks, too.

The mapping outlives the roles: anyone who may create a role of such a name in the account gets OpenAI's
tokens for the service account.

Source: OpenAI's guides "Workload identity federation" (transformations with CEL, mappings, and how one is
found) and "Configuring workload identity federation for AWS" (the claim ``sub`` is the role's ARN),
https://developers.openai.com/api/docs/guides/workload-identity-federation
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from travel_gpt.cli.aws_session import AwsSession, if_permitted
from travel_gpt.cli.console import Console
from travel_gpt.cli.deploy import release
from travel_gpt.cli.deploy.stack import is_failed
from travel_gpt.cli.stack import Health, Stack, verify_stream_identity
from travel_gpt.redaction import guard

WHERE: Final = "https://platform.openai.com → Organization settings → Security → Workload identity provider"
AUDIENCE: Final = "https://api.openai.com/v1"
USES_IDENTITY: Final = ("switch", "on")
"""What Keyless is where the functions have no key in use."""


@dataclass(frozen=True, slots=True)
class Trust:
    """A mapping that may be set up at OpenAI."""

    roles: tuple[str, ...]
    """The ARNs of the functions' roles, or what is known of their names."""
    attribute: str
    """The attribute that the mapping asks for."""
    provider: str
    """OpenAI's id of the workload identity provider; empty where the stack was not given it."""
    service_account: str
    """OpenAI's id of the service account; empty where the stack was not given it."""

    @property
    def step(self) -> str:
        """What is for the owner to do, as one sentence of a plan."""
        return (
            f"You, at OpenAI: remove the mapping of {' and '.join(self.roles)}. It outlives a role, and "
            "anyone who may create a role of that name in this account inherits the trust."
        )

    def show(self, console: Console) -> None:
        """Say what to remove at OpenAI, and why.

        Args:
            console: where to say it.
        """
        console.heading("Remove at OpenAI, unless you have done so already")
        console.say(f"  {WHERE}")
        console.say()
        unknown = "not among the stack's parameters: look for the mapping of these roles"
        console.rows(
            [
                ("Provider", self.provider or unknown),
                ("Mapping", f"the one with {self.attribute}, or with a role as sub"),
                *(("  role", role) for role in self.roles),
                ("  service account", self.service_account or unknown),
                ("Attribute", f"the provider's transformation {self.attribute}"),
            ]
        )
        console.say(
            "\nThe mapping outlives the roles: anyone who may create a role of such a name in this account "
            "inherits the trust. Delete the provider and the service account too, if nothing else uses them."
        )


def find_trust(stack: Stack) -> Trust | None:
    """Find out whether OpenAI may trust a stack's roles.

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
    roles = _roles(stack) or (f"the role whose name begins with {stack.name}-TravelGPTFunctionRole",)
    return Trust(roles, _attribute(stack), provider, parameters.get("OpenAIServiceAccountId", ""))


def trust_ended_by(stack: Stack, values: Mapping[str, str]) -> Trust | None:
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
        # It is deleted first, and the new stack's roles have other names.
        return find_trust(stack)
    if stack.parameters.get("Keyless", "off") == "off" or values["Keyless"] != "off":
        return None
    return find_trust(stack)


@contextmanager
def trust_shown_at_the_end(console: Console, trust: Trust | None) -> Iterator[None]:
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


def show_setup(console: Console, stack: Stack, issuer: str) -> None:
    """Say what to set up at OpenAI, with the values of this stack.

    Args:
        console: where to say it.
        stack: the stack.
        issuer: the account's issuer of tokens, or how to find it.
    """
    console.heading("What to set up at OpenAI")
    console.say(f"  {WHERE}")
    console.say()
    permissions = "Models: Read, Responses: Write (with OpenAIApi=chat: Chat completions: Write)"
    console.rows(
        [
            ("Issuer", issuer),
            ("Audience", AUDIENCE),
            ("Attribute transformation", _attribute(stack)),
            ("  expression", f"assertion.sub in {json.dumps(_roles(stack))}"),
            ("Mapping", "one, to a service account of the project that is to pay"),
            ("  key", _attribute(stack)),
            ("  value", "true"),
            ("  permissions", permissions),
        ]
    )
    console.say(
        "\nThe expression names the roles of both functions. A mapping whose key is sub serves one of them "
        "alone, and OpenAI allows one mapping of a service account: give that one the key and value above, "
        "after adding the transformation."
    )


def upgrade_step(stack: Stack, values: Mapping[str, str]) -> str:
    """Say what is for the owner to do where a stack without a key gets the function that streams.

    Args:
        stack: the stack as it is.
        values: the parameters that it is to have.

    Returns:
        One sentence of a plan; empty where nothing is to be done.
    """
    if (
        stack.parameters.get("Keyless") not in USES_IDENTITY
        or values["Keyless"] not in USES_IDENTITY
        or values["Streaming"] != "on"
        or is_failed(stack)
        or "StreamFunctionRoleArn" in stack.outputs
    ):
        return ""
    return (
        "You, at OpenAI: have the mapping accept the role of the function that streams, which is new. What "
        "to set up is printed at the end. Until then streams fail with credential_rejected, and "
        "POST /travel-gpt answers as before."
    )


def verify_streams(aws: AwsSession, console: Console, stack: Stack) -> Health:
    """Have the function that streams verify its identity at OpenAI.

    Args:
        aws: the AWS session.
        console: where to say that it waits.
        stack: the stack, which has that function.

    Returns:
        Its last answer, or why there is none.

    Raises:
        ClientError: AWS failed.
    """
    key = ""
    if stack.outputs.get("ApiAccess") != "open":
        gateway, key_id = aws.client("apigateway"), stack.outputs["ApiKeyId"]
        found = if_permitted(lambda: gateway.get_api_key(apiKey=key_id, includeValue=True))
        if found is None:
            return Health(0, "was not called: AWS hides the stack's API key from you (apigateway:GET)")
        key = found["value"]
        guard(key)
    url = f"{stack.outputs['ApiUrl']}/stream"
    return release.wait_for_health(console, lambda: verify_stream_identity(url, key))


def _roles(stack: Stack) -> tuple[str, ...]:
    """Return the ARNs of the functions' roles; a stack of an earlier version has one."""
    names = ("FunctionRoleArn", "StreamFunctionRoleArn")
    return tuple(stack.outputs[name] for name in names if name in stack.outputs)


def _attribute(stack: Stack) -> str:
    # Stacks of one account share the provider, and each has an attribute of its own.
    return f"openai.{stack.name.replace('-', '_')}"
