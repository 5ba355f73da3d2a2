"""Going without a key: what is decided before anything is changed, and the way there and back.

It takes two runs. With the first the function's role may ask AWS for a token that says who it is, and the key
still serves. When OpenAI has accepted such a token, the second switches the function to it, and only then
takes the secret away from the role.

A mapping at OpenAI names the role by its ARN (the claim ``sub``). It outlives the role: anyone who may create
a role of the same name in the account gets OpenAI's tokens for the service account.

Source: OpenAI's guide "Configuring workload identity federation for AWS",
https://developers.openai.com/api/docs/guides/workload-identity-federation/aws
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from travel_gpt.aws.failures import AWS_ERRORS, AwsFailure
from travel_gpt.base_url import is_openai
from travel_gpt.cli.aws_session import AwsSession, if_permitted
from travel_gpt.cli.console import Console
from travel_gpt.cli.deploy import release
from travel_gpt.cli.deploy.options import Options
from travel_gpt.cli.deploy.parameters import Parameter
from travel_gpt.cli.deploy.secret import Secret
from travel_gpt.cli.deploy.stack import is_failed
from travel_gpt.cli.errors import AWS_CLI, CliError
from travel_gpt.cli.stack import Stack

if TYPE_CHECKING:
    from travel_gpt.cli.deploy.plan import Plan

WHERE: Final = "https://platform.openai.com → Organization settings → Security → Workload identity provider"


@dataclass(frozen=True, slots=True)
class Trust:
    """A mapping that may be set up at OpenAI."""

    role: str
    """The ARNs of the functions' roles, or what is known of their names."""
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


def find_trust(stack: Stack) -> Trust | None:
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
    # The function that streams has a mapping of its own.
    role = " and ".join([role, *_stream_role(stack)])
    return Trust(role, provider, parameters.get("OpenAIServiceAccountId", ""))


def _stream_role(stack: Stack) -> list[str]:
    """Return the ARN of the role that streams run as; nothing for a stack of an earlier version."""
    return [stack.outputs["StreamFunctionRoleArn"]] if "StreamFunctionRoleArn" in stack.outputs else []


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
        # It is deleted first, and the new stack's role has another name.
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


_ENABLE: Final = "aws iam enable-outbound-web-identity-federation"
USES_IDENTITY: Final = ("switch", "on")
"""What Keyless is where the function has no key in use."""
SHOW: Final = "aws iam get-outbound-web-identity-federation-info"


@dataclass(frozen=True, slots=True)
class Keyless:
    """What was found before the first deployment."""

    wanted: bool
    """Whether to go without a key in this run."""
    ends: bool = False
    """Whether a function without a key is to have one again."""
    issuer: str = ""
    """The account's issuer of tokens; empty where the caller may not ask."""
    notes: tuple[str, ...] = ()
    """What the person should know."""


def resolve(
    aws: AwsSession, options: Options, values: Mapping[str, str], secret: Secret, *, before: str
) -> Keyless:
    """Check whether the account's roles may have tokens, and whether the function would still find its model.

    Args:
        aws: the AWS session.
        options: what the person asked for.
        values: the parameters.
        secret: the secret as it is.
        before: what Keyless is in the stack.

    Returns:
        What was found.

    Raises:
        ClientError: AWS failed to answer.
        CliError: they may not, or a key was given to a function that has none; the sentence says what to do.
    """
    if options.replace_key and values["Keyless"] == "on":
        raise CliError(
            "This stack has no key to replace: the function authenticates at OpenAI with its role. To have a "
            f"key again:\n    {options.command('--parameter', 'Keyless=off', '--replace-key')}"
        )
    if not options.keyless:
        half = values["Keyless"] in ("prepare", "switch")
        again = f"To go on without a key: {options.command('--keyless')}"
        ends = before in USES_IDENTITY and values["Keyless"] not in USES_IDENTITY
        return Keyless(wanted=False, ends=ends, notes=(again,) if half else ())
    notes = _check_what_the_secret_says(values, secret)
    off = (
        "AWS does not vouch for the roles of this account yet (outbound web identity federation is off). It "
        f"is one switch for the whole account, and costs nothing. Turn it on {AWS_CLI}, then repeat:\n"
        f"    {_ENABLE}"
    )
    try:
        found = if_permitted(aws.client("iam").get_outbound_web_identity_federation_info)
    except AWS_ERRORS as failed:
        if AwsFailure.of(failed).code.startswith("FeatureDisabled"):
            raise CliError(off) from None
        raise
    if found is None:
        hidden = f"Whether this account's roles may have tokens is hidden from you ({SHOW}, {AWS_CLI})."
        return Keyless(wanted=True, notes=(*notes, hidden))
    if not found.get("JwtVendingEnabled"):
        raise CliError(off)
    return Keyless(wanted=True, issuer=found["IssuerIdentifier"], notes=notes)


def _check_what_the_secret_says(values: Mapping[str, str], secret: Secret) -> tuple[str, ...]:
    """Say what else the function would lose with the secret; stop where that is its model's server."""
    said = secret.credential
    server = secret.base_url(values["OpenAIBaseUrl"])
    if server and not is_openai(server):
        raise CliError(
            f"The model is at {server}, and the function's identity is good for OpenAI alone. Keep the key, "
            "or take OpenAI's own: leave OpenAIBaseUrl, and base_url in the secret, empty."
        )
    said_in_secret = {
        "model": (said.model if said else None, values["OpenAIModel"], "OpenAIModel"),
        "api": (said.api if said else None, values["OpenAIApi"], "OpenAIApi"),
    }
    return tuple(
        f"The secret says {name}={value}, and without it {parameter}={instead} holds. To keep it so: "
        f"--parameter {parameter}={value}"
        for name, (value, instead, parameter) in said_in_secret.items()
        if value and value != instead
    )


