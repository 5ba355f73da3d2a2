"""The tables: medians and quartiles, and ratios of what ran in the same round."""

from collections.abc import Callable, Sequence
from math import comb
from statistics import quantiles
from typing import TypeVar

from benchmarks.measure import PAGE, Case, Cold, Warm
from benchmarks.packages import BEFORE, COMPILED, EMPTY, NAIVE, NO_TABLE, OURS, RAW

T = TypeVar("T")
Rounds = Sequence[dict[tuple[str, Case], T]]


def spread(values: Sequence[float], form: str) -> str:
    """Write a median with the quartiles on both sides of it."""
    low, middle, high = quantiles(values, n=4, method="inclusive") if len(values) > 1 else [*values] * 3
    return f"{middle:{form}} [{low:{form}}-{high:{form}}]"


def interval(values: Sequence[float], form: str) -> str:
    """Write the 95 % confidence interval of a median, which holds however the values are distributed."""
    ordered, outside, tail = sorted(values), 0, 0.0
    for number in range(len(ordered)):
        # That the median of all that could be measured has no more than this many of the values below it.
        tail += comb(len(ordered), number) / 2 ** len(ordered)
        if tail > 0.025:
            break
        outside = number + 1
    if not outside:
        return "more rounds needed"
    return f"{ordered[outside - 1]:{form}}-{ordered[-outside]:{form}}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table that reads well in a terminal and in Markdown."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = [head, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
        for line in lines
    )


def title(case: Case) -> str:
    """Name a case: GET asks no model, so it has no API."""
    if case == PAGE:
        return "the page"
    return case.method if case.method == "GET" else f"{case.method} {case.api}"


def _cases(rounds: Rounds[T]) -> list[Case]:
    # Each round has them in another order.
    return sorted({case for _, case in rounds[0]}, key=lambda case: (case.path, case.method, -len(case.api)))


def _head(rounds: Rounds[T]) -> list[str]:
    return [f"median [quartiles], n={len(rounds)}", *map(title, _cases(rounds))]


def _rows(rounds: Rounds[T], names: Sequence[str], read: Callable[[T], float], form: str) -> list[list[str]]:
    def cells(name: str) -> list[str]:
        return [spread([read(one[name, case]) for one in rounds], form) for case in _cases(rounds)]

    return [[name, *cells(name)] for name in names]


def _ratio(rounds: Rounds[T], what: str, read: Callable[[T], float], against: str) -> list[str]:
    return [
        f"{OURS} / {against}: {what}",
        *(spread(values, ".2f") for values in _ratios(rounds, read, against)),
    ]


def _ratios(rounds: Rounds[T], read: Callable[[T], float], against: str) -> list[list[float]]:
    return [[read(one[OURS, case]) / read(one[against, case]) for one in rounds] for case in _cases(rounds)]


def with_interval(what: str, columns: Sequence[Sequence[float]]) -> list[list[str]]:
    """Return two rows of a table: what was measured, and the confidence interval of each median.

    Args:
        what: what it is.
        columns: the values of each column.
    """
    return [
        [what, *(spread(values, ".2f") for values in columns)],
        [f"{what}, 95 % interval of the median", *(interval(values, ".3f") for values in columns)],
    ]


def cold_report(rounds: Rounds[Cold]) -> str:
    """Write what the cold starts took.

    Args:
        rounds: the results, round by round.

    Returns:
        The tables.
    """
    head, names = _head(rounds), (EMPTY, RAW, NO_TABLE, OURS, COMPILED, NAIVE)
    ratios = [
        _ratio(rounds, "time", lambda cold: cold.wall, NAIVE),
        _ratio(rounds, "processor time", lambda cold: cold.cpu, NAIVE),
        _ratio(rounds, "memory", lambda cold: cold.memory, NAIVE),
        _ratio(rounds, "time", lambda cold: cold.wall, COMPILED),
        _ratio(rounds, "time", lambda cold: cold.wall, NO_TABLE),
        _ratio(rounds, "processor time", lambda cold: cold.cpu, NO_TABLE),
        _ratio(rounds, "time", lambda cold: cold.wall, RAW),
        _ratio(rounds, "time", lambda cold: cold.wall, EMPTY),
    ]
    return "\n\n".join(
        [
            "Cold start, ratios of the same round",
            table(head, ratios),
            "Cold start, from starting the process to the first answer, ms",
            table(head, _rows(rounds, names, lambda cold: cold.wall * 1000, ".0f")),
            "The same, processor time (user and system, all threads), ms",
            table(head, _rows(rounds, names, lambda cold: cold.cpu * 1000, ".0f")),
            "The most memory held until then (resident), MB",
            table(head, _rows(rounds, names, lambda cold: cold.memory, ".0f")),
        ]
    )


def change_report(rounds: Rounds[Cold]) -> str:
    """Write what a change did to the cold starts.

    Args:
        rounds: the results, round by round.

    Returns:
        The tables.
    """
    head, names = _head(rounds), (OURS, BEFORE)
    reads: dict[str, Callable[[Cold], float]] = {
        "time": lambda cold: cold.wall,
        "processor time": lambda cold: cold.cpu,
        "memory": lambda cold: cold.memory,
    }
    ratios = [
        row
        for what, read in reads.items()
        for row in with_interval(f"{OURS} / {BEFORE}: {what}", _ratios(rounds, read, BEFORE))
    ]
    return "\n\n".join(
        [
            "Cold start, ratios of the same round",
            table(head, ratios),
            "Cold start, from starting the process to the first answer, ms",
            table(head, _rows(rounds, names, lambda cold: cold.wall * 1000, ".0f")),
        ]
    )


def warm_report(rounds: Rounds[Warm]) -> str:
    """Write what the warm requests took.

    Args:
        rounds: the results, round by round.

    Returns:
        The tables.
    """
    head, names = _head(rounds), (EMPTY, RAW, NO_TABLE, OURS, NAIVE)
    ratios = [
        _ratio(rounds, "time", lambda warm: warm.wall, NAIVE),
        _ratio(rounds, "time", lambda warm: warm.wall, RAW),
        _ratio(rounds, "time", lambda warm: warm.wall, NO_TABLE),
    ]
    return "\n\n".join(
        [
            "Warm request, ratios of the same round",
            table(head, ratios),
            "Warm request, µs",
            table(head, _rows(rounds, names, lambda warm: warm.wall * 1e6, ".0f")),
            "The same, processor time of this process, µs",
            table(head, _rows(rounds, names, lambda warm: warm.cpu * 1e6, ".0f")),
        ]
    )
