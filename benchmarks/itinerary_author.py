"""Writes itineraries as long as those of a model, for measuring how long a trip takes.

Their sizes are assumed from what ``travel_gpt/advisor/wire.py`` asks for: an outline of 350 tokens and 90 for
each day, a day of 350 to 430, and a revised day, which has legs and a night besides, of 380 to 460. A request
with the words of ``BROKEN`` gets days that break a rule, until they are revised.
"""

import json
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, Final

from travel_gpt.local.model_apis import Asked, count_tokens

BROKEN: Final = "with overlaps"
"""The words that ask for days that break a rule."""

OUTLINE: Final = 350
OUTLINE_DAY: Final = 90
JITTER: Final = 0.1
"""By which part an outline may be longer or shorter."""
DAY: Final = (350, 430)
REVISED: Final = (380, 460)

_HOME: Final = "Berlin"
_TOWN: Final = "Lisbon"
_HOTEL: Final = {"town": _TOWN, "name": "A hotel in Baixa", "kind": "hotel", "step_free": None}
_FILLER: Final = "worth seeing for what it is and for the way that leads there, "
_HOURS: Final = (
    ("meal", "13:30", "14:30"),
    ("sight", "14:45", "15:45"),
    ("sight", "16:00", "17:00"),
    ("meal", "17:15", "18:00"),
)
"""Between the flights of the first and the last day, so that each day may have the same."""


def write(asked: Asked) -> str:
    """Write the part of a trip that is asked for. The same request gets the same text."""
    about = json.loads(asked.text)
    random = Random(f"{about['request']} {about['task']} {about.get('day')}")
    if about["task"] == "outline":
        days = int(about["number_of_days"])
        tokens = (OUTLINE + OUTLINE_DAY * days) * random.uniform(1 - JITTER, 1 + JITTER)
        outline = _outline(days)
        names = [(day["highlights"], number) for day in outline["days"] for number in range(3)]
        # What the days leave is the summary: what is too long of it is cut when it is read.
        _lengthen(outline, names, tokens - OUTLINE)
        return _lengthen(outline, [(outline, "summary")], tokens)
    number, days = about["day"], len(about["outline"]["days"])
    if about["task"] == "revise":
        revised = {**about["plan"], "visits": _visits(number, broken=False)}
        return _lengthen(revised, _reasons(revised), random.uniform(*REVISED))
    broken = BROKEN in about["request"] and number in broken_days(days)
    plan = {"visits": _visits(number, broken=broken)}
    return _lengthen(plan, _reasons(plan), random.uniform(*DAY))


def broken_days(days: int) -> Sequence[int]:
    """Return the numbers of the days that break a rule, in a trip of so many days that is to have some."""
    return (2,) if days < 5 else (2, days - 2)


def _outline(days: int) -> dict[str, Any]:
    last = days - 1
    legs = {0: [_flight(_HOME, "09:40", "12:25")], last: [_flight(_TOWN, "19:10", "23:30")]}
    return {
        "understood": {
            "origin": _HOME,
            "destinations": [_TOWN],
            "start": None,
            "end": None,
            "nights": last,
            "round_trip": True,
            "adults": None,
            "children": [],
            "children_without_ages": None,
            "budget": None,
            "budget_currency": None,
            **{name: [] for name in ("interests", "diet", "mobility", "lodging", "transport")},
            "pace": None,
            "language": "en",
        },
        "title": f"{days} days in {_TOWN}",
        "summary": "",
        "currency": "EUR",
        "towns": [
            {"name": _HOME, "country": "DE", "region": None},
            {"name": _TOWN, "country": "PT", "region": None},
        ],
        "days": [
            {
                "town": _HOME if day == last else _TOWN,
                "title": f"The {day + 1}. day, and what it is for",
                "legs": legs.get(day, []),
                "highlights": [f"Sight {10 * day + 10 + number}, " for number in (1, 2, 3)],
            }
            for day in range(days)
        ],
        "stays": [{**_HOTEL, "first_night": 1, "nights": last, "cost_per_night": 120}],
    }


def _flight(origin: str, depart: str, arrive: str) -> dict[str, Any]:
    out = origin == _HOME
    return {
        "mode": "flight",
        "origin": origin,
        "destination": _TOWN if out else _HOME,
        "from_airport": "BER" if out else "LIS",
        "to_airport": "LIS" if out else "BER",
        "depart": depart,
        "arrive": arrive,
        "days_later": 0,
        "cost": 190,
    }


def _visits(day: int, *, broken: bool) -> list[dict[str, Any]]:
    visits = []
    for number, (kind, start, end) in enumerate(_HOURS, 1):
        visits.append(
            {
                "kind": kind,
                "name": f"{kind.capitalize()} {10 * day + number}",
                "town": _TOWN,
                # Before the one before ends.
                "start": "15:15" if broken and number == 3 else start,
                "end": end,
                "cost": 20,
                "why": "",
                "diet": [],
                "step_free": None,
            }
        )
    return visits


def _reasons(plan: Mapping[str, Any]) -> list[tuple[Any, str | int]]:
    return [(visit, "why") for visit in plan["visits"]]


def _lengthen(part: Mapping[str, Any], texts: Sequence[tuple[Any, str | int]], tokens: float) -> str:
    """Make the texts longer, all by the same, until a part has so many tokens, and return its JSON."""
    missing = 4 * (tokens - count_tokens(json.dumps(part)))
    for place, name in texts:
        length = max(0, round(missing / len(texts)))
        place[name] += (_FILLER * (length // len(_FILLER) + 1))[:length]
    return json.dumps(part)
