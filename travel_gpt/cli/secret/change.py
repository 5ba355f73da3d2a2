"""The commands that change the stored key: ``travel-gpt secret put``, ``rotate`` and so on."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3

from travel_gpt.aws.secret_versions import CURRENT, PREVIOUS, SecretMetadata, SecretVersions
from travel_gpt.cli.audit_log import Change, audited
from travel_gpt.cli.aws_session import caller
from travel_gpt.cli.console import Console
from travel_gpt.cli.errors import AWS_CLI, CliError
from travel_gpt.cli.key_input import KeyInput, fingerprint, object_of, server_of, take_key, verify
from travel_gpt.cli.target import GIVEN_KEY, Target, before_aws, before_model, other_than_aws
from travel_gpt.credentials.secret import KEY_NAMES, Credential, read_secret
from travel_gpt.env_trust import GIVEN
from travel_gpt.errors import CredentialError, InvalidSecret, SecretNotFound
from travel_gpt.rotation.cleanup import KeyNames
from travel_gpt.settings import Settings

SOURCE = "secrets-manager"
_DESCRIBES = "The OpenAI key of Travel GPT. Replace it with: travel-gpt secret rotate"


@dataclass(frozen=True, slots=True)
class Stored:
    """The present value of a secret."""

    exists: bool
    credential: Credential | None = None
    """What the function would read; None where there is no value, or none that it could use."""
    fields: dict[str, Any] = field(default_factory=dict, repr=False)
    """The JSON object, where it is one."""
    version: str = ""
    metadata: SecretMetadata | None = None
    """How Secrets Manager describes it; None where it does not exist."""


def put(target: Target, console: Console) -> None:
    """Create a secret, or replace the key in it.

    Args:
        target: the secret.
        console: where to say what is done.

    Raises:
        CliError: it cannot be done; the text says what to do.
        CredentialError: Secrets Manager refused.
    """
    before_aws(key=GIVEN_KEY)
    who = caller()
    stored = look_at(target)
    which = "The" if stored.exists else "A new"
    console.aside(f"{which} secret {target.name}, as {who}{other_than_aws(os.environ)}.")
    store(target, take_key("OpenAI API key"), stored, who, console)
    console.next(f"travel-gpt doctor{target.options} --verify", "verify it")


def store(target: Target, key_input: KeyInput, stored: Stored, who: str, console: Console) -> str:
    """Write a key into a secret.

    Args:
        target: the secret.
        key_input: the key, and what is to be stored with it.
        stored: what the secret holds now.
        who: who does it.
        console: where to say what was done.

    Returns:
        The id of the version that holds the key.

    Raises:
        CliError: the function could not read the value.
        ClientError: AWS refused.
    """
    value = key_input.value(stored.fields)
    if stored.credential is not None and _same(value, stored):
        console.good(f"{target.name} already has this key: nothing was changed.")
        return stored.version
    kept = sorted(stored.fields.keys() - key_input.fields.keys() - {*KEY_NAMES, "expires_at"})
    token = str(uuid.uuid4())
    secrets = boto3.client("secretsmanager")
    with audited("secret.put", who=who, source=SOURCE, secret=target.name) as change:
        change.version = token
        if stored.exists:
            secrets.put_secret_value(SecretId=target.name, SecretString=value, ClientRequestToken=token)
        else:
            secrets.create_secret(
                Name=target.name, SecretString=value, ClientRequestToken=token, Description=_DESCRIBES
            )
    done = "replaced the key in" if stored.exists else "created"
    console.good(
        f"{done.capitalize()} {target.name}: version {token}, fingerprint {fingerprint(key_input.key)}."
    )
    if kept:
        console.say(f"These other fields stay: {', '.join(kept)}.")
    if stored.exists:
        console.say(
            f"The former key is AWSPREVIOUS; `travel-gpt secret rollback{target.options}` restores it."
        )
    return token


def look_at(target: Target) -> Stored:
    """Read what a secret holds now.

    Args:
        target: the secret.

    Returns:
        What it holds.

    Raises:
        CliError: it is scheduled for deletion.
        CredentialError: it cannot be read, so that its other fields would be lost.
    """
    versions = SecretVersions(target.name)
    try:
        described = versions.describe()
    except SecretNotFound:
        return Stored(exists=False)
    if described.deleted_at is not None:
        raise CliError(
            f"The secret {target.name} is scheduled for deletion. To restore it {AWS_CLI}:\n"
            f"  aws secretsmanager restore-secret --secret-id {target.name}"
        )
    found = versions.read()
    if found is None:
        return Stored(exists=True, metadata=described)
    try:
        credential = read_secret(found.text, source=SOURCE, version=found.version)
    except InvalidSecret:
        return Stored(True, None, object_of(found.text), found.version, described)
    return Stored(True, credential, object_of(found.text), found.version, described)


def _same(value: str, stored: Stored) -> bool:
    wanted = read_secret(value, source=SOURCE, version="")
    current = stored.credential
    return current is not None and wanted == current and wanted.expires_at == current.expires_at


def rotate(target: Target, console: Console) -> None:
    """Replace the current key with a new one: staged, verified with a live call, promoted.

    If anything fails, the current version stays current, and the staged one is discarded.

    Args:
        target: the secret.
        console: where to say what is done.

    Raises:
        CliError: it cannot be done; the text says what to do.
        TravelGPTError: Secrets Manager refused.
    """
    before_aws(key=GIVEN_KEY)
    who = caller()
    settings = target.verification_settings()
    versions = SecretVersions(target.name)
    stored = look_at(target)
    if stored.metadata is None:
        raise CliError(
            f"There is no secret {target.name} to rotate. Create it with: "
            f"travel-gpt secret put{target.options}"
        )
    if stored.credential is None or stored.credential.base_url is None:
        before_model(settings.base_url)
    _refuse_pending(stored.metadata, target)
    if stored.metadata.rotates:
        console.note("This secret has a rotation schedule: the next rotation replaces the key that you give.")
    console.aside(f"A new key for the secret {target.name}, as {who}{other_than_aws(os.environ)}.")
    key_input = take_key("New OpenAI API key")
    if stored.credential is not None and key_input.key == stored.credential.key:
        raise CliError(
            f"{target.name} already has this key, so there is nothing to rotate. Create a new key first."
        )
    version = _rotate(versions, key_input, stored, settings, who, target, console)
    console.good(f"{target.name} has a new key: version {version}, fingerprint {fingerprint(key_input.key)}.")
    console.say(
        f"Running environments fetch it within {settings.credential_ttl} s, new ones at once. Then revoke "
        "the old key where you created it. Until then, `travel-gpt secret rollback"
        f"{target.options}` restores it."
    )
    console.next(f"travel-gpt doctor{target.options} --verify")


def _refuse_pending(described: SecretMetadata, target: Target) -> None:
    if described.unfinished is not None:
        raise CliError(
            f"A version of {target.name} is pending already ({described.unfinished}): a rotation is running, "
            "or one did not finish. If it is still pending in a few minutes, discard it, then repeat:\n"
            f"  travel-gpt secret discard-pending{target.options}"
        )


def _rotate(
    versions: SecretVersions,
    key_input: KeyInput,
    stored: Stored,
    settings: Settings,
    who: str,
    target: Target,
    console: Console,
) -> str:
    value, version = key_input.value(stored.fields), str(uuid.uuid4())
    credential = read_secret(value, source=GIVEN, version=version)
    with audited("secret.rotate", who=who, source=SOURCE, secret=target.name) as change:
        change.version = version
        with _discarded_unless_promoted(versions, console, target.options):
            versions.stage(value, version)
            console.say(f"Staged as AWSPENDING: version {version}. The function does not read it yet.")
            otherwise = (
                "The current key stays current, and the staged one is discarded. Check the key and its "
                "permissions, then repeat."
            )
            _verify("new", credential, settings, change, console, otherwise)
            change.facts["replaced"] = versions.promote(version) or ""
    return version


def _verify(
    which: str,
    credential: Credential,
    settings: Settings,
    change: Change,
    console: Console,
    otherwise: str,
) -> None:
    console.say(f"Verifying the {which} key at {server_of(credential, settings)}.")
    with console.working("Waiting for the answer"):
        verification = verify(credential, settings)
    if verification.failure is not None:
        change.facts["cause"] = verification.failure.code
        raise CliError(f"The {which} key is not verified: {verification.reason}. {otherwise}")
    console.say(f"{verification.server} accepted the {which} key.")


@contextmanager
def _discarded_unless_promoted(versions: SecretVersions, console: Console, options: str) -> Iterator[None]:
    try:
        yield
    except BaseException:
        try:
            versions.discard_pending()
        except CredentialError as failed:
            console.note(
                f"The staged version could not be discarded ({failed.detail}). The function does not read "
                f"it. Before the next rotation: travel-gpt secret discard-pending{options}"
            )
        raise


def roll_back(target: Target, console: Console) -> None:
    """Make the previous version current again, after verifying its key.

    Args:
        target: the secret.
        console: where to say what is done.

    Raises:
        CliError: there is none, or its key does not work.
        TravelGPTError: Secrets Manager refused.
    """
    who = caller()
    settings = target.verification_settings()
    versions = SecretVersions(target.name)
    current, previous = versions.read(stage=CURRENT), versions.read(stage=PREVIOUS)
    if current is None or previous is None:
        raise CliError(f"The secret {target.name} has no previous version to restore.")
    _refuse_pending(versions.describe(), target)
    try:
        credential = read_secret(previous.text, source=SOURCE, version=previous.version)
    except InvalidSecret as invalid:
        raise CliError(f"The previous version holds no usable key: {invalid.detail}.") from None
    with audited("secret.rollback", who=who, source=SOURCE, secret=target.name) as change:
        change.version = previous.version
        change.facts["replaced"] = current.version
        otherwise = f"Nothing was changed. Store a working key with: travel-gpt secret rotate{target.options}"
        _verify("previous", credential, settings, change, console, otherwise)
        versions.roll_back()
    console.good(
        f"{target.name} is back at version {previous.version}, fingerprint {fingerprint(credential.key)}."
    )
    console.say(f"The former current version is AWSPREVIOUS now: {current.version}.")
    console.next(f"travel-gpt doctor{target.options} --verify")


def discard_pending(target: Target, console: Console, *, yes: bool) -> None:
    """Remove AWSPENDING from a version that a rotation left behind. The current version is not touched.

    Args:
        target: the secret.
        console: where to print what is done.
        yes: whether to go on without a question.

    Raises:
        CliError: the answer was no, or there is no terminal to ask at.
        TravelGPTError: Secrets Manager refused.
    """
    who = caller()
    versions = SecretVersions(target.name)
    described = versions.describe()
    version = described.unfinished
    if version is None:
        console.good(f"No version of {target.name} is pending: there is nothing to discard.")
        return
    console.aside(
        f"Version {version} of {target.name} is pending. If a rotation is running now, it will fail; the "
        "current key stays in use."
    )
    if not (yes or console.ask("Discard it?")):
        raise CliError("Nothing was changed.")
    with audited("secret.discard_pending", who=who, source=SOURCE, secret=target.name) as change:
        change.version = version
        versions.discard_pending()
    console.good(f"Version {version} is no longer pending. The current version is the same as before.")
    console.say(
        f"If rotation made a key for it, that key is called {KeyNames(described.arn).of(version)} at OpenAI. "
        "The next rotation deletes it, and it expires. Without rotation, delete it there."
    )
    if described.rotates:
        console.next(f"aws secretsmanager rotate-secret --secret-id {target.name}", f"rotate now {AWS_CLI}")
