"""Money and limits across environments of the function, by the ledger of the upstream and not by ours.

``BUDGET_RUNS=20 python -m pytest tests/integration/test_budget.py -n 0 -s`` repeats those that draw random
numbers, and prints the figures: what was billed, what we counted, and the difference, which is lost to doubt.
"""

import json
import os
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.fakes.dynamodb import TABLE, FakeTableServer
from tests.fakes.openai import RESPONSES, Exchange, FakeOpenAI, behaviours, bodies
from tests.support.api_workers import Job, Sent, environments

ROOT = Path(__file__).parents[2]
RUNS = int(os.environ.get("BUDGET_RUNS", "1"))
FAULTS = {"lose": 0.04, "fail late": 0.04, "duplicate": 0.04, "throttle": 0.04, "conflict": 0.04}
CAP = 200
QUERY, INSTRUCTIONS = (
    "Three days in Lisbon?",
    (ROOT / "travel_gpt/advisor/instructions.txt").read_text().strip(),
)
# The upstream's own prices of gpt-6-luna, in nanodollars per token.
INPUT, CACHED, OUTPUT = 100, 10, 500
# Some models charge more for input that they write to their cache, which is what is counted for all of them.
CACHE_WRITE = 125
# What is reserved for one call: see docs/clients.md.
MOST = (len(INSTRUCTIONS.encode()) + len(QUERY.encode()) + 200) * CACHE_WRITE + CAP * OUTPUT
# For 100 calls, in the microdollars of the setting.
BUDGET = 100 * MOST // 1000 * 1000

Send = Callable[[Job], Sent]


@pytest.fixture(scope="module")
def send() -> Iterator[Send]:
    """What does a job with environments of the function."""
    with environments() as send:
        yield send


