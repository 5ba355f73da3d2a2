"""No key at all: what STS is asked for, and what its refusals mean."""

from typing import Any, ClassVar

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError
from botocore.stub import Stubber

from travel_gpt.credentials.secret import NO_KEY, Credential
from travel_gpt.credentials.sources.selection import source_of
from travel_gpt.credentials.sources.workload_identity import WorkloadIdentitySource
from travel_gpt.errors import AccessDenied, CredentialError, CredentialsUnavailable, Misconfigured
from travel_gpt.redaction import redact
from travel_gpt.settings import Settings

TOKEN = "eyJhbGciOiJFUzM4NCJ9.eyJzdWIiOiJ0aGUtcm9sZSJ9.c2lnbmVkLWJ5LWF3cw"
REQUEST = {"Audience": ["https://api.openai.com/v1"], "SigningAlgorithm": "ES384", "DurationSeconds": 300}


@pytest.fixture
def sts(monkeypatch: pytest.MonkeyPatch) -> Stubber:
    """STS, scripted behind botocore's own parser."""
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    client = boto3.client(
        "sts", region_name="eu-west-1", aws_access_key_id="testing", aws_secret_access_key="testing"
    )
    stubber = Stubber(client)
    stubber.activate()
    # In the function's own region: STS's global endpoint does not know GetWebIdentityToken.
    clients = {("sts", "eu-west-1"): client}
    monkeypatch.setattr(boto3, "client", lambda service, *, region_name, **_: clients[service, region_name])
    return stubber


@pytest.fixture
def source() -> WorkloadIdentitySource:
    return WorkloadIdentitySource("wip_acme", "sa_travel")


def test_the_credential_is_an_identity_and_holds_no_key(sts: Stubber, source: WorkloadIdentitySource) -> None:
    sts.add_response("get_web_identity_token", {"WebIdentityToken": TOKEN}, REQUEST)

    credential = source.fetch()

    assert credential.key is NO_KEY
    assert credential.source == "workload-identity"
    assert credential.identity is not None
    assert (credential.identity.provider_id, credential.identity.service_account_id) == (
        "wip_acme",
        "sa_travel",
    )
    assert credential.expires_at is None


def test_each_exchange_gets_a_new_token(sts: Stubber, source: WorkloadIdentitySource) -> None:
    for token in (TOKEN, f"{TOKEN}-2", f"{TOKEN}-3"):
        sts.add_response("get_web_identity_token", {"WebIdentityToken": token}, REQUEST)

    identity = source.fetch().identity

    assert identity is not None
    assert (identity.get_token(), identity.get_token()) == (f"{TOKEN}-2", f"{TOKEN}-3")


def test_the_same_identity_fetched_again_is_the_same_credential(
    sts: Stubber, source: WorkloadIdentitySource
) -> None:
    # Or the SDK's client, and with it the exchanged token, would be thrown away with every TTL.
    for _ in range(3):
        sts.add_response("get_web_identity_token", {"WebIdentityToken": TOKEN}, REQUEST)

    assert source.fetch() == (same := source.fetch())
    assert same != WorkloadIdentitySource("wip_acme", "sa_other").fetch()


def test_the_token_is_masked_wherever_something_is_written(
    sts: Stubber, source: WorkloadIdentitySource
) -> None:
    sts.add_response("get_web_identity_token", {"WebIdentityToken": TOKEN}, REQUEST)

    credential = source.fetch()

    assert TOKEN not in redact(f"it was {TOKEN}")
    assert TOKEN not in repr(credential)
    assert "get_token" not in repr(credential)


REFUSALS: list[tuple[str, int, type[CredentialError], str]] = [
    ("AccessDenied", 403, AccessDenied, "sts:GetWebIdentityToken"),
    ("OutboundWebIdentityFederationDisabledException", 403, Misconfigured, "enable-outbound-web-identity"),
    ("OutboundWebIdentityFederationDisabled", 403, Misconfigured, "enable-outbound-web-identity"),
    ("SessionDurationEscalationException", 403, CredentialsUnavailable, "right now"),
    ("Throttling", 400, CredentialsUnavailable, "right now"),
    ("InternalFailure", 500, CredentialsUnavailable, "right now"),
    ("ExpiredToken", 403, AccessDenied, "sts:GetWebIdentityToken"),
]


