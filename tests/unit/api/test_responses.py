"""Writing a response: the shapes of the contract, and headers that API Gateway passes on."""

import json
import time
from typing import Any

import pytest

from tests.unit.doubles import ANSWER
from travel_gpt.advisor.adviser import LastCall
from travel_gpt.api.health import CredentialStatus
from travel_gpt.api.responses import Mode, ProxyResponse, answered, failed, healthy, unhealthy
from travel_gpt.errors import (
    HTTP_STATUS,
    CredentialError,
    InvalidQuery,
    KeyRefused,
    MethodNotAllowed,
    TravelGPTError,
    UpstreamRateLimited,
)
from travel_gpt.llm.model_api import Answer, Usage
from travel_gpt.redaction import guard

ID = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"
COMMON = {
    "Content-Type": "application/json",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Strict-Transport-Security": "max-age=31536000",
}
NOW = 1_795_176_000

each_failure = pytest.mark.parametrize("kind", HTTP_STATUS, ids=lambda kind: str(kind.code))


@pytest.fixture(autouse=True)
def _the_clock_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: NOW + 0.9)


def body_of(response: ProxyResponse) -> dict[str, Any]:
    assert set(response) == {"statusCode", "headers", "body", "isBase64Encoded"}
    assert response["isBase64Encoded"] is False
    assert COMMON.items() <= response["headers"].items()
    assert all(isinstance(value, str) for value in response["headers"].values())
    body: dict[str, Any] = json.loads(response["body"])
    return body


HELD = CredentialStatus("openai", has_api_key=True)
KEYLESS = CredentialStatus("keyless", has_api_key=False)


@pytest.mark.parametrize("verified", [True, False])
def test_a_healthy_get(verified: bool) -> None:
    response = healthy(HELD, source="secrets-manager", verified=verified, request_id=ID)

    assert body_of(response) == {
        "status": "success",
        "message": "OpenAI API key is configured",
        "has_api_key": True,
        "mode": "openai",
        "credential_source": "secrets-manager",
        "request_id": ID,
        "timestamp": NOW,
        # Said only where somebody asked: "verified: false" would read as a doubt.
        **({"verified": True} if verified else {}),
    }
    assert (response["statusCode"], response["headers"]) == (200, COMMON)


@pytest.mark.parametrize("mode", ["demo", "keyless", "compatible"])
def test_a_get_without_a_key_says_so_and_is_healthy(mode: Mode) -> None:
    body = body_of(
        healthy(CredentialStatus(mode, has_api_key=False), source="x", verified=False, request_id=ID)
    )

    assert (body["status"], body["has_api_key"], body["mode"]) == ("success", False, mode)
    assert body["message"].startswith("No ")


def test_a_get_tells_how_the_last_query_ended_and_when() -> None:
    call = LastCall("upstream_timeout", seconds_ago=61.9)
    expected = {"outcome": "upstream_timeout", "seconds_ago": 61}

    good = healthy(HELD, source="x", verified=False, last_call=call, request_id=ID)
    bad = unhealthy(UpstreamRateLimited(), HELD, source="x", last_call=call, request_id=ID)

    assert body_of(good)["last_call"] == body_of(bad)["last_call"] == expected


def test_an_answer() -> None:
    response = answered(ANSWER, request_id=ID)

    assert body_of(response) == {
        "status": "success",
        "answer": "Take tram 28.",
        "model": "gpt-6-luna",
        "usage": {"input_tokens": 12, "output_tokens": 7, "total_tokens": 19},
        "truncated": False,
        "request_id": ID,
        "timestamp": NOW,
    }
    assert (response["statusCode"], response["headers"]) == (200, COMMON)


def test_an_answer_whose_cost_the_server_did_not_say() -> None:
    body = body_of(answered(Answer("Ja.", "gemma4", Usage(None, None, None), truncated=True), request_id=ID))

    assert body["usage"] == {"input_tokens": None, "output_tokens": None, "total_tokens": None}
    assert body["truncated"] is True


