"""Answers and streams with a trip, for ``ScriptedApi``.

Their source is our own schema: bodies are made of the types of ``travel_gpt.advisor``. Which events a stream
has, and in which order, is what docs/streaming.md describes.
"""

from typing import Any

from scripts.docs.example_trip import answer_body
from tests.support.scripted_api import BODY
from travel_gpt.api import sse

TRIP_BODY: dict[str, Any] = {**BODY, **answer_body()}


def trip_events(body: dict[str, Any] = TRIP_BODY) -> list[bytes]:
    """Return the events of a stream whose answer is a body: day 2 comes first, and day 3 is repaired."""
    trip = body["itinerary"]
    days = {day["number"]: day for day in trip["days"]}
    without_visits = {**trip, "days": [{**day, "visits": []} for day in trip["days"]]}
    order = sorted(days, key=lambda number: number != 2)
    return [
        _event("start", request_id="r-1", model="gpt-6-luna"),
        _event("outline", itinerary=without_visits),
        *(_event("day", day=days[number]) for number in order),
        *(_event("revised", day=days[number]) for number in days if number == 3),
        _event("itinerary", **{name: body[name] for name in ("answer", "itinerary", "understood")}),
        _event("checks", checks=body["checks"], repair=body["repair"]),
        _event("usage", **{name: body[name] for name in ("usage", "budget", "warnings")}),
        _event("done", truncated=body["truncated"]),
    ]


def _event(name: Any, **data: Any) -> bytes:
    return sse.event(name, data)
