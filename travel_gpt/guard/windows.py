"""The minute, day and month that a request counts in, all in UTC."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple


class Windows(NamedTuple):
    """The windows of one moment.

    They follow from the time at which API Gateway took the request, never from the clock of one environment.
    """

    minute: int
    """Minutes since the epoch."""

    @classmethod
    def at(cls, seconds: float) -> "Windows":
        """Return the windows of a moment, in seconds since the epoch."""
        return cls(int(seconds // 60))

    @property
    def day(self) -> str:
        """The day of the month, such as ``05``."""
        return f"{self._start:%d}"

    @property
    def month(self) -> str:
        """The month, such as ``2026-11``."""
        return f"{self._start:%Y-%m}"

    @property
    def minute_ends(self) -> int:
        """When the minute ends, in seconds since the epoch."""
        return (self.minute + 1) * 60

    @property
    def day_ends(self) -> int:
        """When the day ends, in seconds since the epoch."""
        start = self._start.replace(hour=0, minute=0)
        return int((start + timedelta(days=1)).timestamp())

    @property
    def month_ends(self) -> int:
        """When the month ends, in seconds since the epoch."""
        start = self._start.replace(day=1, hour=0, minute=0)
        return int((start + timedelta(days=32)).replace(day=1).timestamp())

    @property
    def _start(self) -> datetime:
        return datetime.fromtimestamp(self.minute * 60, UTC)
