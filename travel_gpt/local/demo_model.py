"""The demo model of `make run`, so that a first try needs no key: a few canned trips, and no AI.

As an itinerary it has each of them whole, or with fewer nights where that is given as a field. It understands
the name of a destination and nothing else of a query. In prose it says what it is.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from travel_gpt.api.health import DEMO_MODEL
from travel_gpt.local.demo_trips import DemoTrip, read_trips
from travel_gpt.local.model_apis import Asked, Refused
from travel_gpt.local.model_server import ModelServer, Pace

NAME: Final = DEMO_MODEL

WORD_SECONDS: Final = 0.005
"""Seconds from one word of a streamed answer to the next, so that it is seen to be one."""

_FOR_REAL_ANSWERS: Final = (
    "For real answers, stop this server and start it with your OpenAI key: "
    "read -rs OPENAI_API_KEY; export OPENAI_API_KEY; make run "
    "(OPENAI_BASE_URL takes any compatible server, such as Ollama, instead)."
)
_TASKS: Final = {"trip_outline": "outline", "trip_day": "day", "trip_revised_day": "revise"}
"""The task of a request, by the name of its schema."""


class DemoModel(ModelServer):
    """The demo model's server.

    Args:
        seconds: the least time that an answer takes.
        word_seconds: the least time from one word of a streamed answer to the next.
    """

    def __init__(self, seconds: float = 0, word_seconds: float = WORD_SECONDS) -> None:
        super().__init__(NAME, write, Pace(seconds=seconds, word_seconds=word_seconds))


def write(asked: Asked) -> str:
    """Answer a query, or write the part of an itinerary that is asked for.

    Raises:
        Refused: it is a part that no trip has.
    """
    about = _object(asked.text)
    task = _TASKS.get(asked.schema) or about.get("task")
    if task not in _TASKS.values():
        return "\n\n".join(prose(asked.text))
    return json.dumps(_part(str(task), about, asked.text), ensure_ascii=False)


def prose(query: str) -> Iterator[str]:
    """Answer a query, paragraph by paragraph.

    Args:
        query: what a traveller wrote, in any language.

    Yields:
        The paragraphs, to be joined by an empty line.
    """
    trip = _named(query)
    yield (
        "This is Travel GPT's built-in demo model. It is no AI and does not understand the query: it knows a "
        "few trips that were written for it, with invented times and prices."
    )
    yield trip.prose if trip else "None of them has a destination that the query names."
    *labels, last = (each.label for each in _trips())
    yield (
        f'Ask for one with "format": "itinerary" to see it planned by days and checked: {", ".join(labels)}, '
        f"or {last}, which breaks two rules on purpose to show the repair."
    )
    yield _FOR_REAL_ANSWERS


def _part(task: str, about: Mapping[str, Any], text: str) -> dict[str, Any]:
    if task == "outline":
        return _outline(about, text)
    days, number = _field(about, "outline").get("days"), about.get("day")
    if not isinstance(days, list) or not isinstance(number, int) or not 0 < number <= len(days):
        raise Refused(400, "There is no such day in the outline of the request.")
    trip = (_wanted(about, text) or _trips()[0]).fitted(len(days))
    if task == "day":
        return trip.day(number)
    return trip.revised(number) or dict(_field(about, "plan"))


def _outline(about: Mapping[str, Any], text: str) -> dict[str, Any]:
    found = _wanted(about, text)
    trip = found or _trips()[0]
    days = about.get("number_of_days")
    outline = trip.fitted(days if isinstance(days, int) else len(trip.days)).outline()
    # What is given as a field counts anyway, and of the query it understands these names alone.
    destinations = trip.named(str(about.get("request", text)))
    outline["understood"] = {**outline["understood"], "destinations": destinations}
    if not found:
        outline["summary"] = (
            f"The demo model knows none of the places that were asked for. {outline['summary']}"
        )
    return outline


def _wanted(about: Mapping[str, Any], text: str) -> DemoTrip | None:
    """Return the trip to the destinations that are given, or else named in words."""
    destinations = _field(about, "constraints").get("destinations") or []
    if destinations:
        return _named(" ".join(map(str, destinations)))
    return _named(str(about.get("request", text)))


def _named(text: str) -> DemoTrip | None:
    """Return the trip whose destination a text names first."""
    found = [(at, trip) for trip in _trips() if (at := trip.position(text)) is not None]
    return min(found, key=lambda each: each[0])[1] if found else None


@cache
def _trips() -> list[DemoTrip]:
    return read_trips()


def _object(text: str) -> Mapping[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _field(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = value.get(name)
    return found if isinstance(found, dict) else {}
