"""The credential as AWS Secrets Manager keeps it."""

import os
from datetime import datetime
from typing import TYPE_CHECKING, Final

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError as BotoConnectionError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
)

from travel_gpt.credentials.chain import SecretDeleted
from travel_gpt.credentials.credential import Credential
from travel_gpt.credentials.secret import read_secret
from travel_gpt.errors import (
    AccessDenied,
    CredentialError,
    CredentialsUnavailable,
    InvalidSecret,
    Misconfigured,
    SecretNotFound,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_secretsmanager import SecretsManagerClient

# A healthy store answers in milliseconds. Two tries and their pauses stay well inside a request's deadline.
_CONFIG: Final = Config(
    connect_timeout=1,
    read_timeout=2,
    retries={"total_max_attempts": 2, "mode": "standard"},
)

# https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html#API_GetSecretValue_Errors
# and the errors common to all its actions.
_MEANING: Final[dict[str, tuple[type[CredentialError], str]]] = {
    "ResourceNotFoundException": (SecretNotFound, "the secret, or its current version, does not exist"),
    # Said of a secret that is scheduled for deletion.
    "InvalidRequestException": (
        SecretDeleted,
        "the secret is scheduled for deletion: restore it or deploy again",
    ),
    "AccessDeniedException": (AccessDenied, "the role may not read this secret"),
    "AccessDenied": (AccessDenied, "the role may not read this secret"),
    "DecryptionFailure": (
        AccessDenied,
        "the role may not use the KMS key of this secret, or that key is disabled",
    ),
    "UnrecognizedClientException": (AccessDenied, "AWS does not know the caller's AWS credentials"),
    "InvalidSignatureException": (AccessDenied, "AWS refused the signature of the call"),
    "InvalidClientTokenId": (AccessDenied, "AWS does not know the caller's AWS credentials"),
    "ExpiredTokenException": (AccessDenied, "the caller's AWS credentials have expired"),
    "InvalidParameterException": (Misconfigured, "OPENAI_SECRET_NAME is not a secret's name or ARN"),
    "ValidationException": (Misconfigured, "OPENAI_SECRET_NAME is not a secret's name or ARN"),
    "ThrottlingException": (CredentialsUnavailable, "Secrets Manager throttled the call"),
    "Throttling": (CredentialsUnavailable, "Secrets Manager throttled the call"),
    "TooManyRequestsException": (CredentialsUnavailable, "Secrets Manager throttled the call"),
    "RequestLimitExceeded": (CredentialsUnavailable, "Secrets Manager throttled the call"),
    "InternalServiceError": (CredentialsUnavailable, "Secrets Manager failed"),
    "RequestAbortedException": (CredentialsUnavailable, "Secrets Manager failed"),
}


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
        try:
            if self._client is None:
                # boto3 itself knows AWS_DEFAULT_REGION only; Lambda sets both.
                region = os.environ.get("AWS_REGION")
                self._client = boto3.client("secretsmanager", region_name=region, config=_CONFIG)
            answer: Mapping[str, object] = self._client.get_secret_value(
                SecretId=self._secret_name, VersionStage=stage
            )
        except ClientError as refused:
            raise self._meaning_of(refused) from refused
        except NoRegionError as missing:
            raise Misconfigured("AWS_REGION is not set", message="AWS_REGION is not set.") from missing
        except (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError) as missing:
            raise AccessDenied("there are no AWS credentials to read the secret with") from missing
        except (BotoConnectionError, HTTPClientError) as away:
            raise CredentialsUnavailable("Secrets Manager cannot be reached") from away
        except BotoCoreError as wrong:
            raise Misconfigured(
                "boto3 cannot call Secrets Manager with these settings",
                message="An AWS setting is wrong: check OPENAI_SECRET_NAME, AWS_REGION and AWS_ENDPOINT_URL.",
            ) from wrong
        except ValueError as wrong:
            # What boto3 raises for an endpoint that is no URL.
            raise Misconfigured(
                "boto3 cannot call Secrets Manager at this endpoint",
                message="AWS_ENDPOINT_URL is not a URL.",
            ) from wrong
        if "SecretBinary" in answer:
            raise InvalidSecret("the secret is binary: store the key as text")
        value = answer.get("SecretString")
        if not isinstance(value, str):
            # A proxy's 200 or a network's sign-in page is no word of the owner's: a good key must outlive it.
            raise CredentialsUnavailable("what answered is not Secrets Manager")
        created = answer.get("CreatedDate")
        return read_secret(
            value,
            source=self.name,
            version=str(answer.get("VersionId", "")),
            created_at=created.timestamp() if isinstance(created, datetime) else None,
        )

    def _meaning_of(self, refused: ClientError) -> CredentialError:
        code = refused.response.get("Error", {}).get("Code", "")
        status = refused.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        kind, detail = _MEANING.get(code, (None, ""))
        # AWS's own words name the role, the action and the resource: what the operator needs.
        said = refused.response.get("Error", {}).get("Message", "")
        if kind is Misconfigured:
            return Misconfigured(f"{detail}: {said}", message=f"{detail}.")
        if kind is not None:
            return kind(f"{detail}: {said}")
        if status >= 500 or status in (408, 429):
            return CredentialsUnavailable(f"Secrets Manager failed: {said}")
        return AccessDenied(f"Secrets Manager refused the call ({code}): {said}")
