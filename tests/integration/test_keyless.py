"""No key anywhere: the role's identity, the token exchange and the model's server, over real HTTP."""

import io
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from openai.auth._workload import WorkloadIdentityAuth

from tests.fakes import identity
from tests.fakes.openai import FakeOpenAI, behaviours
from tests.fakes.openai.tokens import claims_of
from tests.integration.conftest import LambdaContext, Reply, proxy_event
from tests.support.api import api_of
from tests.support.clock import Clock
from travel_gpt.credentials.session import CredentialSession
from travel_gpt.credentials.sources.selection import source_of
from travel_gpt.credentials.sources.workload_identity import WorkloadIdentitySource
from travel_gpt.errors import CredentialsUnavailable
from travel_gpt.llm.client import ModelClient
from travel_gpt.settings import Settings

ROLE = "arn:aws:iam::123456789012:role/travel-gpt-role"
SOURCES = "workload-identity"
IDS = {"OPENAI_IDENTITY_PROVIDER_ID": "wip_acme", "OPENAI_SERVICE_ACCOUNT_ID": "sa_travel"}


class Keyless:
    """A function without a key, and what it talks to."""

    def __init__(self, upstream: FakeOpenAI, **environment: str) -> None:
        settings = Settings.load(
            {"OPENAI_BASE_URL": upstream.base_url, "CREDENTIAL_SOURCE": SOURCES, **IDS, **environment}
        )
        assert settings.problems == ()
        self.upstream, self.clock = upstream, Clock(time.time())
        self.session = CredentialSession(source_of(settings), ttl=300, max_stale=3600, now=self.clock)
        self.server = ModelClient(settings)
        self.api = api_of(settings, self.session, self.server, has_identity=True, now=self.clock)

    def get(self, verify: str = "") -> Reply:
        return self._send(proxy_event("GET", queryStringParameters={"verify": verify} if verify else None))

    def post(self, query: str = "Three days in Lisbon?") -> Reply:
        return self._send(proxy_event("POST", json.dumps({"query": query})))

    def _send(self, event: dict[str, Any]) -> Reply:
        response = self.api.answer(event, LambdaContext())
        body = response["body"]
        return Reply(response["statusCode"], response["headers"], json.loads(body), body)


