"""The key: fetched, kept, replaced, and gone when its owner says so."""

from collections.abc import Callable

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from tests.fakes.openai import MODELS, RESPONSES, behaviours
from tests.integration.conftest import KEY, SECRET, Deployment
from travel_gpt.credentials.cache import FAILURE_TTL

NEW_KEY = "sk-proj-n3wK3y1111111111111111111111111111111112"
Deploy = Callable[..., Deployment]

AWAY = [
    (400, "ThrottlingException"),
    (500, "InternalServiceError"),
    (503, "ServiceUnavailable"),
    EndpointConnectionError(endpoint_url="https://secretsmanager.eu-west-1.amazonaws.com"),
    ReadTimeoutError(endpoint_url="https://secretsmanager.eu-west-1.amazonaws.com"),
]
away = pytest.mark.parametrize("answer", AWAY, ids=["throttled", "500", "503", "unreachable", "slow"])


def test_health_says_that_a_key_is_there_and_nothing_of_it(deployment: Deployment) -> None:
    reply = deployment.get()

    assert reply.status == 200
    assert abs(reply.body.pop("timestamp") - int(deployment.clock.moment)) <= 5
    assert reply.body == {
        "status": "success",
        "message": "OpenAI API key is configured",
        "has_api_key": True,
        "mode": "compatible",
        "credential_source": "secrets-manager",
        "request_id": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
    }
    assert deployment.upstream.calls == [], "health calls OpenAI only when asked to"


def test_ten_thousand_warm_invocations_make_one_call_per_ttl(deployment: Deployment) -> None:
    began = deployment.clock.moment
    for turn in range(10_000):
        reply = deployment.post() if turn % 50 == 0 else deployment.get()
        assert reply.status == 200
        deployment.clock.advance(0.1)

    ttls = (deployment.clock.moment - began) / 300
    assert ttls > 3
    assert deployment.fetches <= ttls + 1


def test_a_rotated_key_is_taken_at_once_and_no_request_fails(deployment: Deployment) -> None:
    deployment.upstream.accepted_keys = [KEY]
    assert deployment.post().status == 200

    deployment.put_secret(NEW_KEY)
    deployment.upstream.accepted_keys = [NEW_KEY]

    assert (deployment.post().status, deployment.fetches) == (200, 2)
    assert [call.key for call in deployment.upstream.calls] == [KEY, KEY, NEW_KEY]


def test_a_bad_key_does_not_become_a_bill(deployment: Deployment) -> None:
    deployment.upstream.accepted_keys = [NEW_KEY]

    replies = [deployment.post() for _ in range(20)]

    assert {(reply.status, reply.body["code"]) for reply in replies} == {(502, "credential_rejected")}
    assert deployment.fetches == 2


def test_a_bad_key_that_was_replaced_is_noticed_long_before_the_ttl(deployment: Deployment) -> None:
    deployment.upstream.accepted_keys = [NEW_KEY]
    assert (deployment.post().status, deployment.get().body["code"]) == (502, "credential_rejected")

    deployment.put_secret(NEW_KEY)
    deployment.clock.advance(31)

    assert (deployment.get().status, deployment.post().status) == (200, 200)


def test_a_key_that_openai_takes_again_is_healthy_again(deployment: Deployment) -> None:
    deployment.upstream.accepted_keys = []
    assert deployment.post().status == 502

    deployment.upstream.accepted_keys = [KEY]

    assert (deployment.post().status, deployment.get().status) == (200, 200)


@away
def test_the_last_good_key_serves_while_the_store_is_away(deployment: Deployment, answer: object) -> None:
    assert deployment.post().status == 200
    deployment.store.answer = answer  # type: ignore[assignment] # the table mixes them on purpose

    deployment.clock.advance(301)
    assert deployment.post().status == 200
    deployment.clock.advance(3598)
    assert deployment.post().status == 200

    deployment.clock.advance(2)
    reply = deployment.post()
    assert (reply.status, reply.body["code"]) == (503, "credentials_unavailable")
    health = deployment.get()
    assert (health.status, health.body["code"], health.body["has_api_key"]) == (
        503,
        "credentials_unavailable",
        False,
    )
    assert 1 <= int(health.headers["Retry-After"]) <= FAILURE_TTL

    deployment.store.answer = None
    deployment.clock.advance(FAILURE_TTL)
    assert deployment.post().status == 200


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ((400, "ResourceNotFoundException"), "secret_not_found"),
        ((400, "InvalidRequestException"), "secret_not_found"),
        ((400, "AccessDeniedException"), "access_denied"),
        ((400, "DecryptionFailure"), "access_denied"),
        ((400, "ValidationException"), "misconfigured"),
    ],
)
def test_the_owners_kill_switch_works_at_the_next_fetch(
    deployment: Deployment, answer: tuple[int, str], code: str
) -> None:
    assert deployment.post().status == 200
    calls = len(deployment.upstream.calls)

    deployment.store.answer = answer
    deployment.clock.advance(301)

    for reply in (deployment.post(), deployment.get()):
        assert (reply.status, reply.body["code"]) == (503, code)
    assert len(deployment.upstream.calls) == calls, "a dropped key is not used"

    deployment.store.answer = (503, "ServiceUnavailable")
    deployment.clock.advance(FAILURE_TTL)
    assert deployment.post().body["code"] == "credentials_unavailable", "and does not come back"