@pytest.mark.parametrize(("code", "status", "kind", "says"), REFUSALS, ids=[row[0] for row in REFUSALS])
def test_what_a_refusal_means(
    sts: Stubber,
    source: WorkloadIdentitySource,
    code: str,
    status: int,
    kind: type[CredentialError],
    says: str,
) -> None:
    sts.add_client_error("get_web_identity_token", code, "Scripted.", status)

    with pytest.raises(CredentialError) as caught:
        source.fetch()

    assert type(caught.value) is kind
    assert says in caught.value.message
    assert "Scripted." in caught.value.detail


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (EndpointConnectionError(endpoint_url="https://sts.eu-west-1.amazonaws.com"), CredentialsUnavailable),
        (NoCredentialsError(), AccessDenied),
    ],
)
def test_given_no_way_to_sts_then_it_says_which(
    monkeypatch: pytest.MonkeyPatch, source: WorkloadIdentitySource, failure: Exception, kind: type[Exception]
) -> None:
    class Client:
        def get_web_identity_token(self, **_: Any) -> None:
            raise failure

    monkeypatch.setattr(boto3, "client", lambda *_, **__: Client())

    with pytest.raises(kind):
        source.fetch()


def test_given_no_region_then_it_is_misconfigured(
    monkeypatch: pytest.MonkeyPatch, source: WorkloadIdentitySource
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "not a url")

    with pytest.raises(Misconfigured, match=r"STS|AWS_REGION"):
        source.fetch()


class TestSettings:
    CHOSEN: ClassVar = {
        "CREDENTIAL_SOURCE": "workload-identity",
        "OPENAI_IDENTITY_PROVIDER_ID": "wip_acme",
        "OPENAI_SERVICE_ACCOUNT_ID": "sa_travel",
    }

    def test_choose_it(self) -> None:
        settings = Settings.load(self.CHOSEN)

        assert settings.problems == ()
        assert isinstance(source_of(settings), WorkloadIdentitySource)

    @pytest.mark.parametrize("missing", ["OPENAI_IDENTITY_PROVIDER_ID", "OPENAI_SERVICE_ACCOUNT_ID"])
    def test_name_the_id_that_is_missing(self, missing: str) -> None:
        (problem,) = Settings.load({**self.CHOSEN, missing: ""}).problems

        assert problem == f"{missing} must be set for CREDENTIAL_SOURCE workload-identity"

    @pytest.mark.parametrize(
        ("base_url", "fine"),
        [
            ("https://api.openai.com/v1", True),
            ("https://eu.api.openai.com/v1", True),
            ("http://127.0.0.1:9/v1", True),
            ("https://example.com/v1", False),
            ("https://api.openai.com.example.com/v1", False),
            ("https://notapi.openai.com/v1", False),
        ],
    )
    def test_refuse_to_send_a_token_of_openais_elsewhere(self, base_url: str, fine: bool) -> None:
        problems = Settings.load({**self.CHOSEN, "OPENAI_BASE_URL": base_url}).problems

        assert (problems == ()) is fine
        assert fine or "OPENAI_BASE_URL" in problems[0]

    def test_mind_none_of_this_for_other_sources(self) -> None:
        assert Settings.load({"OPENAI_BASE_URL": "https://example.com/v1"}).problems == ()


def test_a_refusal_tells_the_owner_to_look_at_openai_and_not_to_replace_a_key(
    sts: Stubber, source: WorkloadIdentitySource
) -> None:
    sts.add_response("get_web_identity_token", {"WebIdentityToken": TOKEN}, REQUEST)
    keyless: Credential = source.fetch()

    assert "service account mapping" in keyless.refusal("refused").message
    assert "--replace-key" not in keyless.refusal("refused").message
