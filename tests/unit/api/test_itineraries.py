"""Trips on both routes, over both APIs, with a model's server that answers with parts of one."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.fakes.openai import CHAT, RESPONSES, FakeOpenAI, behaviours
from tests.fakes.openai.bodies import Json
from tests.integration.conftest import LambdaContext, proxy_event
from tests.support.stream_function import (
    CLIENT,
    Streaming,
    parse,
    streaming as streaming,
    upstream as upstream,
)
from tests.support.trip_replies import DAYS, outline, reply_to, visit
from travel_gpt.api.routes import Api
from travel_gpt.api.streamed import StreamedResponse
from travel_gpt.bootstrap import build_api, build_stream_api
from travel_gpt.settings import Settings

KEY = "sk-proj-Itin3raryT3stK3y00000000000000000000000001"
ASKED = {"query": "Lisbon and Porto", "format": "itinerary", "budget": {"amount": 900, "currency": "EUR"}}
OVERLAP = {"visits": [visit("Fado Museum", "Lisbon", "10:00", "15:00")]}
PARTS = {"itinerary", "understood", "checks", "repair"}


@pytest.fixture(params=["responses", "chat"])
def model_api(request: pytest.FixtureRequest, upstream: FakeOpenAI) -> str:
    """Which of the two APIs is configured; the server answers both."""
    for path in (RESPONSES, CHAT):
        upstream.default(path, behaviours.answer_json(reply_to()))
    name: str = request.param
    return name


def settings(upstream: FakeOpenAI, model_api: str = "responses") -> Settings:
    found = Settings.load(
        {
            "CREDENTIAL_SOURCE": "environment",
            "OPENAI_BASE_URL": upstream.base_url,
            "OPENAI_API": model_api,
            "API_ACCESS": "open",
        }
    )
    assert found.problems == ()
    return found


@pytest.fixture
def api(upstream: FakeOpenAI, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """The buffered function, without a table."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    made = build_api(settings(upstream))
    yield made
    made.close()


def ask(api: Api, **fields: Any) -> tuple[int, dict[str, Any]]:
    response = api.answer(proxy_event("POST", json.dumps(ASKED | fields)), LambdaContext(28_500))
    assert KEY not in response["body"]
    return response["statusCode"], json.loads(response["body"])


def read(streaming: Streaming, **headers: str) -> list[tuple[str, dict[str, Any]]]:
    event = streaming.event(**headers)
    event["body"] = json.dumps(ASKED)
    response = streaming.api.answer(event, LambdaContext(100_000))
    assert isinstance(response, StreamedResponse), response
    sent = b"".join(response.chunks)
    response.chunks.close()
    return parse(sent)


def test_a_trip_is_answered_over_both_apis(
    upstream: FakeOpenAI, model_api: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    api = build_api(settings(upstream, model_api))

    status, body = ask(api)

    api.close()
    assert (status, body["status"], body["truncated"]) == (200, "success", False)
    assert body["answer"].startswith("# Lisbon and Porto\n")
    assert body["itinerary"]["costs"]["total"] == 764
    assert body["understood"]["budget"] == ASKED["budget"]
    assert body["checks"]["verified"]
    assert body["repair"] == {"outcome": "not_needed", "days": [], "before": []}
    # The fake refuses what OpenAI refuses in strict mode. Of Chat, the name of the output cap is learned.
    assert len(upstream.calls) == {"responses": 4, "chat": 5}[model_api]


def test_a_trip_is_streamed_over_both_apis(
    upstream: FakeOpenAI, model_api: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    upstream_settings = settings(upstream, model_api)
    streamed, buffered = build_stream_api(upstream_settings), build_api(upstream_settings)
    event = proxy_event("POST", json.dumps(ASKED))
    event["resource"] = event["path"] = "/travel-gpt/stream"

    response = streamed.answer(event, LambdaContext(100_000))
    assert isinstance(response, StreamedResponse)
    events = parse(b"".join(response.chunks))
    _, body = ask(buffered)

    streamed.close()
    buffered.close()
    assert [name for name, _ in events] == [
        *("start", "outline", "day", "day", "day", "itinerary", "checks", "usage", "done")
    ]
    found = dict(events)
    assert found["itinerary"] | found["checks"] == {name: body[name] for name in {*PARTS, "answer"}}
    assert found["usage"]["usage"] == body["usage"]
    days = {data["day"]["number"]: data["day"] for name, data in events if name == "day"}
    assert [days[number] for number in sorted(days)] == body["itinerary"]["days"]
    assert all(not day["visits"] for day in found["outline"]["itinerary"]["days"])


def test_every_call_is_counted_and_settled_and_the_request_once(
    upstream: FakeOpenAI, streaming: Streaming
) -> None:
    upstream.default(RESPONSES, behaviours.answer_json(reply_to(day2=OVERLAP)))

    events = read(streaming)

    assert [name for name, _ in events][-5:] == ["revised", "itinerary", "checks", "usage", "done"]
    usage = dict(events)["usage"]
    assert len(upstream.calls) == 5
    assert usage["usage"]["cost_usd"] == streaming.cost("stack") / 10**9 > 0
    assert streaming.cost(CLIENT) == streaming.cost("stack")
    assert streaming.reserved() == []
    (counted,) = [item for item in streaming.table.items.all() if item["pk"]["S"] == f"usage#{CLIENT}"]
    assert [value["N"] for name, value in counted.items() if name.endswith(".requests")] == ["1"]


def test_a_trip_is_repeated_for_its_idempotency_key(upstream: FakeOpenAI, streaming: Streaming) -> None:
    upstream.default(RESPONSES, behaviours.answer_json(reply_to()))
    first = dict(read(streaming, Idempotency_Key="one"))
    calls = len(upstream.calls)

    events = read(streaming, Idempotency_Key="one")

    assert len(upstream.calls) == calls
    assert [name for name, _ in events] == ["start", "itinerary", "checks", "usage", "done"]
    assert dict(events)["itinerary"] == first["itinerary"]
    assert dict(events)["checks"] == first["checks"]


FENCED = "Sure!\n\n```json\n{}\n```\n\nEnjoy!"


@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param(behaviours.answer_json(reply_to(), around=FENCED), id="text-around-it"),
        pytest.param(
            behaviours.refuse_formats("json_schema", then=behaviours.answer_json(reply_to())), id="json-mode"
        ),
        pytest.param(
            behaviours.refuse_formats(
                "json_schema", "json_object", then=behaviours.answer_json(reply_to(), around=FENCED)
            ),
            id="words-only",
        ),
    ],
)
def test_a_server_that_half_follows_gives_a_trip(upstream: FakeOpenAI, api: Api, behaviour: Any) -> None:
    upstream.default(RESPONSES, behaviour)

    status, body = ask(api)

    assert status == 200, body
    assert body["checks"]["verified"]


