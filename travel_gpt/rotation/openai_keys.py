"""The keys of one service account at OpenAI, through its admin API, and the admin key for that.

Source: the installed SDK, ``openai/resources/admin/organization/projects``.
"""

import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import openai

from travel_gpt.aws.secret_versions import SecretVersions
from travel_gpt.credentials.secret import Key, read_key
from travel_gpt.errors import (
    AccessDenied,
    CredentialError,
    CredentialsUnavailable,
    InvalidSecret,
    Misconfigured,
    SecretNotFound,
)
from travel_gpt.redaction import redact

_OF_PROJECTS: Final = ("sk-proj-", "sk-svcacct-")
"""How keys of a project begin: assumed. OpenAI's OpenAPI document has ``sk-admin-`` for an admin key, in the
example of "Create an organization admin API key"."""


def fetch_admin_key(versions: SecretVersions) -> Key:
    """Read the admin key.

    Args:
        versions: the secret that holds it, bare or as ``{"admin_api_key": "…"}``.

    Returns:
        The key, masked from here on wherever something is written.

    Raises:
        SecretNotFound: there is no such secret, or it is empty.
        InvalidSecret: it holds no usable key, or one of a project. The text quotes nothing.
        CredentialError: it cannot be read.
    """
    stored = versions.read()
    if stored is None:
        raise SecretNotFound("the secret with OpenAI's admin key does not exist, or has no value")
    text = stored.text.strip()
    if text.startswith(("{", "[", '"')):
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            # Chained, the parser's exception would carry the document.
            raise InvalidSecret("the secret with OpenAI's admin key is not valid JSON") from None
        value = document.get("admin_api_key") if isinstance(document, dict) else None
        if not isinstance(value, str):
            raise InvalidSecret('the secret with OpenAI\'s admin key has no text "admin_api_key"')
        text = value.strip()
    try:
        key = read_key(text)
    except InvalidSecret as invalid:
        raise InvalidSecret(f"OpenAI's admin key: {invalid.detail}") from None
    if text.startswith(_OF_PROJECTS):
        raise InvalidSecret(
            "the secret with OpenAI's admin key holds a key of a project, which may not make keys: an admin "
            "key begins with sk-admin-, and an owner of the organization makes it"
        )
    return key


T = TypeVar("T")

_TIMEOUT: Final = openai.Timeout(20.0, connect=5.0)

_PAUSES: Final = (1.0, 2.0)
"""Seconds before the second and the third try of what may be repeated."""


