"""The meter of one request: what is reserved for each try, and what becomes of it."""

import threading
import time
from collections.abc import Callable
from contextlib import closing, nullcontext
from dataclasses import replace

import pytest

from tests.fakes.dynamodb import TABLE, MemoryTable
from tests.support.clock import Clock
from tests.unit.guard.conftest import Metrics
from travel_gpt.aws.table import Table
from travel_gpt.deadline import Deadline
from travel_gpt.errors import BudgetExhausted, LimitError, LimitsUnavailable, RateLimited
from travel_gpt.guard.clients import Client
from travel_gpt.guard.counters import Counters
from travel_gpt.guard.limits import Limits
from travel_gpt.guard.meter import Meter
from travel_gpt.guard.request_counters import RequestCounters
from travel_gpt.guard.windows import Windows
from travel_gpt.llm.capabilities import ServerCapabilities
from travel_gpt.llm.model_api import ModelRequest, Prompt, Usage
from travel_gpt.llm.prices import PriceList
from travel_gpt.settings import Settings

NOW = 1_795_176_000.0
MONTH = Windows.at(NOW).month
ASKED = ModelRequest(
    Prompt("Advise.", "Lisbon?"), "gpt-6-luna", 1000, "none", ServerCapabilities(at_openai=True)
)
MOST = PriceList.load().of("gpt-6-luna").most(ASKED)
USAGE = Usage(100, 50, 150)
COST = 100 * 125 + 50 * 500

Start = Callable[..., Meter]


@pytest.fixture
def start(counters: Counters) -> Start:
    def make(limits: Limits = Limits(), **environment: str) -> Meter:  # noqa: B008 - frozen
        settings = Settings.load({"BUDGET_PER_DAY": "1", **environment})
        client = Client("c1", "ann", limits)
        counted = RequestCounters(client, settings, counters, NOW, Deadline(28))
        return Meter(client, PriceList.load(), counted)

    return make


def spent(fake: MemoryTable) -> tuple[int, int]:
    return fake.counters("c1", MONTH).get("cost", 0), fake.counters("stack", MONTH).get("cost", 0)


def attributes(fake: MemoryTable, name: str, first: str) -> list[str]:
    return [attribute for attribute in fake.counters(name, MONTH) if attribute.startswith(first)]


def test_an_answer_takes_two_calls_before_and_two_after(fake: MemoryTable, start: Start) -> None:
    meter = start()
    meter.reserve(ASKED)
    assert (fake.calls.total(), spent(fake)) == (2, (MOST, MOST))

    meter.settle(USAGE)
    meter.close()

    assert (fake.calls.total(), spent(fake), meter.cost) == (4, (COST, COST), COST)
    assert meter.budgets[0].left == 1_000_000_000 - COST


def test_a_try_that_may_have_been_charged_stays_counted_and_the_next_is_reserved(
    fake: MemoryTable, start: Start
) -> None:
    meter = start(Limits(per_minute=5, parallel=1))
    meter.reserve(ASKED)
    meter.reserve(ASKED)
    meter.settle(USAGE)
    with pytest.raises(RateLimited, match="parallel"):
        start(Limits(parallel=1)).reserve(ASKED)
    meter.close()

    assert spent(fake) == (MOST + COST, MOST + COST)
    assert fake.counters("c1", MONTH)["20.requests"] == 1
    assert [attributes(fake, name, first) for name in ("c1", "stack") for first in "rp"] == [[]] * 4


def test_another_model_for_the_next_try_takes_its_own_reservation(fake: MemoryTable, start: Start) -> None:
    meter = start(Limits(parallel=1))
    meter.reserve(ASKED)
    meter.not_charged()
    other = replace(ASKED, model="gpt-6-sol")
    meter.reserve(other)
    with pytest.raises(RateLimited, match="parallel"):
        start(Limits(parallel=1)).reserve(ASKED)
    meter.close()

    most = PriceList.load().of("gpt-6-sol").most(other)
    assert most != MOST
    assert spent(fake) == (most, most)


def test_a_try_that_was_not_charged_leaves_its_reservation_to_the_next(
    fake: MemoryTable, start: Start
) -> None:
    meter = start()
    meter.reserve(ASKED)
    meter.not_charged()
    meter.reserve(ASKED)
    assert (fake.calls.total(), spent(fake)) == (2, (MOST, MOST))
    meter.not_charged()

    meter.close()

    assert spent(fake) == (0, 0)


