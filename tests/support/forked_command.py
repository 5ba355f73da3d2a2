"""``travel-gpt`` as a process of its own without its start: a fork of a process that has imported it.

The imports take most of a second of the processor. Standard streams, environment and folder are the fork's
own, and what it starts are real processes.
"""

import importlib
import os
import pickle
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import PIPE, CompletedProcess

from tests.support.markdown import ROOT
from travel_gpt.cli.__main__ import main

TIMEOUT = 60.0
Run = Callable[[tuple[str, ...], str, dict[str, str], Path], CompletedProcess[str]]
# What the commands come to import.
_MODULES = (
    *("boto3", "httpcore2", "openai", "travel_gpt.cli.app", "travel_gpt.cli.doctor.local_checks"),
    *("travel_gpt.cli.secret.change", "travel_gpt.cli.secret.encrypted_files"),
    *("travel_gpt.cli.secret.migrate", "travel_gpt.cli.secret.show", "travel_gpt.llm.client"),
)


@contextmanager
def forked_command() -> Iterator[Run]:
    """Start the process that imports the command.

    Yields:
        What runs a command: with its arguments, what is piped in, its whole environment and its folder.
    """
    server = [sys.executable, "-W", "error", "-m", "tests.support.forked_command"]
    with subprocess.Popen(server, cwd=ROOT, env={"HOME": os.devnull}, stdin=PIPE, stdout=PIPE) as process:
        assert process.stdin
        assert process.stdout
        stdin, stdout = process.stdin, process.stdout

        def run(
            arguments: tuple[str, ...], given: str, env: dict[str, str], folder: Path
        ) -> CompletedProcess[str]:
            pickle.dump((arguments, given, env, folder), stdin)
            stdin.flush()
            assert select.select([stdout], [], [], TIMEOUT)[0], f"{arguments[:2]} goes on and on"
            return CompletedProcess(arguments, *pickle.load(stdout))

        yield run


def _serve() -> None:
    """Run each command that is read from standard input, until that ends."""
    for module in _MODULES:
        importlib.import_module(module)
    with os.fdopen(os.dup(0), "rb") as requests, os.fdopen(os.dup(1), "wb") as answers, suppress(EOFError):
        while True:
            arguments, given, env, folder = pickle.load(requests)
            streams = [os.memfd_create(name) for name in ("stdin", "stdout", "stderr")]
            os.pwrite(streams[0], given.encode(), 0)
            fork = os.fork()
            if fork == 0:
                _run(arguments, env, folder, streams)
            _, status = os.waitpid(fork, 0)
            shown = [os.pread(stream, os.fstat(stream).st_size, 0).decode() for stream in streams[1:]]
            for stream in streams:
                os.close(stream)
            pickle.dump((os.waitstatus_to_exitcode(status), *shown), answers)
            answers.flush()


def _run(arguments: tuple[str, ...], env: dict[str, str], folder: Path, streams: list[int]) -> None:
    status = -1
    try:
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        os.environ.clear()
        os.environ.update(env)
        os.chdir(folder)
        status = main(list(arguments))
        sys.stdout.flush()
    finally:
        os._exit(status & 0xFF)


if __name__ == "__main__":
    _serve()
