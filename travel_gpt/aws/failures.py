"""The one classifier of AWS failures: from what boto3 raises to what happened, and what that means here.

The function's sources, the rotation, the command line and the deployment all decide by ``AwsFailure.kind``.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError as BotoConnectionError,
    CredentialRetrievalError,
    HTTPClientError,
    LoginError,
    MetadataRetrievalError,
    NoAuthTokenError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    RefreshWithMFAUnsupportedError,
    SSOError,
    TokenRetrievalError,
    WaiterError,
)
from botocore.parsers import ResponseParserError

from travel_gpt.errors import AccessDenied, CredentialError, CredentialsUnavailable, Misconfigured
from travel_gpt.redaction import redact

AWS_ERRORS: Final = (ClientError, BotoCoreError, ResponseParserError)
"""What calling AWS raises. Making a client raises BotoCoreError, or ValueError if the endpoint is no URL."""

LONGEST_MESSAGE: Final = 500
"""Characters that are kept of AWS's text."""


class Kind(StrEnum):
    """What kind of failure a call to AWS met."""

    DENIED = "denied"
    """The caller lacks a permission, for the resource or for the KMS key that encrypts it."""
    NOT_FOUND = "not_found"
    INVALID = "invalid"
    """AWS, or boto3 before it sent anything, does not accept the parameters."""
    THROTTLED = "throttled"
    UNAVAILABLE = "unavailable"
    """The service failed: 5xx."""
    UNREACHABLE = "unreachable"
    """No connection, no answer in time, or a certificate that is not trusted."""
    NOT_AWS = "not_aws"
    """Something else than AWS answered, such as a proxy."""
    NO_CREDENTIALS = "no_credentials"
    SIGN_IN_EXPIRED = "sign_in_expired"
    """A session of ``aws sso login`` or ``aws login`` is over."""
    EXPIRED_TOKEN = "expired_token"  # noqa: S105 - a kind, no token
    """Temporary AWS credentials are over."""
    CREDENTIALS_REJECTED = "credentials_rejected"
    """AWS does not know the access key, or its signature is wrong."""
    NO_PROFILE = "no_profile"
    NO_REGION = "no_region"
    MISCONFIGURED = "misconfigured"
    """Another AWS setting is wrong."""
    OTHER = "other"
    """AWS refused for another reason: ``code`` and ``message`` say which."""


_RETRYABLE: Final = frozenset({Kind.THROTTLED, Kind.UNAVAILABLE, Kind.UNREACHABLE, Kind.NOT_AWS})

# The first class that fits counts: the order is from the special to the general.
_KIND_OF_CLASS: Final[tuple[tuple[tuple[type[Exception], ...], Kind], ...]] = (
    (
        (SSOError, LoginError, TokenRetrievalError, NoAuthTokenError, RefreshWithMFAUnsupportedError),
        Kind.SIGN_IN_EXPIRED,
    ),
    (
        (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError, MetadataRetrievalError),
        Kind.NO_CREDENTIALS,
    ),
    ((ProfileNotFound,), Kind.NO_PROFILE),
    ((NoRegionError,), Kind.NO_REGION),
    ((BotoConnectionError, HTTPClientError), Kind.UNREACHABLE),
    ((ResponseParserError,), Kind.NOT_AWS),
    ((ParamValidationError,), Kind.INVALID),
    ((WaiterError,), Kind.OTHER),
    ((BotoCoreError, ValueError), Kind.MISCONFIGURED),
)

# Sources: "Common errors" of the services' API references, such as
# https://docs.aws.amazon.com/secretsmanager/latest/apireference/CommonErrors.html
# and https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html;
# of throttling, botocore/retries/standard.py (ThrottledRetryableChecker), but for its LimitExceededException:
# in many services that is a quota, which waiting does not raise.
_KIND_OF_CODE: Final[dict[str, Kind]] = {
    code: kind
    for kind, codes in {
        Kind.DENIED: (
            "AccessDenied AccessDeniedException UnauthorizedOperation AuthorizationError "
            "DecryptionFailure EncryptionFailure"
        ),
        Kind.NOT_FOUND: "ResourceNotFoundException NotFoundException NoSuchEntity NoSuchBucket 404",
        Kind.INVALID: (
            "InvalidParameterException InvalidParameterValueException ValidationException ValidationError"
        ),
        Kind.THROTTLED: (
            "ThrottlingException Throttling ThrottledException RequestThrottledException RequestThrottled "
            "TooManyRequestsException RequestLimitExceeded BandwidthLimitExceeded SlowDown "
            "ProvisionedThroughputExceededException EC2ThrottledException"
        ),
        Kind.UNAVAILABLE: "InternalServiceError InternalFailure RequestAbortedException ServiceUnavailable",
        Kind.EXPIRED_TOKEN: "ExpiredToken ExpiredTokenException RequestExpired",
        Kind.CREDENTIALS_REJECTED: (
            "InvalidClientTokenId UnrecognizedClientException SignatureDoesNotMatch "
            "InvalidSignatureException AuthFailure"
        ),
    }.items()
    for code in codes.split()
}
_BY_KMS: Final = frozenset({"DecryptionFailure", "EncryptionFailure"})

# Secrets Manager's text where KMS refuses the caller, under the code of a missing permission for the secret
# (recorded: kms/GetSecretValue/kms-denied-wrapped).
_KMS_DENIED: Final = "Access to KMS is not allowed"


