"""``travel-gpt secret show``: the metadata of a secret, without its value."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from travel_gpt.aws.secret_versions import CURRENT, PENDING, PREVIOUS, SecretMetadata, SecretVersions
from travel_gpt.cli.aws_session import caller
from travel_gpt.cli.console import Console
from travel_gpt.cli.key_input import fingerprint, object_of
from travel_gpt.cli.secret.change import SOURCE
from travel_gpt.cli.target import Target, before_sources
from travel_gpt.credentials.secret import KEY_NAMES, Credential, read_secret
from travel_gpt.credentials.sources.selection import source_of
from travel_gpt.errors import AccessDenied, InvalidSecret
from travel_gpt.settings import Settings

_STAGES = (CURRENT, PENDING, PREVIOUS)


@dataclass(frozen=True, slots=True)
class Shown:
    """One version of a secret, as it may be shown."""

    stage: str
    version: str
    created_at: str
    expires_at: str
    fingerprint: str
    """Of its key; or why there is none."""
    also: str
    """Its other fields: base_url with its value, the others by name."""


def show(target: Target, console: Console, *, as_json: bool) -> None:
    """Print what is known of a secret in Secrets Manager.

    Args:
        target: the secret.
        console: where to.
        as_json: whether to print it for another program.

    Raises:
        CredentialError: there is no such secret, or it cannot be read.
    """
    who = caller()
    versions = SecretVersions(target.name)
    described = versions.describe()
    found = [_version(versions, described, stage) for stage in _STAGES if described.version_at(stage)]
    if as_json:
        console.raw(json.dumps(_document(described, found), indent=2))
        return
    console.rows([("secret", described.name), ("arn", described.arn), ("seen by", who), *_facts(described)])
    for each in found:
        console.say(f"\n{each.stage}", "heading")
        console.rows(
            [
                ("version", each.version),
                ("made", each.created_at),
                ("expires", each.expires_at),
                ("fingerprint", each.fingerprint),
                ("also holds", each.also),
            ]
        )
    console.next(f"travel-gpt doctor{target.options}", "check it")


def show_source(settings: Settings, console: Console, *, as_json: bool) -> None:
    """Print what is known of the credential that this machine's sources give.

    Args:
        settings: the settings, which name the sources.
        console: where to.
        as_json: whether to print it for another program.

    Raises:
        CredentialError: none of them gives one.
    """
    before_sources(settings)
    credential = source_of(settings).fetch()
    rows = {
        "source": credential.source,
        "version": credential.version or "none",
        "made": moment(credential.created_at),
        "expires": moment(credential.expires_at, "never, or unknown"),
        "fingerprint": fingerprint(credential.key),
        "skipped": ", ".join(credential.skipped_sources) or "none",
    }
    if as_json:
        # Deprecated: the former name of "skipped", for scripts that read it.
        console.raw(json.dumps({**rows, "passed_over": rows["skipped"]}, indent=2))
        return
    console.rows(list(rows.items()))
    console.next("travel-gpt doctor", "check it")


def moment(seconds: float | None, otherwise: str = "unknown") -> str:
    """Write a moment for people and programs alike, in UTC."""
    if seconds is None:
        return otherwise
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return "out of range"


def _version(versions: SecretVersions, described: SecretMetadata, stage: str) -> Shown:
    version = described.version_at(stage) or ""
    try:
        stored = versions.read(stage=stage)
    except AccessDenied:
        return Shown(stage, version, "unknown", "unknown", "unknown: you may not read the value", "unknown")
    except InvalidSecret as invalid:
        return Shown(stage, version, "unknown", "unknown", f"none: {invalid.detail}", "unknown")
    if stored is None:
        return Shown(stage, version, "unknown", "unknown", "none: it has no value", "nothing")
    made = moment(stored.created_at)
    try:
        credential = read_secret(stored.text, source=SOURCE, version=version)
    except InvalidSecret as invalid:
        return Shown(stage, version, made, "unknown", f"none: {invalid.detail}", "unknown")
    expires = moment(credential.expires_at, "never, or unknown")
    return Shown(stage, version, made, expires, fingerprint(credential.key), _also(credential, stored.text))


def _also(credential: Credential, text: str) -> str:
    beside = sorted(object_of(text).keys() - {*KEY_NAMES, "expires_at", "base_url", "url"})
    # The address matters, since the key is sent there, and was checked; the rest may hold anything.
    address = [f"base_url {credential.base_url}"] if credential.base_url else []
    return ", ".join([*address, *(name[:40] for name in beside)]) or "nothing"


def _facts(described: SecretMetadata) -> list[tuple[str, str]]:
    rotation = "off"
    if described.rotates:
        rotation = (
            f"on, last {moment(described.rotated_at, 'never')}, next {moment(described.next_rotation_at)}"
        )
    facts = [
        ("changed", moment(described.changed_at)),
        ("rotation", rotation),
        ("encrypted by", described.kms_key or "aws/secretsmanager, the AWS managed key"),
    ]
    if described.deleted_at is not None:
        facts.append(("deletion", f"scheduled on {moment(described.deleted_at)}: it cannot be read"))
    return facts


def _document(described: SecretMetadata, found: list[Shown]) -> dict[str, Any]:
    return {
        "name": described.name,
        "arn": described.arn,
        "changed_at": moment(described.changed_at, ""),
        "rotation": described.rotates,
        "rotated_at": moment(described.rotated_at, ""),
        "next_rotation_at": moment(described.next_rotation_at, ""),
        "deleted_at": moment(described.deleted_at, ""),
        "kms_key": described.kms_key,
        "versions": [
            {
                "stage": each.stage,
                "version": each.version,
                "created_at": each.created_at,
                "expires_at": each.expires_at,
                "fingerprint": each.fingerprint,
                "also": each.also,
            }
            for each in found
        ],
    }
