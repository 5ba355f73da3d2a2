"""How long the DynamoDB calls of one POST take on loopback.

    python -m benchmarks.table_calls

Each is timed in the process that makes it: expression, signature, HTTP, a table that carries the update out
in a process of its own, and reading the answer.
"""

import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from benchmarks import ANSWER, TABLE
from benchmarks.measure import WrongAnswer, event_of, loopback
from benchmarks.packages import environment
from benchmarks.report import spread, table
from travel_gpt import telemetry
from travel_gpt.aws.table import Item, Table
from travel_gpt.bootstrap import build_api
from travel_gpt.settings import Settings

REQUESTS: Final = 2000
CALLS: Final = ("reserve, client", "reserve, stack", "settle, client", "settle, stack")


class TimedTable(Table):
    """The table, and the seconds that each update took."""

    def __init__(self) -> None:
        super().__init__(TABLE)
        self.took: list[float] = []

    def update(self, key: Any, **parameters: Any) -> Item:
        """Change one item, and note how long that took."""
        began = time.perf_counter()
        item = super().update(key, **parameters)
        self.took.append(time.perf_counter() - began)
        return item


class Context:
    """The part of Lambda's context that is read."""

    aws_request_id = "3f1c6a52-0000-4000-8000-000000000001"

    def get_remaining_time_in_millis(self) -> int:
        """Return the time left, in milliseconds."""
        return 30_000


def main() -> None:
    """Send the requests one after the other, and print the table."""
    with tempfile.TemporaryDirectory() as home, loopback() as server, loopback() as secrets:
        os.environ.update(environment(Path(home), server=server, secrets=secrets, api="responses"))
        os.environ["TABLE_NAME"] = TABLE
        settings, timed = Settings.load(os.environ), TimedTable()
        posts = []
        with Path(os.devnull).open("w") as nowhere:
            telemetry.configure(settings, stream=nowhere, metrics=False)
            api = build_api(settings, table=timed)
            for number in range(-100, REQUESTS):
                timed.took.clear()
                reply = api.answer(event_of("POST"), Context())
                if json.loads(reply["body"]).get("answer") != ANSWER or len(timed.took) != len(CALLS):
                    raise WrongAnswer(f"{len(timed.took)} updates, and the answer {reply}")
                # The first ones fill caches.
                if number >= 0:
                    posts.append([seconds * 1000 for seconds in timed.took])
    rows = [[name, spread([post[at] for post in posts], ".2f")] for at, name in enumerate(CALLS)]
    rows.append(["all four", spread([sum(post) for post in posts], ".2f")])
    print(table([f"median [quartiles], n={REQUESTS}", "ms"], rows))


if __name__ == "__main__":
    main()
