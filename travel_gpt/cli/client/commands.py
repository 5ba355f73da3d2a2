"""``travel-gpt client``: add, limit, disable, enable, rotate and remove."""

import sys
import time

from travel_gpt.aws.failures import AWS_ERRORS
from travel_gpt.cli.audit_log import audited
from travel_gpt.cli.aws_session import caller, cli_error_of
from travel_gpt.cli.client.plan import (
    WAIT,
    Deployed,
    delete_key,
    delete_unused_key,
    deployed,
    make_key,
    require_within_plan,
    set_enabled,
    works,
)
from travel_gpt.cli.client.records import ClientRecords, new_id
from travel_gpt.cli.client.registered import Registered
from travel_gpt.cli.client.show import OPTIONS, key_ids_of, moment, print_client
from travel_gpt.cli.console import Console
from travel_gpt.cli.errors import USAGE, CliError
from travel_gpt.cli.target import before_aws
from travel_gpt.guard.clients import OWNER, RECORD_TTL, Client
from travel_gpt.guard.limits import Limits
from travel_gpt.guard.typed_limits import TypedLimits, checked_name

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
        WrongLimit: the name or a limit has a value that it cannot have.
        CliError: it cannot be done; the text says what to do.
        ClientError: AWS refused.
    """
    checked_name(name)
    limits, expires_at = typed.apply(Limits()), typed.expires_at() or 0
    before_aws()
    who, place = caller(), deployed(stack, flags)
    records = ClientRecords(place.table, flags)
    records.require_new(name)
    require_within_plan(limits, place)
    client = Client(new_id(), name, limits, expires_at=expires_at)
    with audited("client.add", who=who, source=SOURCE, client=client.id, client_name=name) as change:
        key_id, key = make_key(place, name)
        change.facts["key_id"] = key_id
        try:
            records.add(client, key_id)
        except BaseException:
            delete_unused_key(key_id)
            raise
    console.aside(f"Added the client {name} ({client.id}) to {stack}.")
    _print_key(place, key, console)
    _next(console, f"travel-gpt client show {name}{flags}")


def rotate(stack: str, name: str, console: Console, flags: str = "") -> None:
    """Give a client a new API key, and end its other ones once the new one works.

    Raises:
        CliError: it cannot be done, or the new key does not work yet, so that the old one was kept.
        ClientError: AWS refused.
    """
    who, place, records, registered = _find(stack, name, flags)
    _require_own_key(registered, flags)
    client = registered.client
    if registered.guest:
        raise CliError(
            f"The client {client.name} is a guest: it has no API key to rotate. For another link to the "
            f"page: travel-gpt invite {client.name} --again{flags}. To end its sessions: travel-gpt client "
            f"disable {client.name}{flags}",
            USAGE,
        )
    with audited("client.rotate", who=who, source=SOURCE, client=client.id) as change:
        key_id, key = make_key(place, client.name)
        change.facts["key_id"] = key_id
        try:
            if client.disabled:
                set_enabled(key_id, False)
            records.add_key(client, key_id)
        except BaseException:
            delete_unused_key(key_id)
            raise
        # API Gateway refuses the keys of a disabled client, so there is nothing to wait for.
        kept = (
            "The old key was kept, and works. Once the new one works too, end the old one with another "
            f"new key: travel-gpt client rotate {client.name}{flags}"
        )
        try:
            known = _print_key(place, key, console, wait=not client.disabled)
        except KeyboardInterrupt:
            console.aside(kept)
            raise
        if not known:
            raise CliError(kept)
        for old in registered.key_ids:
            delete_key(old)
            records.remove_key(old)
    console.aside(f"The client {client.name} has a new key, and its old one has ended.")
    if client.disabled:
        console.aside("The client is disabled, and so is the new key.")
        _next(console, f"travel-gpt client enable {client.name}{flags}")
    else:
        _next(console, f"travel-gpt client show {client.name}{flags}")


def limit(stack: str, name: str, typed: TypedLimits, console: Console, flags: str = "") -> None:
    """Change a client's limits, or lift them; those that are not given stay.

    Raises:
        WrongLimit: a limit has a value that it cannot have.
        CliError: it cannot be done; the text says what to do.
        ClientError: AWS refused.
    """
    given, expires_at = typed.apply(Limits()), typed.expires_at()
    numbers = typed.given()
    if expires_at is not None:
        numbers["expires_at"] = expires_at
    if not numbers:
        raise CliError(
            "No limit was given. Give at least one of --per-minute, --per-day, --parallel, --budget and "
            "--expires, with none (or never) to lift it.",
            USAGE,
        )
    who, place, records, registered = _find(stack, name, flags)
    if "sessions_after" in registered.damaged:
        numbers["sessions_after"] = int(time.time())
    if still := [field for field in registered.damaged if field not in numbers]:
        raise CliError(
            f"The record of {registered.client.name} is damaged, so its queries are refused. Give these "
            f"limits too: {', '.join(sorted({OPTIONS[field] for field in still}))}.",
            USAGE,
        )
    require_within_plan(given, place)
    with audited("client.limit", who=who, source=SOURCE, client=registered.client.id, **numbers):
        records.change(registered.client, numbers)
    console.good(f"Changed. Running environments of the function use it within {RECORD_TTL:.0f} seconds.")
    print_client(records.find(name), place, console)
    console.next(f"travel-gpt client list{flags}", "to see what each client used")


def disable(stack: str, name: str, console: Console, flags: str = "") -> None:
    """Refuse a client's requests, and end its sessions: in the table at once, then at API Gateway.

    Raises:
        CliError: it cannot be done, or API Gateway could not be asked.
        ClientError: AWS refused.
    """
    who, place, records, registered = _find(stack, name, flags)
    client = registered.client
    with audited("client.disable", who=who, source=SOURCE, client=client.id):
        records.disable(registered)
        try:
            for key_id in key_ids_of(registered, place):
                set_enabled(key_id, False)
        except AWS_ERRORS as failed:
            raise CliError(
                f"The client {client.name} is disabled in the table: its requests get 403 client_disabled "
                f"within {RECORD_TTL:.0f} seconds. But its key could not be disabled at API Gateway, which "
                f"still lets it through to the function. {cli_error_of(failed).sentence} The command is: "
                f"travel-gpt client disable {client.name}{flags}"
            ) from None
    sessions = " Its sessions on the page have ended." if registered.page.sessions else ""
    console.good(
        f"The client {client.name} is disabled: its requests get 403 within {RECORD_TTL:.0f} seconds."
        f"{sessions}"
    )
    console.next(f"travel-gpt client enable {client.name}{flags}", "to let it ask again")


def enable(stack: str, name: str, console: Console, flags: str = "") -> None:
    """Let a disabled client ask again.

    Raises:
        CliError: it cannot be done, or the client has no API key any more.
        ClientError: AWS refused.
    """
    who, place, records, registered = _find(stack, name, flags)
    client = registered.client
    with audited("client.enable", who=who, source=SOURCE, client=client.id):
        there = [set_enabled(key_id, True) for key_id in key_ids_of(registered, place)]
        if not any(there) and not registered.guest:
            raise CliError(
                f"The client {client.name} has no API key any more: it was deleted at API Gateway. It stays "
                f"disabled. Make a new key, then repeat: travel-gpt client rotate {client.name}{flags}"
            )
        records.change(client, {}, enabled=True)
    if 0 < client.expires_at <= time.time():
        console.note(
            f"The client {client.name} is enabled, but it expired on {moment(client.expires_at)}: its "
            "requests get 403 client_expired."
        )
        console.next(f"travel-gpt client limit {client.name} --expires 30d{flags}", "to give it more time")
        return
    if registered.guest:
        console.good(f"The client {client.name} may ask again, once it has accepted another invitation.")
        console.next(f"travel-gpt invite {client.name} --again{flags}", "for the link of another invitation")
        return
    console.good(
        f"The client {client.name} may ask again. API Gateway may take a minute to let its key through."
    )
    console.next(f"travel-gpt client show {client.name}{flags}")


def remove(stack: str, name: str, console: Console, flags: str = "") -> None:
    """Delete a client, its API keys and everything that is stored about it, after a question.

    Raises:
        CliError: it cannot be done, or there is no terminal to ask at.
        ClientError: AWS refused.
    """
    who, _, records, registered = _find(stack, name, flags)
    _require_own_key(registered, flags)
    client = registered.client
    access = "invitations" if registered.guest else "API key"
    if not console.ask(f"Remove the client {client.name} of {stack}, its {access} and its usage so far?"):
        console.say("Nothing was changed.")
        return
    with audited("client.remove", who=who, source=SOURCE, client=client.id) as change:
        records.disable(registered)
        for key_id in registered.key_ids:
            delete_key(key_id)
        console.aside(
            f"Waiting {RECORD_TTL + 1:.0f} s, until each environment of the function refuses it ..."
        )
        with console.working("Waiting until each environment of the function refuses it"):
            # Until then one that remembers the client could count for it anew.
            time.sleep(RECORD_TTL + 1)
        change.facts["items"] = deleted = records.remove(registered)
    console.good(
        f"Removed the client {client.name}: its {access}, and all that the table had of it ({deleted} "
        f"items). Log lines with its id ({client.id}) stay until their retention ends."
    )
    console.next(f"travel-gpt client list{flags}")


def _find(stack: str, name: str, flags: str) -> tuple[str, Deployed, ClientRecords, Registered]:
    """Return who calls, the stack, its records and the client."""
    before_aws()
    who, place = caller(), deployed(stack, flags)
    records = ClientRecords(place.table, flags)
    return who, place, records, records.find(name)


def _require_own_key(registered: Registered, flags: str) -> None:
    if registered.client.id == OWNER:
        raise CliError(
            "The client owner has the API key of the stack itself, which cannot be rotated or removed here. "
            "Add a client for each person or program, then disable this one: travel-gpt client disable "
            f"owner{flags}",
            USAGE,
        )


def _print_key(place: Deployed, key: str, console: Console, *, wait: bool = True) -> bool:
    """Print a key when it works, or when that took too long, and return whether it does."""
    known = not wait or place.open
    try:
        if not known:
            console.aside(f"Waiting until the new key works, {WAIT} s at most ...")
            with console.working("Waiting until API Gateway knows the new key"):
                known = works(place, key)
    finally:
        # After Ctrl-C too: it is shown once. Not through the console, which masks keys, and alone on standard
        # output.
        sys.stdout.write(f"{key}\n")
        sys.stdout.flush()
        console.aside(
            "This is its API key, for the header x-api-key. It is shown once and stored nowhere but at API "
            "Gateway."
        )
    if place.open:
        console.aside(
            "POST is open: it asks for no API key, and counts callers by their address. The key has an "
            f"effect after: {place.deploy(' --access api-key')}"
        )
    if not known:
        console.aside(f"The new key does not work yet, after {WAIT} s. Try it in a minute.")
    elif wait and not place.open:
        console.aside("It works.")
    return known


def _next(console: Console, command: str) -> None:
    # Standard output has the key alone.
    console.aside(f"\nNext:\n  {command}")
