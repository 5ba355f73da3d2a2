"""The file of queries."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from travel_gpt.cli.errors import USAGE, CliError


@dataclass(frozen=True, slots=True)
class Query:
    """A query."""

    id: str
    """Its name in the results: its own, or a digest of what is asked."""
    text: str
    constraints: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the request besides. The API validates them."""

    @property
    def request(self) -> dict[str, Any]:
        """What is asked."""
        return {"query": self.text, **self.constraints}


def read_queries(path: Path) -> list[Query]:
    """Read a file with one query in each line: a JSON object, or just its text. Empty lines do not count.

    Args:
        path: the file.

    Raises:
        CliError: it cannot be read, has no query, or has one twice.
    """
    try:
        # A byte order mark, as some editors write one, is no part of the first query.
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except OSError as wrong:
        raise CliError(f"{path} cannot be read: {wrong.strerror}.", USAGE) from None
    except UnicodeDecodeError:
        raise CliError(f"{path} is not UTF-8. Save it as UTF-8, then repeat.", USAGE) from None
    first_line: dict[str, int] = {}
    found = []
    for number, query in _queries(path, lines):
        if (first := first_line.setdefault(query.id, number)) != number:
            raise CliError(
                f"{path}, line {number}: this is the query of line {first} again. Remove it, or give it an "
                '"id" of its own to ask it twice.',
                USAGE,
            )
        found.append(query)
    if not found:
        raise CliError(f"{path} has no query. Write one in each line.", USAGE)
    return found


def _queries(path: Path, lines: list[str]) -> Iterator[tuple[int, Query]]:
    for number, line in enumerate(lines, 1):
        if text := line.strip():
            try:
                yield number, _query(text)
            except ValueError as wrong:
                raise CliError(f"{path}, line {number}: {wrong}.", USAGE) from None


def _query(line: str) -> Query:
    if not line.startswith("{"):
        return Query(_digest({"query": line}), line)
    try:
        given = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError("it begins as a JSON object and is none") from None
    text, id_ = given.pop("query", None), given.pop("id", None)
    if not isinstance(text, str) or not text.strip():
        raise ValueError('it needs a "query" with a text')
    if "format" in given:
        raise ValueError('leave "format" out: each query is asked for an itinerary')
    if id_ is None:
        id_ = _digest({"query": text, **given})
    elif not isinstance(id_, str) or not id_.strip():
        raise ValueError('its "id" must be a text')
    return Query(id_, text, given)


def _digest(request: Mapping[str, Any]) -> str:
    return sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()[:10]