# Recorded: openai/POST /v1/responses/401-missing-scopes. Names only: nothing of a key can be among them.
_MISSING_SCOPES: Final = re.compile(r"Missing scopes: ([a-z_]+(?:\.[a-z_]+)+(?:, [a-z_]+(?:\.[a-z_]+)+)*)")


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A key of the service account as OpenAI lists it: nothing of its value."""

    id: str
    name: str
    created_at: float
    """When it was made, in seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A new key. OpenAI returns its value only here."""

    id: str
    key: Key
    expires_at: int | None
    """When it ends by itself, in seconds since the epoch; None where OpenAI says that it does not."""


@dataclass(frozen=True, slots=True)
class AdminKey:
    """The admin key as OpenAI lists it: nothing of its value."""

    created_at: float
    """When it was made, in seconds since the epoch."""
    expires_at: float | None
    """When it expires, in seconds since the epoch; None where it does not."""


class OpenAIKeys:
    """Lists, makes and deletes the keys of one service account.

    Args:
        admin_key: returns OpenAI's admin key.
        base_url: where the admin API is.
        project: the project's id.
        service_account: the service account's id.
        sleep: waits for some seconds.
    """

    def __init__(
        self,
        admin_key: Callable[[], Key],
        *,
        base_url: str,
        project: str,
        service_account: str,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._admin_key = admin_key
        self._base_url = base_url
        self._project = project
        self._service_account = service_account
        self._sleep = sleep
        self._made: openai.OpenAI | None = None

    def issued(self) -> list[IssuedKey]:
        """List the service account's keys.

        Returns:
            The keys; those of others in the project are left out.

        Raises:
            CredentialError: they cannot be listed: the admin key or the way to OpenAI is in trouble.
        """

        def listed() -> list[IssuedKey]:
            # "any": without it, keys whose owner has lost access to the project may be left out.
            page = self._client().admin.organization.projects.api_keys.list(
                self._project, limit=100, owner_project_access="any"
            )
            return [
                IssuedKey(key.id, key.name or "", float(key.created_at))
                for key in page
                if key.owner.service_account is not None
                and key.owner.service_account.id == self._service_account
            ]

        return self._repeated(listed)

    def admin_key(self) -> AdminKey | None:
        """Find the admin key itself in OpenAI's list of admin keys, by the two ends of its value shown there.

        Source: the installed SDK, ``organization/admin_api_keys.py``, list; ``redacted_value`` is such as
        ``sk-admin...def``.

        Returns:
            The key; None where no listed key, or more than one, has these ends.

        Raises:
            CredentialError: they cannot be listed.
        """
        value = self._admin_key().reveal()
        listed = _said(lambda: list(self._client().admin.organization.admin_api_keys.list(limit=100)))
        found = [key for key in listed if _has_ends(value, key.redacted_value)]
        if len(found) != 1:
            return None
        expires_at = found[0].expires_at
        return AdminKey(float(found[0].created_at), None if expires_at is None else float(expires_at))

    def create(self, name: str, expires_in: int, scopes: Sequence[str]) -> NewKey:
        """Make a key. Never tried twice: the first might have been made although its answer was lost.

        Args:
            name: its name.
            expires_in: the seconds after which it expires, 1 to 31,536,000.
            scopes: what it may do; without any, all that the service account may.

        Returns:
            The key.

        Raises:
            CredentialError: there is none, or it may have been made and its value was lost.
        """
        accounts = self._client().admin.organization.projects.service_accounts
        made = _said(
            lambda: accounts.api_keys.create(
                self._service_account,
                project_id=self._project,
                name=name,
                expires_in_seconds=expires_in,
                scopes=list(scopes) if scopes else openai.omit,
            )
        )
        # Whatever came with a 200: the SDK does not check it.
        value, key_id = getattr(made, "value", None), getattr(made, "id", None)
        if not isinstance(value, str) or not isinstance(key_id, str):
            raise CredentialsUnavailable("OpenAI's answer to a new key holds no key")
        try:
            key = read_key(value)
        except InvalidSecret as invalid:
            raise CredentialsUnavailable(f"OpenAI's new key cannot be used: {invalid.detail}") from None
        return NewKey(key_id, key, made.expires_at)

    def restrict(self, key_id: str, scopes: Sequence[str]) -> None:
        """Replace the scopes of a key. OpenAI lists no key's scopes, so they are set and not compared.

        Source: the installed SDK, ``projects/api_keys.py``, update: an empty list takes the restriction away.

        Args:
            key_id: its id.
            scopes: what it may do from now on; without any, all that the service account may.

        Raises:
            CredentialError: they cannot be replaced.
        """
        keys = self._client().admin.organization.projects.api_keys
        self._repeated(lambda: keys.update(key_id, project_id=self._project, scopes=list(scopes)))

    def delete(self, key_id: str) -> None:
        """Delete a key; one that is gone already is no failure.

        Args:
            key_id: its id.

        Raises:
            CredentialError: it cannot be deleted.
        """

        def deleted() -> None:
            try:
                self._client().admin.organization.projects.api_keys.delete(key_id, project_id=self._project)
            except openai.NotFoundError:
                return

        self._repeated(deleted)

    def _client(self) -> openai.OpenAI:
        if self._made is None:
            self._made = openai.OpenAI(
                # No ordinary key: the SDK would take OPENAI_API_KEY out of the environment.
                api_key="",
                admin_api_key=self._admin_key().reveal(),
                base_url=self._base_url,
                # The SDK's own retries sleep out any Retry-After, beyond this function's time.
                max_retries=0,
                timeout=_TIMEOUT,
            )
        return self._made

    def _repeated(self, call: Callable[[], T]) -> T:
        for pause in _PAUSES:
            try:
                return _said(call)
            except CredentialsUnavailable:
                self._sleep(pause)
        return _said(call)


def _has_ends(value: str, redacted: str) -> bool:
    begins, _, ends = redacted.partition("...")
    return bool(ends) and value.startswith(begins) and value.endswith(ends)


def _said(call: Callable[[], T]) -> T:
    """Make a call, and say in the project's terms why it failed.

    Nothing is chained: the texts of the SDK's exceptions quote keys.
    """
    try:
        return call()
    except openai.APIStatusError as refused:
        failure = _meaning_of(refused)
    except openai.APITimeoutError:
        failure = CredentialsUnavailable("OpenAI's admin API did not answer in time")
    except openai.APIConnectionError:
        failure = CredentialsUnavailable("no connection to OpenAI's admin API, or it was cut")
    except CredentialError:
        raise
    except Exception as broken:  # noqa: BLE001 - a broken reply makes more than the SDK's own exceptions
        failure = CredentialsUnavailable(f"the admin API's reply cannot be read ({type(broken).__name__})")
    raise failure


def _meaning_of(refused: openai.APIStatusError) -> CredentialError:
    status = refused.status_code
    body = refused.body
    message = body.get("message") if isinstance(body, dict) else None
    missing = _MISSING_SCOPES.search(message) if isinstance(message, str) else None
    if status in (401, 403) and missing:
        return AccessDenied(
            f"the key in the admin secret lacks a permission of an admin key ({status}, missing scopes: "
            f"{missing[1]}): it has to be an admin key of the organization that may write API keys"
        )
    if status == 401:
        # Without its text, which quotes a part of the key.
        return AccessDenied("OpenAI refuses the admin key (401)")
    said = f"{status}: {redact(message[:300]) if isinstance(message, str) else 'no reason given'}"
    if status == 403:
        return AccessDenied(f"OpenAI does not allow the admin key this call ({said})")
    if status == 404:
        return Misconfigured(f"OpenAI knows no such project or service account ({said})")
    if status >= 500 or status in (408, 409, 429):
        return CredentialsUnavailable(f"OpenAI's admin API failed ({said})")
    if "scope" in f"{body.get('param')} {message}".lower() if isinstance(body, dict) else False:
        return Misconfigured(
            f"OpenAI refuses the scopes of the new key ({said}): the parameter RotationKeyScopes chooses "
            "others"
        )
    return Misconfigured(f"OpenAI refuses the call ({said})")
