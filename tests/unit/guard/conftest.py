"""A table for each test."""

import json
from collections.abc import Callable

import pytest

from tests.fakes.dynamodb import TABLE, MemoryTable
from tests.support.clock import Clock
from travel_gpt.aws.table import Table
from travel_gpt.guard.counters import Counters
from travel_gpt.telemetry import flush_metrics

Metrics = Callable[[], dict[str, list[float]]]


@pytest.fixture
def fake() -> MemoryTable:
    return MemoryTable()


@pytest.fixture
def table(fake: MemoryTable) -> Table:
    return Table(TABLE, send=fake.send)


@pytest.fixture
def counters(table: Table, clock: Clock) -> Counters:
    return Counters(table, now=clock)


@pytest.fixture
def metrics(capsys: pytest.CaptureFixture[str]) -> Metrics:
    """The values of each metric since the last call."""

    def written() -> dict[str, list[float]]:
        flush_metrics()
        found = json.loads(capsys.readouterr().out or "{}")
        return {name: value for name, value in found.items() if isinstance(value, list)}

    return written
