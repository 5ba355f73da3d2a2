"""The events of a streamed answer.

Source of the format: the HTML standard, "Server-sent events".
"""

import json
from collections.abc import Mapping
from typing import Any, Final, Literal, TypedDict

from travel_gpt.api.responses import BudgetBody, ChecksBody, RepairBody, UsageBody
from travel_gpt.redaction import conceal

HEADERS: Final[Mapping[str, str]] = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Strict-Transport-Security": "max-age=31536000",
    # nginx and what is built on it would collect the events.
    "X-Accel-Buffering": "no",
}
"""The headers of a streamed answer."""

HEARTBEAT: Final = b":\n\n"
"""A comment, which readers ignore. It keeps connections open that would be closed when nothing is sent."""

Name = Literal["start", "delta", "outline", "day", "revised", "itinerary", "checks", "usage", "done", "error"]


class StartData(TypedDict, total=False):
    """The first event."""

    request_id: str
    model: str
    repeated: bool


class DeltaData(TypedDict):
    """A piece of the answer."""

    text: str


class OutlineData(TypedDict):
    """The frame of a trip, before its days are known."""

    itinerary: dict[str, Any]


class DayData(TypedDict):
    """A day of a trip: of the events ``day`` and ``revised``."""

    day: dict[str, Any]


class ItineraryData(TypedDict):
    """The whole trip."""

    answer: str
    itinerary: dict[str, Any]
    understood: dict[str, Any]


class ChecksData(TypedDict):
    """What the rules say of the trip, after ``itinerary``."""

    checks: ChecksBody
    repair: RepairBody


class UsageData(TypedDict, total=False):
    """What the answer cost, before ``done``."""

    usage: UsageBody
    budget: BudgetBody
    warnings: list[str]


class DoneData(TypedDict, total=False):
    """The last event of an answer."""

    truncated: bool
    stopped: bool
    text_milliseconds: int


class ErrorData(TypedDict, total=False):
    """The last event of a stream that failed."""

    code: str
    message: str
    request_id: str
    retry_after: int


def event(name: Name, data: Mapping[str, Any]) -> bytes:
    """Return one event.

    Args:
        name: its name.
        data: its data, as JSON in one line.
    """
    text = conceal(json.dumps(data, ensure_ascii=False, separators=(",", ":")))
    return f"event: {name}\ndata: {text}\n\n".encode("utf-8", "replace")
