"""`make bench`: build the packages, measure, print the tables."""

import argparse
import math
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.measure import CASES, PAGE, Bench, Case, WrongAnswer, loopback
from benchmarks.packages import COMPILED, ROOT, build, build_beside
from benchmarks.report import change_report, cold_report, title, warm_report
from scripts.package_contents import BuildError

ROUNDS: Final = 15
COLD_UNTIL: Final = 100.0
"""Seconds after which to begin no other round of cold starts, unless a number of rounds was asked for."""
BY_TITLE: Final = {title(case): case for case in (*CASES, PAGE)}


def main() -> int:
    """Measure as the command line says.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Cold start and warm overhead beside an empty, a raw and a naive handler.",
    )
    parser.add_argument(
        "--runs",
        type=int,
        help=f"rounds, each of which starts every design (default: {ROUNDS}; fewer on a busy machine)",
    )
    parser.add_argument(
        "--packages", type=Path, default=ROOT / "build" / "benchmarks", help="where to build the packages"
    )
    parser.add_argument(
        "--before",
        metavar="COMMIT",
        help="compare the cold starts with those of this commit instead, such as main or HEAD~5",
    )
    parser.add_argument(
        "--only", choices=BY_TITLE, help="with --before: what to ask of them (default: each of these)"
    )
    options = parser.parse_args()
    if options.runs is not None and options.runs < 2:
        parser.error("--runs must be at least 2: one round has no spread")
    try:
        if options.before:
            cases = [BY_TITLE[options.only]] if options.only else list(BY_TITLE.values())
            compare(options.runs or ROUNDS, options.packages.absolute(), options.before, cases)
        else:
            measure(options.runs, options.packages.absolute())
    except (BuildError, WrongAnswer) as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    return 0


def measure(runs: int | None, folder: Path) -> None:
    """Build, measure and print.

    Args:
        runs: how many rounds; None for as many as the time allows.
        folder: where to build the packages.
    """
    ends = math.inf if runs else time.monotonic() + COLD_UNTIL
    print("Building the packages ...", flush=True)
    python, designs = build(folder)
    version = subprocess.run([python, "-V"], capture_output=True, text=True, check=True).stdout.strip()
    print(f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, {version}", flush=True)
    with tempfile.TemporaryDirectory() as home, loopback() as server, loopback() as secrets:
        bench = Bench(python, designs, Path(home), server, secrets)
        bench.read_from_disk()
        cold = list(bench.cold(runs or ROUNDS, ends))
        print(f"\n{cold_report(cold)}", flush=True)
        # Once it is warm, how a package was compiled makes no difference.
        warm = list(bench.warm(runs or ROUNDS, [design for design in designs if design.name != COMPILED]))
        print(f"\n{warm_report(warm)}", flush=True)


def compare(runs: int, folder: Path, commit: str, cases: Sequence[Case]) -> None:
    """Build this state and an earlier one, measure both and print.

    Args:
        runs: how many rounds.
        folder: where to build the packages.
        commit: how git names the earlier state.
        cases: what to ask of them.
    """
    print(f"Building the packages, this one and that of {commit} ...", flush=True)
    python, designs = build_beside(folder, commit)
    with tempfile.TemporaryDirectory() as home, loopback() as server, loopback() as secrets:
        bench = Bench(python, designs, Path(home), server, secrets, cases)
        bench.read_from_disk()
        print(f"\n{change_report(list(bench.cold(runs, math.inf)))}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
