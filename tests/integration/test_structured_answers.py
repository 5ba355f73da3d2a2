"""Answers that follow a schema, over real HTTP, from a server that refuses what OpenAI refuses."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from tests.fakes.openai import CHAT, RESPONSES, FakeOpenAI, behaviours, formats
from tests.fakes.openai.bodies import Endpoint, Json
from tests.support.recorded import recordings
from travel_gpt.credentials.secret import Credential, Key
from travel_gpt.deadline import Deadline
from travel_gpt.llm.client import ModelClient
from travel_gpt.llm.json_text import json_in
from travel_gpt.llm.model_api import Answer, Prompt, Schema
from travel_gpt.llm.streaming import StreamControl
from travel_gpt.settings import Settings

KEY = Credential(Key("sk-proj-0123456789abcdefABCDEF"), source="environment")
TOWN: Json = {
    "type": "object",
    "properties": {"town": {"type": "string"}},
    "required": ["town"],
    "additionalProperties": False,
}
PROMPT = Prompt("Plan.", '{"task": "outline"}', Schema("trip_outline", json.dumps(TOWN)))
LISBON = {"town": "Lisbon"}
BOTH: list[tuple[Endpoint, str]] = [("responses", RESPONSES), ("chat", CHAT)]
both_apis = pytest.mark.parametrize(("api", "path"), BOTH)
both_ways = pytest.mark.parametrize("stream", [False, True], ids=["ask", "stream"])


@pytest.fixture(scope="module")
def server() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as made:
        yield made


@pytest.fixture
def upstream(server: FakeOpenAI) -> FakeOpenAI:
    server.forget()
    return server


@pytest.fixture
def client(upstream: FakeOpenAI, api: str) -> Iterator[ModelClient]:
    environment = {"OPENAI_BASE_URL": upstream.base_url, "OPENAI_API": api, "OPENAI_MODEL": "llama3.3"}
    made = ModelClient(Settings.load(environment))
    yield made
    made.close()


def call(made: ModelClient, *, stream: bool, prompt: Prompt = PROMPT) -> Answer:
    if not stream:
        return made.ask(prompt, KEY, Deadline(10))
    *pieces, answer = made.stream(prompt, KEY, Deadline(10), StreamControl())
    assert isinstance(answer, Answer)
    assert "".join(str(piece) for piece in pieces).strip() == answer.text
    return answer


@both_apis
@both_ways
@pytest.mark.parametrize(
    ("refused", "around", "asked"),
    [
        ((), "{}", ["json_schema"]),
        ((), behaviours.FENCED, ["json_schema"]),
        (("json_schema",), "{}", ["json_schema", "json_object"]),
        (("json_schema", "json_object"), behaviours.FENCED, ["json_schema", "json_object", "text"]),
    ],
    ids=["schema", "half followed", "JSON mode only", "words only"],
)
def test_the_object_is_read_whatever_the_server_takes(
    upstream: FakeOpenAI,
    client: ModelClient,
    api: Endpoint,
    path: str,
    stream: bool,
    refused: tuple[formats.FormatType, ...],
    around: str,
    asked: list[str],
) -> None:
    then = behaviours.answer_json(LISBON, around=around)
    upstream.default(path, behaviours.refuse_formats(*refused, then=then))

    answer = call(client, stream=stream)

    assert json_in(answer.text) == LISBON
    assert [formats.format_type(api, sent.body) for sent in upstream.calls_to(path)] == asked


@both_apis
def test_calls_at_the_same_time_learn_of_a_refusal_together(
    upstream: FakeOpenAI, client: ModelClient, api: Endpoint, path: str
) -> None:
    upstream.default(
        path,
        behaviours.refuse_formats(
            "json_schema", then=behaviours.answer_json(lambda body: {"town": str(len(body))})
        ),
    )

    with ThreadPoolExecutor(7) as pool:
        answers = list(pool.map(lambda _: call(client, stream=False), range(7)))

    assert all(json_in(answer.text)["town"] for answer in answers)
    kinds = [formats.format_type(api, sent.body) for sent in upstream.calls_to(path)]
    assert (kinds.count("json_object"), "text" in kinds) == (7, False)


@pytest.mark.parametrize("api", ["responses"])
@both_ways
def test_a_relay_to_openai_that_wants_the_word_json_in_the_input_gets_it(
    upstream: FakeOpenAI, client: ModelClient, stream: bool
) -> None:
    upstream.default(RESPONSES, behaviours.refuse_formats("json_schema", then=behaviours.answer_json(LISBON)))

    call(client, stream=stream)

    body = upstream.calls_to(RESPONSES)[-1].body
    without = {**body, "input": body["input"][1:], "instructions": body["input"][0]["content"]}
    assert formats.complaint("responses", body) is None
    assert (formats.complaint("responses", without) or {})["error"]["param"] == "input"


def test_what_was_asked_for_is_in_the_response(upstream: FakeOpenAI) -> None:
    line = recordings("openai")["openai/POST /v1/responses/structured-output"].body["text"]["format"]
    shape = {"type": "json_schema", "name": "trip", "strict": True, "schema": TOWN}
    body = {"model": "gpt-6-luna", "input": "Plan.", "text": {"format": shape}}

    given = post(upstream, RESPONSES, body).json()["text"]["format"]

    assert given.keys() == line.keys()


def with_format(api: Endpoint, schema: Json, name: str = "trip") -> Json:
    """Return a body that asks for a schema, as OpenAI documents it."""
    shape = {"name": name, "strict": True, "schema": schema}
    if api == "responses":
        return {"model": "m", "input": "x", "text": {"format": {"type": "json_schema", **shape}}}
    messages = [{"role": "user", "content": "x"}]
    return {
        "model": "m",
        "messages": messages,
        "response_format": {"type": "json_schema", "json_schema": shape},
    }


def post(upstream: FakeOpenAI, path: str, body: Any) -> httpx2.Response:
    url = upstream.base_url.removesuffix("/v1") + path
    return httpx2.post(url, json=body, headers={"Authorization": "Bearer sk-any"})


def nested(levels: int) -> Json:
    schema: Json = {"type": "string"}
    for _ in range(levels):
        schema = {**TOWN, "properties": {"town": schema}}
    return schema


BROKEN: dict[str, tuple[Json, str]] = {
    "root": ({"type": "array", "items": TOWN}, "'type: \"object\"'"),
    "union": ({**TOWN, "anyOf": [TOWN]}, "'type: \"object\"'"),
    "open": ({**TOWN, "additionalProperties": True}, "In context=(), 'additionalProperties' is required"),
    "optional": ({**TOWN, "required": []}, "Missing 'town'"),
    "inner": (
        {**TOWN, "properties": {"town": {**TOWN, "required": []}}},
        "In context=('properties', 'town'), 'required'",
    ),
    "list": ({**TOWN, "properties": {"town": {"type": "array", "items": {"type": "object"}}}}, "'items'"),
    "either": ({**TOWN, "properties": {"town": {"anyOf": [{"type": ["object", "null"]}]}}}, "'town', '0'"),
    "definition": ({**TOWN, "$defs": {"a": {"type": "object"}}}, "'$defs', 'a'"),
    "default": (
        {**TOWN, "properties": {"town": {"type": "string", "default": ""}}},
        "In context=('properties', 'town'), 'default' is not permitted.",
    ),
    "all of": ({**TOWN, "allOf": []}, "'allOf' is not permitted."),
    "levels": (nested(11), "11 levels of nesting exceeds limit of 10."),
    "values": (
        {**TOWN, "properties": {"town": {"enum": [str(number) for number in range(1001)]}}},
        "1001 enum values exceeds",
    ),
    "characters": ({**TOWN, "properties": {"town": {"enum": ["x" * 120_000]}}}, "120004 characters"),
    "properties": (
        {
            **TOWN,
            "properties": {str(number): {"type": "string"} for number in range(5001)},
            "required": [str(number) for number in range(5001)],
        },
        "5001 object properties exceeds",
    ),
}


@both_apis
@pytest.mark.parametrize(("schema", "says"), BROKEN.values(), ids=BROKEN)
def test_the_fake_refuses_schemas_that_openai_refuses(
    upstream: FakeOpenAI, api: Endpoint, path: str, schema: Json, says: str
) -> None:
    reply = post(upstream, path, with_format(api, schema))

    message = reply.json()["error"]["message"]
    assert reply.status_code == 400
    assert message.startswith("Invalid schema for response_format 'trip': ")
    assert says in message


def test_the_fake_refuses_an_open_schema_in_the_recorded_words(upstream: FakeOpenAI) -> None:
    recorded = recordings("openai")["openai/POST /v1/chat/completions/400-invalid-schema-response_format"]

    reply = post(upstream, CHAT, with_format("chat", {**TOWN, "additionalProperties": True}, "default"))

    assert (reply.status_code, reply.json()) == (recorded.status, recorded.body)


@both_apis
@pytest.mark.parametrize(
    ("changes", "param", "says"),
    [
        ({"name": ""}, "name", "Missing required parameter"),
        ({"schema": None}, "schema", "Missing required parameter"),
        ({"name": "trip outline"}, "name", "does not match pattern"),
        ({"name": "x" * 65}, "name", "does not match pattern"),
    ],
)
def test_the_fake_refuses_a_format_without_its_parts(
    upstream: FakeOpenAI, api: Endpoint, path: str, changes: Json, param: str, says: str
) -> None:
    body = with_format(api, TOWN)
    (body["text"]["format"] if api == "responses" else body["response_format"]["json_schema"]).update(changes)

    error = post(upstream, path, body).json()["error"]

    parent = "text.format" if api == "responses" else "response_format.json_schema"
    assert (error["param"], says in error["message"]) == (f"{parent}.{param}", True)


@both_apis
@pytest.mark.parametrize(
    ("kind", "says"), [("json", "Supported values are"), ("json_object", "must contain the word 'json'")]
)
def test_the_fake_refuses_other_types_and_json_mode_without_the_word(
    upstream: FakeOpenAI, api: Endpoint, path: str, kind: str, says: str
) -> None:
    body = with_format(api, TOWN)
    body |= (
        {"text": {"format": {"type": kind}}} if api == "responses" else {"response_format": {"type": kind}}
    )

    reply = post(upstream, path, body)

    assert (reply.status_code, says in reply.json()["error"]["message"]) == (400, True)


@both_apis
def test_a_schema_that_openai_refuses_is_not_the_end(
    upstream: FakeOpenAI, client: ModelClient, api: Endpoint, path: str
) -> None:
    upstream.default(path, behaviours.answer_json(LISBON))
    broken = replace(PROMPT, schema=Schema("trip", json.dumps({**TOWN, "required": []})))

    assert json_in(call(client, stream=False, prompt=broken).text) == LISBON

    assert [formats.format_type(api, sent.body) for sent in upstream.calls_to(path)] == [
        "json_schema",
        "json_object",
    ]
