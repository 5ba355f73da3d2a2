"""What others wrote is text in a trip's Markdown, and nothing else."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from scripts.docs.example_trip import TRIP
from tests.support.trip_replies import outline, revised, visit
from tests.unit.advisor.test_planner import ScriptedModel, planned, replies
from travel_gpt.advisor.checks.run import check_trip
from travel_gpt.advisor.constraints import Constraints
from travel_gpt.advisor.markdown import escaped
from travel_gpt.advisor.reference.lookup import Reference
from travel_gpt.advisor.trip_text import trip_text

MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
OWN = {"heading", "paragraph", "bullet_list", "list_item", "strong", "inline", "text", "softbreak"}
"""What the text of a trip is made of."""

ODD = [
    "<img src=x onerror=alert(1)>",
    "<https://example.com>",
    "[Book here](https://example.com)",
    "![](https://example.com/x.png)",
    "[x]: https://example.com",
    "`code` ~~gone~~ **loud** _soft_ __x__",
    "&lt;b&gt; &#x202e; &copy;",
    "# Heading",
    "1. one",
    "- item",
    "---",
    "===",
    "> said",
    "~~~",
    "```",
    "| a | b |",
    "a \\",
    r"\[x\](y)",
    "AT&T Park & Sons, 2.5 km",
    "Café Ünïcode 日本",
]


@pytest.fixture(scope="module")
def reference() -> Iterator[Reference]:
    with closing(Reference.open()) as opened:
        yield opened


def tokens(text: str) -> Iterator[Token]:
    for token in MARKDOWN.parse(text):
        yield token
        yield from token.children or ()


def shown(text: str) -> str:
    """Return what a reader sees of Markdown."""
    return "".join(token.content for token in tokens(text) if token.type in ("text", "text_special"))


@pytest.mark.parametrize("odd", ODD)
def test_a_text_is_shown_as_it_is(odd: str) -> None:
    for line in (escaped(odd), f"- {escaped(odd)}"):
        assert {token.type.removesuffix("_open").removesuffix("_close") for token in tokens(line)} <= OWN
    assert shown(escaped(odd)) == odd


@pytest.mark.parametrize("address", ["http://example.com", "HTTPS://example.com/x", "www.example.com"])
def test_an_address_is_no_link(address: str) -> None:
    # GitHub's extension makes a link of the address alone; here there is no parser that does.
    assert address not in escaped(f"See {address}")
    assert shown(escaped(f"See {address}")) == f"See {address}"


@pytest.mark.parametrize("odd", ODD)
def test_no_name_of_a_trip_becomes_markup(reference: Reference, odd: str) -> None:
    frame = outline(title=odd, summary=odd, currency=odd)
    frame["days"][1]["title"] = frame["days"][1]["town"] = odd
    frame["days"][1]["legs"][0]["destination"] = odd
    frame["stays"][1] |= {"town": odd, "name": odd}
    day = {"visits": [visit(odd, odd, "09:00", "11:00", 5) | {"why": odd}] * 2}
    model = ScriptedModel(replies(frame=frame, day2=day, revised_day=revised(2, day["visits"])))

    _, answer = planned(reference, model, Constraints(origin=odd))

    found = {token.type.removesuffix("_open").removesuffix("_close") for token in tokens(answer.text)}
    assert found <= OWN
    assert answer.fields["checks"]["errors"], "so that there are messages with names"
    headings = [line for line in answer.text.splitlines() if line.startswith("#")]
    assert [line.partition(" ")[0] for line in headings] == ["#", *["##"] * 5]
    assert shown(answer.text).count(odd) >= 10


@pytest.mark.parametrize("hidden", ["\x00", "\x1b[31m", "\x9b", "\u202e", "\u2066", "\u2069"])
def test_nothing_unseen_is_left_of_what_a_model_wrote(reference: Reference, hidden: str) -> None:
    frame = outline(title=f"Lis{hidden}bon", summary=f"{hidden}Two towns.\u2028\r\n{hidden}")
    frame["towns"][1]["name"] = f"Lis{hidden}bon"

    _, answer = planned(reference, ScriptedModel(replies(frame=frame)))

    sign = hidden[0]
    assert sign not in answer.text + str(answer.fields)
    trip = answer.fields["itinerary"]
    assert trip["title"] == f"Lis{hidden[1:]}bon"
    assert trip["summary"].endswith(f"Two towns. {hidden[1:]}".rstrip())


def test_a_name_of_unseen_characters_alone_is_none(reference: Reference) -> None:
    asked_twice = iter([outline(title="\u202e \x00"), outline()])
    model = ScriptedModel(lambda asked: next(asked_twice) if asked["task"] == "outline" else replies()(asked))

    planned(reference, model)

    (problem,) = model.asked_for("outline")[1]["problems"]
    assert problem.startswith("title: ")


@pytest.mark.parametrize(
    ("reason", "says"),
    [
        ("no_time", "there was no time"),
        ("no_budget", "a budget had too little left"),
        ("invalid", "the model wrote nothing usable"),
        ("refused", "the model declined"),
        ("upstream", "the model's server failed or was too busy"),
        (None, "there was no time, or the model wrote nothing usable"),
    ],
)
def test_a_missing_day_says_why(reason: Any, says: str) -> None:
    trip = replace(TRIP, missing_days=(2,), missing_because={2: reason} if reason else {})

    text = trip_text(trip, Constraints(), check_trip(trip, Constraints()))

    day_2 = text[text.index("## Day 2") : text.index("## Day 3")]
    assert f"- The rest of this day is missing: {says}.\n" in day_2
    assert text.count("The rest of this day") == 1
