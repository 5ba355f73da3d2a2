"""A table in the terminal."""

from collections.abc import Sequence

from travel_gpt.cli.console import Console


def print_columns(console: Console, head: Sequence[str], lines: Sequence[Sequence[str]], left: int) -> None:
    """Print lines under a head.

    Args:
        console: where to print it.
        head: the names of the columns.
        lines: the cells of each line.
        left: how many of the first columns begin at the left; the others are numbers.
    """
    widths = [max(len(line[column]) for line in [head, *lines]) for column in range(len(head))]
    for line in [head, *lines]:
        cells = [
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        console.say(f"  {'  '.join(cells)}".rstrip())
