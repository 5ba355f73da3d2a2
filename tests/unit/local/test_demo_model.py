"""The demo model as the official SDK sees it."""

from collections.abc import Iterator

import openai
import pytest

from travel_gpt.local.demo_model import NAME, DemoModel

QUERY = "Three days in Lisbon for two"


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoModel]:
    demo = DemoModel()
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
        {"model": NAME, "input": "To Oslo", "stream": True},
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
