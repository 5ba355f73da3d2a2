"""A table for each test."""

from collections.abc import Iterator

import pytest

from tests.fakes.dynamodb import TABLE, FakeTable
from tests.support.clock import Clock
from travel_gpt.aws.table import Table
from travel_gpt.guard.counters import Counters


@pytest.fixture
def fake() -> Iterator[FakeTable]:
    with FakeTable() as table:
        yield table


@pytest.fixture
def table(fake: FakeTable) -> Table:
    return Table(TABLE, send=fake.send)


@pytest.fixture
def counters(table: Table, clock: Clock) -> Counters:
    return Counters(table, now=clock)