def test_a_server_that_ignores_the_schema_gets_it_in_words(upstream: FakeOpenAI, api: Api) -> None:
    upstream.script(RESPONSES, behaviours.answer("Three lovely days!"))
    upstream.default(RESPONSES, behaviours.answer_json(reply_to()))

    status, _ = ask(api)

    assert status == 200
    instructions = [(call.body or {})["instructions"] for call in upstream.calls]
    assert "JSON schema" not in instructions[0]
    assert all("JSON schema" in each for each in instructions[1:])


@pytest.mark.parametrize(
    "text", ["Three lovely days!", "{}", '{"days": [', json.dumps(DAYS[1]), "[" * 5000], ids=range(5)
)
def test_what_is_no_trip_is_never_passed_on(upstream: FakeOpenAI, api: Api, text: str) -> None:
    upstream.default(RESPONSES, behaviours.answer(text))

    status, body = ask(api)

    assert (status, body["code"]) == (502, "invalid_itinerary")
    assert not PARTS & body.keys()
    assert len(upstream.calls) == 2


def test_given_days_that_are_refused_then_the_trip_says_which_are_missing(
    upstream: FakeOpenAI, api: Api
) -> None:
    def only_two(body: Json) -> Json:
        made: Json = reply_to()(body)
        return {"error": "no"} if made == DAYS[3] else made

    upstream.default(RESPONSES, behaviours.answer_json(only_two))

    status, body = ask(api)

    assert (status, body["truncated"]) == (200, True)
    assert body["itinerary"]["missing_days"] == [3]
    assert body["repair"]["outcome"] == "failed"
    assert not body["checks"]["verified"]


def test_given_a_key_in_a_trip_then_it_is_concealed(upstream: FakeOpenAI, api: Api) -> None:
    upstream.default(RESPONSES, behaviours.answer_json(reply_to(outline(summary=f"Your key is {KEY}."))))

    status, body = ask(api)

    assert status == 200
    assert KEY not in json.dumps(body)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"format": "poem"}, "invalid_constraint"),
        ({"budget": {"amount": 9, "currency": "XQZ"}}, "invalid_constraint"),
        ({"nights": 45}, "invalid_constraint"),
    ],
)
def test_is_refused_before_anything_is_asked(
    upstream: FakeOpenAI, api: Api, fields: dict[str, Any], code: str
) -> None:
    status, body = ask(api, **fields)

    assert (status, body["code"]) == (400, code)
    assert upstream.calls == []


def test_prose_is_asked_without_a_schema(upstream: FakeOpenAI, api: Api) -> None:
    upstream.default(RESPONSES, behaviours.answer("Take tram 28."))

    status, body = ask(api, format="prose")

    assert (status, body["answer"]) == (200, "Take tram 28.")
    assert not PARTS & body.keys()
    assert "text" not in (upstream.calls[0].body or {})