@pytest.mark.parametrize("usage", [Usage(None, None, None), Usage(-1, 5, 4), Usage(1, 10**12, 1)])
def test_a_usage_that_cannot_be_believed_leaves_the_amount_counted_and_ends_the_request(
    fake: MemoryTable, start: Start, metrics: Metrics, usage: Usage
) -> None:
    meter = start(Limits(parallel=1))
    meter.reserve(ASKED)
    meter.settle(usage)
    meter.close()

    assert (spent(fake), meter.cost, metrics()["UsageMissing"]) == ((MOST, MOST), None, [1])
    assert [attributes(fake, name, first) for name in ("c1", "stack") for first in "rp"] == [[]] * 4
    start(Limits(parallel=1)).reserve(ASKED)


def test_a_call_above_its_reservation_is_counted_in_full_and_the_next_request_sees_it(
    fake: MemoryTable, start: Start, metrics: Metrics
) -> None:
    cost = 100 * 125 + 5000 * 500
    limits = Limits(budget_per_day=cost)
    meter = start(limits)
    meter.reserve(ASKED)
    meter.settle(Usage(100, 5000, 5100))

    assert spent(fake)[1] == cost > MOST
    assert metrics()["OverReservation"] == [1]
    with pytest.raises(BudgetExhausted):
        start(limits).reserve(ASKED)


@pytest.mark.parametrize(
    ("limits", "environment", "error", "says"),
    [
        (Limits(per_minute=1), {}, RateLimited, "1 queries a minute"),
        (Limits(per_day=1), {}, RateLimited, "1 queries a day"),
        (Limits(parallel=1), {}, RateLimited, "run already"),
        (Limits(budget_per_day=MOST), {}, BudgetExhausted, "of this client for this day"),
        (Limits(budget_per_month=MOST), {}, BudgetExhausted, "of this client for this month"),
        (Limits(), {"BUDGET_PER_MONTH": f"{MOST / 1e9:.6f}"}, BudgetExhausted, "of this API for this month"),
    ],
)
def test_a_limit_that_is_reached_refuses_and_takes_nothing(
    fake: MemoryTable,
    start: Start,
    limits: Limits,
    environment: dict[str, str],
    error: type[RateLimited | BudgetExhausted],
    says: str,
) -> None:
    start(limits, **environment).reserve(ASKED)
    before = spent(fake)

    with pytest.raises(error, match="is reached") as refused, closing(start(limits, **environment)) as meter:
        meter.reserve(ASKED)

    assert says in refused.value.message
    assert (refused.value.retry_after or 0) > 0
    assert (spent(fake), fake.counters("c1", MONTH)["20.refused"]) == (before, 1)


def test_the_headers_count_down(start: Start, clock: Clock) -> None:
    meter = start(Limits(per_minute=10, per_day=500))
    assert meter.headers == {}

    meter.reserve(ASKED)
    # The model answers.
    clock.advance(7.5)

    assert meter.headers == {
        "RateLimit-Policy": '"minute";q=10;w=60, "day";q=500;w=86400',
        "RateLimit": '"minute";r=9;t=53, "day";r=499;t=43193',
    }


@pytest.mark.parametrize(
    ("limits", "retry_after", "state"),
    [
        (Limits(per_minute=1, per_day=9), 60, '"minute";r=0;t=60, "day";r=8'),
        (Limits(per_minute=9, per_day=1), 43_200, '"minute";r=8;t=60, "day";r=0;t=43200'),
        (Limits(per_minute=9, per_day=9, parallel=1), 2, '"minute";r=8, "day";r=8'),
        (
            Limits(per_minute=9, per_day=9, budget_per_day=MOST),
            43_200,
            '"minute";r=8;t=60, "day";r=8;t=43200',
        ),
    ],
)
def test_no_header_of_a_refusal_names_a_time_after_retry_after(
    start: Start, limits: Limits, retry_after: int, state: str
) -> None:
    start(limits).reserve(ASKED)

    with pytest.raises((RateLimited, BudgetExhausted)) as refused:
        start(limits).reserve(ASKED)

    assert (refused.value.retry_after, refused.value.headers["RateLimit"]) == (retry_after, state)


