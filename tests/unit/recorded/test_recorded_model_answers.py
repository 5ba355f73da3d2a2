"""What OpenAI and compatible servers were recorded to answer, through the SDK and the mapper."""

import json

import httpx2
import pytest

from tests.support.recorded import Recording, recordings
from tests.unit.doubles import FIRST, soon
from tests.unit.llm.sdk import PROMPT, model_client
from travel_gpt.errors import TravelGPTError
from travel_gpt.llm.client import ModelClient
from travel_gpt.llm.model_api import Answer
from travel_gpt.llm.streaming import StreamControl

CHAT, RESPONSES = "POST /v1/chat/completions", "POST /v1/responses"

# What each recorded refusal of a query means. A line that asked for a stream is a refusal before the stream.
CODES = {
    f"openai/{RESPONSES}/401-invalid-key": "credential_rejected",
    f"openai/{CHAT}/401-invalid-key-partly-masked-echo": "credential_rejected",
    f"openai/{CHAT}/401-no-key": "credential_rejected",
    f"openai/{RESPONSES}/401-missing-scopes": "credential_rejected",
    f"openai/{RESPONSES}/401-missing-scopes-code-missing_scope": "credential_rejected",
    f"openai/{CHAT}/401-account-deactivated": "credential_rejected",
    f"openai/{CHAT}/403-country": "credential_rejected",
    f"openai/{CHAT}/403-country-2026-inner-error": "credential_rejected",
    f"openai/{CHAT}/403-project-model-access": "model_unavailable",
    f"openai/{RESPONSES}/400-model-not-found": "model_unavailable",
    f"openai/{CHAT}/404-model": "model_unavailable",
    f"openai/{RESPONSES} stream/400-invalid-temperature-value": "upstream_error",
    f"openai/{RESPONSES} stream/400-unsupported-parameter-temperature": "upstream_error",
    f"openai/{CHAT}/400-unsupported-value-temperature": "upstream_error",
    f"openai/{CHAT}/400-unsupported-parameter-max_tokens": "upstream_error",
    f"litellm/{RESPONSES} stream/400-unsupported-parameter-reasoning": "upstream_error",
    f"openai/{CHAT}/400-function-tools-with-reasoning-effort": "upstream_error",
    f"openai/{RESPONSES} stream/400-web-search-with-minimal-effort": "upstream_error",
    f"openai/{RESPONSES}/400-context-length": "context_length_exceeded",
    f"openai/{CHAT}/400-context-length": "context_length_exceeded",
    f"openai/{CHAT}/400-invalid-schema-response_format": "upstream_error",
    f"openai/{RESPONSES}/400-invalid-function-schema": "upstream_error",
    f"openai/{RESPONSES}/400-invalid-prompt-policy": "content_refused",
    f"openai/{RESPONSES} stream/400-org-not-verified-stream": "upstream_error",
    f"openai/{CHAT}/429-rate-limit-tpm": "upstream_rate_limited",
    f"openai/{CHAT}/429-request-too-large": "request_too_large",
    f"openai/{CHAT}/429-insufficient-quota": "quota_exhausted",
    f"openai/{RESPONSES}/500": "upstream_error",
    f"openai/{CHAT}/502-cf-bad-gateway-json": "upstream_error",
    f"openai/{CHAT}/502-html": "upstream_error",
    f"litellm/{CHAT}/400-invalid-model-name-message-is-object": "model_unavailable",
    f"litellm/{CHAT}/400-invalid-model-name-2026": "model_unavailable",
    f"litellm/{CHAT}/401-invalid-key": "credential_rejected",
    f"litellm/{CHAT}/401-code-is-a-number": "credential_rejected",
    f"litellm/{CHAT}/429-budget-exceeded": "quota_exhausted",
    f"litellm/{CHAT}/400-unsupported-params": "upstream_error",
    f"litellm/{CHAT}/400-context-length": "context_length_exceeded",
    f"litellm/{RESPONSES}/401-upstream-identity-failed": "credential_rejected",
    f"litellm/{CHAT}/403-upstream-permission": "credential_rejected",
    f"vllm/{CHAT}/400-context-length": "context_length_exceeded",
    f"vllm/{CHAT}/400-context-length-flat-shape": "context_length_exceeded",
    f"vllm/{CHAT}/400-content-type": "upstream_error",
    f"ollama/{CHAT}/404-model": "model_unavailable",
    f"ollama/{CHAT}/400-null-content": "upstream_error",
    f"ollama/{CHAT}/401-invalid-key": "credential_rejected",
    f"ollama/{CHAT}/400-context-length": "context_length_exceeded",
    f"llama.cpp/{CHAT}/400-context-length": "context_length_exceeded",
    f"llama.cpp/{CHAT} stream/503-loading-model": "upstream_error",
    f"lm-studio/{CHAT}/404-model": "model_unavailable",
    f"azure-openai/{CHAT}/400-content-filter": "content_refused",
    f"azure-openai/{CHAT}/429-rate-limit": "upstream_rate_limited",
    f"openrouter/{CHAT}/429-rate-limit": "upstream_rate_limited",
    f"xai/{RESPONSES}/400-invalid-key": "credential_rejected",
    # Status 200, and an error all the same.
    f"runpod-vllm/{CHAT}/404-model-as-200": "model_unavailable",
    f"openai/{CHAT}/refusal": "content_refused",
    f"openai/{RESPONSES}/background-queued": "upstream_error",
    f"vllm/{RESPONSES}/incomplete-max-output-tokens": "upstream_error",
}

