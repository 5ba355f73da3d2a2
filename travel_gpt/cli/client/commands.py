"""``travel-gpt client``: add, list, show, limit, disable, enable, rotate and remove; pause and resume."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from travel_gpt.cli.audit_log import audited
from travel_gpt.cli.aws_session import caller
from travel_gpt.cli.client.plan import (
    WAIT,
    Deployed,
    delete_key,
    deployed,
    make_key,
    require_within_plan,
    set_enabled,
    works,
)
from travel_gpt.cli.client.records import ClientRecords, Registered, new_id
from travel_gpt.cli.console import Console
from travel_gpt.cli.errors import CliError
from travel_gpt.cli.target import before_aws
from travel_gpt.guard.clients import OWNER, Client
from travel_gpt.guard.limits import Limits
from travel_gpt.guard.typed_limits import TypedLimits, checked_name, describe

SOURCE = "dynamodb"


def add(stack: str, name: str, typed: TypedLimits, console: Console, flags: str = "") -> None:
    """Make a client with an API key of its own, and print the key once.

    Args:
        stack: the stack's name.
        name: the client's name.
        typed: its limits.
        console: where to say what is done.
        flags: the options of the stack, for the next command.

    Raises:
        CliError: it cannot be done; the text says what to do.
        ClientError: AWS refused.
    """
    checked_name(name)
    limits, expires_at = typed.apply(Limits()), typed.expires_at() or 0
    before_aws()
    who, place = caller(), deployed(stack)
    records = ClientRecords(place.table)
    records.require_new(name)
    require_within_plan(limits, place)
    client = Client(new_id(), name, limits, expires_at=expires_at)
    with audited("client.add", who=who, source=SOURCE, client=client.id, name=name) as change:
        key_id, key = make_key(place, name)
        change.facts["key_id"] = key_id
        try:
            records.write(client, key_id)
        except BaseException:
            # A key without a client is forbidden; no one should find it and wonder.
            delete_key(key_id)
            raise
    console.aside(f"Added the client {name} ({client.id}) to {stack}.")
    _print_key(place, key, console)
    console.next(f"travel-gpt client show {name}{flags}")


def rotate(stack: str, name: str, console: Console, flags: str = "") -> None:
    """Give a client a new API key in the place of the old one, which ends once the new one works."""
    before_aws()
    who, place = caller(), deployed(stack)
    records = ClientRecords(place.table)
    registered = records.find(name)
    _require_own_key(registered)
    with audited("client.rotate", who=who, source=SOURCE, client=registered.client.id) as change:
        key_id, key = make_key(place, name)
        change.facts["key_id"] = key_id
        records.write(registered.client, key_id, created_at=registered.created_at)
        works_now = _print_key(place, key, console)
        if not works_now:
            console.note(f"The old key still works too. To end it: travel-gpt client rotate {name}{flags}")
            return
        records.write(
            registered.client, key_id, old_key_id=registered.key_id, created_at=registered.created_at
        )
        delete_key(registered.key_id)
    console.good(f"The client {name} has a new key, and its old one has ended.")


def limit(stack: str, name: str, typed: TypedLimits, console: Console) -> None:
    """Change a client's limits; those that are not given stay."""

    def change(registered: Registered) -> Client:
        client = registered.client
        expires_at = typed.expires_at()
        limits = typed.apply(client.limits)
        require_within_plan(limits, place)
        return replace(
            client, limits=limits, expires_at=client.expires_at if expires_at is None else expires_at
        )

    before_aws()
    place = deployed(stack)
    _change("client.limit", place, name, change)
    show(stack, name, console)


def disable(stack: str, name: str, console: Console, flags: str = "") -> None:
    """Refuse a client's requests: in the table at once, then at API Gateway."""
    before_aws()
    place = deployed(stack)
    registered = _change("client.disable", place, name, lambda each: replace(each.client, disabled=True))
    if registered.key_id:
        set_enabled(registered.key_id, False)
    console.good(f"The client {name} is disabled: its requests get 403 within 5 seconds.")
    console.next(f"travel-gpt client enable {name}{flags}", "to let it ask again")


