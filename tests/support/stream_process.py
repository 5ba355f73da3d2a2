"""travel_gpt/stream_runtime.py as a process, started as Lambda starts it, with a handler of the test."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.fakes.runtime_api import RuntimeApi

ROOT = Path(__file__).resolve().parents[2]
WRAPPER = ROOT / "travel_gpt" / "stream_wrapper"
BOOTSTRAP = "/var/runtime/bootstrap.py"


def task_root(folder: Path, handler: str) -> Path:
    """A folder with a handler as ``travel_gpt.stream_handler``, and the rest of the package as it is here."""
    package = folder / "task" / "travel_gpt"
    package.mkdir(parents=True)
    (package / "stream_handler.py").write_text(handler)
    source = str(ROOT / "travel_gpt")
    (package / "__init__.py").write_text(f'__version__ = "0.1.0"\n__path__.append({source!r})\n')
    return package.parent


class StreamProcess:
    """A runtime that runs."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path) -> None:
        self.process, self.folder = process, folder

    @property
    def log(self) -> str:
        """What it wrote to standard output and standard error."""
        return (self.folder / "log").read_bytes().decode()

    def ended(self) -> int:
        """Wait until it ends, and return its exit status."""
        return self.process.wait(10)


@contextlib.contextmanager
def started(
    api: RuntimeApi,
    folder: Path,
    handler: str,
    variables: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
) -> Iterator[StreamProcess]:
    """Start a runtime; it is stopped at the end.

    Args:
        api: where it gets its invocations.
        folder: the test's own. The process runs in it.
        handler: the source of a module with ``stream``.
        variables: further ones of its environment.
        pass_fds: files that it gets.
    """
    environment = {
        "PATH": os.environ["PATH"],
        "LANG": "en_US.UTF-8",
        "AWS_LAMBDA_RUNTIME_API": api.address,
        "AWS_LAMBDA_FUNCTION_NAME": "travel-gpt-stream",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/travel-gpt-stream",
        "AWS_LAMBDA_LOG_STREAM_NAME": "2026/11/22/[$LATEST]0",
        "LAMBDA_TASK_ROOT": str(task_root(folder, handler)),
        **(variables or {}),
    }
    with (folder / "log").open("wb") as output:
        process = subprocess.Popen(
            [WRAPPER, sys.executable, BOOTSTRAP],
            env=environment,
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=pass_fds,
        )
    try:
        yield StreamProcess(process, folder)
    finally:
        process.kill()
        process.wait()