# How each recorded answer begins, and whether the cap cut it.
ANSWERS = {
    f"openai/{RESPONSES}/text": ("Paris", False),
    f"openai/{RESPONSES}/web-search-citations": ("", False),
    f"openai/{RESPONSES}/usage-cached-tokens": ("OK", False),
    f"openai/{RESPONSES}/structured-output": ('{"city":"Mexico City"', False),
    f"openai/{RESPONSES}/reasoning-item-first": ('{"result": 8}', False),
    f"openai/{CHAT}/structured-output": ('{"city":"Mexico City"', False),
    f"openai/{CHAT}/web-search-citations": ("As of August 19, 2026", False),
    f"openai/{CHAT}/length-cuts-json": ('{"', True),
    f"ollama/{CHAT}/text": ("2\u202f+\u202f2", False),
    f"lm-studio/{RESPONSES}/text-with-reasoning": ("text content", False),
    f"bedrock-openai/{RESPONSES}/text": ("OK", False),
}

COUNT = "Sure! Here’s a quick count:\n\n1  \n2  \n3  \n4  \n5"
# In the last event alone: the recording is cut in the middle.
WEB_SEARCH = (
    "The tallest mountain in Alberta is **Mount Columbia** (3,747 m / 12,294 ft). "
    "([britannica.com](https://www.britannica.com/place/Mount-Columbia?utm_source=openai))"
)

# The text that each recorded stream yields, and the code of the failure that it ends with.
STREAMS = {
    f"openai/{RESPONSES} stream/stream-text": ("pong", None),
    f"openai/{RESPONSES} stream/stream-web-search": (WEB_SEARCH, None),
    f"openai/{RESPONSES} stream/stream-function-call": ("", "upstream_error"),
    f"openai/{RESPONSES} stream/stream-error-insufficient-quota": ("", "quota_exhausted"),
    f"openai/{RESPONSES} stream/stream-error-mid": ("", "upstream_error"),
    f"openai/{RESPONSES} stream/stream-error-503-overloaded": ("", "upstream_error"),
    f"openai/{RESPONSES} stream/stream-failed-overloaded": ("", "upstream_error"),
    f"azure-openai/{RESPONSES} stream/stream-failed-then-error-rate-limit": ("", "upstream_rate_limited"),
    f"openai/{RESPONSES} stream/incomplete-max-output-tokens": ("Hello,", None),
    f"openai/{RESPONSES} stream/incomplete-event-documented": ("", "upstream_error"),
    f"openai/{RESPONSES} stream/error-event-documented": ("", "upstream_error"),
    f"openai/{RESPONSES} stream/stream-refusal-delta-documented": ("", "upstream_error"),
    f"bedrock-openai/{RESPONSES} stream/stream-text": (
        "Sure! Here’s a quick count:\n\n1  \n2  \n3  \n4  \n5",
        None,
    ),
    f"bedrock-openai/{RESPONSES} stream/stream-function-call": ("", "upstream_error"),
    f"openai/{CHAT} stream/stream-text-include-usage": ("The capital of the UK is London.", None),
    f"openai/{CHAT} stream/stream-refusal": ("", "content_refused"),
    f"openai/{CHAT} stream/stream-tool-call": ("", "upstream_error"),
    f"azure-openai/{CHAT} stream/stream-first-chunk-without-choices": ("Capital of", "upstream_error"),
    f"vllm/{CHAT} stream/stream-error-first-event": ("", "upstream_error"),
    f"sglang/{CHAT} stream/stream-error-context-length": ("", "context_length_exceeded"),
    f"ollama/{CHAT} stream/stream-text": ("2  \n3", None),
    f"gpustack/{CHAT} stream/stream-without-done": ("3.", None),
    f"openrouter/{CHAT} stream/stream-with-comments": ("", "upstream_error"),
    f"groq/{CHAT} stream/stream-error-mid": ("", "upstream_error"),
}

