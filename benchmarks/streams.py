"""How soon a stream begins, and what many open streams take.

    python -m benchmarks.streams

It compares the cold start of the function that streams with a cold POST of the buffered one, round by round.
Then it times the first event of a function and a local server that are warm, and opens many streams at once.
"""

import argparse
import random
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.local_streams import first_event, local_server, together
from benchmarks.measure import Case, Cold, Process, WrongAnswer, loopback
from benchmarks.model import PacedModel
from benchmarks.packages import ROOT, Design, build_ours, environment
from benchmarks.report import spread, table, with_interval
from benchmarks.stream_process import Streamed, StreamProcess, bare_python
from scripts.package_contents import BuildError

ROUNDS: Final = 15
REQUESTS: Final = 100
"""Warm streams whose first event is timed."""
STREAMS: Final = 200
APIS: Final = ("responses", "chat")


class Pair(NamedTuple):
    """Two cold starts, one right after the other."""

    post: Cold
    stream: Streamed


def main() -> int:
    """Measure as the command line says.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.streams", description="How soon a stream begins."
    )
    parser.add_argument("--runs", type=int, default=ROUNDS, help=f"rounds of cold starts (default: {ROUNDS})")
    parser.add_argument(
        "--streams", type=int, default=STREAMS, help=f"streams that are open at once (default: {STREAMS})"
    )
    parser.add_argument(
        "--packages", type=Path, default=ROOT / "build" / "benchmarks", help="where to build the package"
    )
    options = parser.parse_args()
    if min(options.runs, options.streams) < 2:
        parser.error("--runs and --streams must be at least 2")
    try:
        measure(options.runs, options.streams, options.packages.absolute())
    except (BuildError, WrongAnswer) as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    return 0


def measure(runs: int, streams: int, folder: Path) -> None:
    """Build, measure and print.

    Args:
        runs: how many rounds of cold starts.
        streams: how many to open at once.
        folder: where to build the package.
    """
    print("Building the package ...", flush=True)
    python, design = build_ours(folder)
    with tempfile.TemporaryDirectory() as home, loopback() as secrets:
        bench = Bench(python, design, Path(home), secrets)
        with loopback() as server:
            print(f"\n{cold_report(bench.cold(runs, server))}", flush=True)
        with PacedModel() as model:
            function = bench.first_events(model, REQUESTS)
            (empty := Path(home) / "local").mkdir()
            with local_server(empty, model.base_url) as local:
                # The first ones import and fill caches.
                took = [first_event(local, model) for _ in range(REQUESTS + 10)][10:]
                print(f"\n{first_event_report(function, took)}", flush=True)
                at_once = together(local, model, streams)
    print(
        f"\n{streams} streams of the local server at once\n\n"
        + table(
            ["", f"n={streams}"],
            [
                ["all have their first words, s", f"{at_once.begun:.2f}"],
                ["from then to the last event of all, s", f"{at_once.ended:.2f}"],
                ["memory of the server for an open stream, KiB", f"{at_once.each:.0f}"],
                ["the most memory of the server, MB", f"{at_once.memory:.0f}"],
            ],
        )
    )


class Bench:
    """The two functions of the package beside the servers that they call.

    Args:
        python: the interpreter that the package is built for.
        design: the buffered function.
        home: an empty folder.
        secrets: the URL of Secrets Manager and DynamoDB.
    """

    def __init__(self, python: str, design: Design, home: Path, secrets: str) -> None:
        self._python = python
        self._design = design
        self._home = home
        self._secrets = secrets
        self._bare_python = bare_python(python, home / "python")

    def cold(self, rounds: int, server: str) -> list[dict[str, Pair]]:
        """Start both functions for a POST on each API, again and again.

        Args:
            rounds: how often.
            server: the URL of the model's server.

        Returns:
            The results of each round, by API.
        """
        # One round more: all further starts find the files in memory.
        return [{api: self._pair(api, server) for api in APIS} for _ in range(rounds + 1)][1:]

    def first_events(self, model: PacedModel, requests: int) -> list[float]:
        """Return the seconds from the model's first event to the first byte of a warm function's body.

        Args:
            model: the server that it asks.
            requests: how many.
        """
        took = []
        with self._stream(APIS[0], model.url) as process:
            process.answer()
            for number in range(-10, requests):
                streamed = process.ask()
                # The first ones fill caches.
                if number >= 0:
                    took.append(streamed.began + streamed.first_byte - model.began)
        return took

    def _pair(self, api: str, server: str) -> Pair:
        if random.getrandbits(1):
            post = self._post(api, server)
            return Pair(post, self._stream_once(api, server))
        stream = self._stream_once(api, server)
        return Pair(self._post(api, server), stream)

    def _post(self, api: str, server: str) -> Cold:
        process = Process(self._python, self._design, Case("POST", api), self._variables(api, server))
        process.stop()
        return process.cold

    def _stream_once(self, api: str, server: str) -> Streamed:
        with self._stream(api, server) as process:
            return process.answer()

    def _stream(self, api: str, server: str) -> StreamProcess:
        return StreamProcess(self._bare_python, self._design.package, self._variables(api, server))

    def _variables(self, api: str, server: str) -> dict[str, str]:
        known = environment(self._home, server=server, secrets=self._secrets, api=api)
        return {**known, **self._design.variables}


def cold_report(rounds: Sequence[dict[str, Pair]]) -> str:
    """Write how soon the first byte of a cold stream comes, beside a cold POST.

    Args:
        rounds: the results, round by round.

    Returns:
        The tables.
    """
    head = [f"median [quartiles], n={len(rounds)}", *APIS]

    def columns(read: Callable[[Pair], float]) -> list[list[float]]:
        return [[read(one[api]) for one in rounds] for api in APIS]

    ratios = [
        *with_interval(
            "first byte / POST: time", columns(lambda pair: pair.stream.first_byte / pair.post.wall)
        ),
        *with_interval("the same: processor time", columns(lambda pair: pair.stream.cpu / pair.post.cpu)),
    ]
    milliseconds: dict[str, Callable[[Pair], float]] = {
        "POST": lambda pair: pair.post.wall,
        "POST, processor time": lambda pair: pair.post.cpu,
        "stream, first byte": lambda pair: pair.stream.first_byte,
        "stream, first byte, processor time": lambda pair: pair.stream.cpu,
        "stream, from the first byte to the first text": lambda pair: (
            pair.stream.first_text - pair.stream.first_byte
        ),
        "stream, from the first byte to the last": lambda pair: (
            pair.stream.last_byte - pair.stream.first_byte
        ),
    }
    return "\n\n".join(
        [
            "Cold start of a stream beside a cold POST of the buffered function, ratios of the same round",
            table(head, ratios),
            "Cold start, from starting the process, ms",
            table(
                head,
                [
                    [name, *(spread([1000 * value for value in values], ".1f") for values in columns(read))]
                    for name, read in milliseconds.items()
                ],
            ),
        ]
    )


def first_event_report(function: Sequence[float], local: Sequence[float]) -> str:
    """Write how soon the first event follows the model's first event.

    Args:
        function: the seconds of each request of the function.
        local: those of the local server.

    Returns:
        The table.
    """
    rows = [
        [name, spread([1000 * value for value in values], ".1f"), f"{1000 * max(values):.1f}"]
        for name, values in (("function", function), ("local server", local))
    ]
    head = [f"median [quartiles], n={len(function)}", "ms", "the longest, ms"]
    return f"From the model's first event to the reader's first event, warm\n\n{table(head, rows)}"


if __name__ == "__main__":
    sys.exit(main())
