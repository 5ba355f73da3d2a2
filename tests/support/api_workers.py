"""Environments of the function, each a process.

``with environments() as send:`` starts one process that imports everything. For each job it forks the
environments, which takes milliseconds for each.
"""

import json
import os
import random
import select
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import partial
from subprocess import PIPE
from typing import Any, Final

from tests.support.markdown import ROOT
from travel_gpt import telemetry
from travel_gpt.advisor import adviser  # noqa: F401 - what a request imports is imported before the fork
from travel_gpt.api.routes import Api
from travel_gpt.aws.table import Item, Table
from travel_gpt.bootstrap import build_api
from travel_gpt.deadline import Deadline
from travel_gpt.guard import guard  # noqa: F401
from travel_gpt.settings import Settings

TIMEOUT: Final = 120.0


@dataclass(frozen=True)
class Job:
    """What the environments are to do.

    Attributes:
        variables: their environment variables.
        keys: the ids of the API keys that requests come with, in turn.
        count: environments that must end by themselves; one that was killed is replaced.
        threads: requests that one environment answers at the same time.
        requests: requests that each environment is sent, at least one for each thread.
        at_once: hold the first requests until each thread of each environment has one.
        kills: environments that kill themselves (SIGKILL) within a second: every other one until then.
        kill_at_calls: instead, send one request for each of so many keys, each in an environment of its own.
            The first kills itself before its first call to the table, the second after that, and so on.
        milliseconds: the time that an invocation has.
        taken_at: when API Gateway took each request, in seconds since the epoch; 0 for now.
    """

    variables: dict[str, str]
    keys: list[str]
    count: int = 1
    threads: int = 1
    requests: int = 1
    at_once: bool = False
    kills: int = 0
    kill_at_calls: int = 0
    milliseconds: int = 20_000
    taken_at: float = 0


@dataclass(frozen=True)
class Sent:
    """How the requests were answered, and what happened to the environments.

    Attributes:
        answers: how often, by key, status and code. What killed environments answered is not known.
        killed: environments that were killed.
        at_once: requests that were held until all of them were under way.
    """

    answers: Counter[str]
    killed: int = 0
    at_once: int = 0


