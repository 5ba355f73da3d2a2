"""The counters: reserved as a whole or not at all, settled once, and never counted too low."""

import pytest

from tests.fakes.dynamodb import TABLE, FakeTable
from tests.support.clock import Clock
from travel_gpt.aws.table import Table, TableFailed
from travel_gpt.guard.counters import Counters, Exceeded, Spent
from travel_gpt.guard.limits import Limits
from travel_gpt.guard.windows import Windows

NOW = Windows.at(1_795_176_000.0)
MONTH, DAY = NOW.month, NOW.day
NOTHING = Limits()


def money(fake: FakeTable, name: str = "ann") -> tuple[int, int]:
    found = fake.counters(name, MONTH)
    return found.get(f"{DAY}.cost", 0), found.get("cost", 0)


def test_a_reservation_is_counted_and_settling_replaces_it(fake: FakeTable, counters: Counters) -> None:
    reservation = counters.reserve("ann", NOTHING, 300, NOW)
    assert money(fake) == (300, 300)
    assert (reservation.totals.minute, reservation.totals.requests) == (1, 1)

    totals = counters.settle(reservation, Spent(120, "gpt-6-luna", 10, 20))

    assert totals is not None
    assert (totals.day, totals.month, money(fake)) == (120, 120, (120, 120))
    found = fake.counters("ann", MONTH)
    kept = {name.removeprefix(f"{DAY}.gpt-6-luna."): value for name, value in found.items() if "luna" in name}
    assert kept == {"answers": 1, "input": 10, "output": 20, "cost": 120}
    assert not [name for name in found if name.startswith("r")]


@pytest.mark.parametrize(
    ("limits", "limit", "passes"),
    [
        (Limits(per_minute=3), "per_minute", 3),
        (Limits(per_day=2), "per_day", 2),
        (Limits(parallel=2), "parallel", 2),
        (Limits(budget_per_day=1000), "budget_per_day", 3),
        (Limits(budget_per_month=900), "budget_per_month", 3),
    ],
)
def test_a_limit_lets_exactly_so_many_through(
    fake: FakeTable, counters: Counters, limits: Limits, limit: str, passes: int
) -> None:
    for _ in range(passes):
        counters.reserve("ann", limits, 300, NOW, lease_seconds=30)
    before = fake.counters("ann", MONTH)

    for _ in range(2):
        with pytest.raises(Exceeded) as exceeded:
            counters.reserve("ann", limits, 300, NOW, lease_seconds=30)
        assert exceeded.value.limit == limit

    assert fake.counters("ann", MONTH) == before


def test_an_amount_above_the_whole_budget_is_refused_at_the_first_request(
    fake: FakeTable, counters: Counters
) -> None:
    with pytest.raises(Exceeded):
        counters.reserve("ann", Limits(budget_per_month=299), 300, NOW)
    assert not fake.calls


def test_the_next_window_begins_at_zero(counters: Counters) -> None:
    limits = Limits(per_minute=1)
    counters.reserve("ann", limits, 1, NOW)

    again = counters.reserve("ann", limits, 1, Windows(NOW.minute + 1))

    assert (again.totals.minute, again.totals.requests) == (1, 2)


def test_a_clock_that_jumps_back_reopens_no_window(fake: FakeTable, clock: Clock, table: Table) -> None:
    limits = Limits(per_minute=1)
    counters = Counters(table, now=clock)
    counters.reserve("ann", limits, 1, NOW)

    for environment in (counters, Counters(table, now=clock)):
        with pytest.raises(Exceeded):
            environment.reserve("ann", limits, 1, Windows(NOW.minute - 1))
    assert fake.counters("ann", MONTH)[f"{DAY}.requests"] == 1


def test_an_expired_lease_admits_another_request(counters: Counters, clock: Clock) -> None:
    limits = Limits(parallel=1)
    counters.reserve("ann", limits, 1, NOW, lease_seconds=30)
    clock.advance(30)

    counters.settle(counters.reserve("ann", limits, 1, NOW, lease_seconds=30), Spent(1))
    counters.reserve("ann", limits, 1, NOW, lease_seconds=30)

    with pytest.raises(Exceeded, match="parallel"):
        counters.reserve("ann", limits, 1, NOW, lease_seconds=30)


