"""How places and their other names are stored: in blocks of some dozens, sorted by key.

A row of a table for each of 235,000 places would take twice the space: the package has to stay small. A
block is text: keys and names are separated by ``|``, numbers by commas. Each key begins with a character that
says how many letters it shares with the key before: ``0`` is none, ``1`` one, ``:`` ten.
"""

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from math import exp, log
from typing import Final

BLOCK: Final = 64
"""Entries of a block; more where they have the same key, which is in one block only."""

_MOST_SHARED: Final = 60
_BASE: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_STEPS: Final = 8
"""Populations are stored as steps of e^(1/8): within 7 %."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """What is stored of a place besides its name.

    Attributes:
        region: the row of its region.
        zone: the row of its time zone; 0 where that is its region's.
        latitude: hundredths of a degree, less those of its region.
        longitude: hundredths of a degree, less those of its region.
        population: in steps; 0 where it is not known.
    """

    region: int
    zone: int
    latitude: int
    longitude: int
    population: int


def packed_keys(keys: Sequence[str]) -> str:
    """Return sorted keys as text."""
    texts, before = [], ""
    for key in keys:
        shared = min(_shared(before, key), _MOST_SHARED)
        texts.append(chr(ord("0") + shared) + key[shared:])
        before = key
    return "|".join(texts)


def unpacked_keys(text: str) -> Iterator[str]:
    """Yield the keys of a text."""
    key = ""
    for part in text.split("|"):
        key = key[: ord(part[0]) - 48] + part[1:]
        yield key


def positions(text: str, wanted: str) -> list[int]:
    """Return where a key is among those of a text, from 0."""
    found = []
    # How many letters the key before shares with the wanted one, which is greater.
    matched, rest = 0, wanted
    for position, part in enumerate(text.split("|")):
        shared = ord(part[0]) - 48
        if shared > matched:
            continue
        if shared < matched or part[1:] > rest:
            break
        if part[1:] == rest:
            found.append(position)
        matched = min(matched + _shared(part[1:], rest), _MOST_SHARED)
        rest = wanted[matched:]
    return found


def _shared(one: str, other: str) -> int:
    """Return how many letters two texts begin with alike."""
    for position, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return position
    return min(len(one), len(other))


def packed_numbers(places: Sequence[Numbers]) -> str:
    """Return the numbers of places as text: a line for each column."""
    return "\n".join(",".join(map(str, column)) for column in zip(*map(astuple, places), strict=True))


def numbers_at(text: str, wanted: Sequence[int]) -> list[Numbers]:
    """Return the numbers of some places of a text, by their positions."""
    columns = [line.split(",") for line in text.split("\n")]
    return [Numbers(*(int(column[position]) for column in columns)) for position in wanted]


def packed_ids(ids: Sequence[int]) -> str:
    """Return the numbers by which places are known as text, to the base of 36."""
    return ",".join(map(_to_base, ids))


def id_at(text: str, position: int) -> int:
    """Return one of the numbers of a text."""
    return int(text.split(",")[position], len(_BASE))


def _to_base(number: int) -> str:
    digits = ""
    while number or not digits:
        number, digit = divmod(number, len(_BASE))
        digits = _BASE[digit] + digits
    return digits


def default_name(key: str) -> str:
    """Return the name that a place has where none is stored."""
    return key.title()


def population_steps(population: int) -> int:
    """Return a population as it is stored."""
    return round(log(population) * _STEPS) + 1 if population > 0 else 0


def population_of(steps: int) -> int | None:
    """Return a population, to two digits; None where it is not known."""
    return int(float(f"{exp((steps - 1) / _STEPS):.2g}")) if steps else None