def test_a_missing_secret_is_not_fetched_once_per_request(deployment: Deployment) -> None:
    deployment.secrets.delete_secret(SecretId=SECRET, ForceDeleteWithoutRecovery=True)

    for reply in [deployment.get(), deployment.get(verify=True), *(deployment.post() for _ in range(20))]:
        assert (reply.status, reply.body["code"]) == (503, "secret_not_found")
        assert "Retry-After" not in reply.headers, "waiting alone does not make a secret"

    assert deployment.fetches == 1


@pytest.mark.parametrize(
    "value",
    [
        "",
        "two words",
        "{",
        "[]",
        '"sk-quoted"',
        "{}",
        '{"api_key": ""}',
        '{"api_key": 7}',
        '{"apikey": "sk-1"}',
        '{"api_key": "sk-0123456789", "base_url": "http://example.com/v1"}',
        '{"api_key": "sk-0123456789", "api": "soap"}',
        '{"api_key": "sk-0123456789", "model": 4}',
    ],
)
def test_a_secret_that_holds_no_usable_key(deployment: Deployment, value: str) -> None:
    deployment.put_secret(value) if value else deployment.put_secret(" ")

    for reply in (deployment.get(), deployment.post()):
        assert (reply.status, reply.body["code"]) == (503, "invalid_secret")
    assert deployment.upstream.calls == []


def test_a_wrong_setting_is_named_and_not_shown(deploy: Deploy) -> None:
    deployment = deploy(OPENAI_SECRET_NAME="sk-proj-thisisakeyinthewrongplace", CREDENTIAL_TTL_SECONDS="soon")

    for reply in (deployment.get(), deployment.post()):
        assert (reply.status, reply.body["code"]) == (503, "misconfigured")
        assert "OPENAI_SECRET_NAME" in reply.body["message"]
        assert "CREDENTIAL_TTL_SECONDS" in reply.body["message"]
        assert "wrongplace" not in reply.raw


def test_a_verification_is_one_models_call_shared_for_a_minute(deployment: Deployment) -> None:
    first = deployment.get(verify=True)
    for _ in range(5):
        deployment.get(verify=True)

    assert (first.status, first.body["verified"], len(deployment.upstream.calls_to(MODELS))) == (200, True, 1)

    deployment.clock.advance(61)
    deployment.get(verify=True)
    assert len(deployment.upstream.calls_to(MODELS)) == 2


def test_a_verification_of_a_refused_key_reports_it_and_is_shared_too(deployment: Deployment) -> None:
    deployment.upstream.accepted_keys = [NEW_KEY]

    for _ in range(3):
        reply = deployment.get(verify=True)
        assert (reply.status, reply.body["code"], reply.body["has_api_key"]) == (
            503,
            "credential_rejected",
            False,
        )
    assert len(deployment.upstream.calls_to(MODELS)) == 1


def test_a_verification_uses_the_new_key_of_a_rotation(deployment: Deployment) -> None:
    deployment.get(verify=True)
    deployment.upstream.accepted_keys = [NEW_KEY]
    deployment.put_secret(NEW_KEY)
    deployment.clock.advance(61)

    assert deployment.get(verify=True).status == 200


def test_a_failed_verification_is_not_always_a_refused_key(deployment: Deployment) -> None:
    deployment.upstream.default(MODELS, behaviours.rate_limited(9))

    reply = deployment.get(verify=True)

    assert (reply.status, reply.body["code"], reply.body["has_api_key"]) == (
        429,
        "upstream_rate_limited",
        True,
    )
    assert reply.headers["Retry-After"] == "9"


def test_openai_is_away_and_the_key_stays(deployment: Deployment) -> None:
    deployment.upstream.script(RESPONSES, *[behaviours.server_error()] * 3)
    assert (deployment.post().status, deployment.get().status, deployment.fetches) == (502, 200, 1)
