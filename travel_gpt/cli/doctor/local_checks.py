"""What doctor checks on this machine."""

import secrets
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from travel_gpt.cli.aws_session import AwsSession
from travel_gpt.cli.doctor.check_result import DAY, OLD, CheckResult, age_and_end, ok, problem, warning
from travel_gpt.cli.errors import advice_for, sentence
from travel_gpt.cli.key_input import fingerprint, verify
from travel_gpt.cli.secret.migrate import git_tracks
from travel_gpt.cli.stack import read_stack
from travel_gpt.cli.target import STACKS, before_aws, before_sources
from travel_gpt.credentials.advice import not_permitted_message, refused_message, server_name
from travel_gpt.credentials.secret import Credential, Key, read_secret
from travel_gpt.credentials.sources.environment import variables_of
from travel_gpt.credentials.sources.selection import source_of
from travel_gpt.env_file import NAME, UnreadableEnvFile, parse, read_text
from travel_gpt.env_trust import NO_KEY_NEEDED
from travel_gpt.errors import (
    CredentialError,
    CredentialRejected,
    CredentialsUnavailable,
    InvalidSecret,
    KeyRefused,
    NotPermitted,
    SecretNotFound,
    TravelGPTError,
    UpstreamRateLimited,
)
from travel_gpt.settings import Settings, settings_fields

VARIABLE: Final = "OPENAI_API_KEY"
_SOURCE_OF: Final = {VARIABLE: "environment", NO_KEY_NEEDED: "secrets-manager"}
"""The source whose advice fits a key of `make run`."""

_CHECKS_OF: Final = {
    "secret_not_found": "source",
    "credentials_unavailable": "reachability",
    "access_denied": "permissions",
    "invalid_secret": "format",
    "misconfigured": "settings",
}
"""Which check a failure to fetch belongs to, by its code."""


def check_settings(settings: Settings, environ: Mapping[str, str]) -> Iterator[CheckResult]:
    """Check every setting."""
    for wrong in settings.problems:
        yield problem("settings", wrong, "docs/settings.md lists the valid values.")
    if not settings.problems:
        count = sum(1 for spec in settings_fields() if environ.get(spec.variable, "").strip())
        yield ok(
            "settings", f"all are valid; {count} of {len(settings_fields())} are set, the others are defaults"
        )


def check_env_file(folder: Path, settings: Settings) -> Iterator[CheckResult]:
    """Check whether a .env file of this folder has a key, and who may read it."""
    path = folder / NAME
    if not path.is_file():
        yield ok(".env", "there is none in this folder")
        return
    try:
        names = {each.key for each in parse(read_text(path)) if each.key and each.value}
    except UnreadableEnvFile as wrong:
        yield problem(".env", str(wrong), "Fix it, or remove it.")
        return
    keys = sorted(names & {"OPENAI_API_KEY", *variables_of(settings.secret_name), "TRAVEL_GPT_MASTER_KEYS"})
    if not keys:
        yield ok(".env", "it holds no key")
        return
    kept = ", ".join(keys)
    if git_tracks(path):
        yield problem(
            ".env", f"it holds {kept} and is in git", "Revoke the key, then: travel-gpt secret migrate"
        )
    elif stat.S_IMODE(path.stat().st_mode) & 0o077:
        yield problem(".env", f"it holds {kept}, and others on this machine may read it", f"chmod 600 {NAME}")
    else:
        yield warning(".env", f"it holds {kept} in plain text", "travel-gpt secret migrate")


@dataclass(frozen=True, slots=True)
class LocalKey:
    """The key of this machine, if there is one, and what the checks of it found."""

    findings: list[CheckResult]
    credential: Credential | None
    """What a live call would be made with."""
    is_stored: bool
    """Whether a source of the settings gave it."""

    def next_command(self, *, verified: bool) -> tuple[str, str]:
        """Return the command to type next, and why; an empty one where there is none.

        Args:
            verified: whether the live call was made.
        """
        if not self.is_stored and (verified or self.credential is None):
            return "make run", "try it on this machine; ./deploy.sh deploys it to AWS"
        if verified:
            return "", ""
        return "travel-gpt doctor --verify", "verify the key with one live call"


def look_for_key(settings: Settings, environ: Mapping[str, str]) -> LocalKey:
    """Look for the key where this machine has it: in the chosen sources, or where `make run` takes it.

    Args:
        settings: the settings.
        environ: the environment variables.

    Returns:
        What was found. A machine from which nothing was deployed is no problem.
    """
    if environ.get("CREDENTIAL_SOURCE", "").strip():
        found, credential = check_sources(settings)
        return LocalKey(found, credential, credential is not None)
    local, to_try = check_make_run(settings, environ)
    before_aws()
    if not has_aws_credentials():
        why = "nothing is deployed from this machine, which has no AWS credentials"
    elif not has_region():
        why = "no AWS region is set (AWS_REGION), so no deployment was looked for"
    else:
        found, credential = check_sources(settings)
        if credential is not None:
            return LocalKey([local, *found], credential, is_stored=True)
        is_missing = [each.check for each in found] == [_CHECKS_OF["secret_not_found"]]
        if not is_missing or is_deployed():
            return LocalKey([local, *found], to_try, is_stored=False)
        why = f"not deployed yet in this account and region, which have no {settings.secret_name}"
    return LocalKey([local, *nothing_deployed(why)], to_try, is_stored=False)