@pytest.mark.parametrize("limits", [NOTHING, Limits(per_minute=1, budget_per_day=300)])
@pytest.mark.parametrize("fault", ["lose", "duplicate", "throttle", "conflict", "drop", "fail", "fail late"])
def test_a_reservation_that_meets_a_fault_is_counted_once(
    fake: FakeTable, counters: Counters, fault: str, limits: Limits
) -> None:
    faults = iter([fault])
    fake.before = lambda *_: next(faults, None)

    reservation = counters.reserve("ann", limits, 300, NOW)

    assert (reservation.totals.minute, money(fake)) == (1, (300, 300))
    counters.settle(reservation, Spent(100))
    assert money(fake) == (100, 100)


@pytest.mark.parametrize(
    ("fault", "counted"),
    [("lose", 100), ("duplicate", 100), ("drop", 300), ("fail", 300), ("fail late", 100)],
)
def test_a_settlement_is_sent_once_and_on_doubt_the_reservation_stays(
    fake: FakeTable, counters: Counters, fault: str, counted: int
) -> None:
    reservation = counters.reserve("ann", NOTHING, 300, NOW)
    calls = fake.calls["UpdateItem"]
    fake.before = lambda *_: fault

    if fault == "duplicate":
        counters.settle(reservation, Spent(100))
    else:
        with pytest.raises(TableFailed):
            counters.settle(reservation, Spent(100))

    assert (fake.calls["UpdateItem"], money(fake)) == (calls + 1, (counted, counted))


def test_a_reservation_that_is_settled_twice_is_settled_once(fake: FakeTable, counters: Counters) -> None:
    reservation = counters.reserve("ann", NOTHING, 300, NOW)
    counters.settle(reservation, Spent(100))

    assert counters.settle(reservation, Spent(100)) is None
    assert money(fake) == (100, 100)


def test_a_call_that_cost_more_than_was_reserved_is_counted_in_full(
    fake: FakeTable, counters: Counters
) -> None:
    counters.settle(counters.reserve("ann", NOTHING, 300, NOW), Spent(500, "m", 1, 1))
    assert money(fake) == (500, 500)


def test_a_reservation_that_is_never_settled_stays_counted_and_its_attribute_goes(
    fake: FakeTable, counters: Counters
) -> None:
    counters.reserve("ann", NOTHING, 300, NOW)
    later = Windows(NOW.minute + 61)

    counters.settle(counters.reserve("ann", NOTHING, 50, later), Spent(10))

    found = fake.counters("ann", MONTH)
    assert found["cost"] == 310
    assert not [name for name in found if name.startswith(f"r{NOW.minute}.") or name == f"m{NOW.minute}"]


@pytest.mark.parametrize("attribute", ["cost", "latest", f"{DAY}.requests"])
def test_an_item_with_an_invalid_counter_lets_nothing_pass(
    fake: FakeTable, counters: Counters, attribute: str
) -> None:
    key = {"pk": {"S": "usage#ann"}, "sk": {"S": MONTH}}
    fake.client.put_item(TableName=TABLE, Item={**key, attribute: {"S": "many"}})

    with pytest.raises(TableFailed):
        counters.reserve("ann", Limits(per_day=5, budget_per_month=1000), 300, NOW)


@pytest.mark.parametrize("fault", ["deny", "throttle"])
def test_a_table_that_stays_away_is_reported(fake: FakeTable, counters: Counters, fault: str) -> None:
    fake.before = lambda *_: fault

    with pytest.raises(TableFailed) as failed:
        counters.reserve("ann", NOTHING, 300, NOW)

    assert (failed.value.retryable, fake.calls["UpdateItem"]) == (
        fault == "throttle",
        1 if fault == "deny" else 4,
    )
