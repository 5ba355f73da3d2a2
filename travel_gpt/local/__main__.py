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
from typing import TYPE_CHECKING, NoReturn

from travel_gpt.credentials.advice import LOCAL
from travel_gpt.env_file import OF_AWS, UnreadableEnvFile, take_env_file
from travel_gpt.local.environment import (
    Owner,
    WrongEnvironment,
    check_settings,
    like_a_host,
    like_lambda,
    take_owner,
)

if TYPE_CHECKING:
    import socket

    from travel_gpt.local.console import Console


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
        return _run(_options(arguments))
    except (WrongEnvironment, UnreadableEnvFile) as wrong:
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


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m travel_gpt.local",
        description="Serve Travel GPT on this machine: the real function behind a local API Gateway.",
        epilog="OPENAI_API_KEY makes it ask OpenAI, OPENAI_BASE_URL any compatible server; without them a "
        "built-in demo model answers. CREDENTIAL_SOURCE takes the key from where you keep it. A file .env in "
        "the current folder may hold them.",
    )
    parser.add_argument(
        "--host", default=os.environ.get("HOST") or "127.0.0.1", help="address [HOST, 127.0.0.1]"
    )
    parser.add_argument(
        "--port", default=os.environ.get("PORT") or "3000", help="port; 0 takes a free one [PORT, 3000]"
    )
    parser.add_argument(
        "--access", choices=("open", "api-key"), default="open", help="whether a POST needs an API key [open]"
    )
    parser.add_argument(
        "--verbose", action="store_true", help="show the function's own log, as CloudWatch gets it"
    )
    return parser.parse_args(arguments)


def _run(options: argparse.Namespace) -> int:
    from travel_gpt.local.console import Console
    from travel_gpt.local.server import CannotListen, listen

    if not (options.port.isascii() and options.port.isdigit() and int(options.port) < 65536):
        raise WrongEnvironment("PORT must be a number from 0 to 65535.")
    taken = take_env_file(Path.cwd(), os.environ, also=OF_AWS)
    owner = take_owner(os.environ)
    (like_a_host if owner.source else like_lambda)(os.environ, access=options.access)
    os.environ[LOCAL] = owner.local
    check_settings(os.environ)
    try:
        listener = listen(options.host, int(options.port))
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
        console.say("\nStopped.")
    return 0


def _serve(
    options: argparse.Namespace,
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
    server = Server(Gateway(lambda_handler, api_key=api_key, any_name=not loopback), listener, console.report)
    server.start()
    running.callback(server.close)
    console.say(welcome(Running(options.host, server.port, owner, check_settings(os.environ), api_key)))


if __name__ == "__main__":
    sys.exit(main())
