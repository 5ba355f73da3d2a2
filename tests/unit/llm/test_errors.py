"""The errors of this project for the failures of a model's server, in the words of the servers."""

import json
import socket
import ssl
import time
from email.utils import formatdate
from typing import Any

import httpx2
import openai
import pytest
from hypothesis import example, given, strategies as st

from tests.unit.llm.sdk import REQUEST, of_response, refusal
from travel_gpt.api.responses import status_of
from travel_gpt.errors import (
    ContentRefused,
    ContextLengthExceeded as Context,
    CredentialRejected,
    KeyRefused,
    ModelUnavailable,
    NotPermitted,
    QuotaExhausted,
    RequestTooLarge as TooLarge,
    TravelGPTError,
    UpstreamApiUnsupported as ChatOnly,
    UpstreamFailed,
    UpstreamNotFound,
    UpstreamRateLimited,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from travel_gpt.llm.error_body import ErrorBody, is_error, read_error_body
from travel_gpt.llm.errors import map_openai_error, may_pass, retry_after
from travel_gpt.redaction import guard

RESPONSES = "https://models.example/v1/responses"
CHAT = "https://models.example/v1/chat/completions"
NO_QUOTA = "You exceeded your current quota, please check your plan and billing details."
KEY = "sk-proj-Xq7ZkV9wJ3pYtB5mHx2RfN8dLs6GcQ4vUj"
OPENAI_QUOTES = "Incorrect API key provided: sk-proj-******************vUj. You can find your API key at"
NO_SCOPE = "You have insufficient permissions for this operation. Missing scopes: model.request."


def flat(status: int, message: str, kind: str) -> openai.APIStatusError:
    """Return what the SDK raises for vLLM's error body, which has no outer object."""
    body = {"object": "error", "message": message, "type": kind, "param": None, "code": status}
    return of_response(httpx2.Response(status, json=body))


def not_connected(cause: Exception) -> openai.APIConnectionError:
    """Return what the SDK raises where a connection could not be made."""
    failure, inner = openai.APIConnectionError(request=REQUEST), httpx2.ConnectError(str(cause))
    failure.__cause__, inner.__cause__ = inner, cause
    return failure


def connect_timeout() -> openai.APITimeoutError:
    """Return what the SDK raises where nothing answered to the connection."""
    failure = openai.APITimeoutError(REQUEST)
    failure.__cause__ = httpx2.ConnectTimeout("timed out")
    return failure


ROWS: list[tuple[str, Exception, type[TravelGPTError]]] = [
    # The key.
    ("openai-401", refusal(401, OPENAI_QUOTES, code="invalid_api_key"), KeyRefused),
    ("bare-401", of_response(httpx2.Response(401)), KeyRefused),
    ("html-401", of_response(httpx2.Response(401, html="<h1>Unauthorized</h1>")), KeyRefused),
    ("401-account-deactivated", refusal(401, "Deactivated.", code="account_deactivated"), KeyRefused),
    ("gemini-400", refusal(400, "API key not valid. Please pass a valid API key."), KeyRefused),
    ("400-invalid-api-key", refusal(400, "Invalid API Key"), KeyRefused),
    ("xai-400", of_response(httpx2.Response(400, json={"error": "Incorrect API key provided."})), KeyRefused),
    ("litellm-400", refusal(400, "No connected db.", kind="no_db_connection", code="400"), KeyRefused),
    ("403-invalid-api-key", refusal(403, "The API key is invalid"), KeyRefused),
    # A permission.
    ("403-scope", refusal(403, NO_SCOPE), NotPermitted),
    ("401-scope", refusal(401, NO_SCOPE), NotPermitted),
    ("401-scope-by-code-alone", refusal(401, "No.", code="missing_scope"), NotPermitted),
    ("401-scope-by-rfc-6750", refusal(401, "No.", code="insufficient_scope"), NotPermitted),
    ("403-scope-of-a-model", refusal(403, "Missing scopes: model.read"), NotPermitted),
    ("403-plain", refusal(403, "No."), NotPermitted),
    ("litellm-own-403", refusal(403, "litellm.PermissionDeniedError: BedrockException"), CredentialRejected),
    ("litellm-own-401", refusal(401, "litellm.AuthenticationError: no"), CredentialRejected),
    ("403-region", refusal(403, "Country not supported", code="unsupported_country"), CredentialRejected),
    # The model.
    ("404-model", refusal(404, "The model `x` does not exist", code="model_not_found"), ModelUnavailable),
    ("400-model", refusal(400, "No such model", code="model_not_found"), ModelUnavailable),
    ("403-model", refusal(403, "Project `p` does not have access to model `x`"), ModelUnavailable),
    ("ollama-404", refusal(404, 'model "llama9" not found, try pulling it first'), ModelUnavailable),
    ("404-model-by-param", refusal(404, "No.", param="model"), ModelUnavailable),
    ("400-model-by-param", refusal(400, "No.", param="model"), ModelUnavailable),
    (
        "litellm-400-model",
        refusal(400, "/responses: Invalid model name passed in model=x."),
        ModelUnavailable,
    ),
    ("openrouter-400-model", refusal(400, "x/y is not a valid model ID", code=400), ModelUnavailable),
    ("vllm-404-model", flat(404, "The model `x` does not exist.", "NotFoundError"), ModelUnavailable),
    # Too long.
    ("context", refusal(400, "Too long.", code="context_length_exceeded", param="input"), Context),
    ("context-by-words", refusal(400, "This model's maximum context length is 8192 tokens."), Context),
    ("vllm-context", flat(400, "the model's context length is only 1024", "BadRequestError"), Context),
    ("llama-cpp-context", refusal(500, "Too long.", kind="exceed_context_size_error", code=500), Context),
    ("litellm-context", refusal(400, "litellm.ContextWindowExceededError: x", code="400"), Context),
    ("too-large", refusal(429, "Request too large for gpt-4.1 on TPM", code="rate_limit_exceeded"), TooLarge),
    ("groq-413", refusal(413, "Request too large for model `x`", code="rate_limit_exceeded"), TooLarge),
    # Content that is refused.
    ("content-filter", refusal(400, "Filtered", code="content_filter"), ContentRefused),
    ("content-policy", refusal(400, "Policy", code="content_policy_violation"), ContentRefused),
    ("invalid-prompt", refusal(400, "Flagged", code="invalid_prompt"), ContentRefused),
    ("moderation", refusal(403, "Flagged", code="moderation_blocked"), ContentRefused),
    ("safety", refusal(400, "Flagged", kind="safety_error"), ContentRefused),
    ("bio", refusal(403, "Flagged", code="bio_policy"), ContentRefused),
    # Credit.
    ("quota", refusal(429, "You exceeded your quota", code="insufficient_quota"), QuotaExhausted),
    ("quota-by-type", refusal(429, "Quota", kind="insufficient_quota"), QuotaExhausted),
    ("hard-limit", refusal(400, "Limit", code="billing_hard_limit_reached"), QuotaExhausted),
    ("not-active", refusal(429, "Not active", code="billing_not_active"), QuotaExhausted),
    ("deepseek-402", refusal(402, "Insufficient Balance"), QuotaExhausted),
    ("spend-limit", refusal(429, "Limit.", code="project_spend_limit_exceeded"), QuotaExhausted),
    ("no-credits", refusal(429, "None.", kind="x", code="credit_balance_exhausted"), QuotaExhausted),
    ("quota-inside-5xx", refusal(503, "None.", code="insufficient_quota"), QuotaExhausted),
    ("litellm-quota", refusal(429, f"litellm.RateLimitError: {NO_QUOTA}", code="429"), QuotaExhausted),
    ("litellm-budget", refusal(429, "x, exceeded budget for model=y", code="429"), QuotaExhausted),
    (
        "litellm-budget-400",
        refusal(400, "Budget has been exceeded! Max budget: 1", code="400"),
        QuotaExhausted,
    ),
    # Rate limits.
    ("gemini-a-minute", refusal(429, f"{NO_QUOTA} Please retry in 17.3s.", code=429), UpstreamRateLimited),
    ("rate", refusal(429, "Rate limit reached", code="rate_limit_exceeded"), UpstreamRateLimited),
    ("bare-429", of_response(httpx2.Response(429)), UpstreamRateLimited),
    # Timeouts.
    ("408", refusal(408, "Request timeout"), UpstreamTimeout),
    ("sdk-timeout", openai.APITimeoutError(REQUEST), UpstreamTimeout),
    ("our-deadline", TimeoutError("the time is up"), UpstreamTimeout),
    # No such path.
    ("404-at-openai", refusal(404, "Invalid URL (POST /v1/responses)"), UpstreamNotFound),
    ("405-at-openai", refusal(405, "Method Not Allowed"), UpstreamNotFound),
    ("404-responses", of_response(httpx2.Response(404, text="404 page not found"), RESPONSES), ChatOnly),
    ("404-fastapi", of_response(httpx2.Response(404, json={"detail": "Not Found"}), RESPONSES), ChatOnly),
    ("404-html", of_response(httpx2.Response(404, html="<h1>model</h1>"), RESPONSES), ChatOnly),
    ("405-responses", of_response(httpx2.Response(405), RESPONSES), ChatOnly),
    ("501-responses", of_response(httpx2.Response(501), RESPONSES), ChatOnly),
    ("404-chat", of_response(httpx2.Response(404, json={"detail": "Not Found"}), CHAT), UpstreamNotFound),
    ("501-chat", of_response(httpx2.Response(501), CHAT), UpstreamNotFound),
    ("302", of_response(httpx2.Response(302, headers={"location": "https://x"}), CHAT), UpstreamNotFound),
    # No connection.
    ("refused", not_connected(ConnectionRefusedError(111, "refused")), UpstreamUnreachable),
    ("unknown-name", not_connected(socket.gaierror(-2, "unknown")), UpstreamUnreachable),
    ("certificate", not_connected(ssl.SSLCertVerificationError("x")), UpstreamUnreachable),
    ("no-route", not_connected(OSError(113, "no route")), UpstreamUnreachable),
    ("connect-timeout", connect_timeout(), UpstreamUnreachable),
    # Anything else.
    ("400", refusal(400, "Unknown parameter: 'x'"), UpstreamFailed),
    ("409", refusal(409, "Conflict"), UpstreamFailed),
    ("413", of_response(httpx2.Response(413, text="too large")), TooLarge),
    ("422", refusal(422, "Unprocessable"), UpstreamFailed),
    ("500", refusal(500, "Server error", kind="server_error"), UpstreamFailed),
    ("502-html", of_response(httpx2.Response(502, html="<h1>Bad Gateway</h1>")), UpstreamFailed),
    ("503", refusal(503, "The model is overloaded"), UpstreamFailed),
    ("529", of_response(httpx2.Response(529, text="overloaded")), UpstreamFailed),
    ("connection", openai.APIConnectionError(request=REQUEST), UpstreamFailed),
    ("no-json", json.JSONDecodeError("x", "doc", 0), UpstreamFailed),
    ("anything", AttributeError("of the SDK's insides"), UpstreamFailed),
]


@pytest.mark.parametrize(("failure", "kind"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_each_failure_has_its_error(failure: Exception, kind: type[TravelGPTError]) -> None:
    meaning = map_openai_error(failure)

    assert type(meaning) is kind
    assert meaning.detail
    assert meaning.__cause__ is None, "the SDK's text may quote a part of the key"
    assert "It says why" not in meaning.message
    assert KEY[8:16] not in meaning.message


@pytest.mark.parametrize("status", [400, 401, 403])
def test_the_detail_of_a_refused_key_does_not_quote_the_server(status: int) -> None:
    meaning = map_openai_error(refusal(status, f"Invalid API key: {KEY[:14]}...{KEY[-6:]}", code=KEY))

    assert meaning.detail == f"the server answered {status}: it refuses the key"


@pytest.mark.parametrize("status", [400, 409, 422, 429, 500, 503])
def test_the_detail_of_another_failure_quotes_the_server_without_keys(status: int) -> None:
    meaning = map_openai_error(
        refusal(status, f"Cannot serve {KEY} today", code="some_code", kind="some_kind")
    )

    assert meaning.detail == (
        f"the server answered {status}: some_code some_kind Cannot serve [redacted] today"
    )


@pytest.mark.parametrize(
    ("failure", "detail"),
    [
        (
            of_response(httpx2.Response(404, text="404 page not found"), RESPONSES),
            f"the server answered 404: 404 page not found ({RESPONSES}): OPENAI_API=chat may be needed",
        ),
        (
            of_response(httpx2.Response(404, json={"detail": "Not Found"}), CHAT),
            f"the server answered 404: Not Found ({CHAT})",
        ),
        (not_connected(ConnectionRefusedError()), "no connection to api.openai.com: connection refused"),
        (not_connected(socket.gaierror()), "no connection to api.openai.com: its name is not known"),
        (
            not_connected(ssl.SSLCertVerificationError()),
            "no connection to api.openai.com: its certificate is not trusted",
        ),
        (connect_timeout(), "no connection to api.openai.com: it did not accept one in time"),
        (
            refusal(404, 'Model "x" not found.\n\nYour models:\n\ny\nz', kind=None),
            'the server answered 404: Model "x" not found. Your models: y z',
        ),
    ],
    ids=["chat-only", "path", "refused", "name", "certificate", "connect-timeout", "lines"],
)
def test_the_detail_is_one_line_with_the_status_and_the_cause(failure: Exception, detail: str) -> None:
    assert map_openai_error(failure).detail == detail


CANNOT_HELP = (
    *(row[0] for row in ROWS if row[2] not in (UpstreamFailed, UpstreamRateLimited, UpstreamTimeout)),
)


@pytest.mark.parametrize("failure", [row[1] for row in ROWS if row[0] in CANNOT_HELP], ids=CANNOT_HELP)
def test_a_message_asks_to_try_again_only_where_it_can_help(failure: Exception) -> None:
    meaning = map_openai_error(failure)

    assert "try again" not in meaning.message.lower()
    assert meaning.retry_after is None


@pytest.mark.parametrize("status", [400, 418, 422, 431])
def test_the_message_for_a_refused_request_does_not_ask_to_try_again(status: int) -> None:
    assert "same answer" in map_openai_error(refusal(status, "Unknown parameter: 'x'")).message


@pytest.mark.parametrize(
    ("failure", "temporary"),
    [
        (refusal(500), True),
        (refusal(503), True),
        (refusal(409), True),
        (openai.APIConnectionError(request=REQUEST), True),
        (not_connected(ConnectionRefusedError()), True),
        (not_connected(ssl.SSLCertVerificationError()), False),
        (refusal(501), False),
        (refusal(503, code="insufficient_quota"), False),
        (refusal(500, kind="exceed_context_size_error"), False),
    ],
    ids=["500", "503", "409", "cut", "refused", "certificate", "501", "503-quota", "500-context"],
)
def test_only_temporary_failures_are_retried(failure: Exception, temporary: bool) -> None:
    assert may_pass(failure, map_openai_error(failure)) is temporary


def test_the_error_has_the_status_of_the_server() -> None:
    assert map_openai_error(refusal(429)).upstream_status == 429
    assert map_openai_error(refusal(401)).upstream_status == 401
    assert map_openai_error(openai.APITimeoutError(REQUEST)).upstream_status is None


def test_a_code_that_quotes_a_key_of_unknown_shape_is_masked() -> None:
    key = "0A1b2C3d4E5f6G7h8I9j"
    guard(key)

    detail = map_openai_error(refusal(400, "No.", code=key)).detail

    assert key[:8].lower() not in detail.lower()


def test_a_refused_exchange_that_quotes_the_token_as_its_code_is_masked() -> None:
    token = "eyJhbGciOiJFUzM4NCJ9.0A1b2C3d4E5f6G7h8I9j"
    guard(token)
    response = httpx2.Response(400, request=REQUEST)

    failure = openai.OAuthError(response=response, body={"error": f"invalid_grant\n{token}"})

    assert map_openai_error(failure).detail == (
        "OpenAI does not exchange the function's identity: invalid_grant [redacted]"
    )


def test_a_long_message_of_a_server_is_cut() -> None:
    assert len(map_openai_error(refusal(500, "x" * 100_000)).detail) < 600


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
def test_retry_after(headers: dict[str, str], seconds: int | None) -> None:
    assert retry_after(refusal(503, headers=headers)) == seconds


@pytest.mark.parametrize(("ahead", "seconds"), [(90, 90), (-90, 1), (86_400, 3600)])
def test_retry_after_as_a_date(ahead: int, seconds: int) -> None:
    date = formatdate(time.time() + ahead, usegmt=True)

    assert retry_after(refusal(503, headers={"retry-after": date})) == pytest.approx(seconds, abs=2)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40))
@example("Mon, 01 Jan 0001 00:00:00 -0000")
@example("Fri, 31 Dec 9999 23:59:59 -2359")
@example("1e400")
@example("9" * 400)
@example("1_0")
def test_any_retry_after_is_a_number_of_seconds_or_none(text: str) -> None:
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
    ids=["429", "429-without", "429-nonsense", "503", "503-without", "500", "quota", "timeout"],
)
def test_retry_after_is_kept_and_a_429_always_has_one(failure: Exception, seconds: int | None) -> None:
    assert map_openai_error(failure).retry_after == seconds


