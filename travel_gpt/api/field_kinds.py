"""What a field of a request can be: how its value is read, and how a refusal says what it may be.

No refusal repeats a value: it could be a key that was pasted into the wrong place.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Protocol

from travel_gpt.api.request import VISIBLE

_IN_A_LINE: Final = r"[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*"

LINE: Final = f"{_IN_A_LINE}{VISIBLE}{_IN_A_LINE}"
"""A regular expression for a line with a visible character, which means the same to ECMA-262."""


class Kind(Protocol):
    """One kind of values."""

    @property
    def expected(self) -> str:
        """What a value may be, for a refusal: ``a whole number from 1 to 50``."""
        ...

    def read(self, value: object, name: str, problems: list[str]) -> Any:
        """Read a value.

        Args:
            value: the value, as JSON has it.
            name: the name of its field.
            problems: gets a sentence for each thing that is wrong.

        Returns:
            The value; None where something is wrong.
        """
        ...


def refuse(name: str, kind: Kind, problems: list[str]) -> None:
    """Note that a field has a value that is not of its kind."""
    problems.append(f'"{name}" must be {kind.expected}.')


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A text, which is trimmed."""

    most: int
    """Its characters."""
    expected: str
    pattern: str = LINE
    """A regular expression for the whole text."""

    def read(self, value: object, name: str, problems: list[str]) -> str | None:
        """Read a text."""
        if isinstance(value, str) and len(value) <= self.most and _is_unicode(value):
            text = value.strip()
            if re.fullmatch(self.pattern, text):
                return text
        refuse(name, self, problems)
        return None


@dataclass(frozen=True, slots=True)
class Word:
    """One of some words."""

    words: tuple[str, ...]

    @property
    def expected(self) -> str:
        """What it may be."""
        return f"one of {', '.join(self.words)}"

    def read(self, value: object, name: str, problems: list[str]) -> str | None:
        """Read a word."""
        if isinstance(value, str) and value in self.words:
            return value
        refuse(name, self, problems)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A whole number."""

    least: int
    most: int
    note: str = ""

    @property
    def expected(self) -> str:
        """What it may be."""
        return f"a whole number from {self.least} to {self.most}{self.note}"

    def read(self, value: object, name: str, problems: list[str]) -> int | None:
        """Read a whole number; to JSON, 4.0 is one."""
        if (
            isinstance(value, int | float)
            and not isinstance(value, bool)
            and self.least <= value <= self.most
        ):
            whole = int(value)
            if whole == value:
                return whole
        refuse(name, self, problems)
        return None


@dataclass(frozen=True, slots=True)
class Amount:
    """A number above 0."""

    most: int

    @property
    def expected(self) -> str:
        """What it may be."""
        return f"a number above 0, and {self.most:,} at most"

    def read(self, value: object, name: str, problems: list[str]) -> float | None:
        """Read a number. JSON has no NaN, but 1e999 becomes infinity."""
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= self.most:
            return float(value)
        refuse(name, self, problems)
        return None


@dataclass(frozen=True, slots=True)
class YesOrNo:
    """true or false."""

    expected: str = "true or false"

    def read(self, value: object, name: str, problems: list[str]) -> bool | None:
        """Read true or false."""
        if isinstance(value, bool):
            return value
        refuse(name, self, problems)
        return None


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """A date."""

    expected: str = "a date, written as 2027-05-03"

    def read(self, value: object, name: str, problems: list[str]) -> date | None:
        """Read a date."""
        # Other ISO 8601 forms, such as 2027-W18-1, are not RFC 3339's full-date, which JSON Schema means.
        if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
            try:
                return date.fromisoformat(value)
            except ValueError:
                pass
        refuse(name, self, problems)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Several:
    """A list of values of one kind."""

    kind: Kind
    most: int
    once: bool = True
    """Whether a value can be in it once only."""

    @property
    def expected(self) -> str:
        """What it may be."""
        return f"a list of {self.most} entries at most, each of them {self.kind.expected}"

    def read(self, value: object, name: str, problems: list[str]) -> tuple[Any, ...] | None:
        """Read a list. Of the entries that are wrong, the first is named."""
        if not isinstance(value, list) or len(value) > self.most:
            refuse(name, self, problems)
            return None
        found = []
        for place, each in enumerate(value):
            before = len(problems)
            found.append(self.kind.read(each, f"{name}[{place}]", problems))
            if len(problems) > before:
                return None
        if self.once and len(set(found)) < len(found):
            problems.append(f'"{name}" has an entry twice: leave one out.')
            return None
        return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """An object."""

    kinds: Mapping[str, Kind]
    required: bool = False
    """Whether it must have all of its parts."""

    @property
    def expected(self) -> str:
        """What it may be."""
        parts = (" and " if self.required else " or ").join(f'"{name}"' for name in self.kinds)
        return f"an object with {parts}"

    def read(self, value: object, name: str, problems: list[str]) -> dict[str, Any] | None:
        """Read an object. What it can have and does not is None."""
        if not isinstance(value, dict) or not value.keys() <= self.kinds.keys():
            refuse(name, self, problems)
            return None
        if self.required and any(value.get(part) is None for part in self.kinds):
            refuse(name, self, problems)
            return None
        return {
            part: read(kind, value.get(part), f"{name}.{part}", problems) for part, kind in self.kinds.items()
        }


def read(kind: Kind, value: object, name: str, problems: list[str]) -> Any:
    """Read a field that may be missing: None, and null, mean that it was not given."""
    return None if value is None else kind.read(value, name, problems)


def _is_unicode(text: str) -> bool:
    """Return whether a text is one: JSON can escape half a character (a lone surrogate)."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
