"""The JSON object in a model's text."""

import time
from contextlib import suppress

import pytest
from hypothesis import given, strategies as st

from travel_gpt.llm.json_text import json_in

TRIP = {"title": "Lisbon {and} Porto", "days": [{"n": 1}], "note": 'a "``` {" b'}
JSON = '{"title": "Lisbon {and} Porto", "days": [{"n": 1}], "note": "a \\"``` {\\" b"}'


@pytest.mark.parametrize(
    "text",
    [
        JSON,
        f"\n \t{JSON}\n",
        f"```json\n{JSON}\n```",
        f"```\n{JSON}\n```",
        f"```JSON {JSON}```",
        f"Sure {{traveller}}! Here it is:\n\n```json\n{JSON}\n```\nHave {{a}} good trip.",
        f"Here it is: {JSON} Enjoy!",
        f"{JSON}\n{JSON}",
        f"JSON\n{JSON}}}}}",
    ],
)
def test_the_object_is_found_with_whatever_is_around_it(text: str) -> None:
    assert json_in(text) == TRIP


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Take tram 28.",
        "[]",
        f"[{JSON}]",
        f"```json\n[{JSON}]\n```",
        "{title: 1}",
        "{'title': 1}",
        '{"cost": NaN}',
        '{"cost": -Infinity}',
        '{"cost": 1,}',
        '{"a": {"b": 1}, ',
        f"Sure! {JSON[:-1]}",
        f"```json\n{JSON[:-3]}\n```",
        '{"a": ' * 20_000,
        f'{{"a": {"9" * 5000}}}',
    ],
)
def test_anything_else_is_refused_without_its_text(text: str) -> None:
    with pytest.raises(ValueError, match=r"^the (text|JSON)") as refused:
        json_in(text)

    assert (refused.value.__cause__, refused.value.__suppress_context__) in ((None, True), (None, False))
    assert len(str(refused.value)) < 60


@given(st.integers(1, len(JSON) - 1))
def test_an_object_that_is_cut_is_never_repaired(length: int) -> None:
    for text in (JSON[:length], f"Sure:\n```json\n{JSON[:length]}\n```", f"Here: {JSON[:length]}"):
        with pytest.raises(ValueError, match="JSON"):
            json_in(text)


@pytest.mark.parametrize(
    "hostile",
    [
        "{" * 100_000,
        "{}" * 50_000 + "{",
        '{"a":' * 20_000,
        "[" * 100_000,
        "`" * 100_000,
        "```" + " " * 100_000,
        "```json\n" * 12_000,
        " ```\n" * 20_000,
        "\n" * 100_000,
        'x{"' + '\\"{' * 33_000,
    ],
    ids=["braces", "pairs", "nested", "brackets", "ticks", "spaces", "fences", "indents", "lines", "escapes"],
)
def test_the_time_grows_with_the_length_alone(hostile: str) -> None:
    began = time.perf_counter()
    with suppress(ValueError):
        json_in(hostile)

    assert time.perf_counter() - began < 0.5
