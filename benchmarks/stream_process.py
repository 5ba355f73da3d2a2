"""The function that streams, in a process that is started as Lambda starts it, beside a Runtime API."""

import json
import math
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks import ANSWER
from benchmarks.measure import WrongAnswer, event_of
from tests.fakes.runtime_api import RuntimeApi, Sent

RESOURCE: Final = "/travel-gpt/stream"
DEADLINE: Final = 100.0
"""Seconds that an invocation has."""
BEFORE_THE_BODY: Final = 2
"""The chunks of a response before its body: metadata and delimiter."""


@dataclass(frozen=True, slots=True)
class Streamed:
    """One streamed answer: seconds from starting the process, or from the invocation if it ran before."""

    began: float
    """From when, on the monotonic clock."""
    first_byte: float
    first_text: float
    last_byte: float
    cpu: float
    """Seconds of processor time, user and system, of all threads of the process, at its first byte."""


class StreamProcess:
    """The function that streams. Use it as a context: the process ends with it.

    Args:
        python: the interpreter, which sees no packages of its own.
        package: the built package.
        variables: the environment variables.
    """

    def __init__(self, python: Path, package: Path, variables: dict[str, str]) -> None:
        self._api = RuntimeApi()
        self._answered = 0
        self._api.invoke(event_of("POST", RESOURCE), deadline=DEADLINE)
        self._began = time.monotonic()
        self._process = subprocess.Popen(
            [package / "travel_gpt" / "stream_wrapper", python, "/var/runtime/bootstrap.py"],
            env={
                **variables,
                "AWS_LAMBDA_RUNTIME_API": self._api.address,
                "LAMBDA_TASK_ROOT": str(package),
                # Lambda's file system is read-only.
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            cwd=package,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )

    def __enter__(self) -> "StreamProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._api.close()

    def ask(self) -> Streamed:
        """Ask once more; like ``answer``, which reads what the process was started with."""
        self._api.invoke(event_of("POST", RESOURCE), deadline=DEADLINE)
        self._began = time.monotonic()
        return self.answer()

    def answer(self) -> Streamed:
        """Wait for the whole answer.

        Returns:
            When it came.

        Raises:
            WrongAnswer: it is not the one to expect.
        """
        self._answered += 1
        self._api.wait("/response", chunks=BEFORE_THE_BODY + 1, number=self._answered, seconds=DEADLINE)
        cpu = _processor_seconds(self._process.pid)
        sent = self._api.wait("/response", number=self._answered, seconds=DEADLINE)
        body = sent.chunks[BEFORE_THE_BODY:]
        if not _right(sent):
            raise WrongAnswer(f"the function that streams answered {sent.body!r}")
        first_text = next(at for at, piece in body if piece.startswith(b"event: delta"))
        return Streamed(
            began=self._began,
            first_byte=body[0][0] - self._began,
            first_text=first_text - self._began,
            last_byte=body[-1][0] - self._began,
            cpu=cpu,
        )


def bare_python(python: str, folder: Path) -> Path:
    """Return an interpreter that sees no packages but those of the task.

    The buffered function is measured with options that have that effect; the wrapper passes none.

    Args:
        python: the interpreter that the package is for.
        folder: where to put it.
    """
    command = [python, "-c", f"import venv; venv.create({str(folder)!r}, symlinks=True)"]
    subprocess.run(command, check=True)
    return folder / "bin" / "python"


def _right(sent: Sent) -> bool:
    events = [_data(piece) for _, piece in sent.chunks[BEFORE_THE_BODY:]]
    text = "".join(data.get("text", "") for _, data in events)
    # Without the cost it was not counted, and what that takes not measured.
    cost = [data["usage"].get("cost_usd") for name, data in events if name == "usage"]
    name, end = events[-1]
    return text == ANSWER and None not in cost and (name, end.get("truncated")) == ("done", False)


def _data(piece: bytes) -> tuple[str, dict[str, Any]]:
    name, _, data = piece.decode().partition("\n")
    found: dict[str, Any] = json.loads(data.removeprefix("data: "))
    return name.removeprefix("event: "), found


def _processor_seconds(process: int) -> float:
    try:
        # What clock_getcpuclockid(3) returns on Linux.
        return time.clock_gettime((~process << 3) | 2)
    except (AttributeError, OSError):
        return math.nan
