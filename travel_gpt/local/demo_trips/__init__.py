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

    def position(self, text: str) -> int | None:
        """Return where a text names one of the destinations first; None where it names none."""
        # A name in a script without spaces may touch its neighbours.
        found = [re.search(rf"(?<![a-z]){re.escape(name.casefold())}(?![a-z])", text) for name in self.names]
        return min((each.start() for each in found if each), default=None)

    def fitted(self, days: int) -> "FittedTrip":
        """Return the trip in so many days, or as near to that as it can be.

        Further days are free ones before the last. Days on which no town is left are left out.
        """
        towns = [day["town"] for day in self.outline["days"]]
        order = list(range(len(towns)))
        for day in reversed(range(1, len(towns))):
            if len(order) > days and towns[day] == towns[day - 1]:
                order.remove(day)
        return FittedTrip(self, [*order[:-1], *order[-2:-1] * (days - len(order)), order[-1]])


@dataclass(frozen=True, slots=True)
class FittedTrip:
    """A trip in the number of days that was asked for."""

    trip: DemoTrip
    order: Sequence[int]
    """Which of the trip's days each day is, from 0. One that is the same as the one before is a free day."""

    def outline(self) -> _Json:
        """Return the outline."""
        outline = self.trip.outline
        days = [
            {**outline["days"][day], "title": "A free day", "legs": [], "highlights": []}
            if self._is_free(number)
            else outline["days"][day]
            for number, day in enumerate(self.order)
        ]
        stays = []
        for stay in outline["stays"]:
            first = stay["first_night"] - 1
            nights = [
                number for number, day in enumerate(self.order) if first <= day < first + stay["nights"]
            ]
            stays.append({**stay, "first_night": nights[0] + 1, "nights": len(nights)})
        return {
            **outline,
            "understood": {**outline["understood"], "nights": len(days) - 1},
            "days": days,
            "stays": stays,
        }

    def day(self, number: int) -> _Json:
        """Return what is done on a day, by its number from 1."""
        if not self._is_free(number - 1):
            return self.trip.days[self.order[number - 1]]
        visit = {
            "kind": "rest",
            "name": f"Free time, day {number}",
            "town": self.trip.outline["days"][self.order[number - 1]]["town"],
            "start": "10:00",
            "end": "18:00",
            "cost": 0,
            "why": "The demo's trip has no more days of its own.",
            "diet": [],
            "step_free": None,
        }
        return {"visits": [visit]}

    def revised(self, number: int) -> _Json | None:
        """Return what the repair makes of a day; None where it knows nothing better."""
        return None if self._is_free(number - 1) else self.trip.revised.get(f"{self.order[number - 1] + 1}")

    def _is_free(self, index: int) -> bool:
        return index > 0 and self.order[index] == self.order[index - 1]


def read_trips() -> list[DemoTrip]:
    """Read the trips; the first is for those who ask for something else."""
    return [DemoTrip(**json.loads(file.read_text("utf-8"))) for file in sorted(_FOLDER.glob("*.json"))]
