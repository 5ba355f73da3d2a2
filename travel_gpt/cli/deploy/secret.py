"""The secret in Secrets Manager, what is to become of it, and of its version that is AWSPENDING."""

import enum
import shlex
from dataclasses import dataclass, field, replace
from typing import Any, Final

from travel_gpt.aws.secret_versions import PENDING, SecretMetadata, SecretVersions
from travel_gpt.cli.aws_session import AwsSession
from travel_gpt.cli.console import Console
from travel_gpt.cli.deploy.options import Options
from travel_gpt.cli.errors import CliError
from travel_gpt.cli.key_input import KeyInput, object_of
from travel_gpt.credentials.secret import Credential, read_secret
from travel_gpt.errors import AccessDenied, InvalidSecret, SecretDeleted, SecretNotFound

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
    metadata: SecretMetadata | None = None
    """How Secrets Manager describes it; None where it does not exist, or the caller may not look."""

    def base_url(self, default: str) -> str:
        """Return the server that the secret's key is for, or where it names none the default."""
        return (self.credential.base_url if self.credential else None) or default


def read(aws: AwsSession, name: str) -> Secret:
    """Look at a secret.

    Args:
        aws: the AWS session.
        name: its name.

    Returns:
        The secret as it is.

    Raises:
        CredentialError: whether it exists cannot be found out.
    """
    versions = SecretVersions(name, aws.client("secretsmanager"))
    try:
        metadata = versions.describe()
    except SecretNotFound:
        return Secret(name)
    except AccessDenied:
        metadata = None
    secret = Secret(name, exists=True, metadata=metadata)
    if metadata and metadata.deleted_at is not None:
        return replace(secret, deleted=True)
    try:
        stored = versions.read()
    except SecretDeleted:
        return replace(secret, deleted=True)
    except AccessDenied:
        if metadata is None:
            raise
        return replace(secret, readable=False)
    except InvalidSecret as invalid:
        return replace(secret, complaint=invalid.detail)
    if stored is None:
        return replace(secret, empty=True, exists=metadata is not None)
    secret = replace(secret, fields=object_of(stored.text))
    try:
        return replace(secret, credential=read_secret(stored.text, source=name, version=stored.version))
    except InvalidSecret as invalid:
        return replace(secret, complaint=invalid.detail)


def decide(secret: Secret, key: KeyInput | None, options: Options) -> tuple[Action, str]:
    """Decide what becomes of a secret that is not scheduled for deletion.

    Args:
        secret: the secret as it is.
        key: the key that was given, if one was.
        options: what the person asked for: whether a stored key may be replaced.

    Returns:
        The action, and a sentence about a key that is not used (or nothing).

    Raises:
        CliError: what is stored cannot be used and may not be replaced, or cannot be read and therefore
            not be replaced safely.
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
        if key is not None and stored is not None and key.key == stored:
            return (
                Action.KEEP,
                "The key given is the one that is stored already: there is nothing to replace.",
            )
        return Action.REPLACE, ""
    if stored is None:
        raise CliError(
            f"The secret {secret.name} cannot be used by the function: {secret.complaint}. "
            f"Put a key in its place; this takes OPENAI_API_KEY if it is exported, or asks:\n    {command}"
        )
    if key is not None and key.key != stored:
        return Action.KEEP, (
            "OPENAI_API_KEY is not the key that is stored, and it is not used: an old key that is still "
            f"exported must not undo a rotation. If it is the newer one, run: {command}"
        )
    return Action.KEEP, ""


def _unreadable(secret: Secret, key: KeyInput | None, *, replace: bool) -> tuple[Action, str]:
    if replace:
        raise CliError(
            f"You may not read the secret {secret.name} (secretsmanager:GetSecretValue), so what else it "
            "holds beside the key would be lost by replacing it. Ask somebody who may read it, or for "
            "the permission."
        )
    said = " Whether OPENAI_API_KEY is the same key is unknown." if key is not None else ""
    return Action.KEEP, f"You may not read the stored key; it stays as it is.{said}"


def restore(aws: AwsSession, name: str) -> None:
    """Take back the scheduled deletion of a secret.

    Args:
        aws: the AWS session.
        name: its name.

    Raises:
        ClientError: AWS refused.
    """
    aws.client("secretsmanager").restore_secret(SecretId=name)


def store(aws: AwsSession, name: str, value: str, action: Action, *, kms_key: str = "") -> None:
    """Write a value, creating the secret if it is not there.

    Args:
        aws: the AWS session.
        name: the secret's name.
        value: its new value.
        action: CREATE, FILL or REPLACE.
        kms_key: the KMS key to create it with; empty for AWS's own.

    Raises:
        ClientError: AWS refused.
    """
    secrets = aws.client("secretsmanager")
    if action is Action.CREATE:
        described = "The OpenAI key of Travel GPT. Replace it with deploy.sh --replace-key."
        under: Any = {"KmsKeyId": kms_key} if kms_key else {}
        secrets.create_secret(Name=name, Description=described, SecretString=value, **under)
    else:
        secrets.put_secret_value(SecretId=name, SecretString=value)


def delete(aws: AwsSession, name: str) -> None:
    """Schedule a secret for deletion.

    Args:
        aws: the AWS session.
        name: its name.

    Raises:
        ClientError: AWS refused.
    """
    aws.client("secretsmanager").delete_secret(SecretId=name, RecoveryWindowInDays=RECOVERY_DAYS)


@dataclass(frozen=True, slots=True)
class Pending:
    """What becomes of the version."""

    discard: str = ""
    """Its id, where it is to be discarded."""
    note: str = ""
    """What the person should know."""


def resolve_pending(
    console: Console, options: Options, secret: Secret, flags: str, *, changes: bool
) -> Pending:
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
        return Pending()
    found = (
        f"Version {version} of the secret {secret.name} is AWSPENDING and not current: a rotation stopped "
        "half-way"
    )
    command = f"travel-gpt secret discard-pending --secret {shlex.quote(secret.name)}{flags}"
    how = f"If no rotation is running now, discard that version:\n    {command}"
    if _offer(console, options, found):
        return Pending(discard=version)
    if not changes:
        return Pending(note=f"{found}, and no other rotation begins. {how}")
    blocked = (
        "Secrets Manager changes no settings of a rotation meanwhile, so this deployment would be rolled back"
    )
    if options.dry_run:
        return Pending(note=f"{found}. {blocked}. {how}")
    raise CliError(f"{found}. {blocked}. Nothing was changed. {how}\nThen repeat.")


def discard_pending(aws: AwsSession, console: Console, secret: str, version: str) -> None:
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