def check_sources(settings: Settings) -> tuple[list[CheckResult], Credential | None]:
    """Fetch the key from the sources in their order, as the function does.

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
            return [*_skipped(missed), _of_failure(name, failure)], None
        else:
            return [*_skipped(missed), *_of_credential(credential, settings)], credential
    return [_of_failure(name, failure) for name, failure in missed], None


def _skipped(missed: list[tuple[str, CredentialError]]) -> Iterator[CheckResult]:
    for name, failure in missed:
        yield warning(
            _CHECKS_OF[failure.code],
            f"{name} is skipped: {failure.detail}",
            "Store a key there, or remove it from CREDENTIAL_SOURCE.",
        )


def _of_failure(name: str, failure: CredentialError) -> CheckResult:
    return problem(
        _CHECKS_OF.get(failure.code, "source"), f"{name}: {failure.detail}", advice_for(failure, name)
    )


def _of_credential(credential: Credential, settings: Settings) -> Iterator[CheckResult]:
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


def check_live(credential: Credential, settings: Settings) -> CheckResult:
    """Verify a key with one live call."""
    verification = verify(credential, settings)
    if verification.failure is None:
        accepts = "answers without a key" if credential.source == NO_KEY_NEEDED else "accepts the key"
        return ok("live call", f"{verification.server} {accepts}")
    return problem(
        "live call",
        verification.reason,
        _live_advice(verification.failure, credential, verification.server),
    )


def _live_advice(failure: TravelGPTError, credential: Credential, server: str) -> str:
    if isinstance(failure, NotPermitted):
        message = not_permitted_message(server)
    elif isinstance(failure, CredentialRejected) and not isinstance(failure, KeyRefused):
        # Not the key: the country, or the server's own credential.
        message = failure.message
    elif isinstance(failure, KeyRefused):
        message = refused_message(
            _SOURCE_OF.get(credential.source, credential.source),
            server,
            variable=credential.version,
            in_secret=credential.base_url is not None,
            local="no-key" if credential.source == NO_KEY_NEEDED else "source",
        )
    elif isinstance(failure, UpstreamRateLimited) or not failure.code.startswith("upstream_"):
        return failure.remedy
    else:
        where = "base_url in the secret" if credential.base_url else "OPENAI_BASE_URL"
        return f"Check that {server_name(server)} can be reached from here, and {where}; then repeat."
    return sentence(message.rpartition("The owner should ")[2])


def check_make_run(settings: Settings, environ: Mapping[str, str]) -> tuple[CheckResult, Credential | None]:
    """Report which model server `make run` would call, and with which key.

    Args:
        settings: the settings.
        environ: the environment variables.

    Returns:
        What was found, and the credential to verify; None where the demo model answers, or the key is none.
    """
    key = environ.get(VARIABLE, "").strip()
    server = server_name(settings.base_url)
    if not key and not environ.get("OPENAI_BASE_URL", "").strip():
        says = f"it answers with the built-in demo model: {VARIABLE} and OPENAI_BASE_URL are not set"
        return ok("make run", says), None
    if not key and server == "OpenAI":
        return problem("make run", "it calls OpenAI without a key", f"Set {VARIABLE}."), None
    if not key:
        # As the local server does: the SDK does not go without one.
        placeholder = Credential(key=Key(secrets.token_hex(16)), source=NO_KEY_NEEDED)
        return ok("make run", f"it calls {server} without a key (OPENAI_BASE_URL)"), placeholder
    try:
        credential = read_secret(key, source=VARIABLE, version=VARIABLE)
    except InvalidSecret as invalid:
        return problem("make run", f"{VARIABLE}: {invalid.detail}", f"Set {VARIABLE} to the key alone."), None
    return ok("make run", f"it calls {server} with the key in {VARIABLE}"), credential


def has_aws_credentials() -> bool:
    """Tell whether boto3 finds AWS credentials on this machine; whether they work is not tried."""
    try:
        return AwsSession().get_credentials() is not None
    except (BotoCoreError, ClientError):
        # AWS settings exist and are wrong: the checks of the source report how.
        return True


def has_region() -> bool:
    """Tell whether an AWS region is set, by a variable or in the profile."""
    try:
        return bool(AwsSession().region_name)
    except BotoCoreError:
        return True


def nothing_deployed(why: str) -> Iterator[CheckResult]:
    """Report that there is no deployment to check, which is not a problem."""
    yield ok("deployment", f"{why}: ./deploy.sh deploys, and `make run` needs no deployment")


def is_deployed() -> bool:
    """Tell whether the production stack is there; where that cannot be asked, it may be."""
    try:
        return read_stack(boto3.client("cloudformation"), STACKS["prod"]).exists
    except (ClientError, BotoCoreError):
        return True
