"""Every way in which a model's server fails, and what the caller gets: both APIs, over real HTTP."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.fakes.openai import CHAT, MALFORMED, RESPONSES, Behaviour, Exchange, FakeOpenAI, behaviours
from tests.integration.conftest import Deployment

PATHS = {"responses": RESPONSES, "chat": CHAT}
Deploy = Callable[..., Deployment]
Lines = Callable[[], list[dict[str, Any]]]
# A model of whose name the scripted upstream does not conclude that it refuses max_tokens.
MODEL = "llama3.3"


@pytest.fixture(params=["responses", "chat"])
def api(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def failing(deploy: Deploy, api: str, fault: Behaviour, **environment: str) -> Deployment:
    """Start a Lambda environment whose model's server does the same to every call."""
    deployment = deploy(OPENAI_MODEL=MODEL, OPENAI_API=api, **environment)
    deployment.upstream.default(PATHS[api], fault)
    return deployment


FAULTS: list[tuple[str, Behaviour, int, str]] = [
    ("key-refused", behaviours.reject_key(), 502, "credential_rejected"),
    ("scope-missing", behaviours.missing_scope(), 502, "credential_rejected"),
    ("scope-missing-403", behaviours.missing_scope(status=403), 502, "credential_rejected"),
    ("scope-missing-code", behaviours.missing_scope(code="missing_scope"), 502, "credential_rejected"),
    ("no-model-access", behaviours.no_model_access(), 502, "model_unavailable"),
    ("model-unknown", behaviours.unknown_model(), 502, "model_unavailable"),
    ("content-policy", behaviours.content_policy(), 422, "content_refused"),
    ("invalid-prompt", behaviours.content_policy("invalid_prompt"), 422, "content_refused"),
    ("refusal", behaviours.refusal(), 422, "content_refused"),
    ("filtered", behaviours.filtered(), 422, "content_refused"),
    ("rate-limited", behaviours.rate_limited(7), 429, "upstream_rate_limited"),
    ("rate-limited-silently", behaviours.rate_limited(None), 429, "upstream_rate_limited"),
    ("out-of-quota", behaviours.out_of_quota(), 503, "quota_exhausted"),
    ("not-paid", behaviours.out_of_quota("billing_not_active"), 503, "quota_exhausted"),
    ("500", behaviours.server_error(), 502, "upstream_error"),
    ("503", behaviours.unavailable(), 502, "upstream_error"),
    ("cut-body", behaviours.cut_body(), 502, "upstream_error"),
    ("dropped", behaviours.drop(), 502, "upstream_error"),
    ("reset", behaviours.drop(reset=True), 502, "upstream_error"),
    ("failed-inside-200", behaviours.failed(), 502, "upstream_error"),
    ("capped-before-the-first-word", behaviours.incomplete(empty=True), 502, "upstream_error"),
    ("html", behaviours.malformed("html"), 502, "upstream_error"),
    ("redirect", behaviours.raw(b"", status=302), 502, "upstream_not_found"),
    ("context-full", behaviours.context_length(), 422, "context_length_exceeded"),
    ("request-too-large", behaviours.request_too_large(), 422, "request_too_large"),
    ("413", behaviours.raw(b"too large", status=413, content_type="text/plain"), 422, "request_too_large"),
    ("spend-limit", behaviours.out_of_quota("project_spend_limit_exceeded"), 503, "quota_exhausted"),
    *((f"malformed-{kind}", behaviours.malformed(kind), 502, "upstream_error") for kind in MALFORMED),
]


