"""Send requests that Schemathesis makes from docs/openapi.json to the local server: ``make fuzz``.

Each access mode has a server of its own. All checks of Schemathesis are on, and warnings count as failures:
one of them is that no request got past the authentication.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from scripts.local_server import LocalServer, local_server
from travel_gpt.api.resources import PAGE, PAGE_REDEEM, PAGE_STOP, STOP

ROOT: Final = Path(__file__).resolve().parents[1]
DOCUMENT: Final = ROOT / "docs" / "openapi.json"
SCHEMATHESIS: Final = ROOT / ".venv" / "fuzz" / "bin" / "schemathesis"
ACCESS_MODES: Final = ("open", "api-key")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run Schemathesis against the local server.

    Args:
        arguments: the command line without the program's name; by default the process's own.

    Returns:
        The exit code: 0 where nothing failed, Schemathesis's own otherwise.
    """
    parser = argparse.ArgumentParser(prog="python -m scripts.fuzz", description=__doc__)
    parser.add_argument("--access", choices=ACCESS_MODES, action="append", help="one mode only [both]")
    parser.add_argument("--seconds", type=int, default=120, help="time for each mode [120]")
    parser.add_argument(
        "options", nargs="*", metavar="-- OPTIONS", help="further options of `schemathesis run`"
    )
    options = parser.parse_args(arguments)
    if not SCHEMATHESIS.exists():
        print("Schemathesis is not installed here: `make fuzz` sets it up.", file=sys.stderr)
        return 2
    code = 0
    for access in options.access or ACCESS_MODES:
        print(f"== make run, API_ACCESS={access}, {options.seconds} seconds", flush=True)
        with tempfile.TemporaryDirectory() as folder, demo_server(access, Path(folder)) as server:
            code = code or fuzz(server, access, Path(folder), options.seconds, options.options)
    return code


@contextmanager
def demo_server(access: str, folder: Path) -> Iterator[LocalServer]:
    """Run the local server with the demo model, and stop it in the end.

    Args:
        access: ``open`` or ``api-key``.
        folder: an empty folder to run it in, so that no ``.env`` is read.

    Raises:
        NotStarted: it does not start.
    """
    own = ("OPENAI_", "AWS_", "CREDENTIAL_", "API_ACCESS", "HOST", "PORT", "LOG_LEVEL")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    environment |= {**_NO_THROTTLE, "PYTHONPATH": str(ROOT), "HOME": str(folder)}
    with local_server(
        ("--access", access), folder / "server.log", folder=folder, environment=environment
    ) as server:
        yield server


_NO_THROTTLE: Final = {"THROTTLE_RATE": "10000", "THROTTLE_BURST": "5000", "DAILY_QUOTA": "0"}

# 422: a valid query with the Idempotency-Key of another one. The others are Schemathesis's own.
_CONFIGURATION: Final = """\
[warnings]
fail-on = true
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "401", "403", "404", "409", "422", "5xx"]
"""


def fuzz(server: LocalServer, access: str, folder: Path, seconds: int, options: Sequence[str] = ()) -> int:
    """Run Schemathesis against one server.

    Args:
        server: the server.
        access: its access mode.
        folder: where to write the document and the configuration.
        seconds: how long.
        options: further options of ``schemathesis run``.

    Returns:
        Schemathesis's exit code.
    """
    (folder / "openapi.json").write_text(json.dumps(document_for(access)), encoding="utf-8")
    # Those of the page's script: its routes refuse a POST of another site.
    headers = {"Origin": server.base_url.partition("/Prod")[0], "X-Travel-GPT": "page"}
    if server.api_key:
        headers["x-api-key"] = server.api_key
    lines = [f"{name} = {json.dumps(value)}" for name, value in headers.items()]
    configuration = "\n".join([_CONFIGURATION, "[headers]", *lines, ""])
    # In a file, since an argument can be read by every process of this machine.
    (folder / "schemathesis.toml").write_text(configuration, encoding="utf-8")
    command = [
        str(SCHEMATHESIS),
        "--config-file",
        f"{folder}/schemathesis.toml",
        "run",
        f"{folder}/openapi.json",
    ]
    limits = [
        "--url",
        server.base_url,
        "--max-time",
        str(seconds),
        "--checks",
        "all",
        "--continue-on-failure",
    ]
    return subprocess.run([*command, *limits, *options], cwd=folder, check=False).returncode


def document_for(access: str) -> dict[str, Any]:
    """Return docs/openapi.json as one access mode is held to it.

    The document describes both kinds of stack, so by it a POST may come without a key. Where the mode is
    ``api-key`` it may not: Schemathesis then checks that a missing key and a wrong one are refused.

    JSON Schema cannot say that a date is not in the past, or that a trip has not both ``start`` and ``end``
    and another number of ``nights``. So here the dates are some of the coming ones, each ``start`` before
    each ``end``, and one of ``end`` and ``nights`` is left out. Nor does it list the currencies there are,
    which only an itinerary needs: so one of ``format`` and ``budget`` is left out too.

    Args:
        access: ``open`` or ``api-key``.
    """
    document: dict[str, Any] = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    fields = document["components"]["schemas"]["Query"]["properties"]
    today = datetime.now(UTC).date()
    fields["start"]["enum"] = [(today + timedelta(days)).isoformat() for days in range(5)] + [None]
    fields["end"]["enum"] = [(today + timedelta(days)).isoformat() for days in range(5, 10)] + [None]
    del fields["format" if access == "open" else "budget"]
    del fields["end" if access == "open" else "nights"]
    if access == "open":
        # Without clients there is no table, so no stream can be stopped, and no invitation accepted.
        for path in (STOP, PAGE_STOP, PAGE_REDEEM):
            del document["paths"][path]
        return document
    # The page wants a session there: tests of its own have one.
    document["paths"] = {
        path: operations for path, operations in document["paths"].items() if not path.startswith(PAGE)
    }
    for operations in document["paths"].values():
        operations["post"]["security"] = [{"api_key": []}]
    return document


if __name__ == "__main__":
    sys.exit(main())