def test_a_reply_warns_from_80_percent_of_a_budget(start: Start) -> None:
    meter = start(Limits(budget_per_month=MOST))
    meter.reserve(ASKED)
    meter.settle(Usage(100, 900, 1000))

    (warned,) = [budget.warning for budget in meter.budgets if budget.warning]
    assert warned == "88% of the client's budget of this month is used. It renews at 2026-12-01 00:00 UTC."
    meter = start(Limits(budget_per_month=10 * MOST))
    meter.reserve(ASKED)
    assert not [budget.warning for budget in meter.budgets if budget.warning]


def test_reading_what_is_left_counts_nothing(fake: MemoryTable, start: Start) -> None:
    meter = start(Limits(per_day=5, budget_per_month=10 * MOST))
    meter.reserve(ASKED)
    meter.settle(USAGE)
    meter.close()
    fake.calls.clear()
    before = fake.items.all()

    look = start(Limits(per_day=5, budget_per_month=10 * MOST))
    look.read(ASKED.model, 0)
    look.close()

    assert (fake.calls, fake.items.all()) == ({"BatchGetItem": 1}, before)
    assert look.budgets == meter.budgets
    assert look.headers == meter.headers


def test_reading_of_a_new_client_finds_everything_left(start: Start) -> None:
    meter = start(Limits(budget_per_day=5))

    meter.read(ASKED.model, 0)

    assert [(each.whose, each.left) for each in meter.budgets] == [("client", 5), ("api", 1_000_000_000)]


@pytest.mark.parametrize(
    ("limits", "environment", "error"),
    [
        (Limits(per_minute=1), {}, RateLimited),
        (Limits(per_day=1), {}, RateLimited),
        (Limits(budget_per_day=COST), {}, BudgetExhausted),
        (Limits(budget_per_month=COST), {}, BudgetExhausted),
        (Limits(), {"BUDGET_PER_DAY": f"0.{COST:09}"[:-3]}, BudgetExhausted),
    ],
)
def test_reading_says_what_a_request_would_be_refused_with(
    start: Start, limits: Limits, environment: dict[str, str], error: type[LimitError]
) -> None:
    spending = start()
    spending.reserve(ASKED)
    spending.settle(USAGE)
    spending.close()
    meter = start(limits, **environment)

    with pytest.raises(error) as refused:
        meter.read(ASKED.model, 0)

    assert refused.value.retry_after
    with pytest.raises(error) as meant:
        start(limits, **environment).reserve(ASKED)
    assert (refused.value.message, refused.value.headers) == (meant.value.message, meant.value.headers)
    assert meter.budgets[0].left == 0 or error is RateLimited


def test_reading_goes_on_from_the_latest_window(fake: MemoryTable, start: Start) -> None:
    # Another environment has a clock that is ahead by a minute.
    Counters(Table(TABLE, send=fake.send)).reserve("c1", Limits(), 0, Windows(Windows.at(NOW).minute + 1))

    with pytest.raises(RateLimited):
        start(Limits(per_minute=1)).read(ASKED.model, 0)


@pytest.mark.parametrize(
    ("limits", "environment", "passes"),
    [
        (Limits(), {}, False),
        (Limits(), {"BUDGET_WHEN_UNAVAILABLE": "allow"}, True),
        (Limits(per_day=1), {"BUDGET_WHEN_UNAVAILABLE": "allow"}, True),
        (
            Limits(per_day=1),
            {"BUDGET_WHEN_UNAVAILABLE": "allow", "LIMITS_WHEN_UNAVAILABLE": "refuse"},
            False,
        ),
    ],
)
def test_without_the_table_reading_says_whether_requests_are_answered(
    fake: MemoryTable, start: Start, limits: Limits, environment: dict[str, str], passes: bool
) -> None:
    fake.before = lambda *_: "drop"
    meter = start(limits, **environment)

    with nullcontext() if passes else pytest.raises(LimitsUnavailable):
        meter.read(ASKED.model, 0)
    assert meter.budgets == []