def any_json(*names: str, longest: int, leaves: int) -> st.SearchStrategy[Any]:
    """Any JSON whose objects have some of these names, with texts and a number of values up to a limit."""
    return st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=longest),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(names), inner, max_size=4)
        ),
        max_leaves=leaves,
    )


@given(
    status=st.integers(400, 599),
    body=any_json("error", "message", "code", "type", "x", longest=12, leaves=8),
)
def test_any_answer_of_a_server_has_an_error(status: int, body: object) -> None:
    meaning = map_openai_error(of_response(httpx2.Response(status, json=body)))

    assert meaning.code
    assert status_of(meaning) >= 400


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (
            {"error": {"message": "No.", "type": "T", "param": "P", "code": "C"}},
            ErrorBody("C", "T", "P", "No."),
        ),
        ({"message": "No.", "type": "T", "param": None, "code": None}, ErrorBody("", "T", "", "No.")),
        ({"object": "error", "message": "No.", "code": 400}, ErrorBody("400", message="No.")),
        (
            {"error": {"message": {"error": "No."}, "type": "None", "code": "400"}},
            ErrorBody("400", message="No."),
        ),
        ({"code": "bad", "error": "No."}, ErrorBody("bad", message="No.")),
        ({"detail": {"error": {"message": "No.", "code": "c"}}}, ErrorBody("c", message="No.")),
        ({"detail": {"error": "No."}}, ErrorBody(message="No.")),
        ({"detail": "No."}, ErrorBody(message="No.")),
        ({"detail": [{"type": "missing", "msg": "No."}]}, ErrorBody("", "missing", message="No.")),
        ([{"error": {"code": 400, "message": "No."}}], ErrorBody("400", message="No.")),
        ({"Message": "No."}, ErrorBody(message="No.")),
        ("No.", ErrorBody(message="No.")),
        ("No.\n\n  And\tmore. ", ErrorBody(message="No. And more.")),
        ("<html><h1>502</h1></html>", ErrorBody(message="an HTML page")),
        ("", ErrorBody()),
        (None, ErrorBody()),
        (7, ErrorBody()),
        ([], ErrorBody()),
        ({"error": None, "code": True}, ErrorBody()),
    ],
    ids=repr,
)
def test_each_shape_is_read(body: object, error: ErrorBody) -> None:
    assert read_error_body(body) == error


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        ({"error": {"message": "No."}}, True),
        ({"error": "No."}, True),
        ({"object": "error", "message": "No."}, True),
        ({"error": None, "output": []}, False),
        ({"error": {"code": "server_error"}, "output": [], "status": "failed"}, False),
        ({"choices": [], "error": {}}, False),
        ({"object": "list", "data": []}, False),
        ({"hello": "world"}, False),
        ([], False),
        ("No.", False),
    ],
    ids=repr,
)
def test_an_error_is_distinguished_from_an_answer(reply: object, error: bool) -> None:
    assert is_error(reply) is error


@pytest.mark.parametrize(
    ("error", "scope"),
    [
        ({"code": "missing_scope", "message": "No."}, True),
        ({"code": None, "message": "You have insufficient permissions. Missing scopes: model.read."}, True),
        ({"code": "insufficient_scope"}, True),
        ({"code": "invalid_api_key", "message": "Incorrect API key provided: sk-missing_scope-01."}, False),
        ({"code": None, "message": "You didn't provide an API key."}, False),
    ],
)
def test_a_missing_scope_is_found_by_code_or_message(error: dict[str, Any], scope: bool) -> None:
    assert read_error_body({"error": error}).names_missing_scope is scope


JSON = any_json("error", "detail", "message", "code", "type", longest=8, leaves=10)


@given(JSON)
def test_any_json_can_be_read_and_each_field_is_one_line(body: object) -> None:
    error = read_error_body(body)

    assert all(
        "\n" not in text and len(text) <= 500 for text in (error.code, error.type, error.param, error.message)
    )
    assert is_error(body) in (True, False)


def test_endless_nesting_is_read_to_a_limited_depth() -> None:
    body: dict[str, Any] = {}
    body["error"] = body

    assert read_error_body(body) == ErrorBody()
