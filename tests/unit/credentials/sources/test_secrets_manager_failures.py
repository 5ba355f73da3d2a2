"""Secrets Manager as it fails: refusals, throttling, outages, and a machine without the means to ask."""

import io
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import boto3
import botocore.endpoint
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import (
    ConnectTimeoutError,
    EndpointConnectionError,
    ProxyConnectionError,
    ReadTimeoutError,
    SSLError,
)

from travel_gpt.credentials.sources.secrets_manager import SecretsManagerSource
from travel_gpt.errors import (
    AccessDenied,
    CredentialError,
    CredentialsUnavailable,
    Misconfigured,
    SecretDeleted,
    SecretNotFound,
)

NAME = "travel-gpt/openai-api-key"
KEY = "sk-proj-Xq7ZkV9wJ3pYtB5mHx2RfN8dLs6GcQ4vUj"
ENDPOINT = "https://secretsmanager.us-east-1.amazonaws.com"
GOOD = (200, {"SecretString": KEY, "VersionId": "v1", "Name": NAME})

Step = tuple[int, object] | Exception


class _Raw(io.BytesIO):
    """The part of urllib3's response that botocore reads."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


@dataclass
class Store:
    """Secrets Manager behind botocore's own parser and retries; the last step of its script repeats."""

    script: list[Step] = field(default_factory=list)
    calls: int = 0

    def respond(self, request: Any, **_: Any) -> AWSResponse:
        self.calls += 1
        step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(step, Exception):
            raise step
        status, body = step
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = HTTPHeaders.from_dict({"Content-Type": "application/x-amz-json-1.1"})
        return AWSResponse(request.url, status, headers, _Raw(raw))


def refusal(status: int, code: str, message: str = "AWS says why.") -> Step:
    return status, {"__type": code, "Message": message}


@pytest.fixture(scope="module")
def aws() -> tuple[boto3.Session, Store]:
    # One session for all: what botocore reads of its data files stays read.
    session, store = boto3.Session(region_name="us-east-1"), Store()
    session.events.register("before-send.secrets-manager.GetSecretValue", cast("Any", store.respond))
    return session, store


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between botocore's tries, which are not waited for here."""
    slept: list[float] = []
    monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=slept.append))
    return slept


@pytest.fixture
def store(
    aws: tuple[boto3.Session, Store],
    pauses: list[float],  # noqa: ARG001 - wanted for what it does
    monkeypatch: pytest.MonkeyPatch,
) -> Store:
    session, store = aws
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", session)
    store.script, store.calls = [GOOD], 0
    return store


def failure_of(source: SecretsManagerSource) -> CredentialError:
    with pytest.raises(CredentialError) as refused:
        source.fetch()
    return refused.value


REFUSALS: list[tuple[int, str, type[CredentialError], str]] = [
    (400, "ResourceNotFoundException", SecretNotFound, "does not exist"),
    (400, "InvalidRequestException", SecretDeleted, "scheduled for deletion"),
    (400, "AccessDeniedException", AccessDenied, "may not read this secret"),
    (403, "AccessDenied", AccessDenied, "may not read this secret"),
    (400, "DecryptionFailure", AccessDenied, "KMS key"),
    (400, "UnrecognizedClientException", AccessDenied, "does not accept"),
    (400, "InvalidSignatureException", AccessDenied, "does not accept"),
    (403, "InvalidClientTokenId", AccessDenied, "does not accept"),
    (400, "ExpiredTokenException", AccessDenied, "have expired"),
    (400, "SomethingNewException", AccessDenied, "refused the call (SomethingNewException)"),
    (400, "InvalidParameterException", Misconfigured, "OPENAI_SECRET_NAME"),
    (400, "ValidationException", Misconfigured, "OPENAI_SECRET_NAME"),
]

OUTAGES: list[tuple[int, str, str]] = [
    (400, "ThrottlingException", "throttled the call"),
    (400, "Throttling", "throttled the call"),
    (400, "TooManyRequestsException", "throttled the call"),
    (400, "RequestLimitExceeded", "throttled the call"),
    (429, "SomethingNewException", "throttled the call"),
    (408, "RequestTimeoutException", "failed"),
    (400, "RequestAbortedException", "failed"),
    (500, "InternalServiceError", "failed"),
    (500, "InternalFailure", "failed"),
    (503, "ServiceUnavailable", "failed"),
    (503, "SomethingNewException", "failed"),
]


