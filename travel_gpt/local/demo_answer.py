"""The answers of the demo model: an outline of the query, and a note that it is only a demo."""

import re
from collections.abc import Iterator
from typing import Final

from travel_gpt.local.demo_trip import Trip, read_trip

_FOR_REAL_ANSWERS: Final = (
    "For real answers, stop this server and start it with your OpenAI key: "
    "read -rs OPENAI_API_KEY; export OPENAI_API_KEY; make run "
    "(OPENAI_BASE_URL takes any compatible server, such as Ollama, instead)."
)
_VERIFY: Final = (
    "Verify before booking:\n"
    "- entry and visa rules for your own passport: the embassy\n"
    "- health and safety advice: your government's travel pages\n"
    "- timetables, prices and what is included: the operator\n"
    "- opening days and hours of what you want to see: its own site"
)
_LONGEST_QUOTE: Final = 300
_MOST_LINES: Final = 10
_LONGEST_TRIP: Final = 90
_ENGLISH: Final = re.compile(
    r"\b(?:the|a|to|in|and|for|from|with|of|is|my|please|what|trip|days?|weeks?|plan)\b", re.IGNORECASE
)


def answer(query: str) -> Iterator[str]:
    """Answer a query, paragraph by paragraph.

    Args:
        query: what a traveller wrote, in any language.

    Yields:
        The paragraphs, to be joined by an empty line.
    """
    trip = read_trip(query)
    yield (
        "This is Travel GPT's built-in demo model. It is no AI and knows no places: it extracts what it can "
        "from the request and outlines a plan."
    )
    yield f"You asked: {_quoted(query)}"
    if not _ENGLISH.search(query):
        yield "The demo writes English; a real model answers in the language of the request."
    found = _found(trip)
    if found:
        yield "Found in it:\n" + "\n".join(f"- {line}" for line in found)
    else:
        yield "It found no place, date or number in it; a real model understands any request."
    if trip.destinations:
        yield "An outline to fill in:\n" + "\n".join(_outline(trip))
    yield _VERIFY
    yield _FOR_REAL_ANSWERS


def _quoted(query: str) -> str:
    text = " ".join(query.split())
    if len(text) > _LONGEST_QUOTE:
        text = text[:_LONGEST_QUOTE].rstrip() + "…"
    return f"“{text}”"


def _found(trip: Trip) -> list[str]:
    named = {
        "from": trip.origin,
        "to": ", ".join(trip.destinations),
        "towns to see": trip.cities,
        "days": trip.days,
        "dates": trip.dates,
        "people": trip.people,
        "budget": _budget(trip),
    }
    lines = [f"{name}: {value}" for name, value in named.items() if value]
    return [*lines, *trip.wishes]


def _budget(trip: Trip) -> str | None:
    if trip.budget is None or not trip.days or (amount := _amount(trip.budget)) is None:
        return trip.budget
    shares = [f"about {amount / trip.days:,.0f} a day"]
    if trip.people and trip.people > 1:
        shares.append(f"{amount / trip.days / trip.people:,.0f} a day for each of you")
    return f"{trip.budget} ({', '.join(shares)})"


def _amount(budget: str) -> float | None:
    digits = re.sub(r"[^\d.,k]", "", budget.lower())
    thousands = 1000 if digits.endswith("k") else 1
    digits = digits.rstrip("k")
    if re.fullmatch(r"\d{1,3}(?:[.,]\d{3})+", digits):
        return float(re.sub(r"[.,]", "", digits)) * thousands
    try:
        return float(digits.replace(",", ".")) * thousands
    except ValueError:
        return None


def _outline(trip: Trip) -> Iterator[str]:
    stops = _stops(trip)
    days = min(trip.days or 3, _LONGEST_TRIP)
    if trip.days is None:
        yield "(no length given: three days assumed)"
    if days < len(stops):
        yield f"({len(stops)} places in {days} days: leave some out)"
    elif days <= _MOST_LINES:
        yield from _by_day(trip, stops, days)
    else:
        yield from _by_stop(stops, days)


def _stops(trip: Trip) -> list[str]:
    if trip.cities is None or len(trip.destinations) > 1:
        return list(trip.destinations)
    return [
        f"{trip.destinations[0]}, town {number}" for number in range(1, min(trip.cities, _MOST_LINES) + 1)
    ]


def _by_day(trip: Trip, stops: list[str], days: int) -> Iterator[str]:
    before: str | None = None
    for day in range(1, days + 1):
        stop = stops[(day - 1) * len(stops) // days]
        parts = []
        if day == 1:
            parts.append(f"travel from {trip.origin} to {stop}" if trip.origin else f"arrive in {stop}")
            parts.append("check in, explore the neighbourhood, dinner")
        elif stop != before:
            parts.append(f"continue to {stop}, check in, see its centre")
        else:
            parts.append(f"{stop}: a main sight in the morning, a quarter on foot in the afternoon")
        if day == days:
            parts.append(f"travel back to {trip.origin}" if trip.origin else "travel home")
        yield f"Day {day}: {'; '.join(parts)}"
        before = stop


def _by_stop(stops: list[str], days: int) -> Iterator[str]:
    for number, stop in enumerate(stops):
        first, last = number * days // len(stops) + 1, (number + 1) * days // len(stops)
        span = f"Day {first}" if first == last else f"Days {first} to {last}"
        yield f"{span}: {stop}"
    yield "Keep a day free in every week."
