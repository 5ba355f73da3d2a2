"""``travel-gpt client show``: one client, its limits and whether it may ask."""

import json
import time
from datetime import UTC, datetime
from typing import Final

from travel_gpt.cli.client.plan import Deployed, deployed
from travel_gpt.cli.client.records import ClientRecords
from travel_gpt.cli.client.registered import Registered
from travel_gpt.cli.console import Console
from travel_gpt.cli.target import before_aws
from travel_gpt.guard.clients import OWNER
from travel_gpt.guard.typed_limits import describe

OPTIONS: Final = {
    "per_minute": "--per-minute",
    "per_day": "--per-day",
    "parallel": "--parallel",
    "budget_per_day": "--budget (USD/day)",
    "budget_per_month": "--budget (USD/month)",
    "expires_at": "--expires",
}
"""The options that set the fields of a client's record."""


def show(stack: str, name: str, console: Console, flags: str = "", *, as_json: bool = False) -> None:
    """Show one client, its limits and whether it may ask.

    Raises:
        CliError: there is no such client.
        ClientError: AWS refused.
    """
    before_aws()
    place = deployed(stack, flags)
    registered = ClientRecords(place.table, flags).find(name)
    if as_json:
        console.raw(json.dumps(_document(registered, place), indent=2))
    else:
        print_client(registered, place, console)


def state_of(registered: Registered) -> str:
    """Return whether a client may ask: ``yes``, or why not."""
    client = registered.client
    if registered.damaged:
        return "no: its record is damaged"
    if client.disabled:
        return "no: disabled"
    if 0 < client.expires_at <= time.time():
        return "no: expired"
    return "yes"


def key_ids_of(registered: Registered, place: Deployed) -> tuple[str, ...]:
    """Return the ids of a client's API keys: the owner has that of the stack.

    Args:
        registered: the client.
        place: the stack.
    """
    return (place.owner_key_id,) if registered.client.id == OWNER else registered.key_ids


def print_client(registered: Registered, place: Deployed, console: Console) -> None:
    """Print a client.

    Args:
        registered: the client.
        place: the stack.
        console: where to print it.
    """
    client, page = registered.client, registered.page
    damaged = {OPTIONS[field] for field in registered.damaged if field in OPTIONS}
    console.rows(
        [
            ("Client", f"{client.name} ({client.id})"),
            ("Kind", registered.kind),
            ("API key id", ", ".join(key_ids_of(registered, place)) or "none"),
            ("May ask", state_of(registered)),
            ("Expires", moment(client.expires_at) if client.expires_at else "never"),
            ("Added", moment(registered.created_at) if registered.created_at else "with the stack"),
            *describe(client.limits).items(),
            ("Invitations", f"accepted on {page.summary()}" if page.devices else "none"),
            *(("Session", f"{each.device}, since {moment(each.created_at)}") for each in page.sessions),
        ]
    )
    if registered.damaged and not damaged:
        console.note(
            "The moment that its sessions were ended has an invalid value. Any limit, given again, repairs "
            f"that, and ends its sessions: travel-gpt client limit {client.name} --per-minute 10{place.flags}"
        )
    if damaged:
        console.note(
            f"These limits have invalid values: {', '.join(sorted(damaged))}. Give each of them again: "
            f"travel-gpt client limit {client.name}{place.flags}"
        )


def _document(registered: Registered, place: Deployed) -> dict[str, object]:
    client = registered.client
    return {
        "id": client.id,
        "name": client.name,
        "kind": registered.kind,
        "key_ids": list(key_ids_of(registered, place)),
        "may_ask": state_of(registered) == "yes",
        "disabled": client.disabled,
        "expires_at": client.expires_at,
        "created_at": registered.created_at,
        "damaged": list(registered.damaged),
        "limits": client.limits._asdict(),
        "page": registered.page.document(),
    }


def moment(seconds: int) -> str:
    """Return a moment as a person reads it.

    Args:
        seconds: since the epoch.
    """
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"
    except (ValueError, OverflowError):
        return "in the far future"
