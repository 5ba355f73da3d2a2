"""A version that a rotation left as AWSPENDING: found, shown, and discarded where the person agrees."""

import shlex
from dataclasses import dataclass

from travel_gpt.aws.secret_versions import PENDING
from travel_gpt.cli.aws_session import AwsSession
from travel_gpt.cli.console import Console
from travel_gpt.cli.deploy.options import Options
from travel_gpt.cli.deploy.secret import Secret
from travel_gpt.cli.errors import CliError


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of the version."""

    discard: str = ""
    """Its id, where it is to be discarded."""
    note: str = ""
    """What the person should know."""


def resolve(console: Console, options: Options, secret: Secret, flags: str, *, changes: bool) -> Decision:
    """Look for a version that is AWSPENDING and not AWSCURRENT, and ask what becomes of it.

    While there is one, RotateSecret answers InvalidRequestException ("A previous rotation isn't complete"),
    and CloudFormation rolls the stack back.
    Source: Secrets Manager API Reference, RotateSecret.

    Args:
        console: where to ask.
        options: what the person asked for.
        secret: the secret as it is.
        flags: the region's and profile's flags for printed commands.
        changes: whether this deployment changes the rotation's settings.

    Returns:
        The decision.

    Raises:
        CliError: this deployment would fail because of it, and the answer was no, or there is no terminal.
    """
    version = secret.metadata.unfinished if secret.metadata and not secret.deleted else None
    if version is None:
        return Decision()
    found = (
        f"Version {version} of the secret {secret.name} is AWSPENDING and not current: a rotation stopped "
        "half-way"
    )
    command = f"travel-gpt secret discard-pending --secret {shlex.quote(secret.name)}{flags}"
    how = f"If no rotation is running now, discard that version:\n    {command}"
    if _offer(console, options, found):
        return Decision(discard=version)
    if not changes:
        return Decision(note=f"{found}, and no other rotation begins. {how}")
    blocked = (
        "Secrets Manager changes no settings of a rotation meanwhile, so this deployment would be rolled back"
    )
    if options.dry_run:
        return Decision(note=f"{found}. {blocked}. {how}")
    raise CliError(f"{found}. {blocked}. Nothing was changed. {how}\nThen repeat.")


def discard(aws: AwsSession, console: Console, secret: str, version: str) -> None:
    """Take AWSPENDING off a version.

    Args:
        aws: the AWS session.
        console: where to say it.
        secret: the secret's name.
        version: the version's id.

    Raises:
        ClientError: AWS refused.
    """
    console.step(f"Discarding the pending version of the secret {secret}")
    aws.client("secretsmanager").update_secret_version_stage(
        SecretId=secret, VersionStage=PENDING, RemoveFromVersionId=version
    )
    console.good(
        "Discarded. If rotation made a key for it at OpenAI, the next rotation deletes that key, and it "
        "expires by itself."
    )


def _offer(console: Console, options: Options, found: str) -> bool:
    # A rotation that is running now would fail: so --yes is no consent to this.
    if not console.terminal or options.yes or options.dry_run:
        return False
    console.say(
        f"\n{found}, or is running now. The current key is in use and stays so; the version can be "
        "discarded, which makes a rotation that is running now fail."
    )
    return console.ask("Discard it before deploying?")
