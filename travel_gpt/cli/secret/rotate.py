"""``travel-gpt secret rotate`` and ``rollback``: a key that is verified before it is used."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from travel_gpt.aws.secret_versions import CURRENT, PREVIOUS, SecretMetadata, SecretVersions
from travel_gpt.cli.audit_log import Change, audited
from travel_gpt.cli.aws_session import caller
from travel_gpt.cli.console import Console
from travel_gpt.cli.destinations import GIVEN_KEY, before_aws, before_model, other_than_aws
from travel_gpt.cli.errors import CliError
from travel_gpt.cli.key_input import KeyInput, fingerprint, take_key
from travel_gpt.cli.secret.put import SOURCE, Stored, look_at
from travel_gpt.cli.target import Target
from travel_gpt.cli.verification import server_of, verify
from travel_gpt.credentials.credential import Credential
from travel_gpt.credentials.secret import read_secret
from travel_gpt.env_trust import GIVEN
from travel_gpt.errors import CredentialError, InvalidSecret
from travel_gpt.settings import Settings


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
    if not stored.exists:
        raise CliError(
            f"There is no secret {target.name} to rotate. Create it with: "
            f"travel-gpt secret put{target.options}"
        )
    if stored.credential is None or stored.credential.base_url is None:
        before_model(settings.base_url)
    described = versions.describe()
    _refuse_pending(described, target)
    if described.rotates:
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