def prepare(parameters: Sequence[Parameter]) -> list[Parameter]:
    """Return the parameters of the first deployment: the role may get tokens, and nothing else changes."""
    return [
        replace(one, new="prepare") if one.name == "Keyless" and one.new == "off" else one
        for one in parameters
    ]


def has_ids(values: Mapping[str, str]) -> bool:
    """Tell whether the parameters say which identity provider and service account to use at OpenAI."""
    return bool(values["OpenAIIdentityProviderId"] and values["OpenAIServiceAccountId"])


def steps(keyless: Keyless, values: Mapping[str, str]) -> list[str]:
    """Say what will happen after the first deployment.

    Args:
        keyless: what was found.
        values: the parameters.

    Returns:
        One sentence a step.
    """
    if keyless.ends:
        return ["Give the function its key back before its identity is taken away: one more deployment."]
    if not keyless.wanted or values["Keyless"] == "on":
        return []
    if not has_ids(values):
        return ["Say what to set up at OpenAI, so that it trusts the function's role."]
    return [
        "Verify the function's identity at OpenAI. If OpenAI does not accept it, stop there.",
        "Deploy twice more: the function uses its identity, and then its role can no longer read the secret.",
    ]


AUDIENCE: Final = "https://api.openai.com/v1"


def finish(aws: AwsSession, console: Console, plan: "Plan", stack: Stack) -> bool:
    """Go the rest of the way, as far as it is clear.

    Args:
        aws: the AWS session.
        console: where to say it.
        plan: the plan; its parameters are those of the first deployment.
        stack: the stack after it.

    Returns:
        Whether the function has gone without a key; False when OpenAI does not know its role yet.

    Raises:
        ClientError: AWS failed.
        CliError: OpenAI does not accept the function, which can still read the secret.
    """
    values = {parameter.name: parameter.new for parameter in plan.parameters}
    if values["Keyless"] == "on":
        return True
    if not has_ids(values):
        _say_what_to_set_up(console, plan, stack)
        console.say("\nOpenAI shows an id of the provider and one of the service account.")
        console.heading("Next, once that is set up, with these two ids")
        ids = ("--identity-provider", "ID", "--service-account", "ID")
        console.say(f"  {plan.options.command('--keyless', *ids)}")
        return False
    console.step("Verifying the function's identity at OpenAI")
    logs = release.logs_command(stack.name, plan.flags)
    try:
        release.check_health(console, stack, logs, verify="workload-identity")
    except CliError as refused:
        _say_what_to_set_up(console, plan, stack)
        console.say()
        raise CliError(
            f"{refused}\nNothing was taken away: if the function had a key, it still has. Compare what is "
            "set up at OpenAI with the list above. A minute later (results are shared that long), repeat:\n"
            f"    {plan.options.command('--keyless')}",
            refused.status,
        ) from None
    # CloudFormation changes the role before the function: with one step fewer, the function would ask for a
    # secret that its role may not read any more.
    console.step("Switching the function to its identity")
    _deploy(aws, console, plan, "switch")
    console.step(f"Taking the secret {values['SecretName']} away from the function")
    _deploy(aws, console, plan, "on")
    if plan.key.secret.exists and not plan.key.secret.deleted:
        console.say(
            "The function has no key any more. The secret is still there, and nothing of this stack reads "
            f"it: revoke its key at OpenAI, and delete it when you like {AWS_CLI} (it can be restored for 30 "
            "days):\n"
            "  aws secretsmanager delete-secret --recovery-window-in-days 30 --secret-id "
            f"{values['SecretName']}{plan.flags}"
        )
    return True


def restore_key(aws: AwsSession, console: Console, plan: "Plan") -> None:
    """Let a function without a key read the secret again, before anything is taken from its role.

    Args:
        aws: the AWS session.
        console: where to say it.
        plan: the plan, which ends ``Keyless``.

    Raises:
        ClientError: AWS failed.
        CliError: the deployment failed.
    """
    console.step("Giving the function its key back")
    _deploy(aws, console, plan, "prepare")


def _deploy(aws: AwsSession, console: Console, plan: "Plan", keyless: str) -> None:
    parameters = [replace(one, new=keyless) if one.name == "Keyless" else one for one in plan.parameters]
    release.deploy(aws, console, plan.environment, plan.account.region, parameters, plan.flags)


def _say_what_to_set_up(console: Console, plan: "Plan", stack: Stack) -> None:
    console.heading("What to set up at OpenAI")
    console.say(f"  {WHERE}")
    console.say()
    console.rows(
        [
            ("Issuer", plan.keyless.issuer or f"the IssuerIdentifier of: {SHOW} ({AWS_CLI})"),
            ("Audience", AUDIENCE),
            ("Mapping", "to a service account of the project that is to pay"),
            ("  where sub is", stack.outputs["FunctionRoleArn"]),
            *(("  and another for", role) for role in _stream_role(stack)),
            (
                "  permissions",
                "Models: Read, Responses: Write (with OpenAIApi=chat: Chat completions: Write)",
            ),
        ]
    )