def enable(stack: str, name: str, console: Console) -> None:
    """Let a disabled client ask again."""
    before_aws()
    place = deployed(stack)
    registered = _change("client.enable", place, name, lambda each: replace(each.client, disabled=False))
    if registered.key_id:
        set_enabled(registered.key_id, True)
    console.good(f"The client {name} may ask again.")


def remove(stack: str, name: str, console: Console) -> None:
    """Delete a client, its API key and everything that is stored about it, after a question."""
    before_aws()
    who, place = caller(), deployed(stack)
    records = ClientRecords(place.table)
    registered = records.find(name)
    _require_own_key(registered)
    if not console.ask(f"Remove the client {name} of {stack}, its API key and its usage so far?"):
        console.say("Nothing was changed.")
        return
    with audited("client.remove", who=who, source=SOURCE, client=registered.client.id):
        if registered.key_id:
            delete_key(registered.key_id)
        deleted = records.remove(registered)
    console.good(f"Removed the client {name}: its key and {deleted} items of the table.")


def show(stack: str, name: str, console: Console, *, as_json: bool = False) -> None:
    """Show one client, its limits and whether it may ask."""
    before_aws()
    place = deployed(stack)
    registered = ClientRecords(place.table).find(name)
    if as_json:
        console.raw(json.dumps(_document(registered), indent=2))
        return
    client = registered.client
    console.rows(
        [
            ("Client", f"{client.name} ({client.id})"),
            ("API key", registered.key_id or "the stack's own" if client.id == OWNER else registered.key_id),
            ("May ask", _state(registered)),
            ("Expires", _moment(client.expires_at) if client.expires_at else "never"),
            *describe(client.limits).items(),
        ]
    )


def pause(stack: str, console: Console, flags: str = "") -> None:
    """Refuse every query of a stack until it is resumed."""
    _pause(stack, True)
    console.good("Paused: every query gets 503 paused within 5 seconds. GET answers as before.")
    console.next(f"travel-gpt resume{flags}", "to let queries through again")


def resume(stack: str, console: Console) -> None:
    """Let queries through again."""
    _pause(stack, False)
    console.good("Resumed: queries are answered again within 5 seconds.")


def _pause(stack: str, on: bool) -> None:
    before_aws()
    who, place = caller(), deployed(stack)
    with audited("api.pause" if on else "api.resume", who=who, source=SOURCE, stack=stack):
        ClientRecords(place.table).pause(on)


def _change(event: str, place: Deployed, name: str, change: Callable[[Registered], Client]) -> Registered:
    who, records = caller(), ClientRecords(place.table)
    registered = records.find(name)
    changed = change(registered)
    with audited(event, who=who, source=SOURCE, client=registered.client.id):
        records.write(changed, registered.key_id, created_at=registered.created_at)
    return registered


def _require_own_key(registered: Registered) -> None:
    if registered.client.id == OWNER:
        raise CliError(
            "The client owner has the API key of the stack itself, which cannot be rotated or removed here. "
            "Add a client for each person or program, then: travel-gpt client disable owner"
        )


def _print_key(place: Deployed, key: str, console: Console) -> bool:
    with console.working("Waiting until API Gateway knows the new key"):
        known = works(place, key)
    # Not through the console, which masks keys. Standard output has the key alone.
    sys.stdout.write(f"{key}\n")
    sys.stdout.flush()
    console.aside("This is its API key, for the header x-api-key. It is shown once and stored nowhere here.")
    if not known:
        console.aside(f"API Gateway did not know it after {WAIT} s. Try it in a minute.")
    return known


def _state(registered: Registered) -> str:
    client = registered.client
    if client.disabled:
        return "no: disabled"
    if 0 < client.expires_at <= datetime.now(UTC).timestamp():
        return "no: expired"
    return "yes"


def _document(registered: Registered) -> dict[str, object]:
    client = registered.client
    return {
        "id": client.id,
        "name": client.name,
        "key_id": registered.key_id,
        "may_ask": _state(registered) == "yes",
        "disabled": client.disabled,
        "expires_at": client.expires_at,
        "created_at": registered.created_at,
        "limits": {field: getattr(client.limits, field) for field in Limits.__dataclass_fields__},
    }


def _moment(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"
