"""What is said while a trip is made, from the events of its stream."""

from collections.abc import Callable, Mapping
from typing import Any, Final

_CHECKING: Final = "Checking the trip, and repairing it where that is needed"


class Progress:
    """Follows the events of a stream.

    Args:
        show: shows what is being done, in place of what was shown before.
    """

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show
        self._days = 0
        self._written: set[object] = set()
        self._revised: set[object] = set()

    def take(self, name: str, data: Mapping[str, Any]) -> None:
        """Take one event. Unknown ones change nothing."""
        match name:
            case "start":
                self._show("Writing the outline of the trip")
            case "outline":
                self._days = _days_in(data)
                self._say_days()
            case "day":
                self._written.add(_number_in(data))
                self._say_days()
            case "revised":
                self._revised.add(_number_in(data))
                self._show(f"Repairing the trip: days written again: {len(self._revised)}")
            case "itinerary":
                self._show(_CHECKING)

    def _say_days(self) -> None:
        done = len(self._written)
        if self._days and done >= self._days:
            self._show(_CHECKING)
        elif self._days:
            self._show(f"Writing the days: {done} of {self._days} complete")
        else:
            self._show("Writing the days")


def _days_in(data: Mapping[str, Any]) -> int:
    trip = data.get("itinerary")
    days = trip.get("days") if isinstance(trip, dict) else None
    return len(days) if isinstance(days, list) else 0


def _number_in(data: Mapping[str, Any]) -> object:
    day = data.get("day")
    number = day.get("number") if isinstance(day, dict) else None
    return number if isinstance(number, int) else None
