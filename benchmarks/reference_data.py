"""What the reference data costs: its size, the first look-up of a process, and look-ups after that.

.venv/dev/bin/python -m benchmarks.reference_data
"""

import statistics
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from importlib.metadata import files
from pathlib import Path

from travel_gpt.advisor.reference.locate import locate
from travel_gpt.advisor.reference.lookup import PATH, Reference
from travel_gpt.advisor.wire import Town

ROUNDS = 30
NAMES = (
    *(
        "Oia",
        "Queenstown",
        "Bangor",
        "St. Petersburg",
        "Springfield",
        "Santiago",
        "東京",
        "Москва",
        "القاهرة",
    ),
    *("Αθήνα", "München", "New York", "San Francisco", "Paris", "London", "Hallstatt", "Chamonix", "Cusco"),
    *("Valdemora del Mar", "The Hague"),
)
FIRST = """
import time
began = time.perf_counter()
from travel_gpt.advisor.reference.lookup import Reference
reference = Reference.open()
reference.places("Oia")
print(time.perf_counter() - began)
"""


def main() -> None:
    """Measure, and print a line for each figure."""
    zones = sum(_compressed(Path(file.locate())) for file in files("tzdata") or () if file.suffix != ".pyc")
    print(f"places.sqlite: {PATH.stat().st_size / 1e6:.2f} MB, in a zip {_compressed(PATH) / 1e6:.2f} MB")
    print(f"tzdata in a zip: {zones / 1e6:.2f} MB without the names of its files")
    # A new process each: Python's own modules are imported, those of the look-ups and sqlite3 are not.
    first = [
        float(subprocess.run([sys.executable, "-c", FIRST], capture_output=True, check=True).stdout)
        for _ in range(ROUNDS)
    ]
    _print("first look-up of a process, with imports and opening", first)
    reference = Reference.open()
    towns = [Town(name=name, country="", region=None) for name in NAMES]
    new = [_timed(lambda: [*map(Reference.open().places, NAMES)]) for _ in range(ROUNDS)]
    _print(f"{len(NAMES)} look-ups, each for the first time, with opening", new)
    _print(
        f"{len(NAMES)} look-ups again",
        [_timed(lambda: [*map(reference.places, NAMES)]) for _ in range(ROUNDS)],
    )
    _print(
        f"locating {len(towns)} towns again",
        [_timed(lambda: locate(reference, towns)) for _ in range(ROUNDS)],
    )


def _compressed(path: Path) -> int:
    return len(zlib.compress(path.read_bytes(), 9))


def _timed(action: Callable[[], object]) -> float:
    began = time.process_time()
    action()
    return time.process_time() - began


def _print(what: str, seconds: list[float]) -> None:
    low, median, high = statistics.quantiles(seconds, n=4)
    print(f"{what}: {median * 1000:.1f} ms [{low * 1000:.1f}-{high * 1000:.1f}], n={len(seconds)}")


if __name__ == "__main__":
    main()
