"""What is known of an answer before it is complete."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Step:
    """A part of an answer, as the stream's event of the same name has it."""

    name: Literal["delta", "outline", "day", "revised"]
    data: Mapping[str, Any]
