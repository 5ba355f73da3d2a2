"""The counters: reserved as a whole or not at all, settled once, and never counted too low."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.fakes.dynamodb import MemoryTable
from tests.support.clock import Clock
from travel_gpt.aws.table import Table, TableFailed
from travel_gpt.guard.counters import Counters, Exceeded, Spent
from travel_gpt.guard.limits import Limits
from travel_gpt.guard.windows import Windows

NOW = Windows.at(1_795_176_000.0)
MONTH, DAY = NOW.month, NOW.day
NOTHING = Limits()


def money(fake: MemoryTable, name: str = "ann") -> tuple[int, int]:
    found = fake.counters(name, MONTH)
    return found.get(f"{DAY}.cost", 0), found.get("cost", 0)


def test_a_reservation_is_counted_and_settling_replaces_it(fake: MemoryTable, counters: Counters) -> None:
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
    fake: MemoryTable, counters: Counters, limits: Limits, limit: str, passes: int
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
    fake: MemoryTable, counters: Counters
) -> None:
    with pytest.raises(Exceeded):
        counters.reserve("ann", Limits(budget_per_month=299), 300, NOW)
    assert not fake.calls


def test_the_next_window_begins_at_zero(counters: Counters) -> None:
    limits = Limits(per_minute=1)
    counters.reserve("ann", limits, 1, NOW)

    again = counters.reserve("ann", limits, 1, Windows(NOW.minute + 1))

    assert (again.totals.minute, again.totals.requests) == (1, 2)


def test_a_clock_that_jumps_back_reopens_no_window(fake: MemoryTable, clock: Clock, table: Table) -> None:
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


def test_a_late_settlement_leaves_the_lease_that_another_request_took(
    fake: MemoryTable, counters: Counters, clock: Clock
) -> None:
    limits = Limits(parallel=1)
    late = counters.reserve("ann", limits, 300, NOW, lease_seconds=30)
    clock.advance(30)
    counters.reserve("ann", limits, 300, NOW, lease_seconds=30)

    totals = counters.settle(late, Spent(100))

    assert totals is not None
    assert money(fake) == (400, 400)
    with pytest.raises(Exceeded, match="parallel"):
        counters.reserve("ann", limits, 300, NOW, lease_seconds=30)


@pytest.mark.parametrize("limits", [NOTHING, Limits(per_minute=1, budget_per_day=300)])
@pytest.mark.parametrize("fault", ["lose", "duplicate", "throttle", "conflict", "drop", "fail", "fail late"])
def test_a_reservation_that_meets_a_fault_is_counted_once(
    fake: MemoryTable, counters: Counters, fault: str, limits: Limits
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
    fake: MemoryTable, counters: Counters, fault: str, counted: int
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


def test_a_reservation_that_is_settled_twice_is_settled_once(fake: MemoryTable, counters: Counters) -> None:
    reservation = counters.reserve("ann", NOTHING, 300, NOW)
    counters.settle(reservation, Spent(100))

    assert counters.settle(reservation, Spent(100)) is None
    assert money(fake) == (100, 100)


def test_a_call_that_cost_more_than_was_reserved_is_counted_in_full(
    fake: MemoryTable, counters: Counters
) -> None:
    counters.settle(counters.reserve("ann", NOTHING, 300, NOW), Spent(500, "m", 1, 1))
    assert money(fake) == (500, 500)


def test_a_reservation_that_is_never_settled_stays_counted_and_its_attribute_goes(
    fake: MemoryTable, counters: Counters
) -> None:
    counters.reserve("ann", NOTHING, 300, NOW)
    later = Windows(NOW.minute + 61)

    counters.settle(counters.reserve("ann", NOTHING, 50, later), Spent(10))

    found = fake.counters("ann", MONTH)
    assert found["cost"] == 310
    assert not [name for name in found if name.startswith(f"r{NOW.minute}.") or name == f"m{NOW.minute}"]


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        *((name, {"S": "many"}) for name in ("cost", "latest", f"{DAY}.requests")),
        ("cost", {"N": "-1000000"}),
        (f"{DAY}.requests", {"N": "-1"}),
        ("cost", {"N": "1.5"}),
        ("latest", {"N": "9" * 38}),
        ("latest", {"N": str(NOW.month_ends // 60)}),
    ],
)
def test_an_item_with_an_invalid_counter_lets_nothing_pass(
    fake: MemoryTable, counters: Counters, attribute: str, value: dict[str, str]
) -> None:
    key = {"pk": {"S": "usage#ann"}, "sk": {"S": MONTH}}
    fake.put_item({**key, attribute: value})

    with pytest.raises(TableFailed):
        counters.reserve("ann", Limits(per_day=5, budget_per_month=1000), 300, NOW)


@pytest.mark.parametrize("fault", ["deny", "throttle"])
def test_a_table_that_stays_away_is_reported(fake: MemoryTable, counters: Counters, fault: str) -> None:
    fake.before = lambda *_: fault

    with pytest.raises(TableFailed) as failed:
        counters.reserve("ann", NOTHING, 300, NOW)

    assert (failed.value.retryable, fake.calls["UpdateItem"]) == (
        fault == "throttle",
        1 if fault == "deny" else 4,
    )


def test_a_table_that_is_slow_is_not_waited_for(fake: MemoryTable, counters: Counters, clock: Clock) -> None:
    def wait(*_: object) -> str:
        clock.advance(1)
        return "drop"

    fake.before = wait

    with pytest.raises(TableFailed):
        counters.reserve("ann", NOTHING, 300, NOW)

    assert fake.calls["UpdateItem"] == 2


def test_what_is_counted_may_be_deleted_more_than_a_year_after_its_month(
    fake: MemoryTable, counters: Counters
) -> None:
    counters.reserve("ann", NOTHING, 300, NOW)
    counters.count_refusal("bob", NOW)

    year = 365 * 86_400
    assert {fake.counters(name, MONTH)["expires"] > NOW.month_ends + year for name in ("ann", "bob")} == {
        True
    }


def test_as_many_requests_at_once_as_may_run_at_once_are_all_admitted(table: Table) -> None:
    limits, number = Limits(parallel=20), 20
    every = [Counters(table) for _ in range(number)]
    ready = threading.Barrier(number)

    def reserve(counters: Counters) -> str:
        ready.wait()
        return counters.reserve("ann", limits, 1, NOW, lease_seconds=30).lease

    with ThreadPoolExecutor(number) as pool:
        leases = list(pool.map(reserve, every))

    assert len(set(leases)) == number
    with pytest.raises(Exceeded, match="parallel"):
        every[0].reserve("ann", limits, 1, NOW, lease_seconds=30)
