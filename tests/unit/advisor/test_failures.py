"""What the ways in which a model's server fails mean: one row each, as the servers word them."""

import json
import time
from email.utils import formatdate

import httpx2
import openai
import pytest
from hypothesis import example, given, strategies as st

from tests.unit.advisor.sdk import REQUEST, of_response, refusal
from travel_gpt.advisor.failures import KeyRefused, retry_after, translate
from travel_gpt.api.responses import status_of
from travel_gpt.errors import (
    ContentRefused,
    CredentialRejected,
    ModelUnavailable,
    QuotaExhausted,
    TravelGPTError,
    UpstreamFailed,
    UpstreamRateLimited,
    UpstreamTimeout,
)

KEY = "sk-proj-Xq7ZkV9wJ3pYtB5mHx2RfN8dLs6GcQ4vUj"
OPENAI_QUOTES = "Incorrect API key provided: sk-proj-******************vUj. You can find your API key at"
NO_SCOPE = "You have insufficient permissions for this operation. Missing scopes: model.request."

ROWS: list[tuple[str, Exception, type[TravelGPTError]]] = [
    # The key.
    ("openai-401", refusal(401, OPENAI_QUOTES, code="invalid_api_key"), KeyRefused),
    ("bare-401", of_response(httpx2.Response(401)), KeyRefused),
    ("html-401", of_response(httpx2.Response(401, html="<h1>Unauthorized</h1>")), KeyRefused),
    ("401-account-deactivated", refusal(401, "Deactivated.", code="account_deactivated"), KeyRefused),
    ("gemini-400", refusal(400, "API key not valid. Please pass a valid API key."), KeyRefused),
    ("400-invalid-api-key", refusal(400, "Invalid API Key"), KeyRefused),
    ("403-invalid-api-key", refusal(403, "The API key is invalid"), KeyRefused),
    # What it may.
    ("403-scope", refusal(403, NO_SCOPE), CredentialRejected),
    ("401-scope", refusal(401, NO_SCOPE), CredentialRejected),
    ("403-scope-of-a-model", refusal(403, "Missing scopes: model.read"), CredentialRejected),
    ("403-region", refusal(403, "Country not supported", code="unsupported_country"), CredentialRejected),
    # The model.
    ("404-model", refusal(404, "The model `x` does not exist", code="model_not_found"), ModelUnavailable),
    ("400-model", refusal(400, "No such model", code="model_not_found"), ModelUnavailable),
    ("403-model", refusal(403, "Project `p` does not have access to model `x`"), ModelUnavailable),
    ("ollama-404", refusal(404, 'model "llama9" not found, try pulling it first'), ModelUnavailable),
    # What it does not want to say.
    ("content-filter", refusal(400, "Filtered", code="content_filter"), ContentRefused),
    ("content-policy", refusal(400, "Policy", code="content_policy_violation"), ContentRefused),
    ("invalid-prompt", refusal(400, "Flagged", code="invalid_prompt"), ContentRefused),
    ("moderation", refusal(403, "Flagged", code="moderation_blocked"), ContentRefused),
    ("safety", refusal(400, "Flagged", kind="safety_error"), ContentRefused),
    ("bio", refusal(403, "Flagged", code="bio_policy"), ContentRefused),
    # Money.
    ("quota", refusal(429, "You exceeded your quota", code="insufficient_quota"), QuotaExhausted),
    ("quota-by-type", refusal(429, "Quota", kind="insufficient_quota"), QuotaExhausted),
    ("hard-limit", refusal(400, "Limit", code="billing_hard_limit_reached"), QuotaExhausted),
    ("not-active", refusal(429, "Not active", code="billing_not_active"), QuotaExhausted),
    ("deepseek-402", refusal(402, "Insufficient Balance"), QuotaExhausted),
    # Too often.
    ("rate", refusal(429, "Rate limit reached", code="rate_limit_exceeded"), UpstreamRateLimited),
    ("bare-429", of_response(httpx2.Response(429)), UpstreamRateLimited),
    # Too slow.
    ("408", refusal(408, "Request timeout"), UpstreamTimeout),
    ("sdk-timeout", openai.APITimeoutError(REQUEST), UpstreamTimeout),
    ("our-deadline", TimeoutError("the time is up"), UpstreamTimeout),
    # Anything else.
    ("400", refusal(400, "Unknown parameter: 'x'"), UpstreamFailed),
    ("404-path", refusal(404, "Not Found"), UpstreamFailed),
    ("409", refusal(409, "Conflict"), UpstreamFailed),
    ("413", of_response(httpx2.Response(413, text="too large")), UpstreamFailed),
    ("422", refusal(422, "Unprocessable"), UpstreamFailed),
    ("302", of_response(httpx2.Response(302, headers={"location": "https://x"})), UpstreamFailed),
    ("500", refusal(500, "Server error", kind="server_error"), UpstreamFailed),
    ("502-html", of_response(httpx2.Response(502, html="<h1>Bad Gateway</h1>")), UpstreamFailed),
    ("503", refusal(503, "The model is overloaded"), UpstreamFailed),
    ("529", of_response(httpx2.Response(529, text="overloaded")), UpstreamFailed),
    ("connection", openai.APIConnectionError(request=REQUEST), UpstreamFailed),
    ("no-json", json.JSONDecodeError("x", "doc", 0), UpstreamFailed),
    ("anything", AttributeError("of the SDK's insides"), UpstreamFailed),
]


