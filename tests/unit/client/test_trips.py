"""The Python client, and trips: what is asked for one, and what comes back."""

import json
from typing import Any

import pytest

from tests.support.scripted_api import BODY, EVENTS, ScriptedApi
from tests.support.trip_answers import TRIP_BODY, trip_events
from travel_gpt.client import TravelGPT

CONSTRAINTS = {
    "destinations": ["Lisbon", "Porto"],
    "nights": 3,
    "budget": {"amount": 1500, "currency": "EUR"},
}
PARTS = ("itinerary", "understood", "checks", "repair")


def test_format_and_constraints_are_fields_of_both_requests(server: ScriptedApi, api: TravelGPT) -> None:
    server.json(200, TRIP_BODY)
    server.whole_stream(*trip_events())

    api.ask("By train", format="itinerary", constraints=CONSTRAINTS, idempotency_key="trip-1")
    with api.stream("By train", format="itinerary", constraints=CONSTRAINTS) as stream:
        stream.answer()

    bodies = [json.loads(body) for _, _, _, body in server.seen]
    assert bodies == [{"query": "By train", "format": "itinerary", **CONSTRAINTS}] * 2
    assert server.seen[0][2]["idempotency-key"] == "trip-1"


def test_prose_takes_constraints_and_names_no_format(server: ScriptedApi, api: TravelGPT) -> None:
    server.json(200, BODY)

    answer = api.ask("By train", format="prose", constraints={"nights": 3})

    assert json.loads(server.seen[0][3]) == {"query": "By train", "nights": 3}
    assert [getattr(answer, name) for name in PARTS] == [None] * 4


@pytest.mark.parametrize("constraints", [{"query": "other"}, {"format": "prose", "nights": 3}])
def test_constraints_cannot_replace_the_arguments(
    server: ScriptedApi, api: TravelGPT, constraints: dict[str, Any]
) -> None:
    server.json(200, BODY)

    with pytest.raises(ValueError, match=r"The constraints have (query|format), which"):
        api.ask("By train", format="itinerary", constraints=constraints)
    assert server.seen == []


def test_a_trip_is_the_same_from_both_routes(server: ScriptedApi, api: TravelGPT) -> None:
    server.json(200, TRIP_BODY)
    server.whole_stream(*trip_events())

    whole = api.ask("By train", format="itinerary")
    with api.stream("By train", format="itinerary") as stream:
        streamed = stream.answer()

    assert [getattr(whole, name) for name in PARTS] == [TRIP_BODY[name] for name in PARTS]
    assert whole.text == TRIP_BODY["answer"]
    for name in (*PARTS, "text", "model", "usage", "budget", "warnings", "truncated", "request_id"):
        assert getattr(streamed, name) == getattr(whole, name), name
    expected = {**TRIP_BODY}
    del expected["timestamp"]
    assert streamed.body == expected


def test_the_text_of_a_trip_comes_in_one_piece(server: ScriptedApi, api: TravelGPT) -> None:
    server.whole_stream(*trip_events())

    with api.stream("By train", format="itinerary") as stream:
        assert list(stream) == [TRIP_BODY["answer"]]


def test_the_days_of_a_trip_are_events(server: ScriptedApi, api: TravelGPT) -> None:
    server.whole_stream(*trip_events())

    with api.stream("By train", format="itinerary") as stream:
        events = list(stream.events())
        answer = stream.answer()

    named = [name for name, _ in events]
    assert named == [
        "start",
        "outline",
        *["day"] * 4,
        "revised",
        "itinerary",
        "checks",
        "usage",
        "done",
    ]
    assert [data["day"]["number"] for name, data in events if name == "day"] == [2, 1, 3, 4]
    assert answer.itinerary == TRIP_BODY["itinerary"]


def test_an_api_of_an_older_version_answers_with_prose(server: ScriptedApi, api: TravelGPT) -> None:
    server.whole_stream(*EVENTS)

    with api.stream("By train", format="itinerary") as stream:
        assert stream.answer().itinerary is None


@pytest.mark.parametrize("value", ["text", [], 7, None])
def test_what_is_no_object_is_no_trip(server: ScriptedApi, api: TravelGPT, value: object) -> None:
    server.json(200, {**TRIP_BODY, "itinerary": value, "checks": value})

    answer = api.ask("By train", format="itinerary")

    assert (answer.itinerary, answer.checks) == (None, None)
    assert answer.repair == TRIP_BODY["repair"]
