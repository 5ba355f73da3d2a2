"""A trip on the terminal: its days, what it costs, what was checked."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from travel_gpt.advisor.checks.result import Severity, Violation
from travel_gpt.advisor.trip import Trip
from travel_gpt.cli.itinerary.days import STYLES, shown_days
from travel_gpt.cli.itinerary.remarks import (
    VERIFY_BEFORE_BOOKING,
    missing,
    repaired,
    unchecked,
    understood,
    verdict,
)
from travel_gpt.cli.itinerary.reply import Reply
from travel_gpt.cli.itinerary.wording import amount, counted, day_of, listed
from travel_gpt.cli.printable import one_line

_NAMES: Final = {Severity.ERROR: "Error", Severity.WARNING: "Warning", Severity.NOTE: "Note"}


def trip_page(reply: Reply, width: int) -> Iterator[RenderableType]:
    """Yield what is shown of a trip, from top to bottom.

    Args:
        reply: the trip, with what was checked.
        width: characters of a line.
    """
    trip = reply.trip
    yield Text(one_line(trip.title), style="bold")
    yield Text(_frame(trip))
    if trip.summary:
        yield Text(one_line(trip.summary))
    if gone := missing(reply):
        yield Text(gone, style="yellow")
    yield from shown_days(reply, width)
    yield from _costs(reply)
    yield from _problems(reply)
    yield _title("Checked")
    yield Text(verdict(reply), style="green" if reply.checks.verified else "yellow")
    yield Text(VERIFY_BEFORE_BOOKING)
    if why := list(unchecked(reply)):
        yield Text("Could not be checked, or not all of it:")
        yield from (Padding(Text(each), (0, 0, 0, 2)) for each in why)
    yield from (Text(each) for each in (repaired(reply), understood(reply)) if each)


def _title(text: str) -> Text:
    return Text(f"\n{text}", style="bold")


def _frame(trip: Trip) -> str:
    parts = [f"{day_of(trip.start)} to {day_of(trip.end)}"] if trip.start and trip.end else []
    parts.append(counted(trip.nights, "night"))
    who = [counted(trip.travellers.adults, "adult")]
    if ages := trip.travellers.children:
        who.append(f"{'a child' if len(ages) == 1 else 'children'} of {listed(ages)}")
    if more := trip.travellers.children_without_ages:
        who.append(f"{more} {'child' if more == 1 else 'children'} whose age is not known")
    parts.append(listed(who))
    if trip.origin:
        parts.append(f"from {one_line(trip.origin)}")
    return ", ".join(parts)


def _costs(reply: Reply) -> Iterator[RenderableType]:
    trip, costs = reply.trip, reply.trip.costs
    yield _title("Costs")
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(justify="right")
    for name, value in (
        ("Transport", costs.transport),
        ("Lodging", costs.lodging),
        ("Meals", costs.meals),
        ("Visits", costs.visits),
    ):
        table.add_row(Text(f"  {name}"), Text(amount(value, trip)))
    total = Text(amount(costs.total, trip), style="bold")
    table.add_row(Text("  Together", style="bold"), total, Text(one_line(trip.currency), style="bold"))
    yield table
    if against := _against_budget(reply):
        yield against


def _against_budget(reply: Reply) -> Text | None:
    budget, trip = reply.understood.get("budget"), reply.trip
    if not isinstance(budget, Mapping):
        return None
    limit, currency = budget.get("amount"), budget.get("currency")
    if not isinstance(limit, int | float) or not isinstance(currency, str):
        return None
    if currency != trip.currency:
        other = f"{limit:,.2f} {one_line(currency)}"
        return Text(f"The budget is {other}: the costs, in another currency, are not compared with it.")
    named = f"{amount(limit, trip)} {one_line(currency)}"
    left = limit - trip.costs.total
    if left < 0:
        return Text(f"That is {amount(-left, trip)} more than the budget of {named}.", style="red")
    return Text(f"Of the budget of {named}, {amount(left, trip)} are left.")


def _problems(reply: Reply) -> Iterator[RenderableType]:
    found = [(severity, each) for severity in _NAMES for each in reply.checks.found(severity)]
    if not found:
        return
    yield _title("Found")
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for severity, each in found:
        table.add_row(Text(f"  {_NAMES[severity]}", style=STYLES[severity]), Text(_where(each)))
    yield table


def _where(violation: Violation) -> str:
    """Return what breaks a rule, with its day."""
    message = one_line(violation.message)
    day = f"Day {violation.day}"
    named = violation.day is None or re.match(rf"{day}\b", message)
    return message if named else f"{day}: {message}"
