"""``travel-gpt secret put``: create a secret, or replace the key in it."""

import os
import uuid
from dataclasses import dataclass, field
from typing import Any

import boto3

from travel_gpt.aws.secret_versions import SecretVersions
from travel_gpt.cli.audit_log import audited
from travel_gpt.cli.aws_session import caller
from travel_gpt.cli.console import Console
from travel_gpt.cli.destinations import GIVEN_KEY, before_aws, other_than_aws
from travel_gpt.cli.errors import CliError
from travel_gpt.cli.key_input import KeyInput, fingerprint, object_of, take_key
from travel_gpt.cli.target import Target
from travel_gpt.credentials.credential import Credential
from travel_gpt.credentials.secret import KEY_NAMES, read_secret
from travel_gpt.errors import InvalidSecret, SecretNotFound

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
    key_input = take_key("OpenAI API key")
    store(target, key_input, stored, who, console)
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
            f"The secret {target.name} is scheduled for deletion. To take it back:\n"
            f"  aws secretsmanager restore-secret --secret-id {target.name}"
        )
    found = versions.read()
    if found is None:
        return Stored(exists=True)
    try:
        credential = read_secret(found.text, source=SOURCE, version=found.version)
    except InvalidSecret:
        return Stored(exists=True, fields=object_of(found.text), version=found.version)
    return Stored(True, credential, object_of(found.text), found.version)


def _same(value: str, stored: Stored) -> bool:
    wanted = read_secret(value, source=SOURCE, version="")
    current = stored.credential
    return current is not None and wanted == current and wanted.expires_at == current.expires_at
