"""``travel-gpt invite``: a link to the page for a person, who needs no API key."""

import sys
from typing import Final

from travel_gpt.cli.audit_log import audited
from travel_gpt.cli.aws_session import caller
from travel_gpt.cli.client.commands import SOURCE
from travel_gpt.cli.client.plan import Deployed, deployed
from travel_gpt.cli.client.records import ClientRecords, new_id
from travel_gpt.cli.client.show import moment, state_of
from travel_gpt.cli.console import Console
from travel_gpt.cli.errors import USAGE, CliError
from travel_gpt.cli.target import before_aws
from travel_gpt.guard.clients import OWNER, Client
from travel_gpt.guard.limits import Limits
from travel_gpt.guard.new_invitation import NewInvitation, new_invitation
from travel_gpt.guard.typed_limits import TypedLimits, checked_name, summarize

LASTS: Final = "30d"
"""For how long an invitation is valid unless --expires is given."""


def invite(
    stack: str, name: str, typed: TypedLimits, devices: int, console: Console, flags: str = ""
) -> None:
    """Make a guest, which is a client without an API key, and print the link of its invitation once.

    Args:
        stack: the stack's name.
        name: the guest's name.
        typed: its budgets, and when its access ends.
        devices: how many browsers may accept the invitation.
        console: where to say what is done.
        flags: the options of the stack, for the next command.

    Raises:
        WrongLimit: the name or a limit has a value that it cannot have.
        CliError: it cannot be done; the text says what to do.
        ClientError: AWS refused.
    """
    checked_name(name)
    if not typed.budget:
        raise CliError(
            "Give the most that the guest may spend, in USD: --budget 2/month. With --budget none, only the "
            "budget of all clients limits it.",
            USAGE,
        )
    limits, expires_at = typed.apply(Limits()), _end(typed)
    before_aws()
    who, place = caller(), _with_page(stack, flags)
    records = ClientRecords(place.table, flags)
    records.require_new(name)
    client = Client(new_id(), name, limits, expires_at=expires_at)
    _require_bound(client, place, "give the guest one, such as --budget 2/month")
    invitation = new_invitation(client, devices=devices, expires_at=expires_at)
    with audited(
        "client.invite", who=who, source=SOURCE, client=client.id, client_name=name, devices=devices
    ):
        records.add_guest(client, invitation)
    console.aside(f"Added the guest {name} ({client.id}) to {stack}.")
    _print_link(invitation, place, console)


def invite_again(
    stack: str, name: str, typed: TypedLimits, devices: int, console: Console, flags: str = ""
) -> None:
    """Print another link for a client that is there already. Its links from before stay valid.

    Args:
        stack: the stack's name.
        name: the client's name.
        typed: when the link ends, at the latest with the client's own access.
        devices: how many browsers may accept the invitation.
        console: where to say what is done.
        flags: the options of the stack, for the next command.

    Raises:
        WrongLimit: the name or a limit has a value that it cannot have.
        CliError: it cannot be done; the text says what to do.
        ClientError: AWS refused.
    """
    checked_name(name)
    if typed.budget:
        raise CliError(
            "--budget is for a new guest. To change the budget of one that is there: travel-gpt client limit "
            f"{name} --budget {typed.budget[0]}{flags}",
            USAGE,
        )
    expires_at = _end(typed)
    before_aws()
    who, place = caller(), _with_page(stack, flags)
    records = ClientRecords(place.table, flags)
    registered = records.find(name)
    client = registered.client
    if (state := state_of(registered)) != "yes":
        raise CliError(
            f"The client {client.name} may not ask ({state.removeprefix('no: ')}), so a link would be "
            f"refused. Look at it first: travel-gpt client show {client.name}{flags}",
            USAGE,
        )
    advice = f"give it one: travel-gpt client limit {client.name} --budget 2/month{flags}"
    _require_bound(client, place, advice)
    expires_at = min(expires_at, client.expires_at or expires_at)
    invitation = new_invitation(client, devices=devices, expires_at=expires_at)
    with audited("client.invite", who=who, source=SOURCE, client=client.id, devices=devices):
        if client.id == OWNER:
            # It needs no record for its API key. What ends its sessions is written there.
            records.change(client, {})
        records.add_invitation(invitation)
    _print_link(invitation, place, console)


def _require_bound(client: Client, place: Deployed, advice: str) -> None:
    """Refuse a client whose sessions nothing would bound: on the page no API key is counted by DailyQuota."""
    limits = client.limits
    if place.has_budget or limits.budget_per_day or limits.budget_per_month or limits.per_day:
        return
    raise CliError(
        f"Nothing would limit what {client.name} spends on the page: neither {client.name} nor the stack has "
        f"a budget. Either {advice}, or give all clients together one: "
        f"{place.deploy(' --parameter BudgetPerMonth=50')}",
        USAGE,
    )


def _end(typed: TypedLimits) -> int:
    """Return when the invitation ends."""
    if typed.expires == "never":
        raise CliError(
            "An invitation ends: give --expires a time such as 30d. To give a guest more time later: "
            "travel-gpt client limit NAME --expires 60d, then another link by travel-gpt invite NAME --again",
            USAGE,
        )
    return TypedLimits(expires=typed.expires or LASTS).expires_at() or 0


def _with_page(stack: str, flags: str) -> Deployed:
    """Return a stack whose page takes invitations."""
    place = deployed(stack, flags)
    if not place.page:
        raise CliError(
            f"The page of {stack} is turned off. Turn it on, then repeat: "
            f"{place.deploy(' --parameter WebPage=enabled')}",
            USAGE,
        )
    if place.open:
        raise CliError(
            f"Anyone may ask on the page of {stack} without an invitation: {place.page}. To let only clients "
            f"and guests ask: {place.deploy(' --access api-key')}",
            USAGE,
        )
    return place


def _print_link(invitation: NewInvitation, place: Deployed, console: Console) -> None:
    # Alone on standard output, and not through the console, which breaks long lines at a terminal.
    sys.stdout.write(f"{invitation.link(place.page)}\n")
    sys.stdout.flush()
    client = invitation.client
    browsers = "one browser" if invitation.devices == 1 else f"{invitation.devices} browsers"
    console.aside(
        f"This is the link of the invitation: send it to {client.name}. It is shown once and stored nowhere. "
        f"Until {moment(invitation.expires_at)} it lets {browsers} ask on the page, once a person accepts it "
        f"there. The limits of {client.name}: {summarize(client.limits)}."
    )
    console.aside(
        f"\nTo end the access of {client.name} and all its sessions at once:\n"
        f"  travel-gpt client disable {client.name}{place.flags}\n"
        f"\nNext:\n  travel-gpt client show {client.name}{place.flags}"
    )
