"""The credential as HashiCorp Vault or OpenBao keeps it: the KV secrets engine, version 2."""

import json
import os
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from travel_gpt.credentials.secret import Credential, read_secret
from travel_gpt.credentials.sources.vault_server import Reply, VaultServer, tokens_for
from travel_gpt.errors import (
    AccessDenied,
    CredentialError,
    CredentialsUnavailable,
    InvalidSecret,
    Misconfigured,
    SecretDeleted,
    SecretNotFound,
)
from travel_gpt.settings import VaultSettings

_NOT_FOUND: Final = "The secret with the OpenAI key does not exist in Vault. Its owner can create it there."
_NO_KEY: Final = 'The secret in Vault holds no usable "api_key". Its owner can write a new version.'
_DENIED: Final = (
    "Vault refuses the secret with the OpenAI key. Its owner should check the token and its policy."
)


class VaultSource:
    """One secret in a KV engine: ``api_key`` and what belongs to it, or a single ``value``, bare or JSON.

    https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2#read-secret-version

    Args:
        settings: the settings, with VAULT_ADDR and the others.
        environment: the environment variables, with ``VAULT_TOKEN`` and ``VAULT_CACERT``.
    """

    name: Final = "vault"

    def __init__(self, settings: VaultSettings, environment: Mapping[str, str] = os.environ) -> None:
        self._settings = settings
        self._server = VaultServer(settings, environment)
        self._tokens = tokens_for(settings, environment)
        self._current = 0

    def fetch(self) -> Credential:
        """Read the current version of the secret.

        Returns:
            The credential.

        Raises:
            SecretNotFound: there is no such secret.
            SecretDeleted: its current version was deleted or destroyed.
            AccessDenied: the token may not read it, or there is no token to be had.
            InvalidSecret: it holds no usable key.
            Misconfigured: a setting keeps it from being read.
            CredentialsUnavailable: Vault is sealed, throttled, slow, unreachable or failing.
        """
        credential = self._read(None)
        self._current = int(credential.version)
        return credential

    def previous(self) -> Credential | None:
        """Read the version before the one that was last fetched.

        Returns:
            The credential; None when there is no such version, or it was deleted.

        Raises:
            CredentialError: as for ``fetch``.
        """
        if self._current < 2:
            return None
        try:
            return self._read(self._current - 1)
        except SecretNotFound:
            return None

    def _read(self, version: int | None) -> Credential:
        reply = self._server.read(self._tokens.current(self._server).reveal(), version)
        if reply.status == 403 and self._tokens.discard_refused():
            reply = self._server.read(self._tokens.current(self._server).reveal(), version)
        if reply.status != 200:
            raise self._failure_of(reply)
        metadata = reply.part("data", "metadata")
        secret, number = reply.part("data", "data"), metadata.get("version")
        if not isinstance(number, int):
            raise Misconfigured(
                "what VAULT_MOUNT names answers, but not like a KV engine of version 2",
                message="VAULT_MOUNT is not a KV secrets engine of version 2.",
            )
        value = secret["value"] if secret.keys() == {"value"} else None
        try:
            return read_secret(
                value if isinstance(value, str) else json.dumps(secret),
                source=self.name,
                version=str(number),
                created_at=_moment(metadata.get("created_time")),
            )
        except InvalidSecret as invalid:
            raise InvalidSecret(invalid.detail, message=_NO_KEY) from None

    def _failure_of(self, reply: Reply) -> CredentialError:
        where = f"{self._settings.vault_mount}/{self._settings.vault_path}"
        if reply.is_outage:
            return CredentialsUnavailable(f"Vault failed: {reply.says}")
        if reply.status == 404:
            if metadata := reply.part("data", "metadata"):
                how = "destroyed" if metadata.get("destroyed") else "deleted"
                return SecretDeleted(
                    f"this version of {where} was {how} in Vault: undelete it, or write a new one",
                    message="The secret with the OpenAI key was deleted in Vault.",
                )
            if "no handler for route" in reply.says:
                return Misconfigured(
                    f"Vault has no secrets engine at {self._settings.vault_mount}: {reply.says}",
                    message="VAULT_MOUNT, or VAULT_NAMESPACE, is not there in Vault.",
                )
            return SecretNotFound(f"there is nothing at {where} in Vault", message=_NOT_FOUND)
        if reply.status == 400:
            return Misconfigured(
                f"Vault did not understand the question for {where}: {reply.says}",
                message="A setting of Vault is wrong: check VAULT_ADDR, VAULT_NAMESPACE, VAULT_MOUNT and "
                "VAULT_PATH.",
            )
        return AccessDenied(f"Vault refuses {where}: {reply.says}", message=_DENIED)


def _moment(text: object) -> float | None:
    try:
        # In UTC, and with nine digits after the second, of which Python takes six.
        return datetime.fromisoformat(text).timestamp() if isinstance(text, str) else None
    except ValueError:
        return None
