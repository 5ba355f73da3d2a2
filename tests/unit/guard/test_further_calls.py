"""The further calls of one request, which run at the same time: their money, and the request's lease."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.fakes.dynamodb import MemoryTable
from tests.unit.guard.conftest import Metrics
from tests.unit.guard.test_meter import ASKED, COST, MOST, NOW, USAGE, attributes, spent
from travel_gpt.deadline import Deadline
from travel_gpt.errors import BudgetExhausted, RateLimited, UpstreamFailed
from travel_gpt.guard.clients import Client
from travel_gpt.guard.counters import Counters, Reservation, Spent
from travel_gpt.guard.limits import Limits
from travel_gpt.guard.meter import Meter
from travel_gpt.guard.request_counters import RequestCounters
from travel_gpt.llm.model_api import Usage
from travel_gpt.llm.prices import PriceList
from travel_gpt.settings import Settings

ONE = Limits(per_minute=5, parallel=1)
NOTHING = Usage(None, None, None)

Start = Callable[..., Meter]


@pytest.fixture
def start(counters: Counters) -> Start:
    def make(limits: Limits = ONE) -> Meter:
        settings = Settings.load({"BUDGET_PER_DAY": "1"})
        client = Client("c1", "ann", limits)
        return Meter(client, PriceList.load(), RequestCounters(client, settings, counters, NOW, Deadline(28)))

    return make


@pytest.fixture
def outlined(start: Start) -> Meter:
    """A request whose first call is answered."""
    meter = start()
    meter.reserve(ASKED)
    meter.settle(USAGE)
    return meter


def leftover(fake: MemoryTable) -> list[str]:
    """The reservations and leases that are left."""
    return [name for whose in ("c1", "stack") for first in "rp" for name in attributes(fake, whose, first)]


def test_a_further_call_reserves_and_settles_on_its_own(fake: MemoryTable, outlined: Meter) -> None:
    day = outlined.another()
    day.reserve(ASKED)
    assert spent(fake) == (COST + MOST, COST + MOST)

    day.settle(USAGE)

    assert spent(fake) == (2 * COST, 2 * COST)
    assert fake.counters("c1", "2026-11")["20.requests"] == 1, "it is one request"
    assert outlined.budgets[0].used == 2 * COST
    assert '"minute";r=4;' in outlined.headers["RateLimit"]


def test_the_lease_lasts_until_the_request_is_closed(
    fake: MemoryTable, start: Start, outlined: Meter
) -> None:
    day = outlined.another()
    for _ in range(2):
        with pytest.raises(RateLimited, match="parallel"):
            start().reserve(ASKED)
        day.reserve(ASKED)
        day.settle(USAGE)
    day.close()
    assert len(attributes(fake, "c1", "p")) == 1, "its first meter is open"

    outlined.close()

    assert leftover(fake) == []
    start().reserve(ASKED)


def test_a_request_without_a_limit_of_parallel_ones_takes_no_further_call_of_the_table(
    fake: MemoryTable, start: Start
) -> None:
    meter = start(Limits(per_minute=5))
    meter.reserve(ASKED)
    meter.settle(USAGE)
    meter.close()

    assert fake.calls.total() == 4


def test_the_lease_of_another_request_is_not_released(fake: MemoryTable, outlined: Meter) -> None:
    (item,) = (each for each in fake.items.all() if each["pk"]["S"] == "usage#c1")
    fake.put_item({**item, "p0": {"N": "7"}})

    outlined.close()

    assert fake.counters("c1", "2026-11")["p0"] == 7


def test_a_lease_that_cannot_be_released_fails_nothing(
    fake: MemoryTable, outlined: Meter, metrics: Metrics
) -> None:
    metrics()
    fake.before = lambda *_: "deny"

    outlined.close()

    assert metrics() == {}, "no money is in doubt"


def test_the_cost_is_that_of_all_calls_whose_cost_is_known(fake: MemoryTable, outlined: Meter) -> None:
    known, unknown = outlined.another(), outlined.another()
    assert (outlined.cost, known.cost) == (COST, None)
    for meter, usage in ((known, USAGE), (unknown, NOTHING)):
        meter.reserve(ASKED)
        meter.settle(usage)
    outlined.reserve(ASKED)
    outlined.settle(USAGE)
    outlined.close()

    assert (outlined.cost, known.cost, unknown.cost) == (3 * COST, COST, None)
    assert spent(fake)[1] == 3 * COST + MOST, "the other stays counted with the most that it can have cost"


def test_a_further_call_is_not_asked_for_before_the_request_is_counted(start: Start) -> None:
    meter = start()
    with pytest.raises(RuntimeError, match="first call"):
        meter.another()

    meter.reserve(ASKED)
    meter.another().another().reserve(ASKED)


def test_given_no_money_left_then_only_the_further_call_is_refused(fake: MemoryTable, start: Start) -> None:
    meter = start(Limits(budget_per_day=MOST + COST))
    meter.reserve(ASKED)
    first, second = meter.another(), meter.another()
    with pytest.raises(BudgetExhausted):
        first.reserve(ASKED)

    meter.settle(USAGE)
    second.reserve(ASKED)
    second.settle(USAGE)
    meter.close()

    assert (spent(fake), meter.cost) == ((2 * COST, 2 * COST), 2 * COST)


def test_closing_the_request_ends_calls_that_still_run_and_what_they_may_cost_stays_counted(
    fake: MemoryTable, outlined: Meter
) -> None:
    running, failed, late = outlined.another(), outlined.another(), outlined.another()
    running.reserve(ASKED)
    failed.reserve(ASKED)
    failed.not_charged()

    outlined.close()

    assert spent(fake) == (COST + MOST, COST + MOST)
    assert leftover(fake) == []
    running.settle(USAGE)
    with pytest.raises(UpstreamFailed, match="ended"):
        late.reserve(ASKED)
    with pytest.raises(UpstreamFailed, match="ended"):
        outlined.another().reserve(ASKED)
    assert spent(fake) == (COST + MOST, COST + MOST)
    assert leftover(fake) == []


def closed_before(meter: Meter, counters: Counters, operation: str, name: str) -> None:
    """Have a meter closed just before an operation on these counters."""
    carry_out = getattr(counters, operation)

    def close(*given: Any, **options: Any) -> object:
        if name in (given[0], getattr(given[0], "name", "")):
            setattr(counters, operation, carry_out)
            meter.close()
        return carry_out(*given, **options)

    setattr(counters, operation, close)


@pytest.mark.parametrize("name", ["c1", "stack"])
def test_given_the_request_is_closed_while_a_call_reserves_then_nothing_stays_reserved(
    fake: MemoryTable, counters: Counters, outlined: Meter, name: str
) -> None:
    day = outlined.another()
    closed_before(outlined, counters, "reserve", name)

    with pytest.raises(UpstreamFailed, match="ended"):
        day.reserve(ASKED)

    assert (spent(fake), leftover(fake)) == ((COST, COST), [])


@pytest.mark.parametrize("name", ["c1", "stack"])
def test_given_the_request_is_closed_while_its_first_call_settles_then_the_lease_ends(
    fake: MemoryTable, counters: Counters, start: Start, name: str
) -> None:
    meter = start()
    meter.reserve(ASKED)
    closed_before(meter, counters, "settle", name)

    meter.settle(USAGE)

    assert (spent(fake), leftover(fake)) == ((COST, COST), [])


def test_given_the_request_is_closed_just_before_its_first_call_settles_then_the_lease_ends(
    fake: MemoryTable, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    meter = start()
    meter.reserve(ASKED)
    settle = RequestCounters.settle

    def close(counters: RequestCounters, ended: list[tuple[Reservation, Spent]]) -> None:
        monkeypatch.undo()
        meter.close()
        settle(counters, ended)

    monkeypatch.setattr(RequestCounters, "settle", close)

    meter.settle(USAGE)

    assert (spent(fake), leftover(fake)) == ((COST, COST), [])


def test_given_the_table_is_away_for_the_first_call_then_no_further_one_counts_the_request(
    fake: MemoryTable, counters: Counters
) -> None:
    settings = Settings.load({"BUDGET_PER_DAY": "1", "BUDGET_WHEN_UNAVAILABLE": "allow"})
    client = Client("c1", "ann", ONE)
    meter = Meter(client, PriceList.load(), RequestCounters(client, settings, counters, NOW, Deadline(28)))
    fake.before = lambda *_: "deny"
    meter.reserve(ASKED)
    fake.before = lambda *_: None

    for _ in range(2):
        meter.another().reserve(ASKED)

    assert "20.requests" not in fake.counters("c1", "2026-11")
    assert attributes(fake, "c1", "p") == []


def test_calls_of_many_threads_are_counted_to_the_nanodollar(fake: MemoryTable, outlined: Meter) -> None:
    days, together = [outlined.another() for _ in range(14)], threading.Barrier(14)

    def ask(number: int) -> None:
        together.wait(10)
        for _ in range(3):
            days[number].reserve(ASKED)
            days[number].settle(NOTHING if number == 0 else USAGE)

    with ThreadPoolExecutor(14) as pool:
        list(pool.map(ask, range(14)))
    assert (outlined.cost, outlined.budgets[0].left) == ((1 + 13 * 3) * COST, 1_000_000_000 - spent(fake)[1])
    outlined.close()

    assert spent(fake)[1] == (1 + 13 * 3) * COST + 3 * MOST
    assert leftover(fake) == []


def test_given_a_request_is_closed_at_any_moment_of_its_calls_then_no_lease_and_no_reservation_is_left(
    fake: MemoryTable, start: Start
) -> None:
    for round_ in range(20):
        meter = start(Limits(parallel=1))
        meter.reserve(ASKED)
        days, begun = [meter.another() for _ in range(4)], threading.Event()

        def ask(day: Meter, begun: threading.Event = begun) -> int:
            calls = 0
            try:
                while True:
                    day.reserve(ASKED)
                    calls += 1
                    begun.set()
                    day.settle(USAGE)
            except UpstreamFailed:
                return calls

        before = spent(fake)[1]
        with ThreadPoolExecutor(5) as pool:
            asked = [pool.submit(ask, day) for day in days]
            settled = pool.submit(meter.settle, USAGE)
            assert begun.wait(10)
            if round_ % 2:
                settled.result()
            meter.close()
        calls = sum(each.result() for each in asked)

        assert leftover(fake) == []
        assert spent(fake)[1] - before + MOST >= (calls + 1) * COST, "each call that was made is counted"
