"""The local server (``make run``) as a process of its own, for the scripts that ask it."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

_STARTS_WITHIN: Final = 120.0
"""Seconds. It takes 2; the rest is for a question about a file ``.env`` that it may ask."""


@dataclass(frozen=True, slots=True)
class LocalServer:
    """A running local server."""

    base_url: str
    """Its address with the stage, without the path of the API."""
    api_key: str
    """What a POST needs in x-api-key; empty in the mode ``open``."""


class NotStarted(Exception):
    """The server ended, or did not start in time; the text is what it printed."""


@contextmanager
def local_server(
    options: Sequence[str],
    log: Path,
    *,
    folder: Path,
    environment: Mapping[str, str],
    errors: IO[str] | None = None,
    apart: bool = False,
) -> Iterator[LocalServer]:
    """Run the local server on a free port, and stop it in the end.

    Args:
        options: the options of ``python -m travel_gpt.local`` besides the port.
        log: a file for what it prints.
        folder: the folder to run it in, whose ``.env`` it reads.
        environment: its environment variables.
        errors: where its standard error goes; by default into the log.
        apart: run it in a session of its own, so that a Ctrl-C at the terminal does not reach it.

    Raises:
        NotStarted: it does not start.
    """
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "travel_gpt.local", "--port", "0", *options],
            cwd=folder,
            env=dict(environment),
            stdout=output,
            stderr=errors or subprocess.STDOUT,
            start_new_session=apart,
        )
        try:
            yield _started(process, log)
        finally:
            process.terminate()
            process.wait(30)


def _started(process: "subprocess.Popen[bytes]", log: Path) -> LocalServer:
    ends = time.monotonic() + _STARTS_WITHIN
    while time.monotonic() < ends and process.poll() is None:
        said = log.read_text(encoding="utf-8")
        if "Ctrl-C stops it" in said and (found := re.search(r"runs on (\S+)/travel-gpt", said)):
            key = re.search(r"x-api-key: (\S+) \(made up", said)
            return LocalServer(found[1], key[1] if key else "")
        time.sleep(0.1)
    raise NotStarted(log.read_text(encoding="utf-8").strip())
