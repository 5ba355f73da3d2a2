"""What a model could write of a trip to Lisbon and Porto, as parsed JSON, to be changed by tests."""

import json
from collections.abc import Callable
from typing import Any

from tests.fakes.openai import Behaviour, Exchange, behaviours

Json = dict[str, Any]


def outline(**changes: Any) -> dict[str, Any]:
    """Return an outline of three days from Madrid to Lisbon and Porto and back."""
    return {
        "understood": {
            "origin": "Madrid",
            "destinations": ["Lisbon", "Porto"],
            "start": "2027-05-03",
            "end": None,
            "nights": 2,
            "round_trip": True,
            "adults": 2,
            "children": [],
            "children_without_ages": None,
            "budget": 1500,
            "budget_currency": "EUR",
            "pace": None,
            "interests": [],
            "diet": [],
            "mobility": [],
            "lodging": [],
            "transport": [],
            "language": "en",
        },
        "title": "Lisbon and Porto",
        "summary": "Two towns in three days.",
        "currency": "EUR",
        "towns": [
            {"name": "Madrid", "country": "ES", "region": None},
            {"name": "Lisbon", "country": "PT", "region": None},
            {"name": "Porto", "country": "PT", "region": None},
        ],
        "days": [
            {
                "town": "Lisbon",
                "title": "To Lisbon",
                "legs": [leg("flight", "Madrid", "Lisbon", "09:00", "09:30", "MAD", "LIS", 180)],
                "highlights": ["Belém Tower"],
            },
            {
                "town": "Porto",
                "title": "To Porto",
                "legs": [leg("train", "Lisbon", "Porto", "14:00", "17:10", cost=60)],
                "highlights": ["São Jorge Castle"],
            },
            {
                "town": "Madrid",
                "title": "Home",
                "legs": [leg("flight", "Porto", "Madrid", "18:00", "20:20", "OPO", "MAD", 160)],
                "highlights": ["Livraria Lello"],
            },
        ],
        "stays": [stay("Lisbon", 1), stay("Porto", 2)],
        **changes,
    }


def leg(
    mode: str,
    origin: str,
    destination: str,
    depart: str,
    arrive: str,
    from_airport: str | None = None,
    to_airport: str | None = None,
    cost: float = 0,
) -> dict[str, Any]:
    """Return a way between two towns."""
    return {
        "mode": mode,
        "origin": origin,
        "destination": destination,
        "from_airport": from_airport,
        "to_airport": to_airport,
        "depart": depart,
        "arrive": arrive,
        "days_later": 0,
        "cost": cost,
    }


def stay(town: str, first_night: int) -> dict[str, Any]:
    """Return one night."""
    return {
        "town": town,
        "name": f"Hotel {town}",
        "kind": "hotel",
        "first_night": first_night,
        "nights": 1,
        "cost_per_night": 120,
        "step_free": None,
    }


def visit(name: str, town: str, start: str, end: str, cost: float = 0, kind: str = "sight") -> dict[str, Any]:
    """Return what is done at one place."""
    return {
        "kind": kind,
        "name": name,
        "town": town,
        "start": start,
        "end": end,
        "cost": cost,
        "why": "It is near.",
        "diet": [],
        "step_free": None,
    }


DAYS: dict[int, dict[str, Any]] = {
    1: {
        "visits": [
            visit("Belém Tower", "Lisbon", "11:30", "13:00", 20),
            visit("A tavern in Alfama", "Lisbon", "19:30", "21:00", 50, kind="meal"),
        ]
    },
    2: {"visits": [visit("São Jorge Castle", "Lisbon", "10:00", "12:00", 34)]},
    3: {"visits": [visit("Livraria Lello", "Porto", "10:00", "11:00", 20)]},
}
"""What is done on each day."""


def revised(number: int, visits: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """Return a day as a whole, by default as it was."""
    whole = outline()
    night = next((each for each in whole["stays"] if each["first_night"] == number), None)
    return {
        "town": whole["days"][number - 1]["town"],
        "title": whole["days"][number - 1]["title"],
        "legs": whole["days"][number - 1]["legs"],
        "visits": DAYS[number]["visits"] if visits is None else visits,
        "night": night
        and {
            "town": night["town"],
            "name": night["name"],
            "kind": night["kind"],
            "cost": night["cost_per_night"],
            "step_free": None,
        },
    }


def reply_to(frame: Json | None = None, **days: Json) -> Callable[[Json], Json]:
    """Return what answers the body of a request to either API.

    Args:
        frame: the outline, in the place of ``outline()``.
        days: what is done on single days: ``day2`` in the place of ``DAYS[2]``.
    """

    def reply(body: Json) -> Json:
        asked = asked_in(body)
        match asked["task"]:
            case "outline":
                return outline() if frame is None else frame
            case "day":
                return days.get(f"day{asked['day']}", DAYS[asked["day"]])
            case _:
                return revised(asked["day"])

    return reply


def asked_in(body: Json) -> Json:
    """Return what the model is asked in the body of a request to either API."""
    asked: Json = json.loads((body.get("input") or body["messages"])[-1]["content"])
    return asked


def trip_but(**others: Behaviour) -> Behaviour:
    """Return what answers with a trip as ``reply_to`` does, but for some calls.

    Args:
        others: what is done with a call, by its task or by its task and day: ``outline``, ``day``, ``day2``.
    """

    def act(exchange: Exchange) -> None:
        asked = asked_in(exchange.body)
        other = others.get(f"{asked['task']}{asked.get('day', '')}") or others.get(asked["task"])
        (other or behaviours.answer_json(reply_to()))(exchange)

    return act
