"""Calling the deployed API, and the commands to go on with."""

import json
import shlex
import time
from typing import Final

from travel_gpt.cli.console import Console
from travel_gpt.cli.errors import CliError
from travel_gpt.cli.stack import Stack, get_health

_QUERY: Final = "Three days in Lisbon in May?"
# A new API and a new role are not known everywhere at once.
_PROPAGATION: Final = 90.0
_ANSWERED: Final = 15.0
_PAUSE: Final = 3.0
_PERMANENT: Final = frozenset({"invalid_secret", "misconfigured", "credential_rejected", "invalid_parameter"})
"""Causes that do not go away by waiting."""


def call(console: Console, stack: Stack, logs: str, *, verify: str = "") -> None:
    """GET the API until it is healthy, and print what it answers.

    Args:
        console: where to say it.
        stack: the stack.
        logs: the command that shows the function's log.
        verify: what to verify besides, as GET's parameter of that name takes it.

    Raises:
        CliError: it is not healthy, or cannot be reached, within a bounded time.
    """
    url = stack.outputs["ApiUrl"] + (f"?verify={verify}" if verify else "")
    began = time.monotonic()
    waiting = False
    while True:
        health = get_health(url)
        answer = health.body
        if health.is_good:
            accepted = f", and {health.verifier} accepted it" if health.verifier else ""
            console.good(f"It is healthy: 200, {answer.get('message', 'success')}{accepted}.")
            return
        waited = time.monotonic() - began
        code = str(answer.get("code", ""))
        ours = "has_api_key" in answer
        if code in _PERMANENT or waited > (_ANSWERED if ours else _PROPAGATION):
            break
        if not waiting:
            waiting = True
            console.say(
                f"Not healthy yet ({code or health.reason}). What is new is not known everywhere at once: "
                "waiting."
            )
        time.sleep(_PAUSE)
    again = f"Then look again:\n    curl {shlex.quote(url)}"
    if ours:
        raise CliError(
            f"The stack is deployed, and its health check answers {health.status}, {code}: "
            f"{answer.get('message', '')}\nIts log says more:\n    {logs}\n{again}"
        )
    raise CliError(
        f"The stack is deployed, and its API {health.reason} when it is called from here.\n"
        f"If there is a proxy or a firewall, let https through to {url.split('/')[2]}; if it is new, give it "
        f"a minute. {again}\nThe function's log:\n    {logs}"
    )


def logs_command(stack: str, flags: str) -> str:
    """Write the command that follows the function's log.

    Args:
        stack: the stack's name.
        flags: the region's and profile's flags.

    Returns:
        The command.
    """
    return f"sam logs -n TravelGPTFunction --stack-name {stack}{flags} --tail"


def show_commands(console: Console, stack: Stack, flags: str) -> None:
    """Print the commands to try, the next one to type last.

    Args:
        console: where to print them.
        stack: the stack.
        flags: the region's and profile's flags.
    """
    url, verify = (shlex.quote(stack.outputs["ApiUrl"] + query) for query in ("", "?verify=true"))
    body = shlex.quote(json.dumps({"query": _QUERY}))
    commands = {
        "Health, and whether the model's server accepts the key": f"curl {url}\n  curl {verify}",
        "Logs": logs_command(stack.name, flags),
    }
    header = ""
    if "ApiKeyId" in stack.outputs:
        read_key = f"travel-gpt api-key --stack {stack.name}{flags}"
        commands["The API key that POST asks for"] = read_key
        header = f' -H "x-api-key: $({read_key})"'
    commands["Next, ask it something"] = f"curl {url}{header} -H 'Content-Type: application/json' -d {body}"
    for title, command in commands.items():
        console.heading(title)
        console.say(f"  {command}")
