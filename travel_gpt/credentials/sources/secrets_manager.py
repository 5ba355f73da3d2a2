"""The credential as AWS Secrets Manager keeps it."""

from datetime import datetime
from typing import TYPE_CHECKING, Final

from travel_gpt.aws.failures import connect, explained, message_of
from travel_gpt.credentials.credential import Credential
from travel_gpt.credentials.secret import read_secret
from travel_gpt.errors import CredentialsUnavailable, InvalidSecret, SecretNotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_secretsmanager import SecretsManagerClient


class SecretsManagerSource:
    """One secret in Secrets Manager.

    The client is made at the first fetch, so that nothing at import depends on AWS.

    Args:
        secret_name: the secret's name or ARN.
    """

    name: Final = "secrets-manager"

    def __init__(self, secret_name: str) -> None:
        self._secret_name = secret_name
        self._client: SecretsManagerClient | None = None

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
        return self._read("AWSCURRENT")

    def previous(self) -> Credential | None:
        """Read the version that was current before this one.

        Returns:
            The credential; None when there is no such version.

        Raises:
            CredentialError: as for ``fetch``.
        """
        try:
            return self._read("AWSPREVIOUS")
        except SecretNotFound:
            return None

    def _read(self, stage: str) -> Credential:
        with explained():
            if self._client is None:
                self._client = connect()
            answer: Mapping[str, object] = self._client.get_secret_value(
                SecretId=self._secret_name, VersionStage=stage
            )
        created = answer.get("CreatedDate")
        try:
            return read_secret(
                text_of(answer),
                source=self.name,
                version=str(answer.get("VersionId", "")),
                created_at=created.timestamp() if isinstance(created, datetime) else None,
            )
        except InvalidSecret as invalid:
            raise InvalidSecret(invalid.detail, message=message_of(InvalidSecret)) from None


def text_of(answer: "Mapping[str, object]") -> str:
    """Return the text in an answer of GetSecretValue.

    Args:
        answer: the answer.

    Returns:
        The secret's text.

    Raises:
        InvalidSecret: the secret is binary.
        CredentialsUnavailable: something else than Secrets Manager answered.
    """
    if "SecretBinary" in answer:
        raise InvalidSecret("the secret is binary: store the key as text")
    value = answer.get("SecretString")
    if not isinstance(value, str):
        # A proxy's 200 or a network's sign-in page is no word of the owner's: a good key must outlive it.
        raise CredentialsUnavailable("what answered is not Secrets Manager")
    return value
