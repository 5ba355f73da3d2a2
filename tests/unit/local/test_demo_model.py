"""The demo model as the official SDK sees it."""

from collections.abc import Iterator
from typing import Any

import openai
import pytest

from travel_gpt.local.demo_model import NAME, DemoModel

QUERY = "Three days in Lisbon for two"


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoModel]:
    demo = DemoModel(word_seconds=0.001)
    demo.start()
    yield demo
    demo.close()


@pytest.fixture
def client(demo: DemoModel) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=demo.base_url, api_key=demo.key, max_retries=0) as client:
        yield client


def test_it_answers_from_the_responses_api(client: openai.OpenAI) -> None:
    reply = client.responses.create(
        model=NAME,
        input=[{"role": "user", "content": QUERY}],
        instructions="Be brief.",
        max_output_tokens=1500,
    )
    assert "Lisbon" in reply.output_text
    assert "demo model" in reply.output_text
    assert (reply.status, reply.model) == ("completed", NAME)
    assert reply.usage is not None
    assert reply.usage.total_tokens == reply.usage.input_tokens + reply.usage.output_tokens


def test_it_answers_from_chat_completions(client: openai.OpenAI) -> None:
    reply = client.chat.completions.create(
        model=NAME,
        messages=[
            {"role": "system", "content": "You know Porto."},
            {
                "role": "user",
                "content": [{"type": "text", "text": "Two days"}, {"type": "text", "text": "in Faro"}],
            },
            {"role": "assistant", "content": "Which month?"},
        ],
        max_tokens=1500,
    )
    said = reply.choices[0].message.content or ""
    assert "Faro" in said
    assert "Porto" not in said
    assert reply.choices[0].finish_reason == "stop"


def test_a_plain_text_is_taken_from_the_responses_api(client: openai.OpenAI) -> None:
    assert "Oslo" in client.responses.create(model=NAME, input="To Oslo").output_text


def test_it_keeps_to_the_output_cap(client: openai.OpenAI) -> None:
    reply = client.responses.create(model=NAME, input=QUERY, max_output_tokens=20)
    assert reply.status == "incomplete"
    assert reply.incomplete_details is not None
    assert reply.incomplete_details.reason == "max_output_tokens"
    chat = client.chat.completions.create(
        model=NAME, messages=[{"role": "user", "content": QUERY}], max_completion_tokens=20
    )
    assert chat.choices[0].finish_reason == "length"
    assert len(chat.choices[0].message.content or "") <= 80


@pytest.mark.parametrize(("cap", "status"), [(1500, "completed"), (20, "incomplete")])
def test_it_streams_the_same_answer_word_by_word(client: openai.OpenAI, cap: int, status: str) -> None:
    asked: Any = {"model": NAME, "input": QUERY, "max_output_tokens": cap}
    events = list(client.responses.create(**asked, stream=True))
    whole = client.responses.create(**asked)

    pieces = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(pieces) == whole.output_text
    assert len(pieces) == len(whole.output_text.split())
    last: Any = events[-1]
    assert (last.type, last.response.usage) == (f"response.{status}", whole.usage)
    assert [event.sequence_number for event in events] == list(range(len(events)))


@pytest.mark.parametrize(("options", "usages"), [({"include_usage": True}, 1), (openai.omit, 0)])
@pytest.mark.parametrize(("cap", "finish"), [(1500, "stop"), (20, "length")])
def test_it_streams_completions(
    client: openai.OpenAI, options: Any, usages: int, cap: int, finish: str
) -> None:
    asked: Any = {"model": NAME, "messages": [{"role": "user", "content": QUERY}], "max_tokens": cap}
    chunks = list(client.chat.completions.create(**asked, stream=True, stream_options=options))
    whole = client.chat.completions.create(**asked)

    choices = [choice for chunk in chunks for choice in chunk.choices]
    assert "".join(choice.delta.content or "" for choice in choices) == whole.choices[0].message.content
    assert [choice.finish_reason for choice in choices if choice.finish_reason] == [finish]
    assert [chunk.usage for chunk in chunks if chunk.usage] == [whole.usage] * usages


def test_it_lists_itself(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == [NAME]


def test_it_takes_its_own_key_only(demo: DemoModel) -> None:
    with (
        openai.OpenAI(base_url=demo.base_url, api_key="sk-another", max_retries=0) as client,
        pytest.raises(openai.AuthenticationError) as refused,
    ):
        client.models.list()
    assert refused.value.code == "invalid_api_key"


@pytest.mark.parametrize(
    "body",
    [
        {"model": NAME, "input": [], "stream": True},
        {"model": NAME, "input": []},
        {"model": NAME, "input": [{"role": "assistant", "content": "Hello"}]},
        {"model": NAME},
        [],
    ],
)
def test_what_it_does_not_take_is_a_400(client: openai.OpenAI, body: object) -> None:
    with pytest.raises(openai.BadRequestError):
        client.post("/responses", body=body, cast_to=object)


def test_another_path_is_a_404(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError):
        client.embeddings.create(model=NAME, input="x")


def test_a_message_without_text_is_answered_too(client: openai.OpenAI) -> None:
    body = {"model": NAME, "messages": [{"role": "user", "content": None}]}
    assert client.post("/chat/completions", body=body, cast_to=object)
