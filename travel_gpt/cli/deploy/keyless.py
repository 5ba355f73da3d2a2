"""Going without a key: what is decided before anything is changed, and the way there and back.

It takes two runs. With the first the functions' roles may ask AWS for a token that says who they are, and the
key still serves. When OpenAI has accepted such a token of each role, the second switches the functions to it,
and only then takes the secret away from the roles.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from travel_gpt.aws.failures import AWS_ERRORS, AwsFailure
from travel_gpt.base_url import is_openai
from travel_gpt.cli.aws_session import AwsSession, if_permitted
from travel_gpt.cli.console import Console
from travel_gpt.cli.deploy import openai_trust, release
from travel_gpt.cli.deploy.openai_trust import USES_IDENTITY
from travel_gpt.cli.deploy.options import Options
from travel_gpt.cli.deploy.parameters import Parameter
from travel_gpt.cli.deploy.secret import Secret
from travel_gpt.cli.errors import AWS_CLI, CliError
from travel_gpt.cli.stack import Stack
from travel_gpt.errors import CredentialRejected

if TYPE_CHECKING:
    from travel_gpt.cli.deploy.plan import Plan

_ENABLE: Final = "aws iam enable-outbound-web-identity-federation"
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
        return ["Say what to set up at OpenAI, so that it trusts the functions' roles."]
    return [
        "Verify the functions' identities at OpenAI. If OpenAI does not accept them, stop there.",
        "Deploy twice more: the functions use their identities, then their roles cannot read the secret.",
    ]


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
        _show_setup(console, plan, stack)
        console.say("\nOpenAI shows an id of the provider and one of the service account.")
        console.heading("Next, once that is set up, with these two ids")
        ids = ("--identity-provider", "ID", "--service-account", "ID")
        console.say(f"  {plan.options.command('--keyless', *ids)}")
        return False
    console.step("Verifying the functions' identities at OpenAI")
    logs = release.logs_command(stack.name, plan.flags)
    try:
        release.check_health(console, stack, logs, verify="workload-identity")
        if values["Streaming"] == "on":
            _require_streams(aws, console, plan, stack)
    except CliError as refused:
        _show_setup(console, plan, stack)
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


def check_streams(aws: AwsSession, console: Console, plan: "Plan", stack: Stack) -> None:
    """Say so where streams of a stack without a key would fail, and what to set up at OpenAI.

    The stack may have had no function that streams before.

    Args:
        aws: the AWS session.
        console: where to say it.
        plan: the plan.
        stack: the stack after the deployment.

    Raises:
        ClientError: AWS failed.
    """
    values = {parameter.name: parameter.new for parameter in plan.parameters}
    if values["Keyless"] not in USES_IDENTITY or values["Streaming"] != "on":
        return
    health = openai_trust.verify_streams(aws, console, stack)
    if health.is_good:
        console.good("OpenAI accepted the role of the function that streams, too.")
        return
    if health.code == CredentialRejected.code:
        _show_setup(console, plan, stack)
    console.note(
        f"Streams do not work, or it is not known whether they do: {_stream_url(stack)} {health.sentence} "
        "POST /travel-gpt answers all the same. To verify them again, a minute later:\n"
        f"  {plan.options.command()}"
    )


def _require_streams(aws: AwsSession, console: Console, plan: "Plan", stack: Stack) -> None:
    """Verify the identity of the function that streams.

    Raises:
        CliError: OpenAI does not accept it, or it could not be verified.
    """
    health = openai_trust.verify_streams(aws, console, stack)
    if not health.is_good:
        without = plan.options.command("--keyless", "--parameter", "Streaming=off")
        raise CliError(
            "The function that streams has a role of its own, and that was not accepted: "
            f"{_stream_url(stack)} {health.sentence}\nTo go on without streams: {without}"
        )
    console.good("OpenAI accepted the role of the function that streams, too.")


def _stream_url(stack: Stack) -> str:
    return f"{stack.outputs['ApiUrl']}/stream"


def _show_setup(console: Console, plan: "Plan", stack: Stack) -> None:
    issuer = plan.keyless.issuer or f"the IssuerIdentifier of: {SHOW} ({AWS_CLI})"
    openai_trust.show_setup(console, stack, issuer)
