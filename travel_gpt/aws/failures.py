"""Calls to Secrets Manager: how a client is made, and what the ways in which a call fails mean."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
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

from travel_gpt.credentials.advice import LOCAL, key_place
from travel_gpt.credentials.sources.chain import SecretDeleted
from travel_gpt.errors import (
    AccessDenied,
    CredentialError,
    CredentialsUnavailable,
    InvalidSecret,
    Misconfigured,
    SecretNotFound,
)

if TYPE_CHECKING:
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
    "AccessDeniedException": (AccessDenied, "the role may not {act} this secret"),
    "AccessDenied": (AccessDenied, "the role may not {act} this secret"),
    "DecryptionFailure": (
        AccessDenied,
        "the role may not use the KMS key of this secret, or that key is disabled",
    ),
    "EncryptionFailure": (
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

# Secrets Manager says so where KMS refuses the caller, under the code of a missing permission of its own
# (kms/GetSecretValue/kms-denied-wrapped in the tests' recordings).
_KMS_DENIED: Final = "Access to KMS is not allowed"


def connect() -> "SecretsManagerClient":
    """Make a client whose calls end soon. Nothing is sent.

    Returns:
        The client. Whoever makes it does so inside ``explained``, since settings may forbid to make one.
    """
    # boto3 itself knows AWS_DEFAULT_REGION only; Lambda sets both.
    return boto3.client("secretsmanager", region_name=os.environ.get("AWS_REGION"), config=_CONFIG)


def code_of(refused: ClientError) -> str:
    """Return AWS's code of a refusal, such as ``AccessDeniedException``."""
    return str(refused.response.get("Error", {}).get("Code", ""))


@contextmanager
def explained(act: str = "read") -> Iterator[None]:
    """Say in the project's terms why a call to Secrets Manager failed.

    Args:
        act: what is done with the secret, to complete "the role may not … this secret".

    Raises:
        CredentialError: the call failed: SecretNotFound, SecretDeleted, AccessDenied, Misconfigured where a
            setting keeps it from being made, CredentialsUnavailable where the store is throttled, slow,
            unreachable or failing.
    """
    try:
        yield
    except ClientError as refused:
        raise _meaning_of(refused, act) from refused
    except NoRegionError as missing:
        raise Misconfigured("AWS_REGION is not set", message="AWS_REGION is not set.") from missing
    except (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError) as missing:
        raise AccessDenied(
            f"there are no AWS credentials to {act} the secret with",
            message="There are no AWS credentials to read the secret with. The owner should set them up "
            "where this runs, or choose another CREDENTIAL_SOURCE.",
        ) from missing
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


def _meaning_of(refused: ClientError, act: str) -> CredentialError:
    status = refused.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    kind, detail = _MEANING.get(code_of(refused), (None, ""))
    detail = detail.format(act=act)
    # AWS's own words name the role, the action and the resource: what the operator needs.
    said = refused.response.get("Error", {}).get("Message", "")
    if kind is AccessDenied and said.startswith(_KMS_DENIED):
        detail = _MEANING["DecryptionFailure"][1]
    if kind is Misconfigured:
        return Misconfigured(f"{detail}: {said}", message=f"{detail}.")
    if kind is not None:
        return kind(f"{detail}: {said}", message=message_of(kind))
    if status >= 500 or status in (408, 429):
        return CredentialsUnavailable(f"Secrets Manager failed: {said}")
    return AccessDenied(
        f"Secrets Manager refused the call ({code_of(refused)}): {said}", message=message_of(AccessDenied)
    )


def message_of(kind: type[CredentialError]) -> str | None:
    """Return what to say of a failure to read the secret; None for the error's own, which is for a stack.

    Args:
        kind: the error.
    """
    if LOCAL not in os.environ:
        return None
    place = key_place("secrets-manager")
    if issubclass(kind, SecretNotFound):
        return f"The secret with the OpenAI key does not exist. The owner should {place.create}."
    if kind is InvalidSecret:
        return f'The secret is not a key and not valid JSON with "api_key". The owner should {place.replace}.'
    if kind is AccessDenied:
        return f"AWS does not allow reading the secret with the OpenAI key. The owner should {place.permit}."
    return None