@pytest.mark.parametrize(("status", "code", "kind", "says"), REFUSALS, ids=[row[1] for row in REFUSALS])
def test_given_a_refusal_then_its_cause_is_distinguished_and_it_is_not_asked_again(
    store: Store, status: int, code: str, kind: type[CredentialError], says: str
) -> None:
    store.script = [refusal(status, code)]

    failure = failure_of(SecretsManagerSource(NAME))

    assert type(failure) is kind
    assert says in failure.detail
    assert failure.detail.endswith(": AWS says why.")
    assert store.calls == 1


def test_given_a_key_that_kms_denies_then_the_key_is_named_and_not_the_secret(store: Store) -> None:
    # The code is that of a permission for the secret (recorded: kms/GetSecretValue/kms-denied-wrapped).
    store.script = [refusal(400, "AccessDeniedException", "Access to KMS is not allowed")]

    failure = failure_of(SecretsManagerSource(NAME))

    assert type(failure) is AccessDenied
    assert "may not use the KMS key of this secret" in failure.detail
    assert failure.detail.endswith(": Access to KMS is not allowed")


@pytest.mark.parametrize(("status", "code", "says"), OUTAGES, ids=[f"{row[0]}-{row[1]}" for row in OUTAGES])
def test_given_an_outage_then_the_key_is_unavailable_and_no_worse(
    store: Store, status: int, code: str, says: str
) -> None:
    store.script = [refusal(status, code)]

    failure = failure_of(SecretsManagerSource(NAME))

    assert type(failure) is CredentialsUnavailable
    assert says in failure.detail


@pytest.mark.parametrize(
    "away",
    [
        refusal(400, "ThrottlingException"),
        refusal(503, "ServiceUnavailable"),
        (502, b"<html>Bad Gateway</html>"),
        EndpointConnectionError(endpoint_url=ENDPOINT),
        ConnectTimeoutError(endpoint_url=ENDPOINT),
        ReadTimeoutError(endpoint_url=ENDPOINT),
    ],
    ids=["throttled", "503", "502-html", "refused", "connect-timeout", "read-timeout"],
)
class TestPassingFaults:
    """Faults that botocore tries again."""

    def test_given_one_then_the_second_try_is_the_answer(self, store: Store, away: Step) -> None:
        store.script = [away, GOOD]

        assert SecretsManagerSource(NAME).fetch().key.reveal() == KEY

    def test_given_it_lasts_then_two_tries_and_a_short_pause_are_all(
        self, store: Store, pauses: list[float], away: Step
    ) -> None:
        store.script = [away]

        assert type(failure_of(SecretsManagerSource(NAME))) is CredentialsUnavailable

        assert store.calls == 2
        assert sum(pauses) <= 1

    def test_given_the_store_is_back_then_the_same_source_reads_again(self, store: Store, away: Step) -> None:
        source = SecretsManagerSource(NAME)
        store.script = [away]
        failure_of(source)

        store.script = [GOOD]

        assert source.fetch().key.reveal() == KEY


@pytest.mark.parametrize(
    "away",
    [
        SSLError(endpoint_url=ENDPOINT, error=ValueError("certificate")),
        ProxyConnectionError(proxy_url="http://proxy.example"),
    ],
    ids=lambda away: type(away).__name__,
)
def test_given_no_way_to_the_store_then_the_key_is_unavailable(store: Store, away: Step) -> None:
    store.script = [away]

    failure = failure_of(SecretsManagerSource(NAME))

    assert (type(failure), failure.detail) == (CredentialsUnavailable, "Secrets Manager cannot be reached")


def test_two_tries_fit_into_a_requests_time(store: Store) -> None:
    source = SecretsManagerSource(NAME)
    source.fetch()

    assert source._versions._made is not None
    config: Any = source._versions._made.meta.config
    tries = config.retries["total_max_attempts"]
    assert tries * (config.connect_timeout + config.read_timeout) + (tries - 1) * 1 <= 10
    assert store.calls == 1


