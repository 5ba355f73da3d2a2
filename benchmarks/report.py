"""The tables: medians and quartiles, and ratios of what ran in the same round."""

from collections.abc import Callable, Sequence
from statistics import quantiles
from typing import Final, TypeVar

from benchmarks.measure import CASES, Case, Cold, Warm

T = TypeVar("T")
Rounds = Sequence[dict[tuple[str, Case], T]]

OURS: Final = "travel gpt"
NAIVE: Final = "naive"
ROWS: Final = ("empty", "raw", OURS, NAIVE)


def spread(values: Sequence[float], form: str) -> str:
    """Write a median with the quartiles on both sides of it."""
    low, middle, high = quantiles(values, n=4, method="inclusive") if len(values) > 1 else [*values] * 3
    return f"{middle:{form}} [{low:{form}}-{high:{form}}]"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table that reads well in a terminal and in Markdown."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = [head, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
        for line in lines
    )


def title(case: Case) -> str:
    """Name a case: GET asks no model, so it has no wire."""
    return case.method if case.method == "GET" else f"{case.method} {case.wire}"


def _absolute(rounds: Rounds[T], read: Callable[[T], float], form: str) -> list[list[str]]:
    def cells(row: str) -> list[str]:
        return [spread([read(one[row, case]) for one in rounds], form) for case in CASES]

    return [[row, *cells(row)] for row in ROWS]


def _ratios(rounds: Rounds[T], read: Callable[[T], float], against: str) -> list[str]:
    return [
        spread([read(one[OURS, case]) / read(one[against, case]) for one in rounds], ".2f") for case in CASES
    ]


def cold_report(rounds: Rounds[Cold]) -> str:
    """Write what the cold starts took.

    Args:
        rounds: the results, round by round.

    Returns:
        The tables.
    """
    head = [f"median [quartiles], n={len(rounds)}", *map(title, CASES)]
    return "\n\n".join(
        [
            "Cold start, from starting the process to the first answer, wall time in ms",
            table(head, _absolute(rounds, lambda cold: cold.wall * 1000, ".0f")),
            "The same, processor time (user and system, all threads) in ms",
            table(head, _absolute(rounds, lambda cold: cold.cpu * 1000, ".0f")),
            "The most memory held (resident), in MB",
            table(head, _absolute(rounds, lambda cold: cold.memory, ".0f")),
            "Ratios of the same round",
            table(
                head,
                [
                    [f"{OURS} / {NAIVE}, wall", *_ratios(rounds, lambda cold: cold.wall, NAIVE)],
                    [f"{OURS} / {NAIVE}, processor", *_ratios(rounds, lambda cold: cold.cpu, NAIVE)],
                    [f"{OURS} / {NAIVE}, memory", *_ratios(rounds, lambda cold: cold.memory, NAIVE)],
                    [f"{OURS} / raw, wall", *_ratios(rounds, lambda cold: cold.wall, "raw")],
                    [f"{OURS} / empty, wall", *_ratios(rounds, lambda cold: cold.wall, "empty")],
                ],
            ),
        ]
    )


def warm_report(rounds: Rounds[Warm]) -> str:
    """Write what the warm requests took.

    Args:
        rounds: the results, round by round.

    Returns:
        The tables.
    """
    head = [f"median [quartiles], n={len(rounds)}", *map(title, CASES)]
    return "\n\n".join(
        [
            "Warm request, wall time in µs",
            table(head, _absolute(rounds, lambda warm: warm.wall * 1e6, ".0f")),
            "The same, processor time in µs (without the servers')",
            table(head, _absolute(rounds, lambda warm: warm.cpu * 1e6, ".0f")),
            "Ratios of the same round",
            table(
                head,
                [
                    [f"{OURS} / {NAIVE}, wall", *_ratios(rounds, lambda warm: warm.wall, NAIVE)],
                    [f"{OURS} / raw, wall", *_ratios(rounds, lambda warm: warm.wall, "raw")],
                ],
            ),
        ]
    )
