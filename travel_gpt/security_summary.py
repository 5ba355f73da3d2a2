"""What protects the key of this deployment, and what is off: for one line of the log, and for the owner."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from travel_gpt.base_url import is_openai
from travel_gpt.settings import Settings

_SOURCES: Final = {
    "secrets-manager": ("the key is in Secrets Manager", ""),
    "workload-identity": ("no key is stored: OpenAI trusts the role", ""),
    "encrypted-file": (
        "the key is in an encrypted file",
        "its master key is in the environment, where every process of this user can read it",
    ),
    "environment": ("", "the key is in the environment, where every process of this user can read it"),
}


@dataclass(frozen=True, slots=True)
class SecuritySummary:
    """What follows from the settings alone."""

    protects: tuple[str, ...]
    """What protects the key and the money."""
    off: tuple[str, ...]
    """What could, and does not; each with the setting that decides it."""


def summarize_security(settings: Settings, *, access: bool = True) -> SecuritySummary:
    """Say what protects the key and what is off.

    Args:
        settings: the settings.
        access: whether there is an API whose access they decide.

    Returns:
        Both, as short sentences without values that could be secret.
    """
    items = [_source(source, settings) for source in settings.credential_source]
    items += [
        *([_access(settings), _budget(settings)] if access else []),
        _destination(settings),
        _age(settings),
        _expiry(settings),
        _previous(settings),
        _log(settings),
    ]
    return SecuritySummary(
        protects=tuple(good for good, _ in items if good), off=tuple(off for _, off in items if off)
    )


def _source(name: str, settings: Settings) -> tuple[str, str]:
    if name == "encrypted-file" and settings.master_keys_file:
        return "the key is in an encrypted file, and its master key in a file for its owner alone", ""
    if name != "vault":
        return _SOURCES[name]
    is_stored = settings.vault_auth == "token"
    return (
        "the key is in Vault",
        "the token for Vault is in the environment (VAULT_AUTH)" if is_stored else "",
    )


def _access(settings: Settings) -> tuple[str, str]:
    if settings.api_access == "api-key":
        return "POST needs an API key", ""
    return "", "POST is open to everybody (API_ACCESS)"


def _budget(settings: Settings) -> tuple[str, str]:
    if settings.budget_per_day or settings.budget_per_month:
        return "the money that all clients together may spend is bounded", ""
    return "", "no budget bounds what all clients together spend (BUDGET_PER_DAY, BUDGET_PER_MONTH)"


def _destination(settings: Settings) -> tuple[str, str]:
    if is_openai(settings.base_url):
        return "queries and the key go to OpenAI", ""
    return "", f"queries and the key go to {urlsplit(settings.base_url).hostname} (OPENAI_BASE_URL)"


def _age(settings: Settings) -> tuple[str, str]:
    if settings.credential_source == ("workload-identity",):
        return "tokens end after minutes", ""
    if days := settings.credential_rotation_days:
        return f"a key older than {days} days is reported", ""
    return "", "a key of any age is taken (CREDENTIAL_ROTATION_DAYS)"


def _expiry(settings: Settings) -> tuple[str, str]:
    if settings.credential_source == ("workload-identity",):
        return "", ""
    if settings.credential_expiry == "enforce":
        return "a key whose expires_at has passed is refused", ""
    return "", "a key whose expires_at has passed is used (CREDENTIAL_EXPIRY)"


def _previous(settings: Settings) -> tuple[str, str]:
    if settings.credential_source == ("workload-identity",) or not settings.credential_previous:
        return "a replaced key is never used again", ""
    seconds = settings.credential_previous
    return "", f"a replaced key may be used for {seconds} s (CREDENTIAL_PREVIOUS_SECONDS)"


def _log(settings: Settings) -> tuple[str, str]:
    if settings.log_level in ("WARNING", "ERROR"):
        return "", f"the log leaves out the lines of answered requests (LOG_LEVEL {settings.log_level})"
    return "each request leaves a line in the log, without its words", ""
