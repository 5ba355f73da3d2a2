"""The scripted OpenAI upstream answers with the statuses, members and types that OpenAI was recorded with."""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.fakes.openai import CHAT, MODELS, RESPONSES, Behaviour, FakeOpenAI, behaviours
from tests.fakes.openai.admin import SCOPES
from tests.support.recorded import recordings

ASKED: dict[str, dict[str, Any]] = {
    RESPONSES: {"model": "gpt-6-luna", "input": [{"role": "user", "content": "Lisbon?"}]},
    CHAT: {"model": "gpt-6-luna", "messages": [{"role": "user", "content": "Lisbon?"}]},
}

# The behaviour, the path that is asked, the recorded line, and whether its words have to be the same.
REFUSALS: list[tuple[Behaviour, str, str, bool]] = [
    (behaviours.reject_key(), RESPONSES, "POST /v1/responses/401-invalid-key", False),
    (
        behaviours.missing_scope(SCOPES["responses"][1]),
        RESPONSES,
        "POST /v1/responses/401-missing-scopes",
        True,
    ),
    (
        behaviours.missing_scope(code="missing_scope"),
        RESPONSES,
        "POST /v1/responses/401-missing-scopes-code-missing_scope",
        True,
    ),
    (behaviours.no_model_access(), CHAT, "POST /v1/chat/completions/403-project-model-access", False),
    (behaviours.unknown_model(), RESPONSES, "POST /v1/responses/400-model-not-found", False),
    (behaviours.unknown_model(), CHAT, "POST /v1/chat/completions/404-model", False),
    (
        behaviours.unsupported_parameter("temperature"),
        RESPONSES,
        "POST /v1/responses stream/400-unsupported-parameter-temperature",
        True,
    ),
    (
        behaviours.unsupported_parameter("max_tokens"),
        CHAT,
        "POST /v1/chat/completions/400-unsupported-parameter-max_tokens",
        False,
    ),
    (behaviours.context_length(), RESPONSES, "POST /v1/responses/400-context-length", True),
    (behaviours.context_length(), CHAT, "POST /v1/chat/completions/400-context-length", True),
    (
        behaviours.content_policy("invalid_prompt"),
        RESPONSES,
        "POST /v1/responses/400-invalid-prompt-policy",
        False,
    ),
    (behaviours.rate_limited(None), CHAT, "POST /v1/chat/completions/429-rate-limit-tpm", False),
    (behaviours.request_too_large(), CHAT, "POST /v1/chat/completions/429-request-too-large", False),
    (behaviours.out_of_quota(), CHAT, "POST /v1/chat/completions/429-insufficient-quota", True),
    (behaviours.server_error(), RESPONSES, "POST /v1/responses/500", False),
]

ANSWERS: list[tuple[Behaviour, str, str]] = [
    (behaviours.answer(), RESPONSES, "POST /v1/responses/text"),
    (behaviours.answer(), CHAT, "POST /v1/chat/completions/structured-output"),
    (behaviours.answer(), MODELS, "GET /v1/models/list"),
]
# What OpenAI adds to a stream against guessing by length, and what a recording of another year lacks.
MAY_BE_MISSING = {"obfuscation"}


@pytest.fixture(scope="module")
def upstream() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as server:
        yield server


def ask(upstream: FakeOpenAI, path: str, behaviour: Behaviour, **changes: Any) -> httpx2.Response:
    upstream.forget()
    upstream.default(path, behaviour)
    headers = {"authorization": "Bearer sk-proj-0123456789abcdef"}
    if path == MODELS:
        return httpx2.get(upstream.url + path, headers=headers)
    return httpx2.post(upstream.url + path, json={**ASKED[path], **changes}, headers=headers)


@pytest.mark.parametrize(
    ("behaviour", "path", "name", "same_words"), REFUSALS, ids=[f"{row[1]}-{row[2]}" for row in REFUSALS]
)
def test_a_refusal_is_the_recorded_one(
    upstream: FakeOpenAI, behaviour: Behaviour, path: str, name: str, same_words: bool
) -> None:
    line = recordings("openai")[f"openai/{name}"]

    reply = ask(upstream, path, behaviour)

    assert reply.status_code == line.status
    said, recorded = reply.json()["error"], line.body["error"]
    assert (list(reply.json()), set(said)) == (list(line.body), set(recorded))
    assert {key: said[key] for key in ("type", "param", "code")} == {
        key: recorded[key] for key in ("type", "param", "code")
    }
    if same_words:
        assert said["message"] == recorded["message"]
    else:
        # Names, numbers and what follows them differ.
        assert _first_words(said["message"]) == _first_words(recorded["message"])
    if "www-authenticate" in line.headers:
        assert reply.headers["www-authenticate"] == line.headers["www-authenticate"]


@pytest.mark.parametrize("path", [RESPONSES, CHAT])
def test_no_key_is_refused_in_the_recorded_words(upstream: FakeOpenAI, path: str) -> None:
    line = recordings("openai")["openai/POST /v1/chat/completions/401-no-key"]

    reply = httpx2.post(upstream.url + path, json=ASKED[path])

    assert (reply.status_code, reply.json()) == (line.status, line.body)


