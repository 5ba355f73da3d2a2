"""`make bench`: build the packages, measure, print the tables."""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import Bench, WrongAnswer, loopback
from benchmarks.packages import ROOT, build
from benchmarks.report import cold_report, warm_report
from scripts.package_contents import BuildError


def main() -> int:
    """Measure as the command line says.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Cold start and warm overhead beside an empty, a raw and a naive handler.",
    )
    parser.add_argument("--runs", type=int, default=15, help="rounds; each starts every design (default: 15)")
    parser.add_argument(
        "--packages", type=Path, default=ROOT / "build" / "benchmarks", help="where to build the packages"
    )
    options = parser.parse_args()
    if options.runs < 1:
        parser.error("--runs must be at least 1")
    try:
        measure(options.runs, options.packages.absolute())
    except (BuildError, WrongAnswer) as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    return 0


def measure(runs: int, folder: Path) -> None:
    """Build, measure and print.

    Args:
        runs: how many rounds.
        folder: where to build the packages.
    """
    print("Building the packages ...", flush=True)
    python, designs = build(folder)
    version = subprocess.run([python, "-V"], capture_output=True, text=True, check=True).stdout.strip()
    print(
        f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, {version}; {runs} rounds\n",
        flush=True,
    )
    with tempfile.TemporaryDirectory() as home, loopback() as server, loopback() as secrets:
        bench = Bench(python, designs, Path(home), server, secrets)
        # The first start reads from the disk what all others find in memory.
        list(bench.cold(1))
        print(cold_report(list(bench.cold(runs))), flush=True)
        print(f"\n{warm_report(list(bench.warm(runs)))}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
