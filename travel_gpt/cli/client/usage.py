"""``travel-gpt usage`` and ``client list``: what each client asked and what that cost, by day and model."""

import json
import re
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any, Final

from travel_gpt.cli.client.columns import print_columns
from travel_gpt.cli.client.items import whole_number
from travel_gpt.cli.client.plan import deployed
from travel_gpt.cli.client.records import ClientRecords
from travel_gpt.cli.client.registered import Registered
from travel_gpt.cli.client.show import moment, state_of
from travel_gpt.cli.console import Console
from travel_gpt.cli.errors import USAGE, CliError
from travel_gpt.cli.target import before_aws
from travel_gpt.guard.clients import OWNER, Client
from travel_gpt.guard.counters import STACK
from travel_gpt.guard.limits import Limits
from travel_gpt.guard.typed_limits import dollars, summarize
from travel_gpt.llm.prices import NANODOLLARS

_MODEL: Final = re.compile(r"(?P<day>\d\d)\.(?P<model>.+)\.(?P<what>answers|input|output|cost)")
_DAY: Final = re.compile(r"(?P<day>\d\d)\.(?P<what>requests|refused|cost)")
_MONTH: Final = re.compile(r"20\d\d-(0[1-9]|1[0-2])")
_HEAD: Final = (
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
_CLIENTS: Final = ("client", "kind", "may ask", "limits", "queries", "refused", "USD")


@dataclass(slots=True)
class Row:
    """What one client used on one day: of one model, or what is counted without one (the model is empty)."""

    day: str
    client: str
    model: str = ""
    requests: int = 0
    refused: int = 0
    answers: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_nanodollars: int = 0
    reserved_nanodollars: int = 0
    """What is counted beyond the answers: under way, or of calls whose cost is not known."""


_NUMBERS: Final = tuple(each.name for each in fields(Row) if each.type is int)
_FIELDS: Final = {"input": "input_tokens", "output": "output_tokens", "cost": "cost_nanodollars"}


def show(stack: str, month: str, console: Console, flags: str = "", *, as_json: bool = False) -> None:
    """Show the usage of a month.

    Args:
        stack: the stack's name.
        month: the month, such as 2026-11; empty for the present one.
        console: where to show it.
        flags: the options of the stack, for the next command.
        as_json: whether to print JSON.

    Raises:
        CliError: the month is none, or there is no such stack.
        ClientError: AWS refused.
    """
    month = month or _this_month()
    if not _MONTH.fullmatch(month):
        raise CliError("--month must be a month such as 2026-11.", USAGE)
    before_aws()
    records = ClientRecords(deployed(stack, flags).table, flags)
    names = {each.client.id: each.client.name for each in records.all()}
    counted = records.counters(month)
    in_budget = whole_number(counted.pop(STACK, {}), "cost")
    rows = [row for name, item in counted.items() for row in _rows(month, names.get(name, name), item)]
    rows.sort(key=lambda row: (row.day, row.client, row.model))
    clients = [_sum(f"{month} total", name, _of(rows, name)) for name in sorted({row.client for row in rows})]
    total = _sum(f"{month} total", "(all)", rows)
    if as_json:
        document = {
            "stack": stack,
            "month": month,
            "usage": [asdict(row) for row in rows],
            "clients": {row.client: _numbers(row) for row in clients},
            "total": _numbers(total),
            "counted_in_budget_nanodollars": in_budget,
        }
        console.raw(json.dumps(document, indent=2))
        return
    if not rows and not in_budget:
        console.say(f"No queries in {month}.")
        return
    if rows:
        print_columns(console, _HEAD, [_cells(row) for row in [*_by_day(rows), *clients, total]], left=3)
    console.say(
        f"\nThe budget of all clients counts USD {dollars(in_budget)} in {month}, reserved amounts and "
        "removed clients included. Costs are by the price list of the deployed version, in UTC."
    )


def list_clients(stack: str, console: Console, flags: str = "", *, as_json: bool = False) -> None:
    """List the clients, with their requests and costs of this month so far.

    Args:
        stack: the stack's name.
        console: where to show it.
        flags: the options of the stack, for the next command.
        as_json: whether to print JSON.

    Raises:
        CliError: there is no such stack.
        ClientError: AWS refused.
    """
    before_aws()
    records = ClientRecords(deployed(stack, flags).table, flags)
    month = _this_month()
    clients, counted, paused = records.all(), records.counters(month), records.paused()
    if all(each.client.id != OWNER for each in clients):
        clients.insert(0, Registered(Client(OWNER, OWNER, Limits())))
    used = {
        each.client.id: _sum(month, each.client.name, _rows(month, "", counted.get(each.client.id, {})))
        for each in clients
    }
    if as_json:
        found = [
            {
                "id": each.client.id,
                "name": each.client.name,
                "kind": each.kind,
                "may_ask": state_of(each) == "yes",
                "disabled": each.client.disabled,
                "expires_at": each.client.expires_at,
                "damaged": list(each.damaged),
                "limits": each.client.limits._asdict(),
                "page": each.page.document(),
                **_numbers(used[each.client.id]),
            }
            for each in clients
        ]
        document = {"stack": stack, "month": month, "paused": paused, "clients": found}
        console.raw(json.dumps(document, indent=2))
        return
    if paused:
        console.note(f"The API is paused. To let queries through again: travel-gpt resume{flags}")
    lines = [
        (
            each.client.name,
            ", ".join(filter(None, (each.kind, each.page.summary()))),
            state_of(each),
            _limits(each.client),
            f"{used[each.client.id].requests:,}",
            f"{used[each.client.id].refused:,}",
            _usd(_counted(used[each.client.id])),
        )
        for each in clients
    ]
    console.say(f"In {month} so far (UTC):")
    print_columns(console, _CLIENTS, lines, left=4)


def _this_month() -> str:
    return f"{datetime.now(UTC):%Y-%m}"


def _rows(month: str, client: str, item: dict[str, Any]) -> list[Row]:
    rows: dict[tuple[str, str], Row] = {}

    def row(day: str, model: str) -> Row:
        return rows.setdefault((day, model), Row(f"{month}-{day}", client, model))

    for attribute in item:
        number = whole_number(item, attribute)
        if found := _MODEL.fullmatch(attribute):
            setattr(row(found["day"], found["model"]), _FIELDS.get(found["what"], found["what"]), number)
        elif found := _DAY.fullmatch(attribute):
            name = "reserved_nanodollars" if found["what"] == "cost" else found["what"]
            of_day = row(found["day"], "")
            setattr(of_day, name, getattr(of_day, name) + number)
    for (day, model), each in list(rows.items()):
        if model:
            # The day's counter has the answers' costs too.
            row(day, "").reserved_nanodollars -= each.cost_nanodollars
    return list(rows.values())


def _of(rows: Iterable[Row], client: str) -> list[Row]:
    return [row for row in rows if row.client == client]


def _sum(day: str, client: str, rows: Iterable[Row]) -> Row:
    rows = list(rows)
    models = sorted({row.model for row in rows if row.model})
    named = models[0] if len(models) == 1 else f"{len(models)} models" if models else ""
    return Row(day, client, named, *(sum(getattr(row, name) for row in rows) for name in _NUMBERS))


def _by_day(rows: list[Row]) -> list[Row]:
    """Return one row for each day and client, followed by its models where there are several."""
    found = []
    for day, client in sorted({(row.day, row.client) for row in rows}):
        own = [row for row in _of(rows, client) if row.day == day]
        found.append(_sum(day, client, own))
        models = [row for row in own if row.model]
        found += models if len(models) > 1 else []
    return found


def _numbers(row: Row) -> dict[str, int]:
    return {name: getattr(row, name) for name in _NUMBERS}


def _usd(nanodollars: int) -> str:
    # A short query costs less than what four decimals show, and is not free.
    return f"{nanodollars / NANODOLLARS:.4f}" if nanodollars >= 50_000 or nanodollars <= 0 else "<0.0001"


def _limits(client: Client) -> str:
    limits = summarize(client.limits)
    if client.expires_at <= time.time():
        return limits
    until = f"until {moment(client.expires_at)}"
    return until if client.limits == Limits() else f"{limits}, {until}"


def _counted(row: Row) -> int:
    return row.cost_nanodollars + row.reserved_nanodollars


def _cells(row: Row) -> tuple[str, ...]:
    counts = (row.requests, row.refused, row.answers, row.input_tokens, row.output_tokens)
    money = (row.cost_nanodollars, row.reserved_nanodollars)
    return (
        row.day,
        row.client,
        row.model,
        *(f"{number:,}" if number else "" for number in counts),
        *(_usd(number) if number else "" for number in money),
    )