@dataclass(frozen=True, slots=True)
class AwsFailure:
    """A failed call to AWS."""

    kind: Kind
    message: str
    """AWS's text, or boto3's, on one line, masked and at most 500 characters long."""
    code: str = ""
    """AWS's name for the error, such as ``AccessDeniedException``; empty where AWS did not answer."""
    operation: str = ""
    """What was called, such as ``GetSecretValue``; empty where AWS did not answer."""

    @classmethod
    def of(cls, failed: Exception) -> Self:
        """Classify what boto3 raised.

        Args:
            failed: the exception, one of ``AWS_ERRORS`` or ValueError; any other is ``OTHER``.

        Returns:
            The failure.
        """
        if isinstance(failed, ClientError):
            return cls._of_answer(failed)
        kind = next((kind for classes, kind in _KIND_OF_CLASS if isinstance(failed, classes)), Kind.OTHER)
        # A ResponseParserError quotes the whole answer, whatever it was.
        text = "" if kind is Kind.NOT_AWS else str(failed)
        return cls(kind, _masked(text) or type(failed).__name__)

    @classmethod
    def _of_answer(cls, refused: ClientError) -> Self:
        error = refused.response.get("Error", {})
        # Some JSON services prefix the code with their namespace (recorded: dynamodb/TransactWriteItems/
        # canceled-raw); botocore takes the text from "Message" or "message", by service.
        code = str(error.get("Code", "")).rpartition("#")[2]
        message = _masked(str(error.get("Message", "")))
        status = refused.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        kind = _KIND_OF_CODE.get(code, Kind.OTHER)
        if kind is Kind.OTHER and status == 429:
            kind = Kind.THROTTLED
        elif kind is Kind.OTHER and (status >= 500 or status == 408):
            kind = Kind.UNAVAILABLE
        elif code == "ValidationError" and message.endswith("does not exist"):
            # CloudFormation's answer for a stack (recorded: cloudformation/DescribeStacks/
            # by-name-does-not-exist).
            kind = Kind.NOT_FOUND
        return cls(kind, message or code, code, refused.operation_name)

    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed later, with nothing changed."""
        return self.kind in _RETRYABLE

    @property
    def by_kms(self) -> bool:
        """Whether the KMS key refused the caller, or is disabled, and not the resource itself."""
        return self.code in _BY_KMS or (self.kind is Kind.DENIED and self.message.startswith(_KMS_DENIED))


_REFUSED: Final = "{service} refused the call ({code}): {text}"
_NO_CREDENTIALS: Final = (
    AccessDenied,
    "there are no AWS credentials to {action} with",
    (
        "There are no AWS credentials to {action} with. The owner should set them up where this runs, or "
        "choose another CREDENTIAL_SOURCE."
    ),
)
_WRONG_SETTING: Final = (
    # AWS's text is left out: it may quote a setting.
    Misconfigured,
    "boto3 cannot call {service} with these settings",
    "An AWS setting is wrong: check AWS_PROFILE, AWS_REGION and AWS_ENDPOINT_URL.",
)

# The error, its detail for the log, and its message for the caller; None for the error's own message.
_MEANING: Final[dict[Kind, tuple[type[CredentialError], str, str | None]]] = {
    Kind.DENIED: (AccessDenied, "the role may not {action}: {text}", None),
    Kind.CREDENTIALS_REJECTED: (
        AccessDenied,
        "AWS does not accept the caller's AWS credentials ({code}): {text}",
        None,
    ),
    Kind.EXPIRED_TOKEN: (AccessDenied, "the caller's AWS credentials have expired: {text}", None),
    Kind.NO_CREDENTIALS: _NO_CREDENTIALS,
    Kind.SIGN_IN_EXPIRED: _NO_CREDENTIALS,
    Kind.THROTTLED: (CredentialsUnavailable, "{service} throttled the call: {text}", None),
    Kind.UNAVAILABLE: (CredentialsUnavailable, "{service} failed: {text}", None),
    Kind.UNREACHABLE: (CredentialsUnavailable, "{service} cannot be reached", None),
    Kind.NOT_AWS: (CredentialsUnavailable, "what answered is not {service}", None),
    Kind.NO_REGION: (Misconfigured, "AWS_REGION is not set", "AWS_REGION is not set."),
    Kind.NO_PROFILE: _WRONG_SETTING,
    Kind.MISCONFIGURED: _WRONG_SETTING,
    Kind.INVALID: (Misconfigured, _REFUSED, None),
    Kind.NOT_FOUND: (Misconfigured, _REFUSED, None),
    Kind.OTHER: (AccessDenied, _REFUSED, None),
}

Meaning = Callable[[AwsFailure], CredentialError | None]
"""What a failure means to one service's callers; None for what it means everywhere."""


@contextmanager
def as_credential_errors(service: str, action: str, meaning: Meaning = lambda _: None) -> Iterator[None]:
    """Raise the project's error for what making a client or calling AWS raises.

    Args:
        service: the service's name, such as ``Secrets Manager``.
        action: what is done, to complete "the role may not …".
        meaning: what some failures mean to this service's callers.

    Raises:
        CredentialError: the call failed: CredentialsUnavailable where it may succeed later, Misconfigured
            where a setting keeps it from being made, AccessDenied where the caller may not make it or has no
            AWS credentials.
    """
    try:
        yield
    except (*AWS_ERRORS, ValueError) as failed:
        failure = AwsFailure.of(failed)
        raise meaning(failure) or _meaning(failure, service, action) from failed


def _meaning(failure: AwsFailure, service: str, action: str) -> CredentialError:
    error, detail, message = _MEANING[failure.kind]
    words = {"service": service, "action": action, "code": failure.code, "text": failure.message}
    return error(detail.format(**words), message=message and message.format(**words))


def _masked(text: str) -> str:
    return redact(" ".join(text.split()))[:LONGEST_MESSAGE]
