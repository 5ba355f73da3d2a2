"""The instructions say how everything is meant that the model gets and writes."""

import json
import re
from collections.abc import Iterator
from typing import Any, get_args

import pytest

from travel_gpt.advisor.checks.pace import MOST
from travel_gpt.advisor.constraints import CURRENCY, LANGUAGE
from travel_gpt.advisor.trip import VisitKind
from travel_gpt.advisor.trip_writer import instructions, schema
from travel_gpt.advisor.wire import SHAPES

PLAIN = {"title", "summary", "name", "start", "end"}
"""Fields that are what their names say, wherever they are."""

SENT = {
    "trip_outline": ("today", "request", "constraints", "number_of_days", "most_days", "problems"),
    "trip_day": ("request", "constraints", "outline", "day", "left_for_day", "problems"),
    "trip_revised_day": (
        *("request", "constraints", "outline", "day", "plan", "violations", "problems"),
        *("message", "by", "unit", "save"),
    ),
}
"""What a message has, by what it asks for."""


@pytest.mark.parametrize("name", SHAPES)
def test_every_field_is_explained(name: str) -> None:
    explained = set(re.findall(r'"(\w+)"', instructions(name)))
    asked_for = set(_fields(json.loads(schema(name).text))) - PLAIN

    assert asked_for <= explained
    assert set(SENT[name]) <= explained


def _fields(part: dict[str, Any]) -> Iterator[str]:
    for name, value in part.get("properties", {}).items():
        yield name
        yield from _fields(value)
    for each in (part.get("items"), *part.get("anyOf", ())):
        if each:
            yield from _fields(each)


@pytest.mark.parametrize("name", SHAPES)
def test_instructions_are_the_same_for_every_trip(name: str) -> None:
    """No text of a traveller has a place in them, and none is left to be filled in."""
    assert not re.search(r"[{}]|%s|\$", instructions(name))


def test_what_the_instructions_give_as_examples_is_what_the_code_takes() -> None:
    outline, day = instructions("trip_outline"), instructions("trip_day")
    assert re.fullmatch(LANGUAGE, "de")
    assert '"de", not "German"' in outline
    assert re.fullmatch(CURRENCY, "CNY")
    assert f"{['no', 'one', 'two', 'three', 'four'][MOST['relaxed']]} sights and activities at most" in day
    for kind in get_args(VisitKind):
        assert kind == "other" or kind in day
