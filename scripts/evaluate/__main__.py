"""Ask an API for trips, and show how many of them keep each rule.

Without --url, a local server is started for the run, with the model that the environment or a file .env
configures, as `make run` does; without any, with its demo model. Each result is written to a file as soon as
it is there: the same command goes on where an earlier run ended.
"""

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Final

from scripts.evaluate.asking import Asking, Pointless
from scripts.evaluate.costs import Costs
from scripts.evaluate.queries import Query, read_queries
from scripts.evaluate.report import report
from scripts.evaluate.results import Result, ResultFile, Setup, open_results
from scripts.local_server import NotStarted, local_server
from travel_gpt.cli.asked_api import API_KEY, Api, api_of_url
from travel_gpt.cli.console import Console
from travel_gpt.cli.errors import DONE, FAILED, INTERRUPTED, USAGE, CliError
from travel_gpt.cli.printable import one_line, printable
from travel_gpt.client import ApiError, TravelGPT
from travel_gpt.errors import Forbidden, StreamingDisabled
from travel_gpt.llm.prices import PriceList, read_prices
from travel_gpt.redaction import guard, redact

ROOT: Final = Path(__file__).resolve().parents[2]
EXAMPLES: Final = Path(__file__).with_name("example.jsonl")
_MOST_PARALLEL: Final = 50
_HINTS: Final = {
    Forbidden.code: f" Check the API key in {API_KEY}.",
    StreamingDisabled.code: " Add --buffered.",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask what is left to ask, and print the report.

    Args:
        arguments: the command line without the program's name; by default the process's own.

    Returns:
        The exit status: 0 when each query has been asked, 1 when that failed or there is no trip, 2 when
        nothing was tried, 130 after Ctrl-C.
    """
    options = _read(arguments)
    console = Console()
    try:
        costs = Costs(_prices())
        queries = read_queries(options.queries)
        with open_results(options.results) as file:
            return _evaluate(options, queries, file, costs, console)
    except CliError as wrong:
        console.error(wrong.sentence)
        return wrong.status
    except KeyboardInterrupt:
        console.error("\nInterrupted. Nothing was asked.")
        return INTERRUPTED


def _read(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.evaluate",
        description=__doc__,
        epilog=f"The API key for --url is that of the variable {API_KEY}. docs/itineraries.md describes the "
        "file of queries and the report.",
    )
    parser.add_argument(
        "queries", nargs="?", type=Path, default=EXAMPLES, help="file with a query in each line [examples]"
    )
    parser.add_argument("--url", help="URL of a running API, which ends in /travel-gpt")
    parser.add_argument(
        "--results", type=Path, metavar="FILE", help="file to write to [NAME.results.jsonl, in this folder]"
    )
    parser.add_argument("--parallel", type=_parallel, default=4, help="most queries at the same time [4]")
    parser.add_argument(
        "--buffered", action="store_true", help="use the route without streaming, which has less time"
    )
    options = parser.parse_args(arguments)
    if options.results is None:
        options.results = Path(f"{options.queries.stem}.results.jsonl")
    return options


def _parallel(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= _MOST_PARALLEL):
        raise argparse.ArgumentTypeError(f"it must be a number from 1 to {_MOST_PARALLEL}")
    return int(text)


def _prices() -> PriceList:
    try:
        return PriceList.load(read_prices(os.environ.get("MODEL_PRICES", "")), refuse_unknown=True)
    except ValueError as wrong:
        raise CliError(f"MODEL_PRICES {wrong}.", USAGE) from None


def _evaluate(
    options: argparse.Namespace, queries: list[Query], file: ResultFile, costs: Costs, console: Console
) -> int:
    if file.cut:
        console.aside(f"The last line of {file.path} was cut, so its query is asked again.")
    left = file.left(queries)
    if done := len(queries) - len(left):
        console.aside(f"{done} of {len(queries)} queries have a result in {file.path}: they are skipped.")
    status, ended = DONE, ""
    try:
        if left:
            _ask(options, left, len(queries), file, console)
    except KeyboardInterrupt:
        status, ended = INTERRUPTED, "\nInterrupted."
    except Pointless as refused:
        hint = _HINTS.get(refused.failure.code, "")
        status, ended = FAILED, f"{_sentence(refused.failure)}{hint} The other queries were not asked."
    trips = _report(queries, file, costs, console)
    if ended:
        console.error(ended)
    _say_what_is_next(queries, bool(left), file, console)
    return status if trips else status or FAILED


def _say_what_is_next(queries: list[Query], asked: bool, file: ResultFile, console: Console) -> None:
    if left := len(file.left(queries)):
        console.aside(
            f"{len(queries) - left} of {len(queries)} queries are done. The same command asks the others."
        )
    elif asked:
        console.aside(f"The answers are in {file.path}.")
    else:
        console.aside(
            "Nothing was left to ask. To ask again, or another model, name another file: "
            'make evaluate OPTIONS="--results FILE"'
        )


def _report(queries: list[Query], file: ResultFile, costs: Costs, console: Console) -> int:
    """Print the report, and return the number of trips."""
    results = [file.results[each.id] for each in queries if each.id in file.results]
    if results:
        # A line that begins with a space is not broken.
        lines = [printable(f" {line}".rstrip()) for line in report(results, costs).split("\n")]
        console.say("\n".join(["", *lines, ""]))
    return sum(each.reply is not None for each in results)


def _ask(
    options: argparse.Namespace, queries: list[Query], whole: int, file: ResultFile, console: Console
) -> None:
    route = "buffered" if options.buffered else "stream"
    with _api(options.url) as api:
        guard(api.key)
        try:
            client = TravelGPT(api.url, api_key=api.key or None, retries=0)
        except ValueError as wrong:
            raise CliError(f"{wrong} Nothing was asked.", USAGE) from None
        with client:
            setup = Setup(api.url if options.url else "local", _mode(client), route)
            file.require(setup)
            if setup.mode == "demo":
                console.aside(
                    "The demo model answers, from a few trips that are written down. For a real one, before "
                    "the same command: read -rs OPENAI_API_KEY; export OPENAI_API_KEY"
                )
            done = whole - len(queries)
            with (
                console.working(f"{done} of {whole} are done") as now,
                closing(Asking(client, setup).ask(queries, options.parallel)) as results,
            ):
                for result in results:
                    file.add(result)
                    done += 1
                    console.aside(f"{done}/{whole} {_line(result)}")
                    now(f"{done} of {whole} are done")


@contextmanager
def _api(url: str | None) -> Iterator[Api]:
    if url is not None:
        yield api_of_url(url, os.environ)
        return
    with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
        try:
            server = running.enter_context(
                local_server(
                    ("--host", "127.0.0.1", "--access", "open"),
                    Path(folder, "server.log"),
                    folder=Path.cwd(),
                    environment={**os.environ, "PYTHONPATH": str(ROOT)},
                    # It says there what is wrong, and asks whether it may use what a file .env names.
                    errors=sys.stderr,
                    apart=True,
                )
            )
        except NotStarted as ended:
            said = f"\n{redact(str(ended))}" if str(ended) else ""
            raise CliError(f"The local server did not start, so nothing was asked.{said}", USAGE) from None
        yield Api(f"{server.base_url}/travel-gpt")


def _mode(client: TravelGPT) -> str:
    """Return the mode of an API that has a usable credential."""
    try:
        health = client.health()
    except ApiError as failed:
        raise CliError(f"{_sentence(failed)} Nothing was asked.") from None
    if not health.healthy:
        raise CliError(printable(f"{health.message} ({health.code}). Nothing was asked."))
    return health.mode


def _line(result: Result) -> str:
    seconds = f"{result.seconds:.1f} s"
    if result.reply is None:
        error = result.error or {}
        return one_line(f"{result.id}: {error['message']} ({error['code']}), {seconds}")
    checks, repair = result.reply["checks"], result.reply["repair"]
    said = [
        f"{len(result.reply['itinerary']['days'])} days",
        "verified" if checks["verified"] else f"not verified, errors: {checks['errors']}",
        f"repair {repair['outcome']}",
        seconds,
    ]
    return one_line(f"{result.id}: {', '.join(said)}")


def _sentence(failed: ApiError) -> str:
    return one_line(f"{failed.message} ({failed.code})")


if __name__ == "__main__":
    # A local server that was started must not go on after this process. `nohup` has it ignore SIGHUP.
    for each in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(each) is signal.SIG_DFL:
            signal.signal(each, signal.default_int_handler)
    sys.exit(main())
