"""Travel GPT on one machine: `python -m travel_gpt.local`, or `make run`."""

import argparse
import os
import secrets
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import ExitStack, redirect_stdout
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final, NoReturn

from travel_gpt.credentials.advice import LOCAL
from travel_gpt.env_consent import NotAllowed
from travel_gpt.env_file import OF_AWS, UnreadableEnvFile, take_env_file
from travel_gpt.local.environment import (
    Owner,
    WrongEnvironment,
    check_destinations,
    check_settings,
    like_a_host,
    like_lambda,
    take_owner,
)
from travel_gpt.local.options import VARIABLES, Options, read_command_line, resolve

if TYPE_CHECKING:
    import socket

    from travel_gpt.local.console import Console
    from travel_gpt.local.server import Server

STOP_WITHIN: Final = 8.0
"""Seconds that requests under way may take to be answered when the server is stopped: less than the ten after
which a container's runtime kills what does not stop."""


class _Stopped(BaseException):
    """Somebody asked the server to stop. No Exception: nothing on the way may take it for a failure."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until Ctrl-C or SIGTERM.

    Args:
        arguments: the command line without the program's name; by default the process's own.

    Returns:
        The exit code: 0 after it was stopped, 1 where the address cannot be had, 2 where a setting is wrong.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    try:
        return _run(read_command_line(arguments))
    except (WrongEnvironment, UnreadableEnvFile, NotAllowed) as wrong:
        print(wrong, file=sys.stderr)
        return 2
    except ModuleNotFoundError as missing:
        print(f"{missing.name} is not installed here. `make run` sets everything up.", file=sys.stderr)
        return 1
    except _Stopped:
        return 0


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    # Whoever asks again does not want to wait.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    raise _Stopped


def _run(given: argparse.Namespace) -> int:
    from travel_gpt.local.console import Console
    from travel_gpt.local.server import CannotListen, listen

    taken = take_env_file(Path.cwd(), os.environ, also=OF_AWS | VARIABLES.keys())
    options = resolve(given)
    if taken is not None:
        check_destinations(taken, os.environ, host=options.host, access=options.access)
    owner = take_owner(os.environ)
    (like_a_host if owner.source else like_lambda)(os.environ, access=options.access)
    os.environ[LOCAL] = owner.local
    check_settings(os.environ)
    try:
        listener = listen(options.host, options.port)
    except CannotListen as wrong:
        print(wrong, file=sys.stderr)
        return 1
    console = Console(sys.stdout)
    if taken is not None:
        console.say(taken.told())
    try:
        with ExitStack() as running:
            running.callback(listener.close)
            _serve(options, owner, listener, console, running)
            threading.Event().wait()
    except _Stopped:
        console.say("Stopped.")
    return 0


def _serve(
    options: Options,
    owner: Owner,
    listener: "socket.socket",
    console: "Console",
    running: ExitStack,
) -> None:
    """Start everything, the address first: a second server then says at once that it cannot have it."""
    from travel_gpt.local.console import FunctionLog, Running, welcome
    from travel_gpt.local.gateway import Gateway
    from travel_gpt.local.secrets import SecretStore
    from travel_gpt.local.server import Server

    secret = owner.secret
    if owner.upstream == "demo":
        from travel_gpt.local.demo_model import NAME, DemoModel

        demo = DemoModel()
        demo.start()
        running.callback(demo.close)
        secret = demo.key
        os.environ.update(OPENAI_BASE_URL=demo.base_url, OPENAI_MODEL=NAME)
    if not owner.source:
        running.enter_context(SecretStore(secret))

    # The function's logger takes hold of the standard output when it is made.
    running.enter_context(redirect_stdout(FunctionLog(console, verbose=options.verbose)))
    from travel_gpt.handler import lambda_handler

    api_key = secrets.token_urlsafe(30) if options.access == "api-key" else None
    loopback = options.host in {"127.0.0.1", "localhost", "::1"}
    gateway = Gateway(
        lambda_handler, api_key=api_key, any_name=not loopback, answer_within=options.answer_within
    )
    server = Server(gateway, listener, console.report)
    server.start()
    running.callback(_stop_serving, server, console)
    console.say(welcome(Running(options.host, server.port, owner, check_settings(os.environ), api_key)))


def _stop_serving(server: "Server", console: "Console") -> None:
    """Stop, after the requests under way were answered."""
    # The terminal has written ^C at the beginning of the line.
    console.say("")
    if count := server.under_way:
        requests = "a request is" if count == 1 else f"{count} requests are"
        console.say(
            f"Stopping: {requests} being answered, for {STOP_WITHIN:g} s at most. Ctrl-C again does not wait."
        )
    server.close(STOP_WITHIN)


if __name__ == "__main__":
    sys.exit(main())
