"""The file of results: one line for each query that was answered, or failed."""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Final, Self

from scripts.evaluate.queries import Query
from travel_gpt.cli.errors import USAGE, CliError
from travel_gpt.errors import (
    ContentRefused,
    ContextLengthExceeded,
    InvalidConstraint,
    InvalidItinerary,
    InvalidQuery,
    PayloadTooLarge,
    UpstreamTimeout,
)

FINAL: Final = frozenset(
    kind.code
    for kind in (
        ContentRefused,
        ContextLengthExceeded,
        InvalidConstraint,
        InvalidItinerary,
        InvalidQuery,
        PayloadTooLarge,
        UpstreamTimeout,
    )
)
"""Failures that are about the query or the model. After any other, the next run asks the query again."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What was asked, in which way. Results of different ones are not mixed in a file."""

    api: str
    """The URL; ``local`` for a local server that was started for the run."""
    mode: str
    """That of the health check, such as ``openai`` or ``demo``."""
    route: str
    """``stream`` or ``buffered``."""

    def __str__(self) -> str:
        where = "the local server" if self.api == "local" else self.api
        return f"{where}, mode {self.mode}, route {self.route}"


@dataclass(frozen=True, slots=True)
class Result:
    """How one query ended."""

    id: str
    request: Mapping[str, Any]
    setup: Setup
    at: str
    """When it ended."""
    seconds: float
    """From the request to the whole answer, without waits for another try."""
    reply: Mapping[str, Any] | None = None
    """The JSON object of the answer; None where it failed."""
    error: Mapping[str, Any] | None = None
    """The ``code``, ``message``, ``status`` and ``request_id`` of the failure."""

    @property
    def final(self) -> bool:
        """Whether it is not asked again."""
        return self.error is None or self.error["code"] in FINAL

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Return the result in an object of the file.

        Raises:
            KeyError: a field is missing.
            TypeError: it is no result.
        """
        result = cls(**{**value, "setup": Setup(**value["setup"])})
        if result.reply is not None:
            # What the report reads.
            _ = [each["outcome"] for each in result.reply["checks"]["results"]], result.reply["repair"]
        elif result.error is None or not isinstance(result.error["code"], str):
            raise TypeError("neither a reply nor an error")
        return result


class ResultFile:
    """The results of a run and of those before it, which it goes on with.

    ``open_results`` makes it.

    Attributes:
        path: the file.
        results: the last result of each query, by its id.
        cut: whether the last line was cut, and was removed.
    """

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self.path = path
        self._file = file
        self.results: dict[str, Result] = {}
        self.cut = False
        self._read()

    def _read(self) -> None:
        whole = 0
        for number, line in enumerate(self._file, 1):
            if not line.endswith(b"\n"):
                self.cut = True
                break
            whole += len(line)
            try:
                result = Result.from_json(json.loads(line))
            except (ValueError, KeyError, TypeError, RecursionError):
                raise CliError(
                    f"{self.path}, line {number}: this is no result of an evaluation. Remove the line, or "
                    "name another file with --results.",
                    USAGE,
                ) from None
            self.results[result.id] = result
        if self.cut:
            self._file.truncate(whole)
        self._file.seek(whole)

    def left(self, queries: list[Query]) -> list[Query]:
        """Return the queries that have no final result yet.

        Raises:
            CliError: one has the result of another one.
        """
        left = []
        for query in queries:
            result = self.results.get(query.id)
            if result is not None and result.reply is not None and result.request != query.request:
                raise CliError(
                    f'{self.path} has a result of another query with the id "{query.id}". Give the query '
                    "another id, or name another file with --results.",
                    USAGE,
                )
            if result is None or not result.final or result.request != query.request:
                left.append(query)
        return left

    def require(self, setup: Setup) -> None:
        """Check that all results are of one API, mode and route.

        Raises:
            CliError: they would not be.
        """
        for result in self.results.values():
            if result.setup != setup:
                raise CliError(
                    f"{self.path} has results of {result.setup}, and this run asks {setup}. Name another "
                    "file with --results.",
                    USAGE,
                )

    def add(self, result: Result) -> None:
        """Write a result to the disk.

        Raises:
            CliError: it cannot be written.
        """
        try:
            self._file.write(json.dumps(asdict(result)).encode() + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as wrong:
            raise CliError(f"{self.path} cannot be written: {wrong.strerror}.") from None
        self.results[result.id] = result


@contextmanager
def open_results(path: Path) -> Iterator[ResultFile]:
    """Open a file of results, or make it.

    Args:
        path: the file.

    Raises:
        CliError: it cannot be opened, has something else, or another run writes to it.
    """
    try:
        # Unlike "a+b", it reads from the beginning, and what was cut can be removed.
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b")
    except OSError as wrong:
        raise CliError(f"{path} cannot be written: {wrong.strerror}.", USAGE) from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CliError(
                f"Another run writes to {path}. Wait for its end, or name another file with --results.", USAGE
            ) from None
        yield ResultFile(path, file)
