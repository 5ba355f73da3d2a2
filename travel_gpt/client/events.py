"""Server-sent events, out of bytes that may be cut anywhere."""

from collections.abc import Iterator
from typing import Final

LONGEST: Final = 10 * 1024 * 1024
"""Bytes of the longest event or body that is read: API Gateway's limit of a body."""


class EventReader:
    """Parses server-sent events, however their bytes are cut. Comments and unknown fields are ignored.

    Source: the HTML standard, "Parsing an event stream". Its line ends are no others than CR, LF and both,
    so that JSON may have the line separators of Unicode unescaped.
    """

    def __init__(self) -> None:
        self._line = bytearray()
        self._after_cr = False
        self._first = True
        self._name = ""
        self._data: list[str] = []
        self._size = 0

    def feed(self, chunk: bytes) -> Iterator[tuple[str, str]]:
        """Take the next bytes, and yield the name and the data of each event that they complete.

        Raises:
            ValueError: an event is longer than ``LONGEST``.
        """
        if self._after_cr and chunk:
            chunk = chunk.removeprefix(b"\n")
            self._after_cr = False
        if chunk:
            self._after_cr = chunk.endswith(b"\r")
        first, *others = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        self._append(first)
        for following in others:
            line = bytes(self._line)
            self._line.clear()
            if event := self._take(line):
                yield event
            self._append(following)

    def _append(self, part: bytes) -> None:
        self._line += part
        self._size += len(part)
        if self._size > LONGEST:
            raise ValueError("an event is too long")

    def _take(self, line: bytes) -> tuple[str, str] | None:
        if self._first:
            self._first = False
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not line:
            name, data = self._name, "\n".join(self._data)
            self._name, self._data, self._size = "", [], 0
            return (name, data) if data else None
        field_name, _, value = line.partition(b":")
        text = value.removeprefix(b" ").decode("utf-8", "replace")
        match field_name:
            case b"event":
                self._name = text
            case b"data":
                self._data.append(text)
        return None