def test_a_misconfiguration_is_named_to_the_caller_without_awss_words(store: Store) -> None:
    store.script = [refusal(400, "ValidationException", "Invalid name. Must be a valid name: sk-…")]

    failure = failure_of(SecretsManagerSource(NAME))

    assert failure.message == "OPENAI_SECRET_NAME is not a secret's name or ARN."
    assert "Invalid name" in failure.detail


def test_a_denial_tells_the_caller_nothing_of_the_account(store: Store) -> None:
    said = "User: arn:aws:sts::123456789012:assumed-role/x is not authorized"
    store.script = [refusal(400, "AccessDeniedException", said)]

    failure = failure_of(SecretsManagerSource(NAME))

    assert said in failure.detail
    assert failure.message == AccessDenied.message


@pytest.mark.parametrize(
    "body",
    [b"<html>Sign in to this network</html>", b"", b"{}", b'{"SecretString": 7}', b'{"SecretString": null}'],
    ids=["html", "empty", "object", "number", "null"],
)
def test_given_a_200_that_is_not_secrets_managers_then_it_is_an_outage_and_not_the_owners_word(
    store: Store, body: bytes
) -> None:
    store.script = [(200, body)]

    failure = failure_of(SecretsManagerSource(NAME))

    assert (type(failure), failure.detail) == (CredentialsUnavailable, "what answered is not Secrets Manager")


class TestOnAMachineWithoutTheMeansToAsk:
    """No region, no credentials, an endpoint that is none: nothing is sent anywhere."""

    def test_given_no_region_then_the_variable_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("AWS_REGION")
        monkeypatch.delenv("AWS_DEFAULT_REGION")

        failure = failure_of(SecretsManagerSource(NAME))

        assert (type(failure), failure.message) == (Misconfigured, "AWS_REGION is not set.")

    @pytest.mark.parametrize(
        "missing",
        [("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), ("AWS_SECRET_ACCESS_KEY",)],
        ids=["none", "half"],
    )
    def test_given_no_aws_credentials_then_access_is_denied(
        self, monkeypatch: pytest.MonkeyPatch, missing: tuple[str, ...]
    ) -> None:
        for name in missing:
            monkeypatch.delenv(name)

        failure = failure_of(SecretsManagerSource(NAME))

        assert type(failure) is AccessDenied
        assert failure.detail == "there are no AWS credentials to read this secret with"

    def test_given_a_profile_that_is_not_there_then_a_setting_is_wrong(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_PROFILE", "of-somebody-else")

        failure = failure_of(SecretsManagerSource(NAME))

        assert type(failure) is Misconfigured
        assert "AWS_REGION and AWS_ENDPOINT_URL" in failure.message

    @pytest.mark.parametrize("endpoint", ["not a url", "localhost:4566", "/path", "http://"])
    def test_given_an_endpoint_that_is_no_url_then_a_setting_is_wrong_and_not_quoted(
        self, monkeypatch: pytest.MonkeyPatch, endpoint: str
    ) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)

        failure = failure_of(SecretsManagerSource(NAME))

        assert type(failure) is Misconfigured
        assert "AWS_ENDPOINT_URL" in failure.message
        assert endpoint not in failure.message + failure.detail

    def test_given_no_server_at_the_endpoint_then_the_key_is_unavailable(
        self, monkeypatch: pytest.MonkeyPatch, pauses: list[float]
    ) -> None:
        # Given: a port that was free a moment ago, on this machine.
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")

        failure = failure_of(SecretsManagerSource(NAME))

        # And not for the wrong reason: the connection itself was refused, after two tries.
        assert type(failure) is CredentialsUnavailable
        assert isinstance(failure.__cause__, EndpointConnectionError)
        assert len(pauses) == 1

    def test_given_the_connection_is_restored_then_the_same_source_reads(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        session = boto3.DEFAULT_SESSION
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
        monkeypatch.setenv("AWS_ENDPOINT_URL", "not a url")
        source = SecretsManagerSource(NAME)
        failure_of(source)

        monkeypatch.delenv("AWS_ENDPOINT_URL")
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", session)

        assert (source.fetch().key.reveal(), store.calls) == (KEY, 1)