@each_failure
def test_every_failure_of_a_post_has_the_contracts_shape(kind: type[TravelGPTError]) -> None:
    response = failed(kind("of the operator's log alone"), request_id=ID)

    assert response["statusCode"] == HTTP_STATUS[kind]
    assert body_of(response) == {
        "status": "error",
        "code": kind.code,
        "message": kind.message,
        "request_id": ID,
        "timestamp": NOW,
    }


@each_failure
@pytest.mark.parametrize("held", [HELD, KEYLESS, None])
def test_every_failure_of_a_get_says_besides_whether_there_is_a_key(
    kind: type[TravelGPTError], held: CredentialStatus | None
) -> None:
    response = unhealthy(kind("of the operator's log alone"), held, source="secrets-manager", request_id=ID)

    assert response["statusCode"] == (503 if issubclass(kind, CredentialError) else HTTP_STATUS[kind])
    assert body_of(response) == {
        "status": "error",
        "code": kind.code,
        "message": kind.message,
        "has_api_key": held is HELD and not issubclass(kind, CredentialError),
        "credential_source": "secrets-manager",
        "request_id": ID,
        "timestamp": NOW,
        # Without a credential the mode is not known: the secret may name another server.
        **({"mode": held.mode} if held else {}),
    }


def test_a_refused_key_has_the_status_of_its_code() -> None:
    assert failed(KeyRefused("401"), request_id=ID)["statusCode"] == 502
    assert unhealthy(KeyRefused("401"), HELD, source="x", request_id=ID)["statusCode"] == 503


def test_a_failures_own_message_is_what_the_caller_reads() -> None:
    failure = InvalidQuery("4,001 characters", message='"query" has 4,001 characters; 4,000 is the most.')

    body = body_of(failed(failure, request_id=ID))
    assert body["message"] == '"query" has 4,001 characters; 4,000 is the most.'


@pytest.mark.parametrize(("seconds", "header"), [(1, "1"), (7, "7"), (0, "0"), (3600, "3600")])
def test_a_known_wait_becomes_retry_after(seconds: int, header: str) -> None:
    failure = UpstreamRateLimited("429", retry_after=seconds)

    assert failed(failure, request_id=ID)["headers"] == {**COMMON, "Retry-After": header}
    assert unhealthy(failure, HELD, source="x", request_id=ID)["headers"] == {**COMMON, "Retry-After": header}


def test_a_405_names_the_methods_there_are() -> None:
    assert failed(MethodNotAllowed(), request_id=ID)["headers"] == {**COMMON, "Allow": "GET, POST"}


def test_no_other_failure_has_headers_of_its_own() -> None:
    for kind in set(HTTP_STATUS) - {MethodNotAllowed}:
        assert failed(kind(), request_id=ID)["headers"] == COMMON


def test_any_script_is_written_as_it_is() -> None:
    text = "東京 🏖️ Kraków ثلاثة أيام"

    assert text in answered(Answer(text, "m", ANSWER.usage, truncated=False), request_id=ID)["body"]


@pytest.mark.parametrize("text", ["Day 1: \ud83c", "\udfd6 first", "a\ud800b"])
def test_given_an_answer_that_ends_in_half_a_character_then_lambda_can_send_it(text: str) -> None:
    # Lambda's client encodes the body as strict UTF-8; a cap can cut an answer inside a surrogate pair.
    response = answered(Answer(text, "m", ANSWER.usage, truncated=True), request_id=ID)

    sent = json.loads(response["body"].encode("utf-8"))
    assert sent["answer"].replace("?", "") == "".join(c for c in text if not "\ud800" <= c <= "\udfff")


def test_given_a_key_in_a_models_words_then_it_is_not_passed_on() -> None:
    key = "Xq7ZkV9wJ3pYtB5mHx2RfN8dLs6GcQ4vUj"
    guard(key)

    for response in (
        answered(Answer(f"Your key is {key}.", key, ANSWER.usage, truncated=False), request_id=ID),
        failed(InvalidQuery(message=key), request_id=ID),
        unhealthy(InvalidQuery(message=key), HELD, source="x", request_id=ID),
    ):
        assert key not in response["body"]
        assert "[redacted]" in response["body"]
        json.loads(response["body"])
