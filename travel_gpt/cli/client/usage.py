"""``travel-gpt usage``: what each client asked and what that cost, by day and model."""

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final

import boto3

from travel_gpt.cli.client.plan import deployed
from travel_gpt.cli.client.records import ClientRecords
from travel_gpt.cli.console import Console
from travel_gpt.cli.errors import USAGE, CliError
from travel_gpt.cli.target import before_aws
from travel_gpt.guard.clients import OWNER, Client
from travel_gpt.guard.counters import STACK
from travel_gpt.guard.limits import Limits
from travel_gpt.llm.prices import NANODOLLARS

_PREFIX: Final = "usage#"
_MODEL: Final = re.compile(r"(?P<day>\d\d)\.(?P<model>.+)\.(?P<what>answers|input|output|cost)")
_DAY: Final = re.compile(r"(?P<day>\d\d)\.(?P<what>requests|refused|cost)")
_MONTH: Final = re.compile(r"20\d\d-(0[1-9]|1[0-2])")


@dataclass(slots=True)
class Row:
    """One client, day and model. The model is empty where only requests are counted."""

    client: str
    day: str
    model: str = ""
    requests: int = 0
    refused: int = 0
    answers: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_nanodollars: int = 0
    reserved_nanodollars: int = 0
    """What is counted beyond the answers: under way, or of calls whose cost is not known."""


def show(stack: str, month: str, console: Console, *, as_json: bool = False) -> None:
    """Show the usage of a month.

    Args:
        stack: the stack's name.
        month: the month, such as 2026-11; empty for the present one.
        console: where to show it.
        as_json: whether to print JSON.

    Raises:
        CliError: the month is none, or there is no such stack.
        ClientError: AWS refused.
    """
    month = month or f"{datetime.now(UTC):%Y-%m}"
    if not _MONTH.fullmatch(month):
        raise CliError("--month must be a month such as 2026-11.", USAGE)
    before_aws()
    place = deployed(stack)
    names = {each.client.id: each.client.name for each in ClientRecords(place.table).all()}
    rows = [row for item in _items(place.table, month) for row in _rows(item, names)]
    rows.sort(key=lambda row: (row.day, row.client, row.model))
    if as_json:
        document = [asdict(row) for row in rows]
        console.raw(json.dumps({"stack": stack, "month": month, "usage": document}, indent=2))
        return
    if not rows:
        console.say(f"Nothing was asked in {month}.")
        return
    _table(rows, console)


def list_clients(stack: str, console: Console, *, as_json: bool = False) -> None:
    """List the clients, with their requests and costs of this month so far.

    Args:
        stack: the stack's name.
        console: where to show it.
        as_json: whether to print JSON.

    Raises:
        CliError: there is no such stack.
        ClientError: AWS refused.
    """
    before_aws()
    place = deployed(stack)
    counted = {
        item["pk"]["S"].removeprefix(_PREFIX): item
        for item in _items(place.table, f"{datetime.now(UTC):%Y-%m}")
    }
    records = ClientRecords(place.table)
    clients = {each.client.id: each.client for each in records.all()}
    clients.setdefault(OWNER, Client(OWNER, OWNER, Limits()))
    found = [
        {
            "id": client.id,
            "name": client.name,
            "disabled": client.disabled,
            "requests": sum(
                int(value["N"])
                for name, value in counted.get(client.id, {}).items()
                if name.endswith(".requests")
            ),
            "cost_nanodollars": int(counted.get(client.id, {}).get("cost", {"N": "0"})["N"]),
        }
        for client in sorted(clients.values(), key=lambda client: client.name)
    ]
    if as_json:
        console.raw(json.dumps({"stack": stack, "paused": records.paused(), "clients": found}, indent=2))
        return
    if records.paused():
        console.note("The API is paused: travel-gpt resume lets queries through again.")
    console.rows(
        (
            str(each["name"]),
            f"{each['requests']:,} queries, USD {_number(each['cost_nanodollars']) / NANODOLLARS:.4f} "
            "this month" + (", disabled" if each["disabled"] else ""),
        )
        for each in found
    )


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _items(table: str, month: str) -> Iterator[dict[str, Any]]:
    pages = (
        boto3.client("dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName=table,
            FilterExpression="begins_with(pk, :kind) AND sk = :month",
            ExpressionAttributeValues={":kind": {"S": _PREFIX}, ":month": {"S": month}},
            ConsistentRead=True,
        )
    )
    for page in pages:
        yield from (item for item in page["Items"] if item["pk"]["S"] != f"{_PREFIX}{STACK}")


def _rows(item: dict[str, Any], names: dict[str, str]) -> list[Row]:
    client_id = item["pk"]["S"].removeprefix(_PREFIX)
    client, month = names.get(client_id, client_id), item["sk"]["S"]
    days: dict[str, Row] = {}
    models: dict[tuple[str, str], Row] = {}
    for attribute, value in item.items():
        number = int(value.get("N", 0))
        if found := _MODEL.fullmatch(attribute):
            row = models.setdefault(
                (found["day"], found["model"]), Row(client, f"{month}-{found['day']}", found["model"])
            )
            name = {"input": "input_tokens", "output": "output_tokens", "cost": "cost_nanodollars"}
            setattr(row, name.get(found["what"], found["what"]), number)
        elif found := _DAY.fullmatch(attribute):
            row = days.setdefault(found["day"], Row(client, f"{month}-{found['day']}"))
            setattr(row, {"cost": "reserved_nanodollars"}.get(found["what"], found["what"]), number)
    for (day, _), row in models.items():
        if day in days:
            days[day].reserved_nanodollars -= row.cost_nanodollars
    return [*days.values(), *models.values()]


def _table(rows: list[Row], console: Console) -> None:
    head = (
        "day",
        "client",
        "model",
        "queries",
        "refused",
        "answers",
        "input",
        "output",
        "USD",
        "USD reserved",
    )
    lines = [
        (
            row.day,
            row.client,
            row.model or "(all)",
            *(
                f"{number:,}" if number else ""
                for number in (row.requests, row.refused, row.answers, row.input_tokens, row.output_tokens)
            ),
            _usd(row.cost_nanodollars),
            _usd(row.reserved_nanodollars),
        )
        for row in rows
    ]
    widths = [max(len(line[column]) for line in [head, *lines]) for column in range(len(head))]
    for line in [head, *lines]:
        cells = [
            cell.ljust(width) if column < 3 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        console.say(f"  {'  '.join(cells)}".rstrip())
    total = sum(row.cost_nanodollars for row in rows)
    console.say(f"\nIn all USD {total / NANODOLLARS:.4f} for answers, by the price list of this version.")


def _usd(nanodollars: int) -> str:
    return f"{nanodollars / NANODOLLARS:.4f}" if nanodollars else ""
