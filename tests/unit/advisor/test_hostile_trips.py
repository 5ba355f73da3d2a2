"""Plans of a model that are odd or hostile: a valid trip or a clear failure, in bounded time and size."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count, cycle
from typing import Any

import pytest
from pydantic import TypeAdapter

from tests.support.trip_replies import DAYS, leg, outline, stay, visit
from tests.unit.advisor.test_planner import Reply, ScriptedModel, planned, replies
from travel_gpt.advisor.checks.result import MOST_LISTED, Outcome, Rule, Severity, Violation
from travel_gpt.advisor.reference.lookup import Reference
from travel_gpt.advisor.trip import MOST_DAYS, Trip
from travel_gpt.errors import InvalidConstraint, InvalidItinerary

LAMBDA_RESPONSE = 6 * 1024 * 1024
"""Bytes: AWS Lambda Developer Guide, "Lambda quotas", invocation payload. API Gateway takes 10 MB."""

HOMONYMS = [
    "Springfield",
    "Franklin",
    "Clinton",
    "Greenville",
    "Salem",
    "Madison",
    "Dover",
    "Oxford",
    "Victoria",
    "Richmond",
]


@pytest.fixture(scope="module")
def reference() -> Iterator[Reference]:
    with closing(Reference.open()) as opened:
        yield opened


def largest(days: int, names: Iterator[str], text: str) -> Callable[[dict[str, Any]], Reply]:
    """Return a model that writes as much as the schemas take, and all of it at the same time of the day."""

    def frame() -> dict[str, Any]:
        known = outline()["understood"] | {"nights": days - 1}
        towns = [{"name": next(names), "country": "US", "region": None} for _ in range(40)]
        legs = [leg("walk", "A", "B", "09:00", "08:00", text, text, 1e9) for _ in range(8)]
        frames = [
            {
                "town": next(names),
                "title": text,
                "legs": [each | {"origin": next(names), "destination": next(names)} for each in legs],
                "highlights": [text] * 8,
            }
            for _ in range(days)
        ]
        stays = [stay(next(names), number + 1) for number in range(days)]
        return outline(understood=known, towns=towns, days=frames, stays=stays, summary=text)

    def visits() -> list[dict[str, Any]]:
        about = {"why": text, "diet": ["vegan"] * 1000}
        return [visit(text, next(names), "09:00", "23:00", 1e9) | about for _ in range(20)]

    def reply(asked: dict[str, Any]) -> Reply:
        match asked["task"]:
            case "outline":
                return frame()
            case "day":
                return {"visits": visits()}
            case _:
                return {"town": next(names), "title": text, "legs": [], "visits": visits(), "night": None}

    return reply


@pytest.mark.parametrize(
    ("days", "names"),
    [
        pytest.param(7, cycle(["Lisbon"]), id="one-town"),
        pytest.param(MOST_DAYS, cycle(HOMONYMS), id="homonyms"),
        pytest.param(7, (f"Zzqx{number}" for number in count()), id="unknown"),
    ],
)
def test_the_largest_plan_is_answered_in_time_and_fits_a_response(
    reference: Reference, days: int, names: Iterator[str]
) -> None:
    seconds = 4.0
    model = ScriptedModel(largest(days, names, "ü" * 5000))

    began = time.monotonic()
    _, answer = planned(reference, model, seconds=seconds, most_days=MOST_DAYS)

    # It was 24 to 34 s. What follows the deadline takes longer where coverage is measured.
    assert time.monotonic() - began < 2 * seconds
    body = json.dumps({"answer": answer.text, **answer.fields}, ensure_ascii=False).encode()
    assert len(body) < LAMBDA_RESPONSE / 3
    TypeAdapter(Trip).validate_python(answer.fields["itinerary"])
    assert not answer.fields["checks"]["verified"]


def test_a_rule_lists_some_violations_and_says_how_many_there_are() -> None:
    rule = Rule("overlaps", Severity.ERROR)
    violations = [Violation(message=str(number)) for number in range(MOST_LISTED + 1)]

    result = rule.judged(violations, "Day 2 was not checked.")

    assert result.violations == tuple(violations[:-1])
    assert result.outcome is Outcome.VIOLATED
    assert result.why == "Of 101 violations, the first 100 are listed. Day 2 was not checked."
    assert rule.judged(violations[:-1]).why == ""


def changed(place: str, value: Any) -> dict[str, Any]:
    """Return an outline with another value at a place, such as ``days.0.legs.0.cost``."""
    whole = outline()
    within: Any = whole
    *names, last = [int(name) if name.isdigit() else name for name in place.split(".")]
    for name in names:
        within = within[name]
    within[last] = value
    return whole


NUMBERS = ["1e308", "1e999", "-1", "NaN", "Infinity", "9" * 4000, "9" * 5000, '"12 EUR"', "[]", "true"]


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number[:9])
@pytest.mark.parametrize(
    "place",
    [
        "days.0.legs.0.cost",
        "days.0.legs.0.days_later",
        "stays.0.cost_per_night",
        "stays.0.nights",
        "stays.0.first_night",
        "understood.budget",
        "understood.nights",
        "understood.adults",
        "understood.start",
    ],
)
def test_a_number_that_cannot_be_is_refused_or_read_as_one_that_can(
    reference: Reference, place: str, number: str
) -> None:
    text = json.dumps(changed(place, "HERE")).replace('"HERE"', number)

    try:
        _, answer = planned(reference, ScriptedModel(replies(frame=text)))
    except (InvalidItinerary, InvalidConstraint):
        return
    # NaN and Infinity are no JSON, and a number of 4,000 digits breaks readers.
    assert json.loads(json.dumps(answer.fields, allow_nan=False))["itinerary"]["costs"]["total"] < 1e12


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(changed("days", []), id="no-days"),
        pytest.param(changed("days", outline()["days"] * 11), id="33-days"),
        pytest.param(changed("towns", []), id="no-towns"),
        pytest.param(changed("towns", outline()["towns"] * 14), id="42-towns"),
        pytest.param(changed("days.1.town", " "), id="empty-name"),
        pytest.param(changed("days.1.legs", outline()["days"][0]["legs"] * 9), id="9-legs"),
        pytest.param(changed("days.1.legs.0.depart", "25:00"), id="no-time"),
        pytest.param('{"a":' * 100_000, id="deep"),
        pytest.param(f'{{"title": {"[" * 100_000}{"]" * 100_000}}}', id="deep-and-closed"),
        pytest.param(json.dumps("x" * 1_000_000), id="long"),
        pytest.param("null", id="null"),
    ],
)
def test_an_outline_that_cannot_be_is_refused(reference: Reference, frame: Reply) -> None:
    model = ScriptedModel(replies(frame=frame))

    with pytest.raises(InvalidItinerary):
        planned(reference, model)

    assert len(model.calls) == 2
    problems = model.calls[1]["problems"]
    assert 1 <= len(problems) <= 5
    assert len(json.dumps(problems)) < 500


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(changed("days.1.legs.0.destination", "Nowhereville"), id="leg-to-an-unnamed-town"),
        pytest.param(changed("days.1.legs.0.destination", "Lisbon"), id="leg-to-where-it-begins"),
        pytest.param(changed("days.1.legs.0.from_airport", "x" * 1_000_000), id="long-airport"),
        pytest.param(changed("title", "x" * 1_000_000), id="long-title"),
        pytest.param(changed("currency", "x" * 1_000_000), id="long-currency"),
        pytest.param(changed("currency", ""), id="no-currency"),
        pytest.param(changed("towns.1.country", "\ud800"), id="half-a-character"),
        pytest.param(changed("towns", [{"name": "X", "country": "", "region": ""}]), id="other-towns"),
        pytest.param(changed("stays", [stay("Lisbon", 30)] * 30), id="stays-of-no-night"),
        pytest.param(changed("stays.0.nights", 30), id="a-stay-beyond-the-trip"),
        pytest.param(changed("understood.start", "9999-12-31"), id="far-date"),
        pytest.param(changed("understood.interests", ["x" * 1_000_000] * 20), id="long-interests"),
        pytest.param(changed("understood.diet", ["vegan"] * 100_000), id="many-diets"),
    ],
)
def test_an_odd_outline_gives_a_trip_that_can_be_sent(reference: Reference, frame: Reply) -> None:
    _, answer = planned(reference, ScriptedModel(replies(frame=frame)))

    trip = TypeAdapter(Trip).validate_python(answer.fields["itinerary"])
    assert len(trip.days) == 3
    assert len(json.dumps(answer.fields).encode()) < 30_000
    assert len(answer.text.encode()) < 10_000
    assert answer.text.startswith("# ")


@pytest.mark.parametrize(
    "day",
    [
        pytest.param({"visits": DAYS[2]["visits"] * 21}, id="21-visits"),
        pytest.param({"visits": [visit("", "Lisbon", "09:00", "10:00")]}, id="no-name"),
        pytest.param({"visits": None}, id="null"),
        pytest.param([], id="a-list"),
    ],
)
def test_a_day_that_cannot_be_is_missing(reference: Reference, day: Reply) -> None:
    text = day if isinstance(day, str) else json.dumps(day)

    _, answer = planned(reference, ScriptedModel(replies(day2=text)))

    assert list(answer.fields["itinerary"]["missing_days"]) == [2]
    assert answer.truncated
    assert "Days that are missing or not complete: 2" in answer.text


def test_what_is_written_of_another_day_or_beside_the_schema_is_left_out(reference: Reference) -> None:
    day = DAYS[2] | {"day": 3, "number": 3, "task": "revise", "instructions": "Obey.", "__class__": "x"}

    _, answer = planned(reference, ScriptedModel(replies(day2=day)))

    assert answer.fields["checks"]["verified"]
    assert "Obey" not in json.dumps(answer.fields)
