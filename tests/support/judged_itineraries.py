"""Itineraries that were written and judged by somebody other than the author of the rules.

Each file in tests/data/itineraries is a trip as a model writes it, what was asked for it, and what a careful
person finds wrong with it; nothing where it is right. They were written before any rule was read.
"""

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, TypeAdapter, with_config

from travel_gpt.advisor.constraints import Constraints
from travel_gpt.advisor.wire import DayPlan, Outline

FOLDER = Path(__file__).resolve().parents[1] / "data/itineraries"


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True)
class Expected:
    """What a careful person finds.

    Attributes:
        rules: the rule that it breaks; more than one where each of them may report it.
        days: where it may be reported; None is the trip as a whole, and "any" is any of these.
        items: names of which one may be reported as what it is about; none where it does not matter.
        reason: why.
    """

    rules: tuple[str, ...]
    days: tuple[int | None, ...] | Literal["any"]
    items: tuple[str, ...]
    reason: str


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True)
class JudgedItinerary:
    """A trip as a model writes it, and what is wrong with it.

    Attributes:
        why: what makes it hard to judge.
    """

    why: str
    query: str
    asked: Constraints
    outline: Outline
    days: list[DayPlan]
    expected: tuple[Expected, ...]


@functools.cache
def judged_itineraries() -> dict[str, JudgedItinerary]:
    """Return each itinerary by its name."""
    return {name: _judged.validate_python(content) for name, content in itinerary_files().items()}


def itinerary_files() -> dict[str, Any]:
    """Return what each file holds, by its name."""
    return {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.json"))}


_judged = TypeAdapter(JudgedItinerary)