@pytest.mark.parametrize(("failure", "kind"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_a_servers_failure_has_one_meaning(failure: Exception, kind: type[TravelGPTError]) -> None:
    meaning = translate(failure)

    assert type(meaning) is kind
    assert meaning.detail
    assert meaning.__cause__ is None, "the SDK's text may quote a part of the key"


def test_a_refused_key_is_told_from_one_that_lacks_a_permission() -> None:
    # Only the first is worth another fetch of the secret.
    refused, unscoped = translate(refusal(401, OPENAI_QUOTES)), translate(refusal(403, NO_SCOPE))

    assert isinstance(refused, KeyRefused)
    assert not isinstance(unscoped, KeyRefused)
    assert refused.code == unscoped.code == "credential_rejected"
    assert "permissions" in unscoped.message
    assert "permissions" not in refused.message
    assert status_of(refused) == status_of(unscoped) == 502


@pytest.mark.parametrize("status", [400, 401, 403])
def test_the_detail_of_a_refused_key_quotes_nothing(status: int) -> None:
    meaning = translate(refusal(status, f"Invalid API key: {KEY[:14]}...{KEY[-6:]}", code=KEY))

    assert meaning.detail == f"the server answered {status}: it refuses the key"


@pytest.mark.parametrize("status", [400, 404, 409, 422, 429, 500, 503])
def test_the_detail_of_another_failure_quotes_the_server_without_keys(status: int) -> None:
    meaning = translate(refusal(status, f"Cannot serve {KEY} today", code="some_code", kind="some_kind"))

    assert meaning.detail == (
        f"the server answered {status}: some_code some_kind Cannot serve [redacted] today"
    )


def test_a_long_message_of_a_server_is_cut() -> None:
    assert len(translate(refusal(500, "x" * 100_000)).detail) < 600


@pytest.mark.parametrize("failure", [row[1] for row in ROWS], ids=[row[0] for row in ROWS])
def test_the_caller_reads_our_words_and_never_the_servers(failure: Exception) -> None:
    assert "It says why" not in translate(failure).message
    assert KEY[8:16] not in translate(failure).message


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"Retry-After": "7"}, 7),
        ({"retry-after": "0"}, 1),
        ({"retry-after": "-3"}, 1),
        ({"retry-after": "1.2"}, 2),
        ({"retry-after": "3600"}, 3600),
        ({"retry-after": "86400"}, 3600),
        ({"retry-after": ""}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after-ms": "1500"}, 2),
        ({"retry-after-ms": "20", "retry-after": "60"}, 1),
        ({"retry-after-ms": "soon", "retry-after": "60"}, 60),
        ({"retry-after-ms": "", "retry-after": "60"}, 60),
        ({"retry-after": "Fri, 99 Nov 2026 25:61:61 GMT"}, None),
        ({"retry-after": "Mon, 01 Jan 0001 00:00:00 -0000"}, 1),
    ],
)
def test_the_wait_a_server_asks_for(headers: dict[str, str], seconds: int | None) -> None:
    assert retry_after(refusal(503, headers=headers)) == seconds


@pytest.mark.parametrize(("ahead", "seconds"), [(90, 90), (-90, 1), (86_400, 3600)])
def test_the_wait_a_server_asks_for_as_a_date(ahead: int, seconds: int) -> None:
    date = formatdate(time.time() + ahead, usegmt=True)

    assert retry_after(refusal(503, headers={"retry-after": date})) == pytest.approx(seconds, abs=2)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40))
@example("Mon, 01 Jan 0001 00:00:00 -0000")
@example("Fri, 31 Dec 9999 23:59:59 -2359")
@example("1e400")
@example("9" * 400)
@example("1_0")
def test_whatever_a_retry_after_says_it_is_a_number_of_seconds_or_nothing(text: str) -> None:
    seconds = retry_after(refusal(429, headers={"retry-after": text}))

    assert seconds is None or 1 <= seconds <= 3600


@pytest.mark.parametrize(
    ("failure", "seconds"),
    [
        (refusal(429, headers={"retry-after": "7"}), 7),
        (refusal(429), 5),
        (refusal(429, headers={"retry-after": "soon"}), 5),
        (refusal(503, headers={"retry-after": "12"}), 12),
        (refusal(503), None),
        (refusal(500), None),
        (refusal(429, code="insufficient_quota", headers={"retry-after": "7"}), None),
        (openai.APITimeoutError(REQUEST), None),
    ],
    ids=["429", "429-silent", "429-nonsense", "503", "503-silent", "500", "quota", "timeout"],
)
def test_a_wait_is_passed_on_and_a_429_always_has_one(failure: Exception, seconds: int | None) -> None:
    assert translate(failure).retry_after == seconds


@given(
    status=st.integers(400, 599),
    body=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=12),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["error", "message", "code", "type", "x"]), inner, max_size=4)
        ),
        max_leaves=8,
    ),
)
def test_whatever_a_server_says_it_has_a_meaning(status: int, body: object) -> None:
    meaning = translate(of_response(httpx2.Response(status, json=body)))

    assert meaning.code
    assert status_of(meaning) >= 400
