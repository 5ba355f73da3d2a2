"""What trips cost: reserved for each call, counted for each, and one request for all of them."""

import io
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.fakes.dynamodb import TABLE
from tests.fakes.openai import RESPONSES, Exchange, FakeOpenAI, behaviours
from tests.integration.conftest import LambdaContext
from tests.support.function_log import log as log
from tests.support.stream_function import (
    CLIENT,
    KEY,
    Streaming,
    parse,
    stream_function,
    upstream as upstream,
)
from tests.support.trip_replies import asked_in, outline as outline_of_trip, reply_to, trip_but, visit
from travel_gpt.advisor import planner
from travel_gpt.api.streamed import StreamedResponse
from travel_gpt.aws.table import Table
from travel_gpt.bootstrap import build_api, build_stream_api
from travel_gpt.guard.counters import Counters

OVERLAP = {"visits": [visit("Fado Museum", "Lisbon", "10:00", "15:00")]}
USAGE = {"input_tokens": 1000, "output_tokens": 1600, "total_tokens": 2600}
ASKED = json.dumps({"query": "Lisbon and Porto", "format": "itinerary", "nights": 2})


class Trips:
    """Both functions over one table, with one client."""

    def __init__(self, function: Streaming) -> None:
        self._function = function
        self.table = function.table
        self.settings = function.api._settings
        self.reserved = function.reserved
        self.before = 0
        """What was paid before the test began, in nanodollars."""

    def ask(self, *, body: str = ASKED, **headers: str) -> tuple[int, dict[str, Any]]:
        event = self._event(body, headers)
        event["resource"] = event["path"] = "/travel-gpt"
        api = build_api(self.settings, table=Table(TABLE, send=self.table.send))
        response = api.answer(event, LambdaContext(28_500))
        api.close()
        return response["statusCode"], json.loads(response["body"])

    def stream(self, **headers: str) -> dict[str, dict[str, Any]]:
        """Return the events of a stream, of each name the last."""
        api = build_stream_api(self.settings, table=Table(TABLE, send=self.table.send))
        response = api.answer(self._event(ASKED, headers), LambdaContext(100_000))
        if not isinstance(response, StreamedResponse):
            return {"error": json.loads(response["body"])}
        sent = b"".join(response.chunks)
        response.chunks.close()
        api.close()
        return dict(parse(sent))

    def cost(self, name: str = "stack") -> int:
        """Return what was counted since the test began, in nanodollars."""
        return self._function.cost(name) - self.before

    def limit(self, budget: int) -> None:
        """Set what is left of the stack's budget per day, in nanodollars."""
        self.settings = replace(self.settings, budget_per_day=self.before + budget)

    def counted(self, name: str) -> list[int]:
        """Return a counter of the client, in each of its windows that there are."""
        (item,) = [each for each in self.table.items.all() if each["pk"]["S"] == f"usage#{CLIENT}"]
        return [int(value["N"]) for key, value in item.items() if key.endswith(name)]

    def _event(self, body: str, headers: dict[str, str]) -> dict[str, Any]:
        event = self._function.event(**headers)
        event["body"] = body
        return event


@pytest.fixture
def trips(upstream: FakeOpenAI, monkeypatch: pytest.MonkeyPatch) -> Iterator[Trips]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    upstream.default(RESPONSES, behaviours.answer_json(reply_to(), usage=USAGE))
    with stream_function(upstream) as function:
        yield Trips(function)


