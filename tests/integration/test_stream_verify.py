"""The function that streams verifies its credential with its own role, and does not answer the query."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from openai.auth._workload import WorkloadIdentityAuth

from tests.fakes import identity
from tests.fakes.openai import FakeOpenAI, behaviours
from tests.integration.conftest import LambdaContext, proxy_event
from travel_gpt.api.streamed import StreamApi
from travel_gpt.bootstrap import build_stream_api
from travel_gpt.credentials.sources.workload_identity import WorkloadIdentitySource
from travel_gpt.settings import Settings

KEY = "sk-proj-V3r1fyT3stK3y0000000000000000000000000001"
ROLE = "arn:aws:iam::123456789012:role/travel-gpt-backend-StreamFunctionRole-Ab12Cd34"
IDS = {"OPENAI_IDENTITY_PROVIDER_ID": "wip_acme", "OPENAI_SERVICE_ACCOUNT_ID": "sa_travel"}


@pytest.fixture
def openai(upstream: FakeOpenAI, monkeypatch: pytest.MonkeyPatch) -> FakeOpenAI:
    """OpenAI, which lets one key in, and the tokens that it gave; AWS signs tokens for the role."""
    defaults: Any = WorkloadIdentityAuth.__init__.__kwdefaults__
    monkeypatch.setitem(defaults, "token_exchange_url", f"{upstream.url}/oauth/token")
    token = identity.web_identity_token(ROLE, "https://api.openai.com/v1", 300)
    monkeypatch.setattr(WorkloadIdentitySource, "_token", lambda _: token)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    upstream.accepted_keys = {KEY}
    return upstream


@pytest.fixture
def prepared(openai: FakeOpenAI) -> Iterator[StreamApi]:
    """A function that uses a key, and may have tokens."""
    api = build_stream_api(settings(openai, **IDS))
    yield api
    api.close()


def settings(openai: FakeOpenAI, **more: str) -> Settings:
    found = Settings.load(
        {
            "CREDENTIAL_SOURCE": "environment",
            "OPENAI_BASE_URL": openai.base_url,
            **more,
        }
    )
    assert found.problems == ()
    return found


def verify(
    api: StreamApi, what: str, key: str = "annskey", body: str = '{"query": "Lisbon?"}', **headers: str
) -> tuple[int, dict[str, Any]]:
    event = proxy_event("POST", body, queryStringParameters={"verify": what})
    event["headers"] |= headers
    event["resource"] = event["path"] = "/travel-gpt/stream"
    event["requestContext"]["identity"] = {"apiKeyId": key, "sourceIp": "192.0.2.1"}
    response: Any = api.answer(event, LambdaContext(100_000))
    return response["statusCode"], json.loads(response["body"])


def test_its_identity_is_verified_while_a_key_is_used(openai: FakeOpenAI, prepared: StreamApi) -> None:
    openai.tokens.trust("wip_acme", identity.ISSUER, "sa_travel", "arn:aws:iam::123456789012:role/one", ROLE)

    status, body = verify(prepared, "workload-identity")

    assert (status, body["credential_source"], body["verified"]) == (200, "workload-identity", True)
    assert [call.path for call in openai.calls] == ["/v1/models"]


def test_given_a_mapping_for_the_other_role_alone_then_it_says_so(
    openai: FakeOpenAI, prepared: StreamApi
) -> None:
    openai.tokens.trust("wip_acme", identity.ISSUER, "sa_travel", "arn:aws:iam::123456789012:role/one")

    status, body = verify(prepared, "workload-identity")

    assert (status, body["code"]) == (503, "credential_rejected")
    assert "docs/operations/keyless.md" in body["message"]


def test_the_credential_in_use_is_verified_also_where_streaming_is_off(openai: FakeOpenAI) -> None:
    api = build_stream_api(settings(openai, STREAMING="off"))

    assert verify(api, "true")[0] == 200
    api.close()


def test_a_key_that_is_refused_fails_as_a_query_does(openai: FakeOpenAI) -> None:
    openai.accepted_keys = set()
    api = build_stream_api(settings(openai))

    status, body = verify(api, "true")

    assert (status, body["code"]) == (502, "credential_rejected")
    api.close()


@pytest.mark.parametrize(
    ("what", "key", "code"),
    [
        ("workload-identity", "annskey", "invalid_parameter"),
        ("perhaps", "annskey", "invalid_parameter"),
        ("true", "", "forbidden"),
    ],
)
def test_is_refused(openai: FakeOpenAI, what: str, key: str, code: str) -> None:
    openai.default("responses", behaviours.answer("Lisbon."))
    api = build_stream_api(settings(openai, API_ACCESS="api-key"))

    assert verify(api, what, key)[1]["code"] == code
    assert openai.calls == []
    api.close()


@pytest.mark.parametrize("what", ["false", "true"])
def test_each_request_has_a_query(openai: FakeOpenAI, what: str) -> None:
    api = build_stream_api(settings(openai))

    assert verify(api, what, body="")[1]["code"] == "invalid_json"
    assert verify(api, what, body='{"query": "Lisbon?", "nights": 99}')[1]["code"] == "invalid_constraint"
    assert openai.calls == []
    api.close()


@pytest.mark.parametrize("what", ["false", "true"])
def test_each_idempotency_key_is_read(openai: FakeOpenAI, what: str) -> None:
    api = build_stream_api(settings(openai))

    assert verify(api, what, **{"Idempotency-Key": "\u00e9"})[1]["code"] == "invalid_idempotency_key"
    assert openai.calls == []
    api.close()
