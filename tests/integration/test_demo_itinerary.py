"""Itineraries from the demo model, and those of the benchmark, by way of the local server."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from benchmarks.itineraries import Kind, plan, server
from tests.integration.test_local_server import LocalServer
from travel_gpt.client import TravelGPT
from travel_gpt.local.model_server import Pace

START = "2027-05-03"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TravelGPT]:
    with LocalServer(tmp_path_factory.mktemp("home")) as server, TravelGPT(server.url) as api:
        yield api


def planned(demo: TravelGPT, query: str, **constraints: Any) -> Mapping[str, Any]:
    answer = demo.ask(query, format="itinerary", constraints=constraints)
    assert not answer.truncated
    assert "invented" in answer.body["itinerary"]["summary"]
    return answer.body


def violated(body: Mapping[str, Any]) -> list[str]:
    """The rules that are broken."""
    return [each["rule"] for each in body["checks"]["results"] if each["outcome"] == "violated"]


@pytest.mark.parametrize("query", ["Lisbon and Porto", "Kyoto", "Athens", "Oslo"])
@pytest.mark.parametrize("fields", [{}, {"start": START, "nights": 2}], ids=["its own days", "three days"])
def test_a_canned_trip_keeps_all_rules(demo: TravelGPT, query: str, fields: dict[str, Any]) -> None:
    body = planned(demo, query, **fields)

    assert (body["checks"]["verified"], body["checks"]["errors"], body["checks"]["warnings"]) == (True, 0, 0)
    assert (body["repair"]["outcome"], body["repair"]["days"]) == ("not_needed", [])
    assert len(body["itinerary"]["days"]) == (3 if fields else body["itinerary"]["nights"] + 1)
    assert ("none of the places" in body["itinerary"]["summary"]) == (query == "Oslo")


def test_of_the_query_it_understands_the_destinations(demo: TravelGPT) -> None:
    body = planned(demo, "A week in Lisbon and Porto from Madrid for four vegans")

    assert body["understood"] == {"destinations": ["Lisbon", "Porto"], "from_query": ["destinations"]}
    assert "keeps to the destination alone" in body["itinerary"]["summary"]


def test_more_days_than_it_has_are_an_error(demo: TravelGPT) -> None:
    body = planned(demo, "Lisbon", nights=8)

    assert len(body["itinerary"]["days"]) == 5
    assert not body["checks"]["verified"]
    assert violated(body) == ["dates"]


def test_one_of_them_breaks_rules_and_is_repaired(demo: TravelGPT) -> None:
    body = planned(demo, "A few days in Rome", start=START)

    assert (body["repair"]["outcome"], body["repair"]["days"]) == ("done", [2, 3])
    assert (body["checks"]["verified"], body["checks"]["errors"]) == (True, 0)


def test_what_it_cannot_repair_is_listed(demo: TravelGPT) -> None:
    body = planned(demo, "Rome", budget={"amount": 100, "currency": "EUR"})

    assert not body["checks"]["verified"]
    assert violated(body) == ["budget"]
    assert body["repair"]["outcome"] == "partly"


@pytest.fixture(scope="module")
def api() -> Iterator[TravelGPT]:
    """The local server with the model of the benchmark, which here writes as fast as it can."""
    with server(Pace()) as running:
        yield running


@pytest.mark.parametrize("streamed", [False, True], ids=["buffered", "streamed"])
@pytest.mark.parametrize("days", [3, 7, 14])
def test_the_benchmark_has_trips_planned_and_repaired(api: TravelGPT, days: int, streamed: bool) -> None:
    outcomes = {broken: plan(api, Kind(0, streamed, broken, days), 1) for broken in (False, True)}

    assert [each.outcome for each in outcomes.values()] == ["complete", "complete"]
    assert [each.repair for each in outcomes.values()] == ["not_needed", "done"]