@pytest.mark.parametrize(("fault", "status", "code"), [f[1:] for f in FAULTS], ids=[f[0] for f in FAULTS])
def test_a_fault_becomes_the_contracts_answer(
    deploy: Deploy, api: str, fault: Behaviour, status: int, code: str
) -> None:
    deployment = failing(deploy, api, fault, OPENAI_MAX_RETRIES="1")

    reply = deployment.post()

    expected = {"status": "error", "code": code, "request_id": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"}
    assert (reply.status, reply.body | expected) == (status, reply.body)
    assert reply.body.keys() == expected.keys() | {"message", "timestamp"}


@pytest.mark.parametrize(("asked", "answered"), [(7, "7"), (None, "5")])
def test_the_wait_that_openai_asks_for_is_passed_on(
    deploy: Deploy, api: str, asked: int | None, answered: str
) -> None:
    deployment = failing(deploy, api, behaviours.rate_limited(asked))

    assert deployment.post().headers["Retry-After"] == answered
    assert len(deployment.upstream.calls) == 1, "a rate limit is passed on, not slept out"


@pytest.mark.parametrize("status", [401, 403])
def test_a_missing_permission_is_not_fixed_by_fetching_the_key_again(
    deploy: Deploy, api: str, status: int
) -> None:
    deployment = failing(deploy, api, behaviours.missing_scope(status=status))

    assert "does not allow the configured key this call" in deployment.post().body["message"]
    assert (len(deployment.upstream.calls), deployment.fetches) == (1, 1)


@pytest.mark.parametrize(
    "passing",
    [behaviours.unavailable(), behaviours.drop(), behaviours.cut_body()],
    ids=["503", "dropped", "cut-body"],
)
def test_a_passing_fault_is_survived(deploy: Deploy, api: str, passing: Behaviour) -> None:
    deployment = deploy(OPENAI_MODEL=MODEL, OPENAI_API=api)
    deployment.upstream.script(PATHS[api], passing, behaviours.answer("Take tram 28."))

    reply = deployment.post()

    assert (reply.status, reply.body["answer"], len(deployment.upstream.calls)) == (200, "Take tram 28.", 2)


def test_a_lasting_fault_is_tried_no_more_often_than_set(deploy: Deploy, api: str) -> None:
    deployment = failing(deploy, api, behaviours.server_error(), OPENAI_MAX_RETRIES="2")

    deployment.post()

    assert len(deployment.upstream.calls) == 3


@pytest.mark.parametrize(
    "delay", [behaviours.slow(3), behaviours.drip(pause=0.02)], ids=["silent", "dripping"]
)
def test_a_slow_server_is_left_at_the_deadline(deploy: Deploy, api: str, delay: Behaviour) -> None:
    deployment = failing(deploy, api, delay)
    event_taken_27_seconds_ago = int((time.time() - 27) * 1000)

    began = time.monotonic()
    reply = deployment.post(requestContext=_context(event_taken_27_seconds_ago))

    assert (reply.status, reply.body["code"]) == (504, "upstream_timeout")
    assert time.monotonic() - began < 1.5


def test_a_request_that_waited_too_long_for_a_cold_start_is_not_sent_at_all(deploy: Deploy) -> None:
    deployment = deploy()

    assert deployment.post(requestContext=_context(int((time.time() - 28.5) * 1000))).status in (503, 504)
    assert deployment.upstream.calls == []


def test_an_answer_that_met_the_cap_says_so(deploy: Deploy, api: str) -> None:
    deployment = failing(deploy, api, behaviours.incomplete("Day 1: arrive, and"))

    reply = deployment.post()

    assert (reply.status, reply.body["answer"], reply.body["truncated"]) == (200, "Day 1: arrive, and", True)


def test_nothing_is_there_to_connect_to(deploy: Deploy, api: str, lines: Lines) -> None:
    deployment = deploy(
        OPENAI_MODEL=MODEL, OPENAI_API=api, OPENAI_BASE_URL="http://127.0.0.1:9/v1", OPENAI_MAX_RETRIES="1"
    )

    reply = deployment.post()

    assert (reply.status, reply.body["code"]) == (502, "upstream_unreachable")
    assert "Try again" not in reply.body["message"]
    assert lines()[-1]["detail"] == "no connection to 127.0.0.1:9: connection refused"


def test_a_server_that_speaks_chat_only_is_recognised(deploy: Deploy, lines: Lines) -> None:
    deployment = deploy(OPENAI_MODEL=MODEL)
    deployment.upstream.default(RESPONSES, behaviours.raw(b"404 page not found", status=404))

    reply = deployment.post()

    assert (reply.status, reply.body["code"]) == (502, "upstream_api_unsupported")
    assert "OPENAI_API=chat" in reply.body["message"]
    assert len(deployment.upstream.calls) == 1
    assert "OPENAI_API=chat" in lines()[-1]["detail"]


def test_a_base_url_without_its_version_is_named(deploy: Deploy, lines: Lines, upstream: FakeOpenAI) -> None:
    deployment = deploy(OPENAI_MODEL=MODEL, OPENAI_API="chat", OPENAI_BASE_URL=f"{upstream.url}/wrong")
    upstream.default(CHAT, behaviours.raw(b'{"detail":"Not Found"}', status=404))

    reply = deployment.post()

    assert (reply.status, reply.body["code"]) == (502, "upstream_not_found")
    assert "OPENAI_BASE_URL" in reply.body["message"]
    assert (
        lines()[-1]["detail"] == f"the server answered 404: Not Found ({upstream.url}/wrong/chat/completions)"
    )


@pytest.mark.parametrize(
    ("fault", "status", "level"),
    [
        (behaviours.rate_limited(7), 429, "WARNING"),
        (behaviours.context_length(), 400, "WARNING"),
        (behaviours.server_error(), 500, "ERROR"),
        (behaviours.out_of_quota(), 429, "ERROR"),
        (behaviours.reject_key(), 401, "ERROR"),
    ],
    ids=["429", "context", "500", "quota", "401"],
)
def test_a_failure_of_the_server_is_one_line_with_its_status_and_the_cause(
    deploy: Deploy, api: str, lines: Lines, fault: Behaviour, status: int, level: str
) -> None:
    deployment = failing(deploy, api, fault, OPENAI_MAX_RETRIES="0")

    deployment.post()

    (line,) = [entry for entry in lines() if entry["message"] == "Answered a request"]
    assert (line["upstream_status"], line["level"]) == (status, level)
    assert line["code"]
    assert len(line["detail"].splitlines()) == 1


@pytest.mark.parametrize(
    "fault",
    [
        behaviours.context_length(),
        behaviours.request_too_large(),
        behaviours.unknown_model(),
        behaviours.out_of_quota(),
    ],
    ids=["context", "too-large", "model", "quota"],
)
def test_what_cannot_succeed_is_not_tried_again(deploy: Deploy, api: str, fault: Behaviour) -> None:
    deployment = failing(deploy, api, fault)

    reply = deployment.post()

    assert len(deployment.upstream.calls) == 1
    assert "Retry-After" not in reply.headers
    assert "try again" not in reply.body["message"].lower()


def test_what_a_model_thought_is_not_in_the_answer(deploy: Deploy, api: str) -> None:
    deployment = deploy(OPENAI_MODEL="qwen3", OPENAI_API=api)
    deployment.upstream.script(
        PATHS[api],
        behaviours.answer("<think>A tram or a bus?</think>\n\nTake tram 28."),
        behaviours.answer("<think>A tram or"),
    )

    assert deployment.post().body["answer"] == "Take tram 28."
    assert deployment.post().body["code"] == "upstream_error"


def test_a_redirect_does_not_take_the_query_elsewhere(deploy: Deploy, api: str) -> None:
    deployment = deploy(OPENAI_MODEL=MODEL, OPENAI_API=api)
    with FakeOpenAI() as elsewhere:
        there = f"{elsewhere.base_url}{PATHS[api].removeprefix('/v1')}"

        def redirect(exchange: Exchange) -> None:
            exchange.reply(307, {}, {"location": there})

        deployment.upstream.default(PATHS[api], redirect)

        assert (deployment.post().status, elsewhere.calls) == (502, [])


def _context(taken_at: int) -> dict[str, object]:
    return {"requestId": "late", "requestTimeEpoch": taken_at, "identity": {"apiKeyId": "a1b2c3d4e5"}}
