"""What boto3 raises, classified once for the function, the rotation, the command line and the deployment."""

from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    InvalidConfigError,
    LoginRefreshRequired,
    MissingDependencyException,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    ProxyConnectionError,
    ReadTimeoutError,
    SSLError,
    SSOTokenLoadError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
    WaiterError,
)
from botocore.parsers import ResponseParserError

from tests.support.recorded import recording
from travel_gpt.aws.clients import make_client
from travel_gpt.aws.failures import LONGEST_MESSAGE, AwsFailure, Kind, as_credential_errors
from travel_gpt.errors import AccessDenied, CredentialError, CredentialsUnavailable, Misconfigured

KEY = "sk-proj-Qm3vT8xLw2Rk7Yb4Nd6H"
URL = "https://sts.eu-west-1.amazonaws.com"


def refused(code: str, message: str = "AWS says why.", *, status: int = 400) -> ClientError:
    metadata: Any = {"HTTPStatusCode": status}
    return ClientError(
        {"Error": {"Code": code, "Message": message}, "ResponseMetadata": metadata}, "GetSecretValue"
    )


@pytest.mark.parametrize(
    ("failed", "kind"),
    [
        (NoCredentialsError(), Kind.NO_CREDENTIALS),
        (PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"), Kind.NO_CREDENTIALS),
        (UnauthorizedSSOTokenError(), Kind.SIGN_IN_EXPIRED),
        (SSOTokenLoadError(error_msg="gone"), Kind.SIGN_IN_EXPIRED),
        (TokenRetrievalError(provider="sso", error_msg="over"), Kind.SIGN_IN_EXPIRED),
        (LoginRefreshRequired(), Kind.SIGN_IN_EXPIRED),
        (ProfileNotFound(profile="mine"), Kind.NO_PROFILE),
        (NoRegionError(), Kind.NO_REGION),
        (EndpointConnectionError(endpoint_url=URL), Kind.UNREACHABLE),
        (ConnectTimeoutError(endpoint_url=URL), Kind.UNREACHABLE),
        (ReadTimeoutError(endpoint_url=URL), Kind.UNREACHABLE),
        (SSLError(endpoint_url=URL, error=ValueError("certificate")), Kind.UNREACHABLE),
        (ProxyConnectionError(proxy_url="http://proxy.example"), Kind.UNREACHABLE),
        (ResponseParserError(f"<html>{KEY}"), Kind.NOT_AWS),
        (ParamValidationError(report="SecretId"), Kind.INVALID),
        (WaiterError(name="stack", reason="Max attempts", last_response={}), Kind.OTHER),
        (InvalidConfigError(error_msg="retries"), Kind.MISCONFIGURED),
        (MissingDependencyException(msg="botocore[crt]"), Kind.MISCONFIGURED),
        (ValueError("Invalid endpoint: nowhere"), Kind.MISCONFIGURED),
        (RuntimeError("a bug"), Kind.OTHER),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_given_no_answer_then_the_kind_follows_the_exceptions_class(failed: Exception, kind: Kind) -> None:
    failure = AwsFailure.of(failed)

    assert failure.kind is kind
    assert (failure.code, failure.operation) == ("", "")
    assert failure.message
    assert KEY not in failure.message


@pytest.mark.parametrize(
    ("code", "status", "kind", "retryable"),
    [
        ("AccessDeniedException", 400, Kind.DENIED, False),
        ("UnauthorizedOperation", 403, Kind.DENIED, False),
        ("ResourceNotFoundException", 400, Kind.NOT_FOUND, False),
        ("NoSuchEntity", 404, Kind.NOT_FOUND, False),
        ("ValidationException", 400, Kind.INVALID, False),
        ("ThrottlingException", 400, Kind.THROTTLED, True),
        ("429", 429, Kind.THROTTLED, True),
        ("RequestTimeoutException", 408, Kind.UNAVAILABLE, True),
        ("InternalFailure", 500, Kind.UNAVAILABLE, True),
        ("SomethingNewException", 503, Kind.UNAVAILABLE, True),
        ("ExpiredToken", 403, Kind.EXPIRED_TOKEN, False),
        ("InvalidClientTokenId", 403, Kind.CREDENTIALS_REJECTED, False),
        ("LimitExceededException", 400, Kind.OTHER, False),
        ("com.amazonaws.dynamodb.v20120810#ResourceNotFoundException", 400, Kind.NOT_FOUND, False),
    ],
)
def test_given_an_answer_then_the_kind_follows_its_code_and_status(
    code: str, status: int, kind: Kind, retryable: bool
) -> None:
    failure = AwsFailure.of(refused(code, status=status))

    assert (failure.kind, failure.retryable, failure.code) == (kind, retryable, code.rpartition("#")[2])
    assert (failure.operation, failure.message) == ("GetSecretValue", "AWS says why.")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("secretsmanager/GetSecretValue/missing-secret-with-permission", Kind.NOT_FOUND),
        ("secretsmanager/GetSecretValue/role-without-permission-by-name", Kind.DENIED),
        ("secretsmanager/CreateSecret/invalid-name", Kind.INVALID),
        ("kms/GetSecretValue/kms-denied-wrapped", Kind.DENIED),
        ("cloudformation/DescribeStacks/by-name-does-not-exist", Kind.NOT_FOUND),
        ("cloudformation/DescribeStackEvents/by-name-does-not-exist", Kind.NOT_FOUND),
        ("cloudformation/UpdateStack/no-updates", Kind.INVALID),
        ("dynamodb/PutItem/on-demand-throttled", Kind.THROTTLED),
        ("scheduler/CreateSchedule/role-cannot-be-assumed", Kind.INVALID),
    ],
)
def test_recorded_answers_are_of_their_kind(name: str, kind: Kind) -> None:
    answer = recording(name)
    failure = AwsFailure.of(refused(*answer.error, status=answer.status or 400))

    assert failure.kind is kind
    assert failure.by_kms == name.startswith("kms/")


def test_awss_text_is_masked_and_bounded() -> None:
    message = AwsFailure.of(refused("X", f"{KEY}\n" + "x" * 1000)).message

    assert KEY not in message
    assert "\n" not in message
    assert len(message) == LONGEST_MESSAGE


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_means_an_error_of_the_project(monkeypatch: pytest.MonkeyPatch, kind: Kind) -> None:
    errors = {
        Kind.THROTTLED: CredentialsUnavailable,
        Kind.UNAVAILABLE: CredentialsUnavailable,
        Kind.UNREACHABLE: CredentialsUnavailable,
        Kind.NOT_AWS: CredentialsUnavailable,
        Kind.NO_REGION: Misconfigured,
        Kind.NO_PROFILE: Misconfigured,
        Kind.MISCONFIGURED: Misconfigured,
        Kind.INVALID: Misconfigured,
        Kind.NOT_FOUND: Misconfigured,
    }
    monkeypatch.setattr(AwsFailure, "of", lambda _: AwsFailure(kind, "AWS's {text}."))

    with pytest.raises(CredentialError) as raised, as_credential_errors("STS", "sign a token"):
        raise refused("Any")

    assert type(raised.value) is errors.get(kind, AccessDenied)
    assert isinstance(raised.value.__cause__, ClientError)
    assert "{service}" not in raised.value.detail + raised.value.message
    assert "{action}" not in raised.value.detail + raised.value.message


def test_an_error_that_is_not_awss_passes() -> None:
    with pytest.raises(KeyError), as_credential_errors("STS", "sign a token"):
        raise KeyError("a bug")


def test_clients_call_the_endpoint_of_the_functions_region(monkeypatch: pytest.MonkeyPatch) -> None:
    # STS's global endpoint does not know GetWebIdentityToken.
    monkeypatch.setenv("AWS_REGION", "eu-west-1")

    assert make_client("sts").meta.endpoint_url == URL
