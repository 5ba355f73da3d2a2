"""The demo model as the official SDK sees it."""

import json
import time
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from travel_gpt.local.demo_model import NAME, DemoModel, prose
from travel_gpt.local.demo_trips import read_trips
from travel_gpt.local.model_server import ModelServer, Pace

QUERY = "Three days in Lisbon for two"
LISBON, KYOTO, ATHENS, ROME = read_trips()


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
                "content": [{"type": "text", "text": "Two days"}, {"type": "text", "text": "in Athens"}],
            },
            {"role": "assistant", "content": "Which month?"},
        ],
        max_tokens=1500,
    )
    said = reply.choices[0].message.content or ""
    assert ATHENS.prose in said
    assert LISBON.prose not in said
    assert reply.choices[0].finish_reason == "stop"


def test_a_plain_text_is_taken_from_the_responses_api(client: openai.OpenAI) -> None:
    assert KYOTO.prose in client.responses.create(model=NAME, input="To Kyoto").output_text


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


@pytest.mark.parametrize(
    ("query", "trip"),
    [
        ("A weekend in Porto", LISBON),
        ("drei Tage Lissabon", LISBON),
        ("京都で三日間", KYOTO),
        ("Три дня: Афины", ATHENS),
        ("From Rome on to Lisbon", ROME),
        ("ROMA!", ROME),
        ("A week in Portugal, by train", LISBON),
    ],
)
def test_prose_is_that_of_the_destination_that_is_named_first(query: str, trip: Any) -> None:
    said = list(prose(query))
    assert said[1] == trip.prose
    assert "demo model" in said[0]
    assert all(each.label in said[2] for each in (LISBON, KYOTO, ATHENS, ROME))
    assert "OPENAI_API_KEY" in said[3]


@pytest.mark.parametrize(
    "query", ["Oslo", "a romantic, aromatic promenade", "", "{", "[" * 100_000, "[1]", "🏔️"]
)
def test_what_it_does_not_know_it_says(query: str) -> None:
    assert "None of them" in list(prose(query))[1]


@pytest.fixture(params=["responses", "chat", "words"])
def itinerary(request: pytest.FixtureRequest, client: openai.OpenAI) -> Any:
    """Asks for a part of an itinerary, as a server with schemas sees it, or one without."""

    def ask(task: str, **about: object) -> Any:
        name = {"outline": "trip_outline", "day": "trip_day", "revise": "trip_revised_day"}[task]
        # Where there is no schema, the message alone says what to write.
        message: Any = json.dumps({"task": task, **about} if request.param == "words" else about)
        schema: Any = {"name": name, "schema": {"type": "object"}, "strict": True}
        if request.param == "responses":
            format_: Any = {"format": {"type": "json_schema", **schema}}
            return json.loads(client.responses.create(model=NAME, input=message, text=format_).output_text)
        asked: Any = {"model": NAME, "messages": [{"role": "user", "content": message}]}
        if request.param == "chat":
            asked["response_format"] = {"type": "json_schema", "json_schema": schema}
        return json.loads(client.chat.completions.create(**asked).choices[0].message.content or "")

    return ask


def test_an_itinerary_is_the_canned_trip(itinerary: Any) -> None:
    about = {"request": "Some days in Kyoto", "constraints": {}}
    outline = itinerary("outline", **about)
    assert outline["understood"] == {**KYOTO.outline["understood"], "destinations": ["Kyoto"]}
    assert outline | {"understood": KYOTO.outline["understood"]} == KYOTO.outline

    days = [itinerary("day", **about, outline=outline, day=number) for number in range(1, 5)]
    assert days == KYOTO.days


def test_what_is_given_counts_before_what_the_words_say(itinerary: Any) -> None:
    outline = itinerary("outline", request="Kyoto", constraints={"destinations": ["Porto"]}, number_of_days=3)
    assert outline["title"] == LISBON.outline["title"]
    assert [day["town"] for day in outline["days"]] == ["Lisbon", "Porto", "Berlin"]


@pytest.mark.parametrize(
    ("request_", "destinations"),
    [
        ("Three days in Lisbon and Porto from Madrid, vegan, for three, 900 EUR", ["Lisbon", "Porto"]),
        ("Une semaine à Lisbonne", ["Lisbonne"]),
        ("A week in Oslo", []),
    ],
)
def test_it_claims_to_have_understood_its_destinations_and_nothing_else(
    itinerary: Any, request_: str, destinations: list[str]
) -> None:
    outline = itinerary("outline", request=request_, constraints={"nights": 3, "origin": "Madrid"})

    said = {name: value for name, value in outline["understood"].items() if value not in (None, [])}
    assert said == ({"destinations": destinations} if destinations else {})


def test_an_unknown_destination_gets_a_trip_that_says_so(itinerary: Any) -> None:
    about: Any = {"request": "A week in Oslo", "constraints": {}}
    outline = itinerary("outline", **about)
    assert outline["summary"].startswith("The demo model knows none of the places that were asked for.")
    assert outline["days"] == LISBON.outline["days"]
    about = {"request": "Kyoto", "constraints": {"destinations": ["Oslo"]}}
    assert itinerary("outline", **about) == outline
    assert itinerary("day", **about, outline=outline, day=2) == LISBON.days[1]


def test_the_repair_is_canned_and_leaves_other_days_as_they_are(itinerary: Any) -> None:
    about = {"request": "Rome", "outline": ROME.outline, "plan": {"title": "As it is"}, "violations": []}
    assert itinerary("revise", **about, day=2) == ROME.revised["2"]
    assert itinerary("revise", **about, day=4) == {"title": "As it is"}


@pytest.mark.parametrize(
    "about", [{}, {"outline": {"days": []}, "day": 1}, {"outline": {"days": [1]}, "day": 2}]
)
def test_a_day_that_the_outline_does_not_have_is_a_400(itinerary: Any, about: Any) -> None:
    with pytest.raises(openai.BadRequestError, match="no such day"):
        itinerary("day", **about)


def timed(pace: Pace) -> tuple[float, list[float]]:
    """Return how long an answer of 100 tokens took, and when each word of a streamed one was there."""
    server = ModelServer("paced", lambda _: "word " * 79 + "abc", pace)
    server.start()
    try:
        with openai.OpenAI(base_url=server.base_url, api_key=server.key, max_retries=0) as client:
            asked: Any = {"model": "paced", "input": QUERY}
            began = time.monotonic()
            whole = client.responses.create(**asked)
            took = time.monotonic() - began
            assert whole.usage is not None
            assert whole.usage.output_tokens == 100
            began = time.monotonic()
            stream = client.responses.create(**asked, stream=True)
            words = [time.monotonic() - began for each in stream if each.type == "response.output_text.delta"]
    finally:
        server.close()
    assert len(words) == 80
    return took, words


def test_it_writes_at_its_pace() -> None:
    took, words = timed(Pace(first_token=0.5, tokens_per_second=200))
    assert 1 <= took < 3
    assert 0.5 <= words[0] < 1
    assert 0.7 <= words[39] < words[-1]
    assert 1 <= words[-1] < 3
