"""Running the designs, interleaved, and taking their times."""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from benchmarks import ANSWER, KEY_ID, QUERY
from benchmarks.packages import EMPTY, OURS, ROOT, Design, environment
from travel_gpt.local.invocation import HttpRequest, proxy_event

RUNTIME: Final = ROOT / "benchmarks" / "runtime.py"
BATCH_SECONDS: Final = 0.08
"""How long a batch of warm requests should take: far above the clock's grain, short enough to interleave."""


class Case(NamedTuple):
    """What is asked of a design."""

    method: str
    api: str
    path: str = "/travel-gpt"


CASES: Final = (Case("GET", "responses"), Case("POST", "responses"), Case("POST", "chat"))
PAGE: Final = Case("GET", "responses", "/travel-gpt/app")
"""Only this project has a page, and earlier states of it have none: they answer 404."""


@dataclass(frozen=True, slots=True)
class Cold:
    """One cold start."""

    wall: float
    """Seconds from starting the process to having the first answer."""
    cpu: float
    """Seconds of processor time, user and system, of all its threads."""
    memory: float
    """The most memory held, in MB."""


@dataclass(frozen=True, slots=True)
class Warm:
    """One batch of warm requests."""

    wall: float
    """Seconds for one request."""
    cpu: float
    """Seconds of processor time for one request."""


class WrongAnswer(Exception):
    """A design did not answer as it should, so its time means nothing."""


class Process:
    """A design in a process of its own, from its start to its first answer and beyond.

    Args:
        python: the interpreter.
        design: what to run.
        case: what to ask first, and again.
        variables: the environment variables.
    """

    def __init__(self, python: str, design: Design, case: Case, variables: dict[str, str]) -> None:
        self._design, self._case = design, case
        reader, writer = os.pipe()
        command = [python, "-I", "-S", "-B", str(RUNTIME), str(design.package), design.module, str(writer)]
        event = json.dumps(event_of(case.method, case.path))
        began = time.monotonic_ns()
        self._process = subprocess.Popen(
            command,
            env=variables,
            stdin=subprocess.PIPE,
            # Handlers log to standard output, which is taken off their hands at once in Lambda too.
            stdout=subprocess.DEVNULL,
            pass_fds=[writer],
            text=True,
        )
        os.close(writer)
        self._report = os.fdopen(reader)
        answer = self._ask(event)
        self.cold = Cold(
            wall=(answer["answered_at"] - began) / 1e9,
            cpu=answer["cpu"] / 1e9,
            memory=answer["memory"] / 1024,
        )

    def answer(self, requests: int) -> Warm:
        """Answer requests in a row.

        Args:
            requests: how many.

        Returns:
            What one of them took.

        Raises:
            WrongAnswer: the last answer is not the one to expect.
        """
        answer = self._ask(str(requests))
        return Warm(wall=answer["took"] / requests / 1e9, cpu=answer["cpu"] / requests / 1e9)

    def stop(self) -> None:
        """End the process."""
        self._stdin.close()
        self._process.wait(10)
        self._report.close()

    @property
    def _stdin(self) -> IO[str]:
        assert self._process.stdin is not None
        return self._process.stdin

    def _ask(self, line: str) -> Any:
        self._stdin.write(f"{line}\n")
        self._stdin.flush()
        answer = self._report.readline()
        if not answer:
            raise WrongAnswer(f"{self._design.name} ended without an answer: see above")
        report = json.loads(answer)
        if self._case == PAGE:
            return report
        body = json.loads(report["response"]["body"])
        right = body.get("has_api_key") if self._case.method == "GET" else body.get("answer") == ANSWER
        if self._design.name == OURS and self._case.method == "POST":
            # Otherwise it was not counted, and what that takes not measured.
            right = right and body.get("usage", {}).get("cost_usd") is not None
        if not right and self._design.name != EMPTY:
            raise WrongAnswer(f"{self._design.name} answered {self._case.method} with {report['response']}")
        return report


class Bench:
    """The designs beside the servers that they call.

    Args:
        python: the interpreter that the designs are built for.
        designs: what to compare.
        home: an empty folder.
        server: the URL of the model's server.
        secrets: the URL of Secrets Manager and DynamoDB.
        cases: what to ask of them.
    """

    def __init__(
        self,
        python: str,
        designs: list[Design],
        home: Path,
        server: str,
        secrets: str,
        cases: Sequence[Case] = CASES,
    ) -> None:
        self._python = python
        self._designs = designs
        self._cases = cases
        self._variables = {
            case.api: environment(home, server=server, secrets=secrets, api=case.api) for case in cases
        }

    def read_from_disk(self) -> None:
        """Start every design once: all further starts find its files in memory."""
        for design in self._designs:
            self._cold(design, self._cases[-1])

    def cold(self, rounds: int, ends: float) -> Iterator[dict[tuple[str, Case], Cold]]:
        """Start every design for every case, again and again.

        Args:
            rounds: how often, at the most.
            ends: when to begin no other round, on the monotonic clock; there are two rounds at least.

        Yields:
            The results of one round: they ran one right after the other, so they can be compared.
        """
        every = [(design, case) for design in self._designs for case in self._cases]
        for number in range(rounds):
            if number >= 2 and time.monotonic() > ends:
                return
            # Another order each time: the same handler must not always run after the slow one.
            random.shuffle(every)
            yield {(design.name, case): self._cold(design, case) for design, case in every}

    def warm(self, rounds: int, designs: list[Design]) -> Iterator[dict[tuple[str, Case], Warm]]:
        """Ask designs for every case, again and again, in processes that stay.

        Args:
            rounds: how often.
            designs: which ones.

        Yields:
            The results of one round.
        """
        with ExitStack() as running:
            every = []
            for design in designs:
                for case in self._cases:
                    process = self._start(design, case)
                    running.callback(process.stop)
                    # The first ones fill caches, the next ones tell how many make a batch.
                    process.answer(20)
                    requests = max(1, int(BATCH_SECONDS / process.answer(5).wall))
                    every.append((design.name, case, process, requests))
            for _ in range(rounds):
                random.shuffle(every)
                yield {(name, case): process.answer(requests) for name, case, process, requests in every}

    def _cold(self, design: Design, case: Case) -> Cold:
        process = self._start(design, case)
        process.stop()
        return process.cold

    def _start(self, design: Design, case: Case) -> Process:
        return Process(self._python, design, case, {**self._variables[case.api], **design.variables})


@contextmanager
def loopback() -> Iterator[str]:
    """Run a server for as long as it is needed.

    Yields:
        Its URL.
    """
    command = [sys.executable, "-m", "benchmarks.loopback"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            # It ends with its standard input, so it ends with this process too, however that ends.
            process.stdin.close()


def event_of(method: str, path: str = "/travel-gpt") -> dict[str, Any]:
    """Return API Gateway's event for a request."""
    body = json.dumps({"query": QUERY}).encode() if method == "POST" else b""
    request = HttpRequest(
        method=method,
        path=f"/Prod{path}",
        query="",
        headers=[
            ("Host", "local00000.execute-api.us-east-1.amazonaws.com"),
            ("Content-Type", "application/json"),
            ("User-Agent", "curl/8.9.1"),
        ],
        body=body,
        source_ip="127.0.0.1",
        port=443,
    )
    return proxy_event(request, key_id=KEY_ID)