@pytest.fixture
def amounts(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What is reserved for each call, in nanodollars."""
    reserved: list[int] = []
    reserve = Counters.reserve

    def note(self: Counters, name: str, limits: Any, amount: int, *args: Any, **options: Any) -> Any:
        if name == "stack":
            reserved.append(amount)
        return reserve(self, name, limits, amount, *args, **options)

    monkeypatch.setattr(Counters, "reserve", note)
    return reserved


@pytest.fixture
def one_call(trips: Trips) -> int:
    """What each call costs."""
    assert trips.ask()[0] == 200
    trips.before = trips.cost()
    return trips.before // 4


@pytest.mark.parametrize("streamed", [False, True])
def test_a_budget_for_the_outline_alone(
    trips: Trips, upstream: FakeOpenAI, amounts: list[int], one_call: int, streamed: bool
) -> None:
    outline, day, *_ = amounts
    assert outline < one_call + day
    trips.limit(outline)
    # A stream's usage is that of its text.
    wordy = outline_of_trip(summary="word " * 3200)
    upstream.default(RESPONSES, behaviours.answer_json(reply_to(wordy), usage=USAGE))

    body = trips.stream()["error"] if streamed else trips.ask()[1]

    assert body["code"] == "budget_exhausted"
    assert len(upstream.calls) == 4 + 1
    assert trips.cost() == trips.cost(CLIENT) > 0
    assert trips.reserved() == []


def test_a_budget_that_does_not_last_for_all_days(
    trips: Trips, upstream: FakeOpenAI, amounts: list[int], one_call: int, log: io.StringIO
) -> None:
    _, day, *_ = amounts
    # The first day that reserves, and nothing more once it is paid.
    trips.limit(one_call + day + one_call // 2)
    begun = threading.Event()

    def slow(exchange: Exchange) -> None:
        begun.set()
        exchange.pause(0.2)
        behaviours.answer_json(reply_to(), usage=USAGE)(exchange)

    upstream.default(RESPONSES, trip_but(outline=behaviours.answer_json(reply_to(), usage=USAGE), day=slow))

    status, body = trips.ask()

    assert begun.is_set()
    assert (status, body["truncated"]) == (200, True)
    assert len(body["itinerary"]["missing_days"]) == 2
    assert body["repair"]["outcome"] == "no_budget"
    assert len(upstream.calls) == 4 + 2
    assert trips.cost() == trips.cost(CLIENT) == 2 * one_call
    assert body["usage"]["cost_usd"] == 2 * one_call / 10**9
    assert trips.reserved() == []
    *_, line = [json.loads(each) for each in log.getvalue().splitlines()]
    assert (line["input_tokens"], line["output_tokens"]) == (2000, 3200)
    assert line["cost_nanodollars"] == 2 * one_call


def test_a_repair_without_a_budget(
    trips: Trips, upstream: FakeOpenAI, one_call: int, amounts: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream.default(RESPONSES, behaviours.answer_json(reply_to(day2=OVERLAP), usage=USAGE))
    # One day after the other, so that the days need less than the repair.
    monkeypatch.setattr(planner, "MOST_AT_ONCE", 1)
    trips.ask()
    assert trips.cost() == 5 * one_call
    *_, revised = amounts
    trips.limit(5 * one_call + 4 * one_call + revised - 1)

    _, body = trips.ask()

    assert body["itinerary"]["missing_days"] == []
    assert body["repair"]["outcome"] == "no_budget"
    assert body["checks"]["errors"] == 1
    assert trips.cost() == trips.cost(CLIENT) == 9 * one_call
    assert trips.reserved() == []


def test_a_client_with_one_request_at_a_time_gets_all_days(trips: Trips) -> None:
    trips.table.put(f"client#{CLIENT}", name="ann", parallel=1, per_minute=2, per_day=2)

    assert [trips.ask()[0] for _ in range(2)] == [200, 200]
    status, body = trips.ask()

    assert (status, body["code"]) == (429, "rate_limited")
    assert set(trips.counted(".requests")) == {2}


def test_while_the_table_is_away_a_trip_is_planned_where_the_owner_wants_that(
    trips: Trips, upstream: FakeOpenAI
) -> None:
    trips.settings = replace(trips.settings, limits_when_unavailable="allow", budget_when_unavailable="allow")
    trips.table.before = lambda operation, _: "fail" if operation == "UpdateItem" else None

    status, body = trips.ask()

    assert (status, body["truncated"]) == (200, False), body
    assert len(upstream.calls) == 4


@pytest.mark.parametrize("streamed", [False, True])
def test_what_failed_after_it_was_paid_is_not_paid_for_again(
    trips: Trips, upstream: FakeOpenAI, streamed: bool
) -> None:
    upstream.default(RESPONSES, trip_but(day=behaviours.server_error()))

    def code() -> str:
        if streamed:
            return str(trips.stream(Idempotency_Key="k1")["error"]["code"])
        return str(trips.ask(Idempotency_Key="k1")[1]["code"])

    assert [code(), code()] == ["upstream_error"] * 2
    assert len(upstream.calls) == 4
    assert trips.reserved() == []


def test_a_call_whose_usage_is_not_known_stays_counted_at_its_most(
    trips: Trips, upstream: FakeOpenAI, amounts: list[int], one_call: int
) -> None:
    def silent(exchange: Exchange) -> None:
        usage = {"input_tokens": None, "output_tokens": None, "total_tokens": None}
        unknown = asked_in(exchange.body).get("day") == 2
        behaviours.answer_json(reply_to(), usage=usage if unknown else USAGE)(exchange)

    upstream.default(RESPONSES, silent)

    status, body = trips.ask()

    assert status == 200
    assert body["usage"]["output_tokens"] is None, "a sum without one of its parts would be too small"
    assert body["usage"]["cost_usd"] == 3 * one_call / 10**9
    days = amounts[5:8]
    assert trips.cost() - 3 * one_call in days
    assert trips.reserved() == []


def test_what_comes_after_the_reply_stays_counted_and_blocks_no_one(
    trips: Trips, upstream: FakeOpenAI
) -> None:
    late = threading.Event()

    def hang(exchange: Exchange) -> None:
        exchange.wait_for_end(5)
        late.set()
        exchange.cut()

    upstream.default(RESPONSES, trip_but(day3=hang))
    trips.table.put(f"client#{CLIENT}", name="ann", parallel=1)
    event = trips._event(ASKED, {})
    event["resource"] = event["path"] = "/travel-gpt"
    api = build_api(trips.settings, table=Table(TABLE, send=trips.table.send))

    response = api.answer(event, LambdaContext(2_000))

    body = json.loads(response["body"])
    assert (response["statusCode"], body["itinerary"]["missing_days"]) == (200, [3])
    assert trips.reserved() == []
    counted = trips.cost()
    assert counted > body["usage"]["cost_usd"] * 10**9, "of the late day the most that it can cost"
    assert late.wait(5)
    assert (trips.cost(), trips.reserved()) == (counted, [])
    upstream.default(RESPONSES, trip_but())
    assert trips.ask()[0] == 200, "the request before it no longer runs"
    api.close()
