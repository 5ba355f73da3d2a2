"""Going without a key, as far as it is decided before anything is changed.

It takes two runs. With the first the function's role may ask AWS for a token that says who it is, and the key
still serves. When OpenAI has accepted such a token, the second switches the function to it, and only then
takes the secret away from the role.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from travel_gpt.aws.failures import AWS_ERRORS, AwsFailure
from travel_gpt.base_url import is_openai
from travel_gpt.cli.aws_session import AwsSession
from travel_gpt.cli.deploy.options import Options
from travel_gpt.cli.deploy.parameters import Parameter
from travel_gpt.cli.deploy.permission import if_permitted
from travel_gpt.cli.deploy.secret import Secret
from travel_gpt.cli.errors import CliError

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
        f"is one switch for the whole account, and costs nothing. Turn it on, then repeat:\n    {_ENABLE}"
    )
    try:
        found = if_permitted(aws.client("iam").get_outbound_web_identity_federation_info)
    except AWS_ERRORS as failed:
        if AwsFailure.of(failed).code.startswith("FeatureDisabled"):
            raise CliError(off) from None
        raise
    if found is None:
        hidden = f"Whether this account's roles may have tokens is hidden from you ({SHOW})."
        return Keyless(wanted=True, notes=(*notes, hidden))
    if not found.get("JwtVendingEnabled"):
        raise CliError(off)
    return Keyless(wanted=True, issuer=found["IssuerIdentifier"], notes=notes)


def _check_what_the_secret_says(values: Mapping[str, str], secret: Secret) -> tuple[str, ...]:
    """Say what else the function would lose with the secret; stop where that is its model's server."""
    said = secret.credential
    server = (said.base_url if said else None) or values["OpenAIBaseUrl"]
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
