"""``travel-gpt pause`` and ``resume``: refuse every query of a stack, and let queries through again."""

from travel_gpt.cli.audit_log import audited
from travel_gpt.cli.aws_session import caller
from travel_gpt.cli.client.commands import SOURCE
from travel_gpt.cli.client.plan import deployed
from travel_gpt.cli.client.records import ClientRecords
from travel_gpt.cli.console import Console
from travel_gpt.cli.target import before_aws
from travel_gpt.guard.clients import RECORD_TTL


def pause(stack: str, console: Console, flags: str = "") -> None:
    """Refuse every query of a stack until it is resumed."""
    _pause(stack, True, flags)
    console.good(
        f"Paused: every query gets 503 paused within {RECORD_TTL:.0f} seconds. GET answers as before."
    )
    console.next(f"travel-gpt resume{flags}", "to let queries through again")


def resume(stack: str, console: Console, flags: str = "") -> None:
    """Let queries through again."""
    _pause(stack, False, flags)
    console.good(f"Resumed: queries are answered again within {RECORD_TTL:.0f} seconds.")
    console.next(f"travel-gpt usage{flags}")


def _pause(stack: str, on: bool, flags: str) -> None:
    before_aws()
    who, place = caller(), deployed(stack, flags)
    with audited("api.pause" if on else "api.resume", who=who, source=SOURCE, stack=stack):
        ClientRecords(place.table, flags).pause(on)
