"""Travel GPT on one machine: `python -m travel_gpt.local`, or `make run`."""

import argparse
import gc
import os
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import ExitStack, redirect_stdout
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final, NoReturn

from travel_gpt.env_file import OF_AWS, UnreadableEnvFile, load_env_file
from travel_gpt.env_trust import NotAllowed
from travel_gpt.guard.limits import WrongLimit
from travel_gpt.local.environment import (
    VARIABLES,
    ModelAccess,
    Options,
    WrongEnvironment,
    check_destinations,
    check_settings,
    emulate_host,
    emulate_lambda,
    read_command_line,
    read_model_access,
    resolve,
    secret_store,
)

if TYPE_CHECKING:
    import socket

    from travel_gpt.aws.table import Table
    from travel_gpt.local.clients import LocalClient
    from travel_gpt.local.console import Console
    from travel_gpt.local.server import Server

STOP_WITHIN: Final = 8.0
"""Seconds for running requests when the server stops: a container's runtime kills a process after ten.
Streams end at once."""

LOOK_EVERY: Final = 0.5
"""Seconds after which it is looked again whether the server was asked to stop."""


class _Stopped(BaseException):
    """The server is asked to stop. Not an Exception, so that no handler of failures catches it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until Ctrl-C or SIGTERM.

    Args:
        arguments: the command line without the program's name; by default the process's own.

    Returns:
        The exit code: 0 after it was stopped, 1 if the address cannot be used, 2 if a setting is wrong.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    try:
        return _run(read_command_line(arguments))
    except (WrongEnvironment, WrongLimit, UnreadableEnvFile, NotAllowed) as wrong:
        print(wrong, file=sys.stderr)
        return 2
    except ModuleNotFoundError as missing:
        print(f"{missing.name} is not installed here. `make run` installs it.", file=sys.stderr)
        return 1
    except _Stopped:
        return 0


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    # A second signal ends the process at once.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    raise _Stopped


def _run(given: argparse.Namespace) -> int:
    from travel_gpt.local.console import Console
    from travel_gpt.local.server import CannotListen, listen

    loaded = load_env_file(Path.cwd(), os.environ, also=OF_AWS | VARIABLES.keys())
    options = resolve(given)
    if loaded is not None:
        check_destinations(loaded, os.environ, host=options.host, access=options.access)
    access = read_model_access(os.environ)
    (emulate_host if access.source else emulate_lambda)(os.environ, access=options.access)
    check_settings(os.environ)
    clients = _read_clients(options)
    try:
        listener = listen(options.host, options.port)
    except CannotListen as wrong:
        print(wrong, file=sys.stderr)
        return 1
    console = Console(sys.stdout)
    if loaded is not None:
        console.say(loaded.summary())
    try:
        with ExitStack() as running:
            running.callback(listener.close)
            _serve(options, access, clients, listener, console, running)
            # Python calls the handlers of signals in this thread. One that another thread received does not
            # wake it, so it looks for itself.
            while not threading.Event().wait(LOOK_EVERY):
                pass
    except _Stopped:
        console.say("Stopped.")
    return 0


def _serve(
    options: Options,
    access: ModelAccess,
    clients: "Sequence[LocalClient]",
    listener: "socket.socket",
    console: "Console",
    running: ExitStack,
) -> None:
    """Start the demo model if it is needed, the secret store, the gateway and the server."""
    from travel_gpt.local.console import FunctionLog, Running, welcome
    from travel_gpt.local.gateway import Gateway
    from travel_gpt.local.server import Server

    secret = access.secret
    if access.upstream == "demo":
        from travel_gpt.local.demo_model import NAME, DemoModel

        demo = DemoModel(options.demo_seconds)
        demo.start()
        running.callback(demo.close)
        secret = demo.key
        os.environ.update(OPENAI_BASE_URL=demo.base_url, OPENAI_MODEL=NAME)
        # That of the default model, so that budgets can be tried. The user's own prices win.
        prices = f"{NAME}=0.10/0.50", os.environ.get("MODEL_PRICES", "")
        os.environ["MODEL_PRICES"] = ",".join(filter(None, prices))
    if not access.source:
        running.enter_context(secret_store(secret))
    table = _make_table(clients) if clients else None

    log = FunctionLog(console, verbose=options.verbose)
    # What the function prints goes there as well.
    running.enter_context(redirect_stdout(log))
    from travel_gpt.llm.deferred_types import defer_types

    # As in the function: before the SDK is imported.
    defer_types()
    from travel_gpt import telemetry
    from travel_gpt.bootstrap import build_api, build_stream_api

    settings = check_settings(os.environ)
    telemetry.configure(settings, stream=log, metrics=False)
    loopback = options.host in {"127.0.0.1", "localhost", "::1"}
    from travel_gpt.local.usage_plan import UsagePlan

    api = build_api(settings, local=access.local, table=table)
    running.callback(api.close)
    stream_api = build_stream_api(settings, local=access.local, table=table)
    running.callback(stream_api.close)
    gateway = Gateway(
        api.answer,
        stream_handler=stream_api.answer,
        api_keys={each.key: each.key_id for each in clients if each.key} if clients else None,
        usage=UsagePlan(options.throttle_rate, options.throttle_burst, options.daily_quota)
        if clients
        else None,
        any_name=not loopback,
        answer_within=options.answer_within,
        stream_within=settings.stream_seconds,
    )
    server = Server(gateway, listener, console.report)
    server.start()
    running.callback(_stop_serving, server, console)
    console.say(welcome(Running(options.host, server.port, access, settings, clients)))


def _read_clients(options: Options) -> "Sequence[LocalClient]":
    """Return the clients, the owner first; none where anyone may ask."""
    if options.access == "open":
        return ()
    from travel_gpt.local.clients import read_clients

    return read_clients(
        options.clients,
        options.clients_file,
        per_minute=options.throttle_rate * 60,
        per_day=options.daily_quota,
    )


def _make_table(clients: "Sequence[LocalClient]") -> "Table":
    """Make the table of clients, with the template's budgets unless others are set."""
    from travel_gpt.local.clients import client_table

    table = client_table(clients)
    os.environ.update(TABLE_NAME=table.name, OWNER_API_KEY_ID=clients[0].key_id)
    for name, amount in (("BUDGET_PER_DAY", "5"), ("BUDGET_PER_MONTH", "50")):
        if not os.environ.get(name, "").strip():
            os.environ[name] = amount
    return table


def _stop_serving(server: "Server", console: "Console") -> None:
    """Stop after the running requests were answered."""
    # The terminal has written ^C at the beginning of the line.
    console.say("")
    if count := server.running:
        requests = "a request is" if count == 1 else f"{count} requests are"
        console.say(
            f"Stopping: {requests} being answered, for {STOP_WITHIN:g} s at most. Ctrl-C again does not wait."
        )
    server.close(STOP_WITHIN)


if __name__ == "__main__":
    exit_code = main()
    # At its end the interpreter looks for garbage among all objects of the libraries, which takes up to 2 s.
    gc.freeze()
    sys.exit(exit_code)
