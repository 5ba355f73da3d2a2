"""The trips of the demo model, in the JSON files of this folder: real places, invented times and prices.

A file has what a model writes of an itinerary (``travel_gpt/advisor/wire.py``): the outline, the plan of each
day and, for a trip that breaks rules on purpose, the days that the repair corrects.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_Json = dict[str, Any]
_FOLDER: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class DemoTrip:
    """One of the trips."""

    label: str
    """Where it goes, for a sentence."""
    names: Sequence[str]
    """What its destinations are called, in some languages."""
    prose: str
    """A paragraph about it."""
    outline: _Json
    days: Sequence[_Json]
    revised: Mapping[str, _Json]
    """The days that the repair corrects, by their numbers."""

    def named(self, text: str) -> list[str]:
        """Return the destinations that a text names, in its order and as they are called there."""
        return [name for _, name in self._found(text)]

    def position(self, text: str) -> int | None:
        """Return where a text names one of the destinations first; None where it names none."""
        return next((at for at, _ in self._found(text)), None)

    def fitted(self, days: int) -> "FittedTrip":
        """Return the trip in so many days, or as near to that as it can be: it has days to leave out only.

        In each town one day stays.
        """
        towns = [day["town"] for day in self.outline["days"]]
        order = list(range(len(towns)))
        for day in reversed(range(1, len(towns))):
            if len(order) > days and towns[day] == towns[day - 1]:
                order.remove(day)
        return FittedTrip(self, order)

    def _found(self, text: str) -> list[tuple[int, str]]:
        folded = text.casefold()
        # A name in a script without spaces may touch its neighbours.
        found = [
            (re.search(rf"(?<![a-z]){re.escape(name.casefold())}(?![a-z])", folded), name)
            for name in self.names
        ]
        return sorted((match.start(), name) for match, name in found if match)


@dataclass(frozen=True, slots=True)
class FittedTrip:
    """A trip in the number of days that was asked for."""

    trip: DemoTrip
    order: Sequence[int]
    """Which of the trip's days each day is, from 0."""

    def outline(self) -> _Json:
        """Return the outline."""
        outline = self.trip.outline
        stays = []
        for stay in outline["stays"]:
            first = stay["first_night"] - 1
            nights = [
                number for number, day in enumerate(self.order) if first <= day < first + stay["nights"]
            ]
            stays.append({**stay, "first_night": nights[0] + 1, "nights": len(nights)})
        return {**outline, "days": [outline["days"][day] for day in self.order], "stays": stays}

    def day(self, number: int) -> _Json:
        """Return what is done on a day, by its number from 1."""
        return self.trip.days[self.order[number - 1]]

    def revised(self, number: int) -> _Json | None:
        """Return what the repair makes of a day; None where it knows nothing better."""
        return self.trip.revised.get(f"{self.order[number - 1] + 1}")


def read_trips() -> list[DemoTrip]:
    """Read the trips; the first is for those who ask for something else."""
    return [DemoTrip(**json.loads(file.read_text("utf-8"))) for file in sorted(_FOLDER.glob("*.json"))]
