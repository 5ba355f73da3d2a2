"""Which trips are planned in time, with models of different speeds.

    python -m benchmarks.itineraries

A model's server writes trips at 70 and 130 tokens a second. The local server is asked for trips of 3, 7 and
14 days, buffered and streamed, half of them with days that break a rule and have to be revised.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Final

from benchmarks.itinerary_author import BROKEN, write
from benchmarks.local_streams import local_server
from benchmarks.measure import WrongAnswer
from benchmarks.report import spread, table
from travel_gpt.client import ApiError, TravelGPT
from travel_gpt.local.model_server import ModelServer, Pace

TRIPS: Final = 20
"""Trips of each kind."""
AT_ONCE: Final = 8
"""Trips that one local server plans at the same time: few enough for the processor, for each makes up to 15
calls."""
SPEEDS: Final = (70.0, 130.0)
"""Tokens a second."""
FIRST_TOKEN: Final = 0.5
"""Seconds before a model's first token. Assumed."""
DAYS: Final = (3, 7, 14)


@dataclass(frozen=True, slots=True)
class Kind:
    """What trips have in common."""

    speed: float
    streamed: bool
    broken: bool
    days: int


@dataclass(frozen=True, slots=True)
class Planned:
    """How one trip ended."""

    kind: Kind
    seconds: float
    outcome: str
    """``complete``, ``incomplete``, or the code of an error."""
    repair: str
    """The outcome of the repair; empty after an error."""


def main() -> int:
    """Measure as the command line says.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.itineraries", description="Which trips are planned in time."
    )
    parser.add_argument("--trips", type=int, default=TRIPS, help=f"trips of each kind (default: {TRIPS})")
    parser.add_argument(
        "--at-once", type=int, default=AT_ONCE, help=f"trips at the same time (default: {AT_ONCE})"
    )
    parser.add_argument(
        "--first-token", type=float, default=FIRST_TOKEN, help=f"seconds before it (default: {FIRST_TOKEN})"
    )
    options = parser.parse_args()
    if min(options.trips, options.at_once) < 1 or options.first_token < 0:
        parser.error("--trips and --at-once must be at least 1, and --first-token not below 0")
    try:
        planned = measure(options.trips, options.at_once, options.first_token)
    except WrongAnswer as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    print(report(planned))
    return 0


def measure(trips: int, at_once: int, first_token: float) -> list[Planned]:
    """Plan trips with models of both speeds.

    Args:
        trips: how many of each kind.
        at_once: how many one local server plans at the same time.
        first_token: seconds before a model's first token.

    Raises:
        WrongAnswer: the local server does not start.
    """
    with ExitStack() as running:
        waiting = []
        for speed in SPEEDS:
            pace = Pace(first_token=first_token, tokens_per_second=speed)
            api = running.enter_context(server(pace))
            pool = running.enter_context(ThreadPoolExecutor(at_once))
            kinds = [Kind(speed, *each) for each in product((False, True), (False, True), DAYS)]
            # The kinds take turns, so that a busy minute is one of all.
            waiting += [pool.submit(plan, api, kind, trip) for trip in range(trips) for kind in kinds]
        return [each.result() for each in waiting]


@contextmanager
def server(pace: Pace) -> Iterator[TravelGPT]:
    """Run a local server whose model writes at a pace.

    Yields:
        A client of its API.
    """
    model = ModelServer("paced", write, pace)
    model.start()
    try:
        with (
            tempfile.TemporaryDirectory() as home,
            local_server(
                Path(home),
                model.base_url,
                OPENAI_API_KEY=model.key,
                OPENAI_MODEL="paced",
                # As they are when nothing is set.
                STREAM_SECONDS="90",
                STREAM_IDLE_SECONDS="",
            ) as local,
            # Nothing is asked again: that would take longer.
            TravelGPT(local.url, retries=0) as api,
        ):
            yield api
    finally:
        model.close()


def plan(api: TravelGPT, kind: Kind, number: int) -> Planned:
    """Ask for a trip.

    Args:
        api: the local server's.
        kind: what kind of trip.
        number: which of its kind: each is written a little differently.
    """
    query = f"Trip {number} to Lisbon" + (f" {BROKEN}" if kind.broken else "")
    constraints = {"start": "2027-05-03", "nights": kind.days - 1}
    began = time.monotonic()
    try:
        if kind.streamed:
            with api.stream(query, format="itinerary", constraints=constraints) as stream:
                answer = stream.answer()
        else:
            answer = api.ask(query, format="itinerary", constraints=constraints)
    except ApiError as failed:
        return Planned(kind, time.monotonic() - began, failed.code, "")
    seconds = time.monotonic() - began
    outcome = "incomplete" if answer.truncated else "complete"
    return Planned(kind, seconds, outcome, str((answer.repair or {}).get("outcome", "")))


def report(planned: Sequence[Planned]) -> str:
    """Write what was measured.

    Args:
        planned: all trips.

    Returns:
        A table with a row for each kind.
    """
    rows = []
    for kind in dict.fromkeys(each.kind for each in planned):
        of_kind = [each for each in planned if each.kind == kind]
        complete = sum(each.outcome == "complete" for each in of_kind)
        rows.append(
            [
                f"{kind.speed:g}",
                "streamed, 90 s" if kind.streamed else "buffered, 28 s",
                "yes" if kind.broken else "no",
                str(kind.days),
                f"{100 * complete / len(of_kind):.0f} %",
                spread([each.seconds for each in of_kind], ".1f"),
                _counts([each.outcome for each in of_kind if each.outcome != "complete"]),
                _counts([each.repair for each in of_kind if each.repair != "not_needed"]),
            ]
        )
    each = len(planned) // len(rows)
    return "\n\n".join(
        [
            f"Trips that are complete in time, {each} of each kind",
            table(
                [
                    "tokens/s",
                    "route",
                    "broken",
                    "days",
                    "complete",
                    "s, median [quartiles]",
                    "else",
                    "repair",
                ],
                rows,
            ),
        ]
    )


def _counts(outcomes: Sequence[str]) -> str:
    return (
        ", ".join(f"{name} {count}" for name, count in Counter(filter(None, outcomes)).most_common()) or "-"
    )


if __name__ == "__main__":
    sys.exit(main())
