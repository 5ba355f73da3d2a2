"""A key that is replaced while requests come in, and the version before it as the last resort."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from tests.integration.conftest import KEY, Deployment
from travel_gpt.credentials.cache import FAILURE_TTL

NEW_KEY = "sk-proj-n3wK3y1111111111111111111111111111111112"
Deploy = Callable[..., Deployment]


def test_no_request_fails_while_the_key_is_rotated_again_and_again(deployment: Deployment) -> None:
    rotations, between = 20, 250
    key = KEY
    deployment.upstream.accepted_keys = [key]
    for rotation in range(rotations + 1):
        for _ in range(between):
            assert deployment.post().status == 200
            deployment.clock.advance(0.5)
        key = f"sk-proj-rotated-{rotation:04d}-abcdefghijklmnopqrstuvwxyz"
        # The old key is dead the moment the new one is current.
        deployment.put_secret(key)
        deployment.upstream.accepted_keys = [key]

    asked = rotations * between + between
    assert asked >= 5000
    extra = len(deployment.upstream.calls) - asked
    assert extra <= 2 * rotations


def test_many_threads_fetch_a_rotated_key_once(deployment: Deployment) -> None:
    assert deployment.post().status == 200
    deployment.put_secret(NEW_KEY)
    deployment.upstream.accepted_keys = [NEW_KEY]
    before = deployment.fetches

    with ThreadPoolExecutor(8) as threads:
        statuses = [reply.status for reply in threads.map(lambda _: deployment.post(), range(40))]

    assert (set(statuses), deployment.fetches) == ({200}, before + 1)


def test_the_version_before_serves_while_openai_refuses_the_new_one(deployment: Deployment) -> None:
    deployment.upstream.accepted_keys = [KEY]
    deployment.put_secret(NEW_KEY)

    assert deployment.post().status == 200
    health = deployment.get()
    assert health.status == 200
    assert "previous" in health.body["warnings"][0]

    # And without paying for a refusal with every request.
    calls = len(deployment.upstream.calls)
    for _ in range(10):
        assert deployment.post().status == 200
    assert len(deployment.upstream.calls) == calls + 10

    # Nor is it forgotten when the current version is looked at again.
    deployment.clock.advance(31)
    assert (deployment.post().status, len(deployment.upstream.calls)) == (200, calls + 11)


def test_the_version_before_serves_for_the_bounded_time_only(deployment: Deployment) -> None:
    deployment.upstream.accepted_keys = [KEY]
    deployment.put_secret(NEW_KEY)
    assert deployment.post().status == 200

    deployment.clock.advance(3601)

    reply = deployment.post()
    assert (reply.status, reply.body["code"]) == (502, "credential_rejected")
    assert deployment.get().body["code"] == "credential_rejected"


def test_the_version_before_never_serves_where_the_owner_says_so(deploy: Deploy) -> None:
    deployment = deploy(CREDENTIAL_PREVIOUS_SECONDS="0")
    deployment.upstream.accepted_keys = [KEY]
    deployment.put_secret(NEW_KEY)
    # The function's clock is behind: to it, the version was made in a few seconds.
    deployment.clock.advance(-5)

    assert deployment.post().status == 502
    assert KEY not in {call.key for call in deployment.upstream.calls}


def test_two_refused_versions_are_both_refused(deployment: Deployment) -> None:
    deployment.put_secret(NEW_KEY)
    deployment.upstream.accepted_keys = []

    assert deployment.post().body["code"] == "credential_rejected"
    calls, fetches = len(deployment.upstream.calls), deployment.fetches
    for _ in range(5):
        assert deployment.post().body["code"] == "credential_rejected"

    assert (len(deployment.upstream.calls), deployment.fetches) == (calls + 5, fetches)


def test_the_new_key_takes_over_once_it_works(deployment: Deployment) -> None:
    deployment.upstream.accepted_keys = [KEY]
    deployment.put_secret(NEW_KEY)
    assert deployment.post().status == 200

    # OpenAI needs a while to know a new key; the old one ends then.
    deployment.upstream.accepted_keys = [NEW_KEY]

    assert deployment.post().status == 200
    assert "warnings" not in deployment.get().body


def test_a_key_that_is_current_once_more_is_tried_again(deployment: Deployment) -> None:
    deployment.upstream.accepted_keys = [NEW_KEY]
    assert deployment.post().status == 502
    deployment.put_secret(NEW_KEY)
    deployment.clock.advance(31)
    assert deployment.post().status == 200

    deployment.put_secret(KEY)
    deployment.upstream.accepted_keys = [KEY]

    assert (deployment.post().status, deployment.get().status) == (200, 200)


@pytest.mark.parametrize(("days", "warned"), [(6, True), (8, False), (-1, True)])
def test_the_expiry_of_a_key_is_reported_before(deployment: Deployment, days: int, warned: bool) -> None:
    ends = datetime.fromtimestamp(deployment.clock.moment + days * 86_400, UTC).isoformat()
    deployment.put_secret(json.dumps({"api_key": KEY, "expires_at": ends}))

    health = deployment.get()

    assert health.status == 200
    assert ("expire" in "".join(health.body.get("warnings", []))) is warned


def test_a_key_is_fetched_again_when_it_ends(deployment: Deployment) -> None:
    ends = deployment.clock.moment + 100
    deployment.put_secret(json.dumps({"api_key": KEY, "expires_at": ends}))
    assert deployment.get().status == 200
    deployment.put_secret(NEW_KEY)

    deployment.clock.advance(99)
    deployment.get()
    assert deployment.fetches == 1
    deployment.clock.advance(1)
    deployment.post()

    assert deployment.upstream.calls[-1].key == NEW_KEY


@pytest.mark.parametrize("ends", ["soon", "2027-01-31", "2027-01-31T00:00:00", True, [1], {"at": 1}])
def test_an_end_that_is_no_moment_is_named(deployment: Deployment, ends: object) -> None:
    deployment.put_secret(json.dumps({"api_key": KEY, "expires_at": ends}))

    assert deployment.get().body["code"] == "invalid_secret"


def test_an_expired_key_is_refused_where_that_is_enforced(deploy: Deploy) -> None:
    deployment = deploy(CREDENTIAL_EXPIRY="enforce", CREDENTIAL_PREVIOUS_SECONDS="0")
    deployment.put_secret(json.dumps({"api_key": KEY, "expires_at": deployment.clock.moment + 100}))
    assert deployment.post().status == 200

    deployment.clock.advance(101)
    calls = len(deployment.upstream.calls)
    for reply in (deployment.get(), deployment.get(verify=True), deployment.post()):
        assert (reply.status, reply.body["code"]) == (503, "credential_expired")
        assert "./deploy.sh --replace-key" in reply.body["message"]
        assert KEY not in reply.raw
    assert deployment.get().body["has_api_key"] is False
    assert len(deployment.upstream.calls) == calls, "the model's server is not called with it"
    assert deployment.fetches == 2

    deployment.put_secret(NEW_KEY)
    deployment.upstream.accepted_keys = [NEW_KEY]
    deployment.clock.advance(FAILURE_TTL)
    assert deployment.post().status == 200


def test_the_previous_key_answers_for_an_expired_one_inside_its_window(deploy: Deploy) -> None:
    deployment = deploy(CREDENTIAL_EXPIRY="enforce")
    deployment.upstream.accepted_keys = [KEY, NEW_KEY]
    deployment.put_secret(json.dumps({"api_key": NEW_KEY, "expires_at": deployment.clock.moment + 100}))
    assert deployment.post().status == 200
    deployment.clock.advance(101)

    assert (deployment.post().status, deployment.upstream.calls[-1].key) == (200, KEY)
    assert "the current key has expired" in deployment.get().body["warnings"][0]

    deployment.clock.advance(3600)
    assert deployment.post().body["code"] == "credential_expired"
