"""Money and limits across environments of the function, by the ledger of the upstream and not by ours."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.dynamodb import TABLE, FakeTableServer
from tests.fakes.openai import RESPONSES, Exchange, FakeOpenAI, behaviours, bodies

ROOT = Path(__file__).parents[2]
RUNS = int(os.environ.get("BUDGET_RUNS", "2"))
CAP = 200
QUERY, INSTRUCTIONS = (
    "Three days in Lisbon?",
    (ROOT / "travel_gpt/advisor/instructions.txt").read_text().strip(),
)
# The upstream's own prices of gpt-6-luna, in nanodollars per token.
INPUT, CACHED, OUTPUT = 100, 10, 500
# What is reserved for one call: see docs/clients.md.
MOST = (len(INSTRUCTIONS.encode()) + len(QUERY.encode()) + 200) * 125 + CAP * OUTPUT


class Ledger:
    """The upstream's own bill, which it writes before it answers, if it answers."""

    def __init__(self, seed: int, faults: bool) -> None:
        self.billed = self.calls = 0
        self._random = random.Random(seed)
        self._faults = faults
        self._lock = threading.Lock()

    def __call__(self, exchange: Exchange) -> None:
        with self._lock:
            kind = (
                self._random.choice(["answer"] * 6 + ["missing", "error", "cut", "hang"])
                if self._faults
                else "answer"
            )
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


@contextmanager
def environments(
    table: FakeTableServer, upstream: FakeOpenAI, *size: int, keys: str = "ownerkey", **variables: str
) -> Iterator[subprocess.Popen[str]]:
    """Start environments of the function: their number, their threads and the requests of each."""
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
        "WORKER_KEYS": keys,
        **variables,
    }
    command = [sys.executable, "-m", "tests.support.api_workers", *map(str, size)]
    process = subprocess.Popen(
        command,
        env=given,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def statuses(output: str) -> Counter[str]:
    return sum((Counter(json.loads(line)) for line in output.splitlines()), Counter[str]())


@pytest.mark.parametrize("seed", range(RUNS))
@pytest.mark.parametrize("table_fails", [False, True])
def test_the_upstreams_bill_stays_within_the_budget_whatever_fails(seed: int, table_fails: bool) -> None:
    rates = {"lose": 0.05, "duplicate": 0.05, "throttle": 0.05, "conflict": 0.05} if table_fails else {}
    budget = 100 * MOST
    ledger = Ledger(seed, faults=True)
    with FakeTableServer(rates, seed) as table, FakeOpenAI() as upstream:
        upstream.default(RESPONSES, ledger)
        variables = {"BUDGET_PER_MONTH": f"{budget / 1e9:.6f}", "WORKER_MILLISECONDS": "2500"}
        with environments(table, upstream, 8, 4, 62, **variables) as process:
            killer = threading.Thread(target=_kill_some, args=(process, random.Random(seed)), daemon=True)
            killer.start()
            assert process.stdout is not None
            found = statuses(process.stdout.read())
        counted: Any = sum(table.counters("stack", month).get("cost", 0) for month in _months(table))

    assert found.total() >= 8 * 62
    assert ledger.calls >= 30
    assert ledger.billed <= counted <= budget
    assert any("budget_exhausted" in status for status in found)


def _kill_some(process: subprocess.Popen[str], chance: random.Random) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if not re.fullmatch(r"\d+\n", line):
            continue
        if chance.random() < 0.5:
            threading.Timer(chance.uniform(0.05, 2), _kill, [int(line)]).start()


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _months(table: FakeTableServer) -> set[str]:
    return {item["sk"]["S"] for item in table.client.scan(TableName=TABLE)["Items"]}


@pytest.mark.parametrize("table_fails", [False, True])
def test_each_of_50_clients_gets_exactly_10_requests_a_minute(table_fails: bool) -> None:
    rates = {"lose": 0.05, "duplicate": 0.05, "throttle": 0.05, "conflict": 0.05} if table_fails else {}
    keys = [f"key{number}" for number in range(50)]
    # One minute for all, and older than any request that is still under way.
    variables = {"WORKER_TAKEN_AT": str(time.time() - 3600), "LIMITS_WHEN_UNAVAILABLE": "refuse"}
    with FakeTableServer(rates) as table, FakeOpenAI() as upstream:
        for key in keys:
            table.put(f"key#{key}", client=f"c-{key}")
            table.put(f"client#c-{key}", name=key, per_minute=10)
        with environments(table, upstream, 8, 4, 100, keys=",".join(keys), **variables) as process:
            assert process.stdout is not None
            found = statuses(process.stdout.read())

    passed = [sum(n for status, n in found.items() if status.startswith(f"{key} 200")) for key in keys]
    assert max(passed) == 10
    if not table_fails:
        assert min(passed) == 10
