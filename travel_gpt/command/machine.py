"""What doctor checks on this machine."""

import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from travel_gpt.command.destinations import before_sources
from travel_gpt.command.env_edit import git_tracks
from travel_gpt.command.finding import DAY, OLD, Finding, age_and_end, ok, problem, warning
from travel_gpt.command.keys import fingerprint
from travel_gpt.command.proof import prove, server_of, why_not
from travel_gpt.command.stop import advice_for
from travel_gpt.credentials.credential import Credential
from travel_gpt.credentials.environment import variable_of
from travel_gpt.credentials.sources import source_of
from travel_gpt.env_file import NAME, UnreadableEnvFile, parse, read_text
from travel_gpt.errors import CredentialError, CredentialsUnavailable, SecretNotFound
from travel_gpt.settings import Settings, settings_fields

_CHECKS_OF: Final = {
    "secret_not_found": "source",
    "credentials_unavailable": "reachability",
    "access_denied": "permissions",
    "invalid_secret": "format",
    "misconfigured": "settings",
}
"""Which check a failure to fetch belongs to, by its code."""


def check_settings(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look at every setting at once."""
    for wrong in settings.problems:
        yield problem("settings", wrong, "Set it right: docs/settings.md says what it may be.")
    if not settings.problems:
        given = sum(1 for spec in settings_fields() if environ.get(spec.variable, "").strip())
        yield ok(
            "settings", f"all are right; {given} of {len(settings_fields())} are set, the rest as by default"
        )


def check_env_file(folder: Path, settings: Settings) -> Iterator[Finding]:
    """Look whether a .env file of this folder gives a key away."""
    path = folder / NAME
    if not path.is_file():
        yield ok(".env", "there is none in this folder")
        return
    try:
        names = {each.key for each in parse(read_text(path)) if each.key and each.value}
    except UnreadableEnvFile as wrong:
        yield problem(".env", str(wrong), "Mend it, or take it away.")
        return
    keys = sorted(names & {"OPENAI_API_KEY", variable_of(settings.secret_name), "TRAVEL_GPT_MASTER_KEYS"})
    if not keys:
        yield ok(".env", "it holds no key")
        return
    held = ", ".join(keys)
    if git_tracks(path):
        yield problem(
            ".env", f"it holds {held} and is in git", "Revoke the key, then: travel-gpt secret migrate"
        )
    elif stat.S_IMODE(path.stat().st_mode) & 0o077:
        yield problem(".env", f"it holds {held}, and others on this machine may read it", f"chmod 600 {NAME}")
    else:
        yield warning(".env", f"it holds {held} in plain text", "travel-gpt secret migrate")


def check_sources(settings: Settings) -> tuple[list[Finding], Credential | None]:
    """Ask the sources in their order, as the function does, and say of each what it said.

    Args:
        settings: the settings, which name the sources.

    Returns:
        What was found, and the credential; None where no source gives one.
    """
    before_sources(settings)
    missed: list[tuple[str, CredentialError]] = []
    for name in settings.credential_source:
        try:
            credential = source_of(replace(settings, credential_source=(name,))).fetch()
        except (SecretNotFound, CredentialsUnavailable) as failure:
            missed.append((name, failure))
        except CredentialError as failure:
            return [*_passed_over(missed), _of_failure(name, failure)], None
        else:
            return [*_passed_over(missed), *_of_credential(credential, settings)], credential
    return [_of_failure(name, failure) for name, failure in missed], None


def _passed_over(missed: list[tuple[str, CredentialError]]) -> Iterator[Finding]:
    for name, failure in missed:
        yield warning(
            _CHECKS_OF[failure.code],
            f"{name} is passed over: {failure.detail}",
            "Put a key there, or take it out of CREDENTIAL_SOURCE.",
        )


def _of_failure(name: str, failure: CredentialError) -> Finding:
    return problem(_CHECKS_OF.get(failure.code, "source"), f"{name}: {failure.detail}", advice_for(failure))


def _of_credential(credential: Credential, settings: Settings) -> Iterator[Finding]:
    version = f", version {credential.version}" if credential.version else ""
    yield ok("source", f"{credential.source} gives the key{version}")
    yield ok("format", f"it can be read; fingerprint {fingerprint(credential.key)}")
    if credential.base_url:
        yield warning(
            "address",
            f"the secret sends the key to {credential.base_url}",
            "If you do not know that server, rotate the key and take base_url out of the secret.",
        )
    if credential.source == "workload-identity":
        # A token of minutes, made for this call.
        return
    yield from age_and_end(
        credential.created_at,
        credential.expires_at,
        time.time(),
        "travel-gpt secret rotate",
        oldest=settings.credential_rotation_days * DAY or OLD,
        refused=settings.credential_expiry == "enforce",
    )


def check_live(credential: Credential, settings: Settings) -> Finding:
    """Make the one live call that proves a key."""
    server = server_of(credential, settings)
    failure = prove(credential, settings)
    if failure is None:
        return ok("live call", f"{server} takes the key")
    return problem("live call", why_not(failure, server), failure.remedy)
