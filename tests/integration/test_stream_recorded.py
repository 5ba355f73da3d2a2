"""What servers were recorded to stream, as the reader gets it: events, or an ordinary response."""

import json
from collections.abc import Sequence
from typing import Any

import httpx2
import pytest

from tests.integration.test_stream_untidy import answer, deltas, stream_api
from tests.support.recorded import recordings
from tests.support.stream_function import Events, parse
from tests.unit.llm.sdk import model_client
from tests.unit.recorded.test_recorded_model_answers import CODES, STREAMS, client_of
from travel_gpt.api.streamed import StreamedResponse
from travel_gpt.errors import HTTP_STATUS
from travel_gpt.llm.client import ModelClient

STATUS = {kind.code: status for kind, status in HTTP_STATUS.items()}


def read(client: ModelClient) -> tuple[Events, str]:
    """The events, or the code of an ordinary response."""
    response = answer(stream_api(client))
    if isinstance(response, StreamedResponse):
        return parse(b"".join(response.chunks)), ""
    body = json.loads(response["body"])
    assert response["headers"]["Content-Type"] == "application/json"
    assert response["statusCode"] == STATUS[body["code"]]
    return [], str(body["code"])


@pytest.mark.parametrize("name", CODES)
def test_a_recorded_refusal_is_an_ordinary_response(name: str) -> None:
    assert read(client_of(recordings("openai")[name])) == ([], CODES[name])


@pytest.mark.parametrize("name", STREAMS)
def test_a_recorded_stream_has_the_events_of_the_contract(name: str) -> None:
    text, failure = STREAMS[name]

    events, refused = read(client_of(recordings("openai")[name]))

    if failure and not text:
        assert (events, refused) == ([], failure)
        return
    names = [each for each, _ in events]
    assert "".join(deltas(events)) == text
    assert names[0] == "start"
    assert names[-2:] == ["delta", "error"] if failure else ["usage", "done"]
    assert events[-1][1].get("code") == failure


# Shortened from recordings, so that these run everywhere: the names are theirs.
PING = ": OPENROUTER PROCESSING"
BEGUN = {"status": "in_progress", "error": None}
QUOTA = {"type": "insufficient_quota", "code": "insufficient_quota", "message": "You exceeded your quota."}
OVERLOADED = {"code": "server_error", "message": "Our servers are currently overloaded."}
RESPONSES_BEGIN = [
    {"type": "response.created", "response": BEGUN},
    {"type": "response.in_progress", "response": BEGUN},
]
SAID = {"type": "response.output_text.delta", "delta": "Take tram"}
COMPLETED = {
    "type": "response.completed",
    # bedrock-openai, stream-text: a moment with a fraction.
    "response": {"status": "completed", "model": "m", "created_at": 1787150055.0, "output": []},
}


def chunk(text: str | None = None, finish: str | None = None, **more: Any) -> dict[str, Any]:
    delta = {} if text is None else {"content": text}
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}], "created": 1.5, **more}


def failed(error: dict[str, Any]) -> dict[str, Any]:
    return {"type": "response.failed", "response": {"status": "failed", "error": error}}


def body(events: Sequence[dict[str, Any] | str]) -> bytes:
    lines = (each if isinstance(each, str) else f"data: {json.dumps(each)}" for each in events)
    return "".join(f"{line}\n\n" for line in lines).encode()


def served(api: str, content: bytes, content_type: str = "text/event-stream") -> tuple[Events, str]:
    reply = lambda _: httpx2.Response(200, content=content, headers={"content-type": content_type})  # noqa: E731
    return read(model_client(reply, OPENAI_API=api, OPENAI_MAX_RETRIES="0"))


@pytest.mark.parametrize(
    ("api", "events", "text"),
    [
        # gpustack, stream-without-done; the usage is absent too.
        ("chat", [chunk("Take"), chunk(" tram."), chunk(finish="stop")], "Take tram."),
        # openrouter, stream-with-comments.
        ("chat", [PING, PING, chunk("Take"), PING, chunk(finish="stop"), "data: [DONE]"], "Take"),
        # azure-openai, stream-first-chunk-without-choices: the first one has the results of the filter.
        ("chat", [{"choices": [], "prompt_filter_results": []}, chunk("Take"), chunk(finish="stop")], "Take"),
        ("responses", [PING, *RESPONSES_BEGIN, SAID, COMPLETED], "Take tram"),
        # Nothing of what follows the last event is read.
        ("responses", [*RESPONSES_BEGIN, SAID, COMPLETED, "data: {not JSON"], "Take tram"),
    ],
    ids=["no-done", "comments", "no-choices", "float-timestamp", "after-the-end"],
)
def test_what_servers_do_differently_does_not_reach_the_reader(
    api: str, events: list[dict[str, Any] | str], text: str
) -> None:
    got, _ = served(api, body(events))

    assert "".join(deltas(got)) == text
    assert [name for name, _ in got if name != "delta"] == ["start", "usage", "done"]


ERRORS: dict[str, tuple[str, list[dict[str, Any] | str], str]] = {
    # openai, stream-error-insufficient-quota: the error, then response.failed, then nothing.
    "quota": ("responses", [{"type": "error", "error": QUOTA}, failed(QUOTA)], "quota_exhausted"),
    # openai, stream-failed-overloaded.
    "overloaded": ("responses", [failed(OVERLOADED)], "upstream_error"),
    # azure-openai, stream-failed-then-error-rate-limit.
    "failed-then-error": (
        "responses",
        [
            {"type": "response.failed", "response": {"status": "failed", "error": None}},
            {"type": "error", "error": {"code": "rate_limit_exceeded", "message": "Slow down."}},
        ],
        "upstream_rate_limited",
    ),
    # vllm, stream-error-first-event; and assumed: an error that is no object.
    "number": ("chat", [{"error": {"message": "No images.", "code": 400}}, "data: [DONE]"], "upstream_error"),
    "text": ("chat", [{"error": "No images."}], "upstream_error"),
    "bare-number": ("chat", [{"error": 503}], "upstream_error"),
    "html": ("chat", ["<html><body>502 Bad Gateway</body></html>"], "upstream_error"),
    "html-as-data": ("chat", ["data: <html>502 Bad Gateway</html>"], "upstream_error"),
}


@pytest.mark.parametrize(("api", "error", "code"), ERRORS.values(), ids=ERRORS)
def test_an_error_inside_a_200_is_an_ordinary_response_before_the_first_words(
    api: str, error: list[dict[str, Any] | str], code: str
) -> None:
    begin: list[Any] = RESPONSES_BEGIN if api == "responses" else []

    assert served(api, body([*begin, *error])) == ([], code)


@pytest.mark.parametrize(("api", "error", "code"), ERRORS.values(), ids=ERRORS)
def test_an_error_inside_a_200_is_the_last_event_after_them(
    api: str, error: list[dict[str, Any] | str], code: str
) -> None:
    begin: list[Any] = [*RESPONSES_BEGIN, SAID] if api == "responses" else [chunk("Take tram")]

    events, _ = served(api, body([*begin, *error]))

    assert [name for name, _ in events] == ["start", "delta", "error"]
    assert events[-1][1]["code"] == code
    assert "<html>" not in str(events)


@pytest.mark.parametrize("api", ["responses", "chat"])
def test_a_page_in_the_place_of_a_stream_is_an_ordinary_response(api: str) -> None:
    assert served(api, b"<html>Log in</html>", "text/html") == ([], "upstream_error")
