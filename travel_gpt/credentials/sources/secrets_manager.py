"""The credential as AWS Secrets Manager keeps it."""

from dataclasses import replace
from typing import Final

from travel_gpt.aws.secret_versions import CURRENT, PREVIOUS, SecretVersions
from travel_gpt.credentials.advice import Local, secret_message
from travel_gpt.credentials.secret import Credential, read_secret
from travel_gpt.errors import CredentialError, SecretNotFound


class SecretsManagerSource:
    """One secret in Secrets Manager.

    Args:
        secret_name: the secret's name or ARN.
        local: where this runs.
    """

    name: Final = "secrets-manager"

    def __init__(self, secret_name: str, local: Local = "") -> None:
        self._local = local
        self._versions = SecretVersions(secret_name)

    def fetch(self) -> Credential:
        """Read the current version of the secret.

        Returns:
            The credential.

        Raises:
            SecretNotFound: there is no such secret.
            SecretDeleted: it is scheduled for deletion.
            AccessDenied: the caller may not read it.
            InvalidSecret: it holds no usable key.
            Misconfigured: a setting keeps it from being read.
            CredentialsUnavailable: Secrets Manager is throttled, slow, unreachable or failing.
        """
        return self._read(CURRENT)

    def previous(self) -> Credential | None:
        """Read the version that was current before this one.

        Returns:
            The credential; None when there is no such version.

        Raises:
            CredentialError: as for ``fetch``.
        """
        try:
            return self._read(PREVIOUS)
        except SecretNotFound:
            return None

    def _read(self, stage: str) -> Credential:
        try:
            stored = self._versions.fetch(stage=stage)
            credential = read_secret(
                stored.text, source=self.name, version=stored.version, created_at=stored.created_at
            )
        except CredentialError as failure:
            failure.message = secret_message(failure, self._local)
            raise
        return replace(credential, local=self._local)