RETRYABLE = ("upstream_error", "upstream_rate_limited")


def queries() -> dict[str, Recording]:
    """The recorded answers to a query."""
    return {
        name: line
        for name, line in recordings("openai").items()
        if name.split("/", 1)[1].startswith((CHAT, RESPONSES))
    }


def client_of(line: Recording) -> ModelClient:
    """Return a client of a server that answers as recorded."""
    text = line.body if isinstance(line.body, str) else json.dumps(line.body)
    kind = "application/json"
    if " stream/" in line.name and line.status == 200:
        kind = "text/event-stream"
        if "data:" not in text or "\n\n" not in text:
            # Some lines have only the payloads of the events, others have lost the blank lines between them.
            payloads = (each.removeprefix("data:") for each in text.splitlines())
            text = "".join(f"data: {payload}\n\n" for payload in payloads)
    headers = {"content-type": kind} | {
        name: value
        for name, value in line.headers.items()
        if name.startswith(("retry-after", "content-type")) and isinstance(value, str)
    }
    return model_client(
        lambda _: httpx2.Response(line.status or 200, text=text, headers=headers),
        OPENAI_API="chat" if CHAT in line.name else "responses",
        OPENAI_MAX_RETRIES="0",
    )


def ask(line: Recording) -> Answer:
    return client_of(line).ask(PROMPT, FIRST, soon())


def test_every_recorded_answer_to_a_query_is_in_a_table() -> None:
    assert {*CODES, *ANSWERS, *STREAMS} == set(queries())


@pytest.mark.parametrize(("name", "code"), CODES.items(), ids=CODES)
def test_a_recorded_refusal_has_its_code(name: str, code: str) -> None:
    with pytest.raises(TravelGPTError) as raised:
        ask(recordings("openai")[name])

    failure = raised.value
    assert failure.code == code
    assert failure.detail
    assert "\n" not in failure.detail
    assert "sk-" not in failure.detail
    if failure.code not in RETRYABLE:
        assert failure.retry_after is None
        assert "try again" not in failure.message.lower()


@pytest.mark.parametrize(("name", "answer"), ANSWERS.items(), ids=ANSWERS)
def test_a_recorded_answer_is_read(name: str, answer: tuple[str, bool]) -> None:
    line = recordings("openai")[name]
    read = ask(line)

    assert read.text.startswith(answer[0])
    assert read.truncated is answer[1]
    assert read.model == line.body["model"]
    usage = line.body["usage"]
    assert read.usage.total_tokens == usage["total_tokens"]
    assert "reasoning" not in read.text


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (f"openai/{RESPONSES}/401-missing-scopes", "does not allow"),
        (f"openai/{RESPONSES}/401-missing-scopes-code-missing_scope", "does not allow"),
        (f"openai/{CHAT}/403-country", "region"),
        (f"litellm/{RESPONSES}/401-upstream-identity-failed", "configuration of that server"),
        (f"litellm/{CHAT}/403-upstream-permission", "configuration of that server"),
    ],
)
def test_a_good_key_is_not_called_refused(name: str, words: str) -> None:
    with pytest.raises(TravelGPTError) as raised:
        ask(recordings("openai")[name])

    assert words in raised.value.message


@pytest.mark.parametrize(
    ("name", "seconds"),
    [(f"azure-openai/{CHAT}/429-rate-limit", 1), (f"openai/{CHAT}/429-rate-limit-tpm", 5)],
)
def test_a_recorded_rate_limit_says_how_long_to_wait(name: str, seconds: int) -> None:
    with pytest.raises(TravelGPTError) as raised:
        ask(recordings("openai")[name])

    assert raised.value.retry_after == seconds


@pytest.mark.parametrize(
    ("name", "text", "code"), [(name, *end) for name, end in STREAMS.items()], ids=STREAMS
)
def test_a_recorded_stream_is_read(name: str, text: str, code: str | None) -> None:
    parts: list[str | Answer] = []
    failed = None
    try:
        parts.extend(client_of(recordings("openai")[name]).stream(PROMPT, FIRST, soon(), StreamControl()))
    except TravelGPTError as failure:
        failed = failure.code

    assert failed == code
    answer = parts.pop() if code is None else None
    assert "".join(map(str, parts)) == text
    if code is None:
        assert isinstance(answer, Answer)
        assert answer.text == text
        assert answer.usage.total_tokens is not None
        assert answer.truncated is ("incomplete" in name)