@contextmanager
def environments() -> Iterator[Callable[[Job], Sent]]:
    """Start the process that imports everything.

    Yields:
        What does a job.
    """
    command = [sys.executable, "-m", "tests.support.api_workers"]
    given = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    with subprocess.Popen(
        command, cwd=ROOT, env=given, stdin=PIPE, stdout=PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdin
        assert process.stdout
        stdin, stdout = process.stdin, process.stdout

        def send(job: Job) -> Sent:
            stdin.write(json.dumps(asdict(job)) + "\n")
            stdin.flush()
            assert select.select([stdout], [], [], TIMEOUT)[0], "the environments do not end"
            found = json.loads(stdout.readline())
            return Sent(Counter(found["answers"]), found["killed"], found["at_once"])

        try:
            yield send
        finally:
            # With every environment that still runs.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


class Context:
    """Lambda's context.

    Args:
        milliseconds: the time that is left.
        hold: waits before it says so, in the midst of the request.
    """

    aws_request_id = "0"

    def __init__(self, milliseconds: int, hold: Callable[[], object] | None = None) -> None:
        self._milliseconds = milliseconds
        self._hold = hold

    def get_remaining_time_in_millis(self) -> int:
        """Return the time that is left, in milliseconds."""
        if self._hold:
            self._hold()
        return self._milliseconds


class FatalTable(Table):
    """The table of an environment that kills itself before or after one of its calls.

    Args:
        name: the table's name.
        at: 1 for before the first call, 2 for after it, 3 for before the second, and so on.
    """

    def __init__(self, name: str, at: int) -> None:
        super().__init__(name)
        self._left = at

    def update(self, key: Any, *, deadline: Deadline | None = None, **parameters: Any) -> Item:
        """Change one item."""
        self._live()
        item = super().update(key, deadline=deadline, **parameters)
        self._live()
        return item

    def get(self, *keys: Any, deadline: Deadline | None = None) -> list[Item]:
        """Read items."""
        self._live()
        items = super().get(*keys, deadline=deadline)
        self._live()
        return items

    def _live(self) -> None:
        self._left -= 1
        if not self._left:
            os.kill(os.getpid(), signal.SIGKILL)


class _Runner:
    """Does one job in a process of its own."""

    def __init__(self, job: Job) -> None:
        self.job = job
        os.environ.update(job.variables)
        self.settings = Settings.load(os.environ)
        self.sent = Sent(Counter())
        self.outputs: dict[int, int] = {}
        self.to_kill = job.kills

    def run(self) -> Sent:
        """Run the environments until each number of requests was sent by one that was not killed."""
        killed = at_once = 0
        if self.job.kill_at_calls:
            for at in range(1, self.job.kill_at_calls + 1):
                self.fork(partial(self.one_request, at))
                killed += not self.wait()
            return Sent(self.sent.answers, killed)
        api = build_api(self.settings)
        ready, released = os.pipe(), os.pipe()

        def arrived() -> None:
            os.write(ready[1], bytes(self.job.threads))
            # Until the last one has closed the other end.
            os.read(released[0], 1)

        def first(number: int, *, doomed: bool) -> None:
            os.close(released[1])
            self.environment(api, number, doomed=doomed, arrived=arrived if self.job.at_once else None)

        for number in range(self.job.count):
            self.fork(partial(first, number, doomed=self.is_doomed(number)))
        while self.job.at_once and at_once < self.job.count * self.job.threads:
            at_once += len(os.read(ready[0], 1000))
        os.close(released[1])
        number = self.job.count
        while self.outputs:
            if not self.wait():
                killed += 1
                self.fork(partial(self.environment, api, number, doomed=self.is_doomed(number)))
                number += 1
        return Sent(self.sent.answers, killed, at_once)

    def is_doomed(self, number: int) -> bool:
        """Decide whether the next environment kills itself: every other one while there are kills left."""
        doomed = number % 2 == 0 and self.to_kill > 0
        self.to_kill -= doomed
        return doomed

    def fork(self, what: Callable[[], None]) -> None:
        """Run something in a fork."""
        output = os.memfd_create("answers")
        if pid := os.fork():
            self.outputs[pid] = output
            return
        status = 1
        self.sent = Sent(Counter())
        try:
            what()
            os.write(output, json.dumps(self.sent.answers).encode())
            status = 0
        finally:
            if status:
                sys.excepthook(*sys.exc_info())
            os._exit(status)

    def wait(self) -> bool:
        """Wait for a fork, and take over its answers. False: it was killed."""
        pid, status = os.wait()
        output = self.outputs.pop(pid)
        if survived := not os.WIFSIGNALED(status):
            assert not status, "an environment failed: see its error above"
            self.sent.answers.update(json.loads(os.pread(output, os.fstat(output).st_size, 0)))
        os.close(output)
        return survived

    def environment(
        self, api: Api, number: int, *, doomed: bool = False, arrived: Callable[[], None] | None = None
    ) -> None:
        """Send requests as one environment of the function."""
        assert self.job.requests >= self.job.threads, "a thread has no request to begin with"

        def begin() -> None:
            if arrived:
                arrived()
            if doomed:
                # SystemRandom: the environments do not share a state.
                delay = random.SystemRandom().uniform(0.05, 1)
                threading.Timer(delay, os.kill, [os.getpid(), signal.SIGKILL]).start()

        if arrived:
            # Each client is known from now on, as in an environment that runs for longer.
            for key in self.job.keys:
                api.answer(event(key, 0, time.time(), query=""), Context(self.job.milliseconds))
        barrier = threading.Barrier(self.job.threads, action=begin)

        def send(thread: int) -> Counter[str]:
            found = Counter[str]()
            hold: Callable[[], object] | None = barrier.wait
            for request in range(thread, self.job.requests, self.job.threads):
                found[self.answer(api, number * self.job.requests + request, hold)] += 1
                hold = None
            return found

        with ThreadPoolExecutor(self.job.threads) as pool:
            for found in pool.map(send, range(self.job.threads)):
                self.sent.answers.update(found)

    def one_request(self, kill_at: int) -> None:
        """Send one request in an environment that kills itself."""
        api = build_api(self.settings, table=FatalTable(self.settings.table_name, kill_at))
        self.sent.answers[self.answer(api, kill_at - 1)] += 1

    def answer(self, api: Api, number: int, hold: Callable[[], object] | None = None) -> str:
        """Send one request."""
        key = self.job.keys[number % len(self.job.keys)]
        taken_at = self.job.taken_at or time.time()
        answer = api.answer(event(key, number, taken_at), Context(self.job.milliseconds, hold))
        body = json.loads(answer["body"])
        return f"{key} {answer['statusCode']} {body.get('code', 'success')}"


def event(key_id: str, number: int, taken_at: float, query: str = "Three days in Lisbon?") -> dict[str, Any]:
    """The event of one POST."""
    context = {
        "requestId": f"r{number}",
        "requestTimeEpoch": int(taken_at * 1000),
        "identity": {"apiKeyId": key_id, "sourceIp": "192.0.2.1"},
    }
    return {
        "resource": "/travel-gpt",
        "httpMethod": "POST",
        "headers": {"content-type": "application/json"},
        "body": json.dumps({"query": query}),
        "requestContext": context,
    }


def _serve() -> None:
    """Do each job that is read from standard input, until that ends."""
    # Thousands of lines of refusals would hide the error that ends an environment.
    telemetry.configure(Settings.load({}), stream=open(os.devnull, "w"), metrics=False)  # noqa: PTH123, SIM115
    # Dozens of threads with a millisecond of work each otherwise spend their time on taking turns.
    sys.setswitchinterval(0.1)
    for line in sys.stdin:
        if os.fork() == 0:
            try:
                sent = _Runner(Job(**json.loads(line))).run()
                os.write(1, (json.dumps(vars(sent)) + "\n").encode())
            except BaseException:  # noqa: BLE001 - a process of its own, which ends without a report
                sys.excepthook(*sys.exc_info())
                os.write(1, b"null\n")
            os._exit(0)
        os.wait()


if __name__ == "__main__":
    _serve()
