"""The OpenAI credential, a type that does not print itself, and how it is read from what a secret holds.

A secret holds the bare key, or JSON with ``api_key`` and what belongs to it.
"""

import hmac
import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NoReturn

from travel_gpt.base_url import safe_base_url
from travel_gpt.credentials.advice import Local, expired_message, refused_message
from travel_gpt.errors import CredentialExpired, CredentialRejected, InvalidSecret
from travel_gpt.redaction import MASK, guard


class Key:
    """An API key. It can be sent, and that is all: it does not print, format, copy or pickle itself."""

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """Return the key itself, for the one place that sends it."""
        return self.__value

    def __repr__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Key):
            return NotImplemented
        return hmac.compare_digest(self.__value.encode(), other.__value.encode())

    def __hash__(self) -> int:
        return hash((Key, self.__value))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key is not to be pickled or copied")


NO_KEY: Final = Key("")
"""What a credential has that is an identity, and no key."""


@dataclass(frozen=True, slots=True)
class WorkloadIdentity:
    """An identity in place of a key, which OpenAI exchanges for a token of a few minutes."""

    provider_id: str
    """OpenAI's id of the workload identity provider that trusts this AWS account."""
    service_account_id: str
    """OpenAI's id of the service account to act for."""
    get_token: Callable[[], str] = field(repr=False, compare=False)
    """Returns a new token, signed by AWS, that says who this is; raises a CredentialError."""


@dataclass(frozen=True, slots=True)
class Credential:
    """A key, where it came from, and what belongs to it.

    Two credentials are equal when they would make the same call: a secret that was written again with the
    same content is the same credential, whatever its version.
    """

    key: Key
    """The key; ``NO_KEY`` where there is an identity."""
    source: str
    """Which source gave it, such as ``secrets-manager``."""
    version: str = field(default="", compare=False)
    """The source's name for this version of it: an identifier, never derived from the value."""
    created_at: float | None = field(default=None, compare=False)
    """When this version of it was made, in seconds since the epoch; None where the source does not say."""
    expires_at: float | None = field(default=None, compare=False)
    """When it expires, in seconds since the epoch; None where that is not known."""
    skipped_sources: tuple[str, ...] = field(default=(), compare=False)
    """The preferred sources that gave none, each with the code of its failure."""
    identity: WorkloadIdentity | None = None
    placeholder: bool = field(default=False, compare=False)
    """Whether the key is made up, because the server asks for none."""
    local: Local = field(default="", compare=False)
    """Where this runs, which the advice about it depends on."""
    base_url: str | None = None
    organization: str | None = None
    project: str | None = None
    model: str | None = None
    api: str | None = None

    def has_expired(self, now: float) -> bool:
        """Tell whether its ``expires_at`` has passed.

        Args:
            now: the wall clock, in seconds since the epoch.
        """
        return self.expires_at is not None and self.expires_at <= now

    def expiry(self, detail: str) -> CredentialExpired:
        """Return the failure that says what the owner of an expired credential can do, where it is kept.

        Args:
            detail: what happened, for the log.
        """
        return CredentialExpired(
            detail, message=expired_message(self.source, variable=self.version, local=self.local)
        )

    def refusal(self, detail: str, base_url: str = "") -> CredentialRejected:
        """Return the failure that says what the owner of a refused credential can do, where it is kept.

        Args:
            detail: what happened, for the log.
            base_url: the server that refused it, unless the credential names one; empty for OpenAI's.
        """
        message = refused_message(
            self.source,
            self.base_url or base_url,
            variable=self.version,
            in_secret=self.base_url is not None,
            local=self.local,
        )
        return CredentialRejected(detail, message=message)


# What fits into an HTTP header without changing its meaning, and into JSON without being escaped there: an
# escaped key would pass the log's redaction. A quote in a key is a mistake in pasting it anyway.
_KEY: Final = re.compile(r"[!#-&(-\[\]-~]{1,4096}")

KEY_NAMES: Final = ("api_key", "openai_api_key")
"""The names of the key in the JSON. The first is the contract's; if both are there they must be the same."""

# The names of the contract, each with the other name it is known by elsewhere.
_OPTIONAL: Final = {
    "base_url": ("base_url", "url"),
    "organization": ("organization", "org_id"),
    "project": ("project",),
    "model": ("model",),
    "api": ("api",),
}


# What describes the key itself, and so does not outlive it.
_OF_THE_KEY: Final = frozenset({"expires_at", "placeholder"})


