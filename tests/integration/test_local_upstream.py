"""The scripted upstream itself: what stands on it is only as good as it is."""

from collections.abc import Iterator
from typing import Any

import openai
import pytest

from tests.fakes.openai import ANY, CHAT, MALFORMED, MODELS, RESPONSES, FakeOpenAI, behaviours

KEY = "sk-proj-scripted0123456789wxyz"


@pytest.fixture
def client(upstream: FakeOpenAI) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=upstream.base_url, api_key=KEY, max_retries=0, timeout=5) as client:
        yield client


def ask(client: openai.OpenAI, path: str, **changes: Any) -> object:
    if path == RESPONSES:
        return client.responses.create(**{"model": "gpt-6-luna", "input": "To Rome", **changes})
    messages = [{"role": "user", "content": "To Rome"}]
    return client.chat.completions.create(**{"model": "gpt-6-luna", "messages": messages, **changes})


@pytest.mark.parametrize("path", [RESPONSES, CHAT])
def test_what_is_scripted_happens_once_in_order_and_then_the_default(
    upstream: FakeOpenAI, client: openai.OpenAI, path: str
) -> None:
    upstream.script(path, behaviours.unavailable(), behaviours.rate_limited(3))
    with pytest.raises(openai.InternalServerError):
        ask(client, path)
    with pytest.raises(openai.RateLimitError) as limited:
        ask(client, path)
    assert limited.value.response.headers["retry-after"] == "3"
    assert "Scripted answer to: To Rome" in str(ask(client, path))
    upstream.default(ANY, behaviours.out_of_quota())
    with pytest.raises(openai.RateLimitError) as out:
        ask(client, path)
    assert out.value.code == "insufficient_quota"
    assert [call.text for call in upstream.calls_to(path)] == ["To Rome"] * 4


def test_a_key_that_is_not_accepted_uses_nothing_up(upstream: FakeOpenAI, client: openai.OpenAI) -> None:
    upstream.accepted_keys = {"sk-another"}
    upstream.script(RESPONSES, behaviours.server_error())
    with pytest.raises(openai.AuthenticationError) as refused:
        ask(client, RESPONSES)
    # OpenAI quotes both ends of the key.
    assert KEY[:8] in str(refused.value)
    assert KEY[-4:] in str(refused.value)
    upstream.accepted_keys = {KEY}
    with pytest.raises(openai.InternalServerError):
        ask(client, RESPONSES)


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        (RESPONSES, {"max_tokens": 100}, "unknown_parameter"),
        (RESPONSES, {"temperature": 0.2}, None),
        (RESPONSES, {"max_output_tokens": 1}, "integer_below_min_value"),
        (RESPONSES, {"input": None}, "missing_required_parameter"),
        (CHAT, {"max_tokens": 100}, "unsupported_parameter"),
        (CHAT, {"reasoning": {"effort": "none"}}, "unknown_parameter"),
    ],
)
def test_it_refuses_what_openai_refuses(
    client: openai.OpenAI, path: str, body: dict[str, Any], code: str | None
) -> None:
    whole = {"model": "gpt-6-luna", "input" if path == RESPONSES else "messages": "To Rome", **body}
    with pytest.raises(openai.BadRequestError) as refused:
        client.post(path.removeprefix("/v1"), body=whole, cast_to=object)
    assert refused.value.code == code


@pytest.mark.parametrize("path", [RESPONSES, CHAT])
def test_a_stream_has_the_events_of_the_real_one(client: openai.OpenAI, path: str) -> None:
    events: Any = ask(client, path, stream=True)
    seen = list(events)
    if path == RESPONSES:
        assert (seen[0].type, seen[-1].type) == ("response.created", "response.completed")
        text = "".join(event.delta for event in seen if event.type == "response.output_text.delta")
        assert text == seen[-1].response.output_text
    else:
        assert seen[-1].choices[0].finish_reason == "stop"
        text = "".join(chunk.choices[0].delta.content or "" for chunk in seen)
    assert text == "Scripted answer to: To Rome"


@pytest.mark.parametrize("path", [RESPONSES, CHAT])
@pytest.mark.parametrize(
    "behaviour",
    [behaviours.drop(), behaviours.drop(reset=True), behaviours.cut_body()],
    ids=["drop", "reset", "cut"],
)
def test_a_broken_line_is_a_connection_error(
    upstream: FakeOpenAI, client: openai.OpenAI, path: str, behaviour: Any
) -> None:
    upstream.script(path, behaviour)
    with pytest.raises(openai.APIConnectionError) as broken:
        ask(client, path)
    assert not isinstance(broken.value, openai.APITimeoutError)


@pytest.mark.parametrize("path", [RESPONSES, CHAT])
def test_a_cut_stream_breaks_in_the_middle(upstream: FakeOpenAI, client: openai.OpenAI, path: str) -> None:
    upstream.script(path, behaviours.cut_stream(after=3))
    stream: Any = ask(client, path, stream=True)
    assert len([next(stream) for _ in range(3)]) == 3
    with pytest.raises(openai.APIConnectionError):
        next(stream)


def test_every_malformed_body_has_a_name(upstream: FakeOpenAI, client: openai.OpenAI) -> None:
    for kind in [*MALFORMED, "html"]:
        upstream.script(RESPONSES, behaviours.malformed(kind))
        raw = client.responses.with_raw_response.create(model="gpt-6-luna", input="To Rome")
        body = raw.http_response.content
        assert body == MALFORMED[kind] if kind in MALFORMED else body.startswith(b"<html>")


def test_it_stops_although_a_client_still_waits(client: openai.OpenAI) -> None:
    with FakeOpenAI() as upstream:
        upstream.script(RESPONSES, behaviours.slow(60))
        with (
            client.with_options(base_url=upstream.base_url, timeout=0.2) as impatient,
            pytest.raises(openai.APITimeoutError),
        ):
            ask(impatient, RESPONSES)
        with pytest.raises(TimeoutError, match="1 of 2"):
            upstream.wait_for(2, timeout=0.01)


def test_it_can_forget(upstream: FakeOpenAI, client: openai.OpenAI) -> None:
    upstream.script(MODELS, behaviours.server_error())
    upstream.accepted_keys = set()
    upstream.forget()
    assert [model.id for model in client.models.list()] == ["gpt-6-luna", "gpt-6.1-terra"]
    assert len(upstream.calls) == 1
