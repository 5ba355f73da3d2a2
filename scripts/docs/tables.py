"""Tables in Markdown."""

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table.

    Args:
        head: the names of the columns.
        rows: the cells; a ``|`` in one is escaped.

    Returns:
        The lines of the table, without a newline at the end.
    """
    return "\n".join(_row(line) for line in [head, ["---"] * len(head), *rows])


def code(text: object) -> str:
    """Mark a text as code; nothing stays nothing."""
    return f"`{text}`" if str(text) else ""


def _row(cells: Sequence[str]) -> str:
    escaped = [cell.replace("|", r"\|") for cell in cells]
    return f"| {' | '.join(escaped)} |"
