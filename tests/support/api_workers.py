"""Environments of the function, each a process.

``python -m tests.support.api_workers COUNT THREADS REQUESTS``: one process imports everything, then forks the
environments, which takes milliseconds for each. Each sends requests from its threads and ends; one that was
killed is replaced. Each that ended by itself writes its statuses to standard output, as a line of JSON; the
number of those that were killed is the last line.

With WORKER_KILLS, the first so many environments kill themselves (SIGKILL) within their first second.
"""

import json
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from travel_gpt import telemetry
from travel_gpt.advisor import adviser  # noqa: F401 - what a request imports is imported before the fork
from travel_gpt.bootstrap import build_api
from travel_gpt.guard import guard  # noqa: F401
from travel_gpt.settings import Settings


class Context:
    """Lambda's context."""

    aws_request_id = "0"

    def get_remaining_time_in_millis(self) -> int:
        """Return the time that is left, in milliseconds."""
        return int(os.environ.get("WORKER_MILLISECONDS", "30000"))


def event(key_id: str, number: int) -> dict[str, Any]:
    """The event of one POST."""
    context = {
        "requestId": f"r{number}",
        "requestTimeEpoch": int(float(os.environ.get("WORKER_TAKEN_AT", time.time())) * 1000),
        "identity": {"apiKeyId": key_id, "sourceIp": "192.0.2.1"},
    }
    return {
        "resource": "/travel-gpt",
        "httpMethod": "POST",
        "headers": {"content-type": "application/json"},
        "body": json.dumps({"query": "Three days in Lisbon?"}),
        "requestContext": context,
    }


def environment(threads: int, requests: int) -> None:
    """Send requests as one environment of the function, and print how they were answered."""
    api = build_api(Settings.load(os.environ))
    keys = os.environ["WORKER_KEYS"].split(",")

    def send(number: int) -> str:
        answer = api.answer(event(keys[number % len(keys)], number), Context())
        body = json.loads(answer["body"])
        return f"{keys[number % len(keys)]} {answer['statusCode']} {body.get('code', 'success')}"

    with ThreadPoolExecutor(threads) as pool:
        found = Counter(pool.map(send, range(requests)))
    os.write(1, (json.dumps(found) + "\n").encode())


def main() -> None:
    """Run the environments until each number of requests was sent by one that was not killed."""
    count, threads, requests = map(int, sys.argv[1:4])
    telemetry.configure(Settings.load({"LOG_LEVEL": "ERROR"}), stream=sys.stderr, metrics=False)
    to_kill = int(os.environ.get("WORKER_KILLS", "0"))
    running = killed = 0
    while count or running:
        while count:
            if os.fork() == 0:
                try:
                    if to_kill:
                        # SystemRandom: the environments do not share a state.
                        delay = random.SystemRandom().uniform(0.05, 1)
                        threading.Timer(delay, os.kill, [os.getpid(), signal.SIGKILL]).start()
                    environment(threads, requests)
                finally:
                    os._exit(0)
            to_kill = max(0, to_kill - 1)
            count, running = count - 1, running + 1
        _, status = os.wait()
        running -= 1
        if os.WIFSIGNALED(status):
            count, killed = count + 1, killed + 1
    print(killed, flush=True)


if __name__ == "__main__":
    main()
