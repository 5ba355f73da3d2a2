"""The upstream as a process: `python -m tests.fakes.openai --port 0` prints its base URL.

`--accept KEY` (again and again) lets only those keys in. `--do PATH=NAME` queues a behaviour of
behaviours.py by name, with arguments as JSON after a colon:

    --do '/v1/responses=rate_limited:{"retry_after": 3}' --do '/v1/responses=answer'

Every request becomes a line of JSON on standard output, without its headers. SIGTERM and Ctrl-C stop it.
"""

import argparse
import json
import signal
import threading
from typing import Any

from tests.fakes.openai import Behaviour, FakeOpenAI, behaviours


def behaviour(said: str) -> tuple[str, Behaviour]:
    """Read `PATH=NAME` or `PATH=NAME:{"argument": …}`."""
    path, _, rest = said.partition("=")
    name, _, arguments = rest.partition(":")
    make = getattr(behaviours, name, None)
    if name.startswith("_") or not callable(make):
        raise argparse.ArgumentTypeError(f"no behaviour named {name!r}")
    given: dict[str, Any] = json.loads(arguments or "{}")
    return path, make(**given)


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.openai")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--accept", action="append", metavar="KEY")
    parser.add_argument("--do", action="append", type=behaviour, default=[], metavar="PATH=NAME")
    options = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with FakeOpenAI(options.port) as upstream:
        upstream.accepted_keys = options.accept
        for path, scripted in options.do:
            upstream.script(path, scripted)
        print(upstream.base_url, flush=True)
        printed = 0
        while not stop.wait(0.05):
            for call in upstream.calls[printed:]:
                print(json.dumps({"method": call.method, "path": call.path, "body": call.body}), flush=True)
                printed += 1


if __name__ == "__main__":
    main()
