"""Money and limits across environments of the function, by the ledger of the upstream and not by ours.

``BUDGET_RUNS=20 python -m pytest tests/integration/test_budget.py -s`` repeats each and prints the figures.
"""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.fakes.dynamodb import TABLE, FakeTableServer
from tests.fakes.openai import RESPONSES, Exchange, FakeOpenAI, behaviours, bodies

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
# What is reserved for one call: see docs/clients.md.
MOST = (len(INSTRUCTIONS.encode()) + len(QUERY.encode()) + 200) * 125 + CAP * OUTPUT
# For 100 calls, in the microdollars of the setting.
BUDGET = 100 * MOST // 1000 * 1000


class Ledger:
    """The upstream's own bill, which it writes before it answers, if it answers."""

    def __init__(self, seed: int) -> None:
        self.billed = self.calls = 0
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def __call__(self, exchange: Exchange) -> None:
        with self._lock:
            kind = self._random.choice(["answer"] * 6 + ["missing", "error", "cut", "hang"])
            given = self._random.randrange(50, len(INSTRUCTIONS) // 2)
            cached, answered = self._random.randrange(given), self._random.randrange(1, CAP + 1)
            self.calls += 1
            self.billed += (given - cached) * INPUT + cached * CACHED + answered * OUTPUT
        if kind == "error":
            behaviours.server_error()(exchange)
            return
        if kind == "hang":
            exchange.pause(3)
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


def send_requests(
    table: FakeTableServer, upstream: FakeOpenAI, keys: list[str], *size: int, **variables: str
) -> tuple[Counter[str], int]:
    """Run environments of the function: their number, their threads and the requests of each.

    Returns the answers by key, status and code, and how many environments were killed.
    """
    given = {
        **{name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")},
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
        "WORKER_KEYS": ",".join(keys),
        **variables,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.api_workers", *map(str, size)],
        env=given,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=120)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    *answers, killed = map(json.loads, output.splitlines())
    return sum(map(Counter, answers), Counter[str]()), killed


def counted(table: FakeTableServer, name: str) -> int:
    """The cost that is counted, of all months."""
    months = {item["sk"]["S"] for item in table.items.all() if item["pk"]["S"] == f"usage#{name}"}
    return sum(table.counters(name, month)["cost"] for month in months)


@pytest.mark.parametrize("seed", range(RUNS))
@pytest.mark.parametrize("faults", [{}, FAULTS], ids=["table", "misbehaving table"])
def test_the_upstreams_bill_stays_within_the_budget_whatever_fails(
    seed: int, faults: dict[str, float]
) -> None:
    ledger = Ledger(seed)
    clients = {"ann": BUDGET, "bob": BUDGET // 4}
    variables = {
        "BUDGET_PER_MONTH": f"{BUDGET / 1e9:.6f}",
        "BUDGET_PER_DAY": "0",
        "WORKER_MILLISECONDS": "2500",
        "WORKER_KILLS": "12",
    }
    with FakeTableServer(faults, seed) as table, FakeOpenAI() as upstream:
        for client, budget in clients.items():
            table.put(f"key#{client}key", client=client)
            table.put(f"client#{client}", name=client, budget_per_month=budget)
        upstream.default(RESPONSES, ledger)
        keys = [f"{client}key" for client in clients]
        answers, killed = send_requests(table, upstream, keys, 8, 4, 63, **variables)
        by_client = {client: counted(table, client) for client in clients}
        total = counted(table, "stack")

    print(
        f"\n{ledger.calls} calls, {killed} killed, {answers.total()} answers, budget {BUDGET / 1e9:.6f} USD: "
        f"billed {ledger.billed / BUDGET:.1%}, counted {total / BUDGET:.1%}, "
        f"lost to doubt {(total - ledger.billed) / BUDGET:.1%}"
    )
    assert answers.total() == 8 * 63
    assert killed > 0
    assert ledger.calls >= 30
    assert ledger.billed <= total <= BUDGET
    assert ledger.billed <= sum(by_client.values())
    assert all(by_client[client] <= budget for client, budget in clients.items())
    assert any("budget_exhausted" in answer for answer in answers)


@pytest.mark.parametrize("faults", [{}, FAULTS], ids=["table", "misbehaving table"])
@pytest.mark.parametrize("_run", range(RUNS))
def test_each_of_50_clients_gets_exactly_10_requests_a_minute(_run: int, faults: dict[str, float]) -> None:
    keys = [f"key{number}" for number in range(50)]
    variables = {
        # One minute for all. It is older than any request that is under way, so no deadline follows from it.
        "WORKER_TAKEN_AT": str(time.time() - 3600),
        "LIMITS_WHEN_UNAVAILABLE": "refuse",
    }
    with FakeTableServer(faults) as table, FakeOpenAI() as upstream:
        for key in keys:
            table.put(f"key#{key}", client=f"c-{key}")
            table.put(f"client#c-{key}", name=key, per_minute=10)
        answers, _ = send_requests(table, upstream, keys, 8, 4, 100, **variables)

    passed = [sum(n for answer, n in answers.items() if answer.startswith(f"{key} 200")) for key in keys]
    assert max(passed) == 10
    if not faults:
        assert min(passed) == 10
