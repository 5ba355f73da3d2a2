"""``travel-gpt usage`` and ``client list``: the counters that the function wrote, as the owner reads them."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.fakes.dynamodb import TABLE, FakeTable
from tests.unit.cli.conftest import Person
from tests.unit.cli.test_client import Api, add, api, put, shown
from travel_gpt.aws.table import Table
from travel_gpt.cli.errors import USAGE
from travel_gpt.guard.counters import STACK, Counters, Spent
from travel_gpt.guard.limits import Limits
from travel_gpt.guard.windows import Windows

__all__ = ["api"]
DAY = 86_400
OCTOBER = datetime(2026, 10, 5, tzinfo=UTC).timestamp()


def ask(client: str, at: float, model: str = "gpt-6-luna", cost: int | None = 1_000_000) -> None:
    """Count one query as the function does; without a cost it stays reserved."""
    counters = Counters(Table(TABLE, send=FakeTable().send))
    for name in (client, STACK):
        reservation = counters.reserve(name, Limits(), 5_000_000, Windows.at(at))
        if cost is not None:
            counters.settle(reservation, Spent(cost, model, 1200, 300))


def refuse(client: str, at: float) -> None:
    Counters(Table(TABLE, send=FakeTable().send)).count_refusal(client, Windows.at(at))


def usage(person: Person, *options: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(person.run("usage", "--json", *options).out)
    return found


@pytest.fixture
def october(person: Person, api: Api) -> None:  # noqa: ARG001
    add(person)
    ann = shown(person)["id"]
    ask(ann, OCTOBER)
    ask(ann, OCTOBER)
    ask(ann, OCTOBER, cost=None)
    ask(ann, OCTOBER + DAY, "gpt-6-sol", 2_500_000)
    ask(ann, OCTOBER + DAY)
    refuse(ann, OCTOBER)
    ask("owner", OCTOBER + DAY)
    refuse("c-gone", OCTOBER + DAY)
    ask("owner", OCTOBER + 40 * DAY)


@pytest.mark.usefixtures("october")
def test_usage_is_by_day_client_and_model(person: Person) -> None:
    lines = person.run("usage", "--month", "2026-10").out.splitlines()

    rows = [" ".join(line.split()) for line in lines]
    assert rows.pop().startswith("The budget of all clients counts USD 0.0115 in 2026-10, reserved amounts")
    assert rows == [
        "day client model queries refused answers input output USD USD reserved",
        "2026-10-05 ann gpt-6-luna 3 1 2 2,400 600 0.0020 0.0050",
        "2026-10-06 ann 2 models 2 2 2,400 600 0.0035",
        "2026-10-06 ann gpt-6-luna 1 1,200 300 0.0010",
        "2026-10-06 ann gpt-6-sol 1 1,200 300 0.0025",
        "2026-10-06 c-gone 1",
        "2026-10-06 owner gpt-6-luna 1 1 1,200 300 0.0010",
        "2026-10 total ann 2 models 5 1 4 4,800 1,200 0.0055 0.0050",
        "2026-10 total c-gone 1",
        "2026-10 total owner gpt-6-luna 1 1 1,200 300 0.0010",
        "2026-10 total (all) 2 models 6 2 5 6,000 1,500 0.0065 0.0050",
        "",
    ]
    assert len({len(line) for line in lines[:2]}) == 1


@pytest.mark.usefixtures("october")
def test_usage_for_a_program_adds_up(person: Person) -> None:
    found = usage(person, "--month", "2026-10")

    for name, total in found["total"].items():
        assert sum(row[name] for row in found["usage"]) == total
        assert sum(each[name] for each in found["clients"].values()) == total
    assert found["total"] == {
        "requests": 6,
        "refused": 2,
        "answers": 5,
        "input_tokens": 6000,
        "output_tokens": 1500,
        "cost_nanodollars": 6_500_000,
        "reserved_nanodollars": 5_000_000,
    }
    assert found["counted_in_budget_nanodollars"] == 11_500_000
    assert {(row["day"], row["client"], row["model"]) for row in found["usage"] if row["model"]} == {
        ("2026-10-05", "ann", "gpt-6-luna"),
        ("2026-10-06", "ann", "gpt-6-luna"),
        ("2026-10-06", "ann", "gpt-6-sol"),
        ("2026-10-06", "owner", "gpt-6-luna"),
    }


@pytest.mark.parametrize("month", ["2026-13", "october", "2026-1", "26-10"])
def test_a_month_that_is_none(person: Person, month: str) -> None:
    person.run("usage", "--month", month, status=USAGE, says="such as 2026-11")


def test_a_month_without_queries(person: Person, api: Api) -> None:  # noqa: ARG001
    assert person.run("usage", "--month", "2026-09").out == "No queries in 2026-09.\n"
    assert usage(person, "--month", "2026-09")["total"]["requests"] == 0


def test_counters_with_invalid_values_count_as_nothing(person: Person, api: Api) -> None:  # noqa: ARG001
    counters: dict[str, int | str] = {"05.requests": "many", "05.cost": 3, "05.m.cost": "x", "05.refused": 2}
    put("usage#owner", "2026-10", **counters)

    total = usage(person, "--month", "2026-10")["total"]

    assert (total["requests"], total["refused"], total["reserved_nanodollars"]) == (0, 2, 3)


def test_a_cost_below_the_last_decimal_is_not_shown_as_nothing(person: Person, api: Api) -> None:  # noqa: ARG001
    add(person, "ann", "--per-day", "5", "--expires", "30d")
    add(person, "bob", "--expires", "30d")
    ask(shown(person)["id"], datetime.now(UTC).timestamp(), cost=49_999)
    ask(shown(person, "bob")["id"], datetime.now(UTC).timestamp(), cost=50_000)

    listed = person.run("client", "list").out.splitlines()[-2:]
    assert [line.split()[-1] for line in listed] == ["<0.0001", "0.0001"]
    until = f"{datetime.fromtimestamp(shown(person)['expires_at'], UTC):%Y-%m-%d %H:%M} UTC"
    assert f"  5 a day, until {until}  " in listed[0]
    assert "  until 20" in listed[1]
    shows = person.run("usage").out.splitlines()
    assert [line.split()[-1] for line in shows[1:3]] == ["<0.0001", "0.0001"]


def test_the_list_has_this_months_use_of_each_client(person: Person, api: Api) -> None:  # noqa: ARG001
    add(person, "ann", "--per-minute", "10", "--parallel", "2", "--budget", "2/month")
    add(person, "bob")
    person.run("client", "disable", "bob")
    now = datetime.now(UTC).timestamp()
    ask(shown(person)["id"], now, cost=1_234_000)
    ask(shown(person)["id"], now, cost=None)
    refuse(shown(person)["id"], now)

    lines = [" ".join(line.split()) for line in person.run("client", "list").out.splitlines()]

    assert lines[1:] == [
        "client kind may ask limits queries refused USD",
        "owner api-key yes none 0 0 0.0000",
        "ann api-key yes 10 a minute, 2 at the same time, USD 2.00 a month 2 1 0.0062",
        "bob api-key no: disabled none 0 0 0.0000",
    ]
    found = json.loads(person.run("client", "list", "--json").out)
    assert (found["paused"], [each["name"] for each in found["clients"]]) == (False, ["owner", "ann", "bob"])
    assert found["clients"][1]["limits"]["per_minute"] == 10
    assert [found["clients"][1][name] for name in ("requests", "refused", "cost_nanodollars")] == [
        2,
        1,
        1_234_000,
    ]
    assert [each["may_ask"] for each in found["clients"]] == [True, True, False]