@pytest.fixture
def role(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The credentials of an assumed role, in an account that vouches for its roles."""
    identity.install()
    monkeypatch.setattr(identity.Federation, "enabled", True)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        assumed = boto3.client("sts", region_name="eu-west-1").assume_role(
            RoleArn=ROLE, RoleSessionName="travel-gpt"
        )["Credentials"]
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", assumed["AccessKeyId"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", assumed["SecretAccessKey"])
        monkeypatch.setenv("AWS_SESSION_TOKEN", assumed["SessionToken"])
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
        yield ROLE


@pytest.fixture
def keyless(upstream: FakeOpenAI, role: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Keyless]:
    """A function without a key; OpenAI trusts its role, and lets in nothing but tokens of its own."""
    defaults: Any = WorkloadIdentityAuth.__init__.__kwdefaults__
    monkeypatch.setitem(defaults, "token_exchange_url", f"{upstream.url}/oauth/token")
    upstream.accepted_keys = set()
    upstream.tokens.trust("wip_acme", identity.ISSUER, "sa_travel", role)
    function = Keyless(upstream)
    yield function
    function.server.close()


def test_a_query_is_answered_and_the_health_names_the_source(keyless: Keyless) -> None:
    answered, health = keyless.post(), keyless.get()

    assert answered.status == 200, answered.raw
    assert (health.status, health.body["credential_source"]) == (200, "workload-identity")


def test_what_openai_gets_is_its_own_token_and_never_the_one_of_aws(keyless: Keyless) -> None:
    keyless.post()

    (call,) = keyless.upstream.calls
    (given,) = keyless.upstream.tokens.given
    assert call.key == given
    (asked,) = keyless.upstream.tokens.requests
    assert claims_of(asked["subject_token"])["sub"] == ROLE


def test_the_token_serves_many_queries(keyless: Keyless) -> None:
    for _ in range(20):
        assert keyless.post().status == 200
    keyless.clock.advance(300)
    assert keyless.post().status == 200

    assert len(keyless.upstream.tokens.requests) == 1


def test_given_a_token_that_ended_while_the_environment_was_frozen_then_no_query_fails(
    keyless: Keyless,
) -> None:
    keyless.post()
    keyless.upstream.tokens.revoke()

    assert (keyless.post().status, len(keyless.upstream.tokens.requests)) == (200, 2)


def test_health_verifies_it(keyless: Keyless) -> None:
    health = keyless.get("true")

    assert (health.status, health.body["verified"]) == (200, True)


@pytest.mark.parametrize(
    ("issuer", "subject"),
    [(identity.ISSUER, "arn:aws:iam::123456789012:role/another"), ("https://elsewhere.example", ROLE)],
    ids=["no mapping", "another account"],
)
def test_given_openai_does_not_accept_the_identity_then_it_says_what_to_check(
    keyless: Keyless, issuer: str, subject: str
) -> None:
    keyless.upstream.tokens.trust("wip_acme", issuer, "sa_travel", subject)

    answered, health = keyless.post(), keyless.get()

    assert (answered.status, answered.body["code"]) == (502, "credential_rejected")
    assert "service account mapping" in answered.body["message"]
    assert (health.status, health.body["code"]) == (503, "credential_rejected")
    assert "service account mapping" in health.body["message"]


def test_given_the_owner_fixes_the_mapping_then_the_next_query_is_answered(keyless: Keyless) -> None:
    keyless.upstream.tokens.mappings.clear()
    assert keyless.post().status == 502

    keyless.upstream.tokens.trust("wip_acme", identity.ISSUER, "sa_travel", ROLE)

    assert (keyless.post().status, keyless.get().status) == (200, 200)


def test_given_federation_is_off_then_it_names_the_command(
    keyless: Keyless, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity.Federation, "enabled", False)

    health = keyless.get()

    assert (health.status, health.body["code"]) == (503, "misconfigured")
    assert "aws iam enable-outbound-web-identity-federation" in health.body["message"]


def test_given_federation_is_turned_off_meanwhile_then_the_next_exchange_says_so(
    keyless: Keyless, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyless.post()
    keyless.upstream.tokens.revoke()
    monkeypatch.setattr(identity.Federation, "enabled", False)

    answered = keyless.post()

    assert (answered.status, answered.body["code"]) == (503, "misconfigured")


def test_given_the_exchange_is_broken_then_it_is_openai_that_failed(keyless: Keyless) -> None:
    keyless.upstream.tokens.broken = 503

    assert (keyless.post().status, keyless.post().body["code"]) == (502, "upstream_error")
    keyless.upstream.tokens.broken = 0
    assert keyless.post().status == 200


def test_given_an_exchange_that_failed_in_passing_then_it_is_tried_again(keyless: Keyless) -> None:
    exchange, answer = keyless.upstream.tokens, keyless.upstream.tokens.answer
    exchange.broken = 503

    def once(asked: Any) -> Any:
        answered = answer(asked)
        exchange.broken = 0
        return answered

    exchange.answer = once  # type: ignore[method-assign]

    assert (keyless.post().status, len(exchange.requests)) == (200, 2)


def test_given_an_exchange_that_hangs_then_only_the_requests_of_that_time_wait(keyless: Keyless) -> None:
    exchange, answer = keyless.upstream.tokens, keyless.upstream.tokens.answer
    hangs, ended = [True], threading.Event()

    def slowly(asked: Any) -> Any:
        if hangs.pop() if hangs else False:
            ended.wait(20)
        return answer(asked)

    exchange.answer = slowly  # type: ignore[method-assign]
    try:
        event = proxy_event("POST", json.dumps({"query": "Rome?"}))
        stuck = keyless.api.answer(event, LambdaContext(1_500))
        began = time.monotonic()
        next_one = keyless.post()
    finally:
        ended.set()

    assert (stuck["statusCode"], next_one.status) == (504, 200)
    assert time.monotonic() - began < 5


def test_given_sts_is_away_then_health_does_not_promise_what_no_query_gets(
    keyless: Keyless, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert keyless.get().status == 200

    def away(*_: Any, **__: Any) -> str:
        raise CredentialsUnavailable("STS cannot be reached")

    monkeypatch.setattr(WorkloadIdentitySource, "_token", away)
    keyless.clock.advance(301)

    health = keyless.get()
    assert (health.status, health.body["code"]) == (503, "credentials_unavailable")


class TestRehearsal:
    def test_verifies_the_identity_while_a_key_is_used(self, keyless: Keyless) -> None:
        health = keyless.get("workload-identity")

        assert health.status == 200
        assert (health.body["credential_source"], health.body["verified"]) == ("workload-identity", True)
        assert (health.body["mode"], health.body["has_api_key"]) == ("keyless", False)

    def test_that_fails_says_why_and_counts_for_no_alarm(
        self, keyless: Keyless, capsys: pytest.CaptureFixture[str]
    ) -> None:
        keyless.upstream.tokens.mappings.clear()

        health = keyless.get("workload-identity")

        assert (health.status, health.body["code"]) == (503, "credential_rejected")
        assert (health.body["credential_source"], health.body["has_api_key"]) == ("workload-identity", False)
        assert "CredentialFailure" not in capsys.readouterr().out

    @pytest.mark.usefixtures("role")
    def test_without_ids_names_what_is_missing(self, upstream: FakeOpenAI) -> None:
        settings = Settings.load({"OPENAI_BASE_URL": upstream.base_url})
        session = CredentialSession(source_of(settings), ttl=300, max_stale=0)

        response = api_of(settings, session, ModelClient(settings)).answer(
            proxy_event("GET", queryStringParameters={"verify": "workload-identity"}), LambdaContext()
        )

        assert response["statusCode"] == 400
        assert "OPENAI_IDENTITY_PROVIDER_ID" in json.loads(response["body"])["message"]


def tokens_of(keyless: Keyless) -> set[str]:
    """Every token so far: OpenAI's, AWS's, and what is said in the latter."""
    of_aws = [request["subject_token"] for request in keyless.upstream.tokens.requests]
    return {*keyless.upstream.tokens.given, *of_aws, *(token.split(".")[1] for token in of_aws)}


@pytest.mark.parametrize("trouble", ["none", "refused", "quoted", "broken", "garbled", "revoked"])
def test_no_token_is_in_answers_or_logs_whatever_goes_wrong(
    keyless: Keyless, capsys: pytest.CaptureFixture[str], log: io.StringIO, trouble: str
) -> None:
    replies = [keyless.post()]
    tokens = tokens_of(keyless)
    exchange = keyless.upstream.tokens
    match trouble:
        case "refused":
            exchange.revoke()
            exchange.mappings.clear()
        case "quoted":
            quoted = f"could not take {' for '.join(tokens)}"
            keyless.upstream.script("responses", *[behaviours.error(500, quoted)] * 3)
        case "broken":
            exchange.revoke()
            exchange.broken = 500
        case "garbled":
            keyless.upstream.script("responses", *[behaviours.malformed()] * 3)
        case "revoked":
            exchange.revoke()
    replies += [keyless.post(), keyless.get(), keyless.get("true"), keyless.get("workload-identity")]

    written = capsys.readouterr()
    text = "".join(reply.raw for reply in replies) + written.out + written.err + log.getvalue()
    tokens |= tokens_of(keyless)
    assert len(tokens) >= 3
    assert "Answered a request" in log.getvalue()
    for token in tokens:
        assert token not in text
        # The first part of a token of AWS's is its header, the same in all.
        assert token[-16:] not in text