@pytest.mark.parametrize("when", ["client", "stack"])
@pytest.mark.parametrize(
    ("environment", "passes"),
    [
        ({}, False),
        ({"BUDGET_WHEN_UNAVAILABLE": "allow"}, True),
        ({"BUDGET_PER_DAY": "0"}, True),
        ({"BUDGET_PER_DAY": "0", "LIMITS_WHEN_UNAVAILABLE": "refuse"}, False),
    ],
)
def test_without_the_table_limits_let_pass_and_the_budget_refuses(
    fake: MemoryTable, start: Start, when: str, environment: dict[str, str], passes: bool
) -> None:
    meter = start(Limits(per_minute=5), **environment)
    fake.before = lambda _, given: "deny" if when == "client" or "stack" in str(given["Key"]) else None

    if not passes:
        with pytest.raises(LimitsUnavailable):
            meter.reserve(ASKED)
        fake.before = lambda *_: None
        meter.close()
        assert spent(fake) == (0, 0)
        return
    meter.reserve(ASKED)
    meter.settle(USAGE)
    meter.close()
    assert spent(fake) == ((COST, 0) if when == "stack" else (0, 0))


@pytest.mark.parametrize(("limits", "passes"), [(Limits(per_minute=5), False), (Limits(), True)])
def test_while_only_a_clients_item_cannot_be_used_the_budget_of_all_is_counted(
    fake: MemoryTable, start: Start, limits: Limits, passes: bool
) -> None:
    meter = start(limits, BUDGET_WHEN_UNAVAILABLE="allow", LIMITS_WHEN_UNAVAILABLE="refuse")
    fake.before = lambda _, given: "deny" if "usage#c1" in str(given["Key"]) else None

    if not passes:
        with pytest.raises(LimitsUnavailable):
            meter.reserve(ASKED)
        return
    meter.reserve(ASKED)
    assert spent(fake) == (0, MOST)


@pytest.mark.parametrize(
    ("limits", "environment", "used", "expected"),
    [
        (Limits(), {}, 0, {"BudgetUsedPercent": [0]}),
        (Limits(), {"BUDGET_PER_DAY": f"{MOST * 2.1 / 1e9:.6f}"}, 0, {"BudgetUsedPercent": [47]}),
        (Limits(), {"BUDGET_PER_DAY": f"{MOST * 2.1 / 1e9:.6f}"}, 2, {"BudgetUsedPercent": [100]}),
        (Limits(budget_per_day=MOST), {}, 1, {"ClientBudgetExhausted": [1]}),
        (Limits(per_minute=1), {}, 1, {}),
    ],
)
def test_what_is_used_of_a_budget_is_a_metric(
    start: Start,
    metrics: Metrics,
    limits: Limits,
    environment: dict[str, str],
    used: int,
    expected: dict[str, list[float]],
) -> None:
    for _ in range(used):
        start(limits, **environment).reserve(ASKED)
    metrics()

    try:
        start(limits, **environment).reserve(ASKED)
    except (BudgetExhausted, RateLimited):
        assert used

    assert metrics() == expected


def test_a_settlement_that_may_not_have_arrived_is_a_metric(
    fake: MemoryTable, start: Start, metrics: Metrics
) -> None:
    meter = start()
    meter.reserve(ASKED)
    metrics()
    fake.before = lambda *_: "lose"

    meter.settle(USAGE)

    assert metrics() == {"SettlementLost": [1, 1]}


def test_a_settlement_is_given_up_at_the_deadline(fake: MemoryTable, start: Start, metrics: Metrics) -> None:
    meter = start()
    meter.reserve(ASKED)
    metrics()
    meter._counters._deadline = Deadline(0.1)
    ended = threading.Event()

    def wait(*_: object) -> None:
        ended.wait(10)

    fake.before = wait

    began = time.monotonic()
    meter.settle(USAGE)
    meter.close()
    waited = time.monotonic() - began
    ended.set()

    assert waited < 5
    assert metrics() == {"SettlementLost": [1, 1]}


@pytest.mark.parametrize("budget", ["budget_per_day", "budget_per_month"])
def test_reading_says_when_the_rest_of_a_budget_is_too_small_for_an_answer(start: Start, budget: str) -> None:
    words = PriceList.load().of(ASKED.model).output * 100
    meter = start(Limits(**{budget: words}))

    meter.read(ASKED.model, 100)
    with pytest.raises(BudgetExhausted):
        meter.read(ASKED.model, 101)
