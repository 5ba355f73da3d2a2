"""Calling the deployed API, and the commands to go on with."""

import json
import shlex
import time
from typing import Any, Final

from travel_gpt.cli.deploy.console import CliError, Console
from travel_gpt.cli.deploy.shell import Commands
from travel_gpt.cli.deploy.stack import Stack

_QUERY: Final = "Three days in Lisbon in May?"
# A new API and a new role are not known everywhere at once.
_PROPAGATION: Final = 90.0
_ANSWERED: Final = 15.0
_PAUSE: Final = 3.0
_SETTLED: Final = frozenset({"invalid_secret", "misconfigured", "credential_rejected", "invalid_parameter"})
"""Causes that waiting does not cure."""


def call(commands: Commands, console: Console, stack: Stack, logs: str, *, verify: str = "") -> None:
    """GET the API until it is well, and say what it says.

    Args:
        commands: the command lines.
        console: where to say it.
        stack: the stack.
        logs: the command that shows the function's log.
        verify: what to prove besides, as GET's parameter of that name takes it.

    Raises:
        Stop: it is not well, or cannot be reached, within a bounded time.
    """
    url = stack.outputs["ApiUrl"] + (f"?verify={verify}" if verify else "")
    began = time.monotonic()
    waiting = False
    while True:
        status, said, answer = _get(commands, url)
        if status == 200 and answer.get("status") == "success":
            proven = _proven(answer) if answer.get("verified") else ""
            console.good(f"It is well: 200, {answer.get('message', 'success')}{proven}.")
            return
        waited = time.monotonic() - began
        code = str(answer.get("code", ""))
        ours = "has_api_key" in answer
        if code in _SETTLED or waited > (_ANSWERED if ours else _PROPAGATION):
            break
        if not waiting:
            waiting = True
            console.text(
                f"Not well yet ({code or said}). What is new is not known everywhere at once: waiting."
            )
        time.sleep(_PAUSE)
    again = f"Then look again:\n    curl {shlex.quote(url)}"
    if ours:
        raise CliError(
            f"The stack is deployed, and its health says {status}, {code}: {answer.get('message', '')}\n"
            f"Its log says more:\n    {logs}\n{again}"
        )
    raise CliError(
        f"The stack is deployed, and its health cannot be seen from here: {said}\n"
        f"If there is a proxy or a firewall, let https through to {url.split('/')[2]}; if it is new, give it "
        f"a minute. {again}\nThe function's log:\n    {logs}"
    )


def _proven(answer: dict[str, Any]) -> str:
    """Say who accepted the credential when the health check verified it."""
    server = "the model server" if answer.get("mode") == "compatible" else "OpenAI"
    return f", and {server} accepted it"


def _get(commands: Commands, url: str) -> tuple[int, str, dict[str, Any]]:
    failed, status, body = commands.curl({"url": url, "connect-timeout": "10", "max-time": "30"})
    if failed:
        return 0, body or f"curl error {failed}", {}
    try:
        answer = json.loads(body)
    except ValueError:
        answer = {}
    return status, f"it answered {status}", answer if isinstance(answer, dict) else {}


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
    url = shlex.quote(stack.outputs["ApiUrl"])
    body = shlex.quote(json.dumps({"query": _QUERY}))
    key_id = stack.outputs.get("ApiKeyId")
    console.heading("Health, and whether the model's server takes the key")
    console.say(f"  curl {url}")
    console.say(f"  curl {shlex.quote(stack.outputs['ApiUrl'] + '?verify=true')}")
    console.heading("Logs")
    console.say(f"  {logs_command(stack.name, flags)}")
    header = ""
    if key_id:
        shown = "--include-value --query value --output text"
        read_key = f"aws apigateway get-api-key --api-key {key_id} {shown}{flags}"
        console.heading("The API key that POST asks for")
        console.say(f"  {read_key}")
        header = f' -H "x-api-key: $({read_key})"'
    console.heading("Next, ask it something")
    console.say(f"  curl {url}{header} -H 'Content-Type: application/json' -d {body}")
