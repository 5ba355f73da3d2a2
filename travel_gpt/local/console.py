"""The output of the local server."""

import contextlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, TextIO

from travel_gpt.llm.prices import NANODOLLARS
from travel_gpt.local.environment import SECRET_NAME, ModelAccess
from travel_gpt.local.gateway import Exchange
from travel_gpt.settings import Settings

if TYPE_CHECKING:
    from travel_gpt.local.clients import LocalClient

_QUERY: Final = '{"query": "Three days in Lisbon in May for two, on a budget of $900?"}'
# Audit events are for collectors of logs; what a user needs has a line of its own.
_QUIET: Final = frozenset({"DEBUG", "INFO", "AUDIT"})
_EVERYWHERE: Final = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - compared with, not bound to


@dataclass(frozen=True, slots=True)
class Running:
    """The running server."""

    host: str
    port: int
    access: ModelAccess
    settings: Settings
    clients: "Sequence[LocalClient]" = ()
    """The clients, the owner first, whose keys a POST needs in x-api-key, and the guests, who have an
    invitation; none where no key is needed."""


def welcome(running: Running) -> str:
    """Return what runs and how to try it."""
    url = f"http://{_shown(running.host)}:{running.port}"
    key = f" \\\n    -H 'x-api-key: {running.clients[0].key}'" if running.clients else ""
    access = "open: no API key needed"
    if running.clients:
        access = f"a POST needs the header x-api-key: {running.clients[0].key} (made up for this run)"
    lines = [
        f"Travel GPT runs on {url}/Prod/travel-gpt",
        "",
        f"  model   {_model(running.access, running.settings)}",
        f"  key     {_key(running.access)}",
        f"  access  {access}",
    ]
    if running.clients:
        budgets = running.settings.budget_per_day, running.settings.budget_per_month
        day, month = (f"{amount / NANODOLLARS:g} USD" if amount else "none" for amount in budgets)
        lines.append(f"  budget  {day} a day, {month} a month (BUDGET_PER_DAY, BUDGET_PER_MONTH)")
        lines += [f"  client  {each.client.name}: {each.key}" for each in running.clients[1:] if each.key]
    if running.host not in {"127.0.0.1", "localhost", "::1"}:
        lines += ["", f"  {_reach(running)}"]
    lines += [
        "",
        *_page(running, f"{url}/Prod/travel-gpt/app"),
        "",
        "Try:",
        f"  curl {url}/Prod/travel-gpt",
        "",
        f"  curl {url}/Prod/travel-gpt \\",
        f"    -H 'content-type: application/json'{key} \\",
        f"    -d '{_QUERY}'",
        "",
        "Ctrl-C stops it. One line per request follows.",
    ]
    return "\n".join(lines)


def _page(running: Running, page: str) -> list[str]:
    """Return where the page is, and the links that let a browser ask there."""
    if running.settings.web_page != "enabled":
        return ["The page to ask on is turned off (WEB_PAGE)."]
    guests = [(each.client.name, each.invitation) for each in running.clients if each.invitation]
    if not guests:
        return ["Ask in a browser:", f"  {page}"]
    lines = ["Ask in a browser, with the invitation of a guest (made up for this run):"]
    for name, invitation in guests:
        devices = "1 device" if invitation.devices == 1 else f"{invitation.devices} devices"
        lines += [f"  {name}, {devices}: {invitation.link(page)}"]
    return lines


def _reach(running: Running) -> str:
    """Return what other machines that connect can do."""
    if running.access.upstream == "demo":
        return f"Served on {running.host}, for other machines too. The demo costs nothing."
    if running.clients:
        return (
            f"Served on {running.host}, for other machines too: with the key they use the model at your cost."
        )
    return f"Warning: other machines may reach {running.host} and use the model at your cost."


def _shown(host: str) -> str:
    if host in _EVERYWHERE:
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _model(access: ModelAccess, settings: Settings) -> str:
    match access.upstream:
        case "openai":
            return f"{settings.model} at OpenAI (OPENAI_MODEL changes it)"
        case "compatible":
            return f"{settings.model} at {settings.base_url}, API {settings.api} (OPENAI_MODEL, OPENAI_API)"
        case "demo":
            return "the built-in demo: no AI, no key, and nothing leaves this machine"


def _key(access: ModelAccess) -> str:
    if access.source:
        return f"from {access.source} (CREDENTIAL_SOURCE)"
    if access.upstream == "demo":
        return "none. For real answers: read -rs OPENAI_API_KEY; export OPENAI_API_KEY; make run"
    if not access.holds_key:
        return "none: the server gets a placeholder. OPENAI_API_KEY sets a key"
    return f"in this process's memory, as the secret {SECRET_NAME} of a Secrets Manager that moto emulates"


class Console:
    """Writes whole lines, from several threads.

    Args:
        stream: where to.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = Lock()

    def say(self, text: str) -> None:
        """Write some lines. If the reader is gone, the server continues."""
        with self._lock, contextlib.suppress(OSError, ValueError):
            self._stream.write(text + "\n")
            self._stream.flush()

    def report(self, exchange: Exchange) -> None:
        """Write the line of one request."""
        request, status = exchange.request, exchange.response.status
        path = "".join(sign if sign.isprintable() else "?" for sign in request.path[:80])
        clock = time.strftime("%H:%M:%S", time.localtime(request.taken_at))
        took = f"{exchange.seconds * 1000:.0f} ms"
        lines = [f"{clock} {request.method} {path} {status} {took} {request.request_id}"]
        if exchange.error:
            lines.append(f"{clock}   {exchange.error}")
        self.say("\n".join(lines))


class FunctionLog:
    """Replaces the standard output of the function, which is Lambda's log.

    The function writes JSON for CloudWatch. Warnings and errors are shown as one line each; with ``verbose``
    everything is shown unchanged.

    Args:
        console: where to write.
        verbose: whether to write everything.
    """

    encoding = "utf-8"

    def __init__(self, console: Console, *, verbose: bool) -> None:
        self._console = console
        self._verbose = verbose

    def write(self, text: str) -> int:
        """Show what the function writes: one record, or several lines."""
        for line in text.splitlines():
            if (shown := line if self._verbose else _readable(line)) is not None:
                self._console.say(shown)
        return len(text)

    def flush(self) -> None:
        """Do nothing: every line is written at once."""

    def isatty(self) -> bool:
        """Return False, so that lines are not coloured."""
        return False


def _readable(line: str) -> str | None:
    """Return the text to show for a line of the log; None for nothing."""
    try:
        record = json.loads(line)
    except ValueError:
        return line or None
    if not isinstance(record, dict) or "level" not in record:
        return line
    if record["level"] in _QUIET:
        return None
    return f"{time.strftime('%H:%M:%S')}   {record['level'].lower()}: {_message(record)}"


def _message(record: Mapping[str, Any]) -> str:
    cause = ": ".join(str(record[name]) for name in ("code", "detail") if record.get(name))
    return f"{record.get('message')} ({cause})" if cause else str(record.get("message"))
