"""The secret in Secrets Manager, and what is to become of it."""

import enum
import json
from dataclasses import dataclass, field
from typing import Any, Final

from travel_gpt.cli.deploy.console import CliError
from travel_gpt.cli.deploy.options import Options
from travel_gpt.cli.deploy.shell import AwsError, Commands
from travel_gpt.credentials.credential import Credential, Key
from travel_gpt.credentials.secret import read_secret, with_new_key
from travel_gpt.errors import InvalidSecret

RECOVERY_DAYS: Final = 30


class Action(enum.Enum):
    """What becomes of the secret."""

    CREATE = enum.auto()
    FILL = enum.auto()
    """It is there and empty."""
    KEEP = enum.auto()
    REPLACE = enum.auto()


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret as it is now."""

    name: str
    exists: bool = False
    deleted: bool = False
    """Scheduled for deletion: it can be restored, and not be read."""
    readable: bool = True
    """Whether the caller may read its value."""
    empty: bool = False
    """Whether it has no value at all."""
    credential: Credential | None = None
    """What the function would read from it; None when that is not known or not usable."""
    complaint: str = ""
    """Why it is not usable."""
    fields: dict[str, Any] = field(default_factory=dict, repr=False)
    """The JSON object that it holds, if it holds one."""


def read(commands: Commands, name: str) -> Secret:
    """Look at a secret.

    Args:
        commands: the command lines.
        name: its name.

    Returns:
        The secret as it is.

    Raises:
        AwsError: AWS refused to say.
    """
    try:
        answer = commands.aws_with_secret("secretsmanager", "get-secret-value", "--secret-id", name)
    except AwsError as failed:
        return _without_value(commands, name, failed)
    text = answer.get("SecretString")
    if text is None:
        return Secret(name, exists=True, complaint="the secret is binary")
    try:
        credential = read_secret(text, source=name, version="")
    except InvalidSecret as invalid:
        return Secret(name, exists=True, complaint=invalid.detail, fields=_object(text))
    return Secret(name, exists=True, credential=credential, fields=_object(text))


def _without_value(commands: Commands, name: str, failed: AwsError) -> Secret:
    # Secrets Manager says "not found" of a secret without a value too, and "invalid request" of one that is
    # scheduled for deletion.
    if failed.code not in ("ResourceNotFoundException", "InvalidRequestException") and not failed.denied:
        raise failed
    try:
        described = commands.aws("secretsmanager", "describe-secret", "--secret-id", name)
    except AwsError as unknown:
        if unknown.code == "ResourceNotFoundException":
            return Secret(name)
        raise
    if described.get("DeletedDate"):
        return Secret(name, exists=True, deleted=True)
    if failed.denied:
        return Secret(name, exists=True, readable=False)
    return Secret(name, exists=True, empty=True)


def _object(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def decide(secret: Secret, key: Key | None, options: Options) -> tuple[Action, str]:
    """Decide what becomes of a secret that is not scheduled for deletion.

    Args:
        secret: the secret as it is.
        key: the key that was given, if one was.
        options: what the person asked for: whether a stored key may be replaced.

    Returns:
        The action, and a sentence about a key that is not used (or nothing).

    Raises:
        Stop: what is stored is of no use and may not be replaced, or cannot be read and therefore not be
            replaced safely.
    """
    if not secret.exists:
        return Action.CREATE, ""
    if secret.empty:
        return Action.FILL, ""
    if not secret.readable:
        return _unreadable(secret, key, replace=options.replace_key)
    stored = secret.credential.key if secret.credential else None
    command = options.command("--replace-key")
    if options.replace_key:
        if key is not None and stored is not None and key == stored:
            return (
                Action.KEEP,
                "The key given is the one that is stored already: there is nothing to replace.",
            )
        return Action.REPLACE, ""
    if stored is None:
        raise CliError(
            f"The secret {secret.name} is of no use to the function: {secret.complaint}. "
            f"Put a key in its place; this takes OPENAI_API_KEY if it is exported, or asks:\n    {command}"
        )
    if key is not None and key != stored:
        return Action.KEEP, (
            "OPENAI_API_KEY is not the key that is stored, and it is not used: an old key that is still "
            f"exported must not undo a rotation. If it is the newer one, run: {command}"
        )
    return Action.KEEP, ""


def _unreadable(secret: Secret, key: Key | None, *, replace: bool) -> tuple[Action, str]:
    if replace:
        raise CliError(
            f"You may not read the secret {secret.name} (secretsmanager:GetSecretValue), so what else it "
            "holds beside the key would be lost by replacing it. Ask whoever may, or for the permission."
        )
    said = " Whether OPENAI_API_KEY is the same key cannot be told." if key is not None else ""
    return Action.KEEP, f"You may not read the stored key; it stays as it is.{said}"


def new_value(secret: Secret, key: Key) -> str:
    """Write the value with a key in it; what else the secret holds stays, but for the old key's end.

    Args:
        secret: the secret as it is.
        key: the key.

    Returns:
        The secret's new value.

    Raises:
        Stop: with what else the secret holds the function could not read it.
    """
    try:
        return with_new_key(json.dumps(secret.fields), key)
    except InvalidSecret as invalid:
        raise CliError(
            f"The secret {secret.name} holds more than a key, and that is wrong: {invalid.detail}. "
            "Correct it in the console of Secrets Manager, then repeat."
        ) from None


def restore(commands: Commands, name: str) -> None:
    """Take back the scheduled deletion of a secret.

    Args:
        commands: the command lines.
        name: its name.

    Raises:
        AwsError: AWS refused.
    """
    commands.aws("secretsmanager", "restore-secret", "--secret-id", name)


def store(commands: Commands, name: str, value: str, action: Action, *, kms_key: str = "") -> None:
    """Write a value, creating the secret if it is not there.

    Args:
        commands: the command lines.
        name: the secret's name.
        value: its new value, which goes to ``aws`` through a pipe.
        action: CREATE, FILL or REPLACE.
        kms_key: the KMS key to create it with; empty for AWS's own.

    Raises:
        AwsError: AWS refused.
    """
    where = ("--secret-string", "file:///dev/stdin")
    if action is Action.CREATE:
        described = "The OpenAI key of Travel GPT. Replace it with deploy.sh --replace-key."
        under = ("--kms-key-id", kms_key) if kms_key else ()
        commands.aws_with_secret(
            "secretsmanager",
            "create-secret",
            "--name",
            name,
            "--description",
            described,
            *under,
            *where,
            secret=value,
        )
    else:
        commands.aws_with_secret(
            "secretsmanager", "put-secret-value", "--secret-id", name, *where, secret=value
        )


def delete(commands: Commands, name: str) -> None:
    """Schedule a secret for deletion.

    Args:
        commands: the command lines.
        name: its name.

    Raises:
        AwsError: AWS refused.
    """
    commands.aws(
        "secretsmanager",
        "delete-secret",
        "--secret-id",
        name,
        "--recovery-window-in-days",
        str(RECOVERY_DAYS),
    )
