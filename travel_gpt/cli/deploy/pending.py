"""A version that a rotation left as AWSPENDING: found, shown, and discarded where the person agrees."""

import shlex
from dataclasses import dataclass
from typing import Final

from travel_gpt.cli.deploy.console import CliError, Console
from travel_gpt.cli.deploy.options import Options
from travel_gpt.cli.deploy.secret import Secret
from travel_gpt.cli.deploy.shell import AwsError, Commands

# Not from travel_gpt.aws.secret_versions: deploy.sh runs without boto3.
_CURRENT: Final = "AWSCURRENT"
_PENDING: Final = "AWSPENDING"


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of the version."""

    discard: str = ""
    """Its id, where it is to be discarded."""
    note: str = ""
    """What the person should know."""


def resolve(
    commands: Commands, console: Console, options: Options, secret: Secret, flags: str, *, changes: bool
) -> Decision:
    """Look for a version that is AWSPENDING and not AWSCURRENT, and ask what becomes of it.

    While there is one, RotateSecret answers InvalidRequestException ("A previous rotation isn't complete"),
    and CloudFormation rolls the stack back.
    Source: Secrets Manager API Reference, RotateSecret.

    Args:
        commands: the command lines.
        console: where to ask.
        options: what the person asked for.
        secret: the secret as it is.
        flags: the region's and profile's flags for printed commands.
        changes: whether this deployment changes the rotation's settings.

    Returns:
        The decision.

    Raises:
        AwsError: AWS failed to answer.
        Stop: this deployment would fail because of it, and the answer was no, or there is no terminal.
    """
    version = find(commands, secret)
    if not version:
        return Decision()
    found = (
        f"Version {version} of the secret {secret.name} is AWSPENDING and not current: a rotation stopped "
        "half-way"
    )
    command = shlex.join(_command(secret.name, version)) + flags
    how = f"If no rotation is running now, discard that version:\n    aws {command}"
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


def find(commands: Commands, secret: Secret) -> str:
    """Find the version that a rotation left as AWSPENDING.

    Args:
        commands: the command lines.
        secret: the secret as it is.

    Returns:
        The version's id; empty where there is none, and where the caller may not look.

    Raises:
        AwsError: AWS failed to answer.
    """
    if not secret.exists or secret.deleted:
        return ""
    try:
        described = commands.aws("secretsmanager", "describe-secret", "--secret-id", secret.name)
    except AwsError as failed:
        if failed.denied:
            return ""
        raise
    stages: dict[str, list[str]] = described.get("VersionIdsToStages") or {}
    return next(
        (each for each, labels in stages.items() if _PENDING in labels and _CURRENT not in labels), ""
    )


def discard(commands: Commands, console: Console, secret: str, version: str) -> None:
    """Take AWSPENDING off a version.

    Args:
        commands: the command lines.
        console: where to say it.
        secret: the secret's name.
        version: the version's id.

    Raises:
        AwsError: AWS refused.
    """
    console.step(f"Discarding the pending version of the secret {secret}")
    commands.aws(*_command(secret, version))
    console.good(
        "Discarded. If rotation made a key for it at OpenAI, the next rotation deletes that key, and it "
        "expires by itself."
    )


def _offer(console: Console, options: Options, found: str) -> bool:
    # A rotation that is running now would fail: so --yes is no consent to this.
    if not console.terminal or options.yes or options.dry_run:
        return False
    console.say()
    console.text(
        f"{found}, or is running now. The current key is in use and stays so; the version can be discarded, "
        "which makes a rotation that is running now fail."
    )
    return console.ask("Discard it before deploying?")


def _command(secret: str, version: str) -> tuple[str, ...]:
    return (
        "secretsmanager",
        "update-secret-version-stage",
        "--secret-id",
        secret,
        "--version-stage",
        _PENDING,
        "--remove-from-version-id",
        version,
    )