class Ledger:
    """The upstream's own bill, which it writes before it answers, if it answers.

    Args:
        seed: of the random numbers.
        kinds: what a call comes to, one of these each time.
        price: of input that is not cached.

    Attributes:
        within: the bills of the calls whose output is within the cap, in nanodollars.
        above: those of the others.
        known: what an environment that lives counts: the bills that it was sent, and the most that a call may
            cost for each of the others.
    """

    def __init__(self, seed: int, kinds: Sequence[str], price: int = INPUT) -> None:
        self.within: list[int] = []
        self.above: list[int] = []
        self.known = 0
        self._kinds, self._price = kinds, price
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    @property
    def billed(self) -> int:
        """The sum of all bills."""
        return sum(self.within) + sum(self.above)

    @property
    def excess(self) -> int:
        """What the bills above the cap are above a reservation."""
        return sum(max(0, bill - MOST) for bill in self.above)

    def __call__(self, exchange: Exchange) -> None:
        with self._lock:
            kind = self._random.choice(self._kinds)
            given = self._random.randrange(50, len(INSTRUCTIONS) // 2)
            cached, answered = self._random.randrange(given), self._random.randrange(1, CAP + 1)
            if kind == "above the cap":
                # From one token too many to far more than was reserved.
                answered = self._random.randrange(CAP + 1, 10 * CAP)
            bills = self.above if answered > CAP else self.within
            bills.append((given - cached) * self._price + cached * CACHED + answered * OUTPUT)
            self.known += bills[-1] if kind in ("answer", "above the cap") else MOST
        if kind == "error":
            behaviours.server_error()(exchange)
            return
        if kind == "hang":
            exchange.pause(DEADLINE_MS / 1000 + 0.3)
        document = bodies.response(exchange.body, "Take tram 28.")
        usage = {"input_tokens": given, "output_tokens": answered, "total_tokens": given + answered}
        document["usage"] = {**usage, "input_tokens_details": {"cached_tokens": cached}}
        if kind == "missing":
            del document["usage"]
        if kind == "cut":
            payload = json.dumps(document).encode()
            exchange.write(
                exchange.head(200, {"content-type": "application/json", "content-length": str(len(payload))})
            )
            exchange.write(payload[:20])
            exchange.cut()
            return
        exchange.reply(200, document)


KINDS = (*["answer"] * 6, *["above the cap", "missing", "error", "cut", "hang"])
DEADLINE_MS = 3000


def variables(table: FakeTableServer, upstream: FakeOpenAI, **more: str) -> dict[str, str]:
    """The environment variables of the function."""
    return {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL_DYNAMODB": table.url,
        "CREDENTIAL_SOURCE": "environment",
        "OPENAI_API_KEY": "sk-proj-t3stK3y0000000000000000000000000000000001",
        "OPENAI_BASE_URL": upstream.base_url,
        "OPENAI_MAX_OUTPUT_TOKENS": str(CAP),
        "TABLE_NAME": TABLE,
        "OWNER_API_KEY_ID": "ownerkey",
        "BUDGET_PER_MONTH": f"{BUDGET / 1e9:.6f}",
        **more,
    }


def add_clients(table: FakeTableServer, names: Sequence[str], **limits: int) -> list[str]:
    """Add clients, and return the ids of their API keys."""
    for name in names:
        table.put(f"key#{name}key", client=name)
        table.put(f"client#{name}", name=name, **limits)
    return [f"{name}key" for name in names]


def counted(table: FakeTableServer, name: str) -> int:
    """The cost that is counted, of all months."""
    months = {item["sk"]["S"] for item in table.items.all() if item["pk"]["S"] == f"usage#{name}"}
    return sum(table.counters(name, month)["cost"] for month in months)


@pytest.mark.parametrize("seed", range(RUNS))
@pytest.mark.parametrize("faults", [{}, FAULTS], ids=["table", "misbehaving table"])
def test_the_upstreams_bill_stays_within_the_budget_whatever_fails(
    send: Send, seed: int, faults: dict[str, float]
) -> None:
    """504 requests are under way at the same moment; more follow where environments were killed."""
    ledger = Ledger(seed, KINDS)
    with FakeTableServer(faults, seed) as table, FakeOpenAI() as upstream:
        upstream.default(RESPONSES, ledger)
        keys = add_clients(table, ["ann"]) + add_clients(table, ["bob"], budget_per_month=BUDGET // 4)
        sent = send(
            Job(
                variables(table, upstream),
                keys,
                count=8,
                threads=63,
                requests=63,
                at_once=True,
                kills=6,
                milliseconds=DEADLINE_MS,
            )
        )
        ann, bob, total = (counted(table, name) for name in ("ann", "bob", "stack"))

    calls = len(ledger.within) + len(ledger.above)
    print(
        f"\n{calls} calls, {sent.killed} killed, {sent.answers.total()} answers, budget {BUDGET / 1e9} USD: "
        f"billed {ledger.billed / BUDGET:.1%}, counted {total / BUDGET:.1%}, "
        f"lost to doubt {(total - ledger.billed) / BUDGET:.1%} "
        f"(answers without usage {(ledger.known - ledger.billed) / BUDGET:.1%}, the rest by kills and lost "
        f"settlements), above the cap {ledger.excess / BUDGET:.1%}"
    )
    assert sent.at_once == 8 * 63
    assert sent.answers.total() == 8 * 63
    assert sent.killed > 0
    assert calls >= 20
    assert any("budget_exhausted" in answer for answer in sent.answers)
    assert sum(ledger.within) <= BUDGET
    # What the upstream bills above the cap is booked where it is known: not of a killed environment.
    assert total <= BUDGET + ledger.excess
    assert bob <= BUDGET // 4 + ledger.excess
    assert min(total, ann + bob) >= ledger.billed - ledger.excess


@pytest.mark.parametrize("seed", range(RUNS))
def test_each_call_is_counted_by_its_bill_or_else_by_the_most_it_may_cost(send: Send, seed: int) -> None:
    """Output above the cap is booked in full; without a usage the reservation stands.

    The table loses replies, but carries out what it was sent, so there is no other doubt.
    """
    ledger = Ledger(seed, [kind for kind in KINDS if kind != "hang"], CACHE_WRITE)
    with FakeTableServer({"lose": 0.05, "duplicate": 0.05}, seed) as table, FakeOpenAI() as upstream:
        upstream.default(RESPONSES, ledger)
        keys = add_clients(table, ["ann"])
        send(Job(variables(table, upstream, BUDGET_PER_MONTH="0"), keys, count=2, threads=2, requests=40))
        found = {counted(table, "ann"), counted(table, "stack")}

    assert ledger.excess > 0
    assert found == {ledger.known}


def test_an_environment_may_die_before_and_after_each_call_to_the_table(send: Send) -> None:
    """What was reserved and not settled is lost to doubt: at the most one reservation for each that died."""
    ledger = Ledger(1, ["answer"], CACHE_WRITE)
    names = [f"c{at}" for at in range(1, 14)]
    with FakeTableServer() as table, FakeOpenAI() as upstream:
        upstream.default(RESPONSES, ledger)
        sent = send(Job(variables(table, upstream), add_clients(table, names), kill_at_calls=13))
        clients, stack = [counted(table, name) for name in names], counted(table, "stack")

    # The calls: the key and the client are read, the client's money is reserved, then the stack's. The model
    # is asked. The client's reservation is settled, then the stack's. The 13th has no call left to die at.
    answered = ["c13key 200 success"]
    not_reserved, not_settled = [0] * 5, [MOST] * 4
    assert (list(sent.answers), sent.killed) == (answered, 12)
    assert len(ledger.within) == 5
    assert clients == not_reserved + not_settled + ledger.within[1:]
    # Of the stack, the first two of those that were not settled were not reserved either, and the first two
    # of those that were settled were not.
    assert stack == 4 * MOST + sum(ledger.within[3:])
    print(f"\nof 12 killed: billed {ledger.billed}, counted {stack}, lost to doubt {stack - ledger.billed}")


def answers_by_client(
    send: Send, faults: dict[str, float], *jobs: tuple[int, float]
) -> Iterator[dict[str, int]]:
    """Send requests of 50 clients, who may send 10 a minute each, and count those that were answered.

    Args:
        send: does a job.
        faults: those of the table.
        jobs: how many requests each of the 8 environments is sent, and when API Gateway took them.

    Yields:
        How many were answered of each job, by key.
    """
    with FakeTableServer(faults) as table, FakeOpenAI() as upstream:
        keys = add_clients(table, [f"c{number}" for number in range(50)], per_minute=10)
        given = variables(table, upstream, BUDGET_PER_MONTH="0", LIMITS_WHEN_UNAVAILABLE="refuse")
        for requests, taken_at in jobs:
            sent = send(Job(given, keys, count=8, threads=4, requests=requests, taken_at=taken_at))
            yield {key: sent.answers[f"{key} 200 success"] for key in keys}


# Older than any request that is under way, so that no deadline follows from it.
MINUTE = time.time() - 3600


@pytest.mark.parametrize("_run", range(RUNS))
def test_each_of_50_clients_gets_exactly_10_requests_a_minute(send: Send, _run: int) -> None:
    # 11 or 12 for each client in each minute. Then one that was taken in the first minute, and comes late: it
    # counts in the second.
    jobs = (69, MINUTE), (69, MINUTE + 60), (7, MINUTE)

    first, second, late = answers_by_client(send, {}, *jobs)

    assert set(first.values()) == set(second.values()) == {10}
    assert set(late.values()) == {0}


@pytest.mark.parametrize("_run", range(RUNS))
def test_no_client_gets_more_requests_from_a_misbehaving_table(send: Send, _run: int) -> None:
    (answered,) = answers_by_client(send, FAULTS, (75, MINUTE))

    assert max(answered.values()) == 10
