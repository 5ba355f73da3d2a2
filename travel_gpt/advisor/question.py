"""What a caller asks."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from travel_gpt.advisor.constraints import Constraints

Format = Literal["prose", "itinerary"]
"""What kinds of answers there are."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question. What the caller wrote is not in the ``repr``, since it could hold a key."""

    query: str = field(repr=False)
    format: Format = "prose"
    constraints: "Constraints | None" = field(default=None, repr=False)
    """What was given as fields; None where nothing was."""