def read_secret(value: str, *, source: str, version: str, created_at: float | None = None) -> Credential:
    """Make a credential of a secret's value.

    Args:
        value: the secret's text: the bare key, or a JSON object with ``api_key``.
        source: which source gave it.
        version: the source's name for this version.
        created_at: when this version was made, in seconds since the epoch.

    Returns:
        The credential. Its key is masked from here on wherever something is written.

    Raises:
        InvalidSecret: there is no usable key in it, or a field beside it is wrong. The text says which, and
            quotes nothing.
    """
    text = value.strip()
    if not text.startswith(("{", "[", '"')):
        return Credential(key=read_key(text), source=source, version=version, created_at=created_at)
    try:
        # Chained exceptions of the parser would carry the document.
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidSecret("the secret looks like JSON and is not valid JSON") from None
    if not isinstance(document, dict):
        raise InvalidSecret("the secret is valid JSON, but not an object")
    guarded = read_key(_key_of(document))
    beside = _optional(document)
    return Credential(
        key=guarded,
        source=source,
        version=version,
        created_at=created_at,
        expires_at=_moment(document.get("expires_at")),
        placeholder=_flag(document, "placeholder"),
        base_url=beside.get("base_url"),
        organization=beside.get("organization"),
        project=beside.get("project"),
        model=beside.get("model"),
        api=beside.get("api"),
    )


def _key_of(document: dict[str, Any]) -> str:
    given = [document[name] for name in KEY_NAMES if document.get(name) not in (None, "")]
    if not given or not all(isinstance(key, str) and key.strip() for key in given):
        raise InvalidSecret('the secret is a JSON object without a text "api_key"')
    keys: set[str] = {key.strip() for key in given}
    if len(keys) > 1:
        for key in keys:
            guard(key)
        # The function cannot know which of them counts: one may have been revoked.
        raise InvalidSecret('"api_key" and "openai_api_key" in the secret hold two different keys')
    return keys.pop()


def with_new_key(old: str | None, key: Key, **fields: str | float | None) -> str:
    """Write a value with another key in it; what else the old one holds stays, and so does the key's name.

    Its ``expires_at`` and ``placeholder`` do not: they described the old key.

    Args:
        old: the value until now, bare or JSON; None where there is none.
        key: the key.
        fields: what else shall be in it, such as ``expires_at``; None takes a field out.

    Returns:
        The new value: a JSON object that ``read_secret`` reads.

    Raises:
        InvalidSecret: with what else the old value holds the function could not read the new one.
    """
    try:
        document = json.loads(old or "")
    except (ValueError, RecursionError):
        document = None
    kept = (
        {name: value for name, value in document.items() if name not in _OF_THE_KEY}
        if isinstance(document, dict)
        else {}
    )
    names = [name for name in KEY_NAMES if name in kept] or KEY_NAMES[:1]
    changed = {**kept, **fields, **dict.fromkeys(names, key.reveal())}
    value = json.dumps({name: value for name, value in changed.items() if value is not None})
    read_secret(value, source="", version="")
    return value


def read_key(text: str) -> Key:
    """Make a key of its text, and have it masked wherever something is written.

    Args:
        text: the key.

    Returns:
        The key.

    Raises:
        InvalidSecret: it is no key that could be sent.
    """
    if not _KEY.fullmatch(text):
        raise InvalidSecret("the key is empty, or has spaces, line breaks or characters no key has")
    guard(text)
    return Key(text)


def _moment(value: object) -> float | None:
    if value is None or value == "":
        return None
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
            # Without a time zone it could be half a day off, on the wrong side.
            return moment.timestamp() if moment.tzinfo is not None else _no_moment()
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
    except (ValueError, OverflowError):
        pass
    return _no_moment()


def _no_moment() -> NoReturn:
    raise InvalidSecret(
        '"expires_at" in the secret must be a time such as "2027-01-31T00:00:00Z", or seconds since 1970'
    )


def _flag(document: dict[str, Any], name: str) -> bool:
    value = document.get(name)
    if value is not None and not isinstance(value, bool):
        raise InvalidSecret(f'"{name}" in the secret must be true or false')
    return bool(value)


def _optional(document: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, spellings in _OPTIONAL.items():
        value = next((document[each] for each in spellings if document.get(each) not in (None, "")), None)
        if value is None:
            continue
        if not isinstance(value, str) or not _KEY.fullmatch(value):
            raise InvalidSecret(f'"{name}" in the secret must be a text without spaces')
        if value.startswith("sk-"):
            raise InvalidSecret(f'"{name}" in the secret looks like a key')
        found[name] = value
    if "base_url" in found:
        try:
            found["base_url"] = safe_base_url(found["base_url"])
        except ValueError as wrong:
            raise InvalidSecret(f'"base_url" in the secret {wrong}') from None
    if found.get("api") not in (None, "responses", "chat"):
        raise InvalidSecret('"api" in the secret must be "responses" or "chat"')
    return found