@pytest.mark.parametrize(("behaviour", "path", "name"), ANSWERS, ids=[row[2] for row in ANSWERS])
def test_an_answer_has_the_recorded_members(
    upstream: FakeOpenAI, behaviour: Behaviour, path: str, name: str
) -> None:
    line = recordings("openai")[f"openai/{name}"]

    reply = ask(upstream, path, behaviour)

    assert reply.status_code == line.status
    assert _unlike(line.body, reply.json()) == []


def test_a_refusal_of_the_model_has_the_recorded_members(upstream: FakeOpenAI) -> None:
    line = recordings("openai")["openai/POST /v1/chat/completions/refusal"]

    choice = ask(upstream, CHAT, behaviours.refusal()).json()["choices"][0]

    recorded = line.body["choices"][0]
    assert choice["finish_reason"] == recorded["finish_reason"]
    assert choice["message"]["content"] is recorded["message"]["content"] is None
    assert set(recorded["message"]) <= set(choice["message"])


def test_an_answer_cut_by_the_cap_ends_as_recorded(upstream: FakeOpenAI) -> None:
    chat = recordings("openai")["openai/POST /v1/chat/completions/length-cuts-json"]
    document = ask(upstream, CHAT, behaviours.incomplete()).json()
    assert document["choices"][0]["finish_reason"] == chat.body["choices"][0]["finish_reason"] == "length"

    responses = recordings("openai")["openai/POST /v1/responses stream/incomplete-max-output-tokens"]
    recorded = _events(responses.body)[-1]["response"]
    document = ask(upstream, RESPONSES, behaviours.incomplete()).json()
    for member in ("status", "incomplete_details"):
        assert document[member] == recorded[member]
    assert document["output"][0]["status"] == recorded["output"][0]["status"]


def test_a_stream_of_responses_has_the_recorded_events(upstream: FakeOpenAI) -> None:
    line = recordings("openai")["openai/POST /v1/responses stream/stream-text"]

    said = _events(ask(upstream, RESPONSES, behaviours.answer("pong"), stream=True).text)

    recorded = _events(line.body)
    assert [event["type"] for event in said] == [event["type"] for event in recorded]
    for mine, real in zip(said, recorded, strict=True):
        assert set(real) - set(mine) <= MAY_BE_MISSING, real["type"]
        assert set(mine) <= set(real), real["type"]
    assert "[DONE]" not in line.body


def test_a_stream_of_chat_has_the_recorded_chunks(upstream: FakeOpenAI) -> None:
    line = recordings("openai")["openai/POST /v1/chat/completions stream/stream-text-include-usage"]
    options = {"stream": True, "stream_options": {"include_usage": True}}

    text = ask(upstream, CHAT, behaviours.answer("pong"), **options).text

    said, recorded = _events(text), _events(line.body)
    for mine, real in ((said[0], recorded[0]), (said[1], recorded[1]), (said[-1], recorded[-1])):
        assert set(real) - set(mine) <= MAY_BE_MISSING
        assert set(mine) <= set(real)
    assert said[0]["choices"][0]["delta"].keys() == recorded[0]["choices"][0]["delta"].keys()
    assert said[-1]["choices"] == recorded[-1]["choices"] == []
    assert ("[DONE]" in text) is ("[DONE]" in line.body)


def test_an_error_inside_a_stream_is_nested_as_recorded(upstream: FakeOpenAI) -> None:
    line = recordings("openai")["openai/POST /v1/responses stream/stream-error-mid"]

    said = _events(ask(upstream, RESPONSES, behaviours.stream_error(3), stream=True).text)[-1]

    recorded = line.body if isinstance(line.body, dict) else json.loads(line.body)
    assert (set(said), set(said["error"])) == (set(recorded), set(recorded["error"]))
    assert said["error"]["code"] == recorded["error"]["code"]


def _first_words(message: str) -> str:
    return re.split(r"[`':(]| gpt-| sk-", message)[0].strip()


def _events(stream: str) -> list[dict[str, Any]]:
    found = re.findall(r"^data: ?(\{.*\})$", stream, re.MULTILINE)
    return [json.loads(each) for each in found]


def _unlike(recorded: Any, answered: Any, path: str = "$") -> list[str]:
    """Where an answer has other members or types than the recorded one. A null may be anything."""
    if recorded is None or answered is None:
        return []
    if isinstance(recorded, dict) and isinstance(answered, dict):
        found = [f"{path}: {key} is in one of the two" for key in sorted(recorded.keys() ^ answered.keys())]
        shared = sorted(recorded.keys() & answered.keys())
        return found + [
            each for key in shared for each in _unlike(recorded[key], answered[key], f"{path}.{key}")
        ]
    if isinstance(recorded, list) and isinstance(answered, list):
        pairs = zip(recorded[:1], answered[:1], strict=False)
        return [each for one, other in pairs for each in _unlike(one, other, f"{path}[0]")]
    return [] if type(recorded) is type(answered) else [f"{path}: {type(answered).__name__}"]
