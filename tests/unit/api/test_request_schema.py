"""The schema in docs/openapi.json takes, for each field beside ``query``, what the code takes."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from openapi_schema_validator import OAS31Validator

from scripts.docs.request_schema import request_schema
from travel_gpt.api.constraint_fields import FIELDS, read_constraints
from travel_gpt.errors import InvalidConstraint

SCHEMA = request_schema()
TODAY = date(2026, 11, 22)

# "format" is an annotation to a validator, so dates are not among these.
some_words = st.sampled_from(
    [
        *("", " ", "\u200b", "a\x1b", "x" * 100, "x" * 101, "de", "pt-BR", "German", "EUR", "eur", "EURO"),
        *("東京", "relaxed", "Relaxed", "vegan", "wheelchair", "hotel", "train", "other"),
    ]
)
numbers = st.sampled_from([-1, 0, 0.5, 1, 1.0, 17, 18, 29, 30, 50, 51, 1e9, 10**9 + 1, 1e300, 10**400])
values = st.recursive(
    st.none() | st.booleans() | numbers | some_words,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(some_words, min_size=20, max_size=21)
        | st.fixed_dictionaries(
            {}, optional=dict.fromkeys(("adults", "children", "amount", "currency"), inner)
        )
    ),
    max_leaves=4,
)


# On both sides of each limit, which random values seldom are.
CLOSE: list[Any] = [
    *(0, 29, 30, -1, 0.5, 1.0, True, "x" * 100, "x" * 101, "de", "German"),
    *(["a", "a"], ["vegan", "vegan"], ["vegan"], [None], [str(number) for number in range(20)]),
    [str(number) for number in range(21)],
    *({"amount": amount, "currency": "EUR"} for amount in (0, 0.01, 1, 10**9, 10**9 + 1, None, True)),
    *({"amount": 1, "currency": code} for code in ("eur", "EU", "EURO", None)),
    *({"amount": 1}, {"amount": 1, "currency": "EUR", "per": "day"}),
    *({"adults": adults} for adults in (0, 1, 1.5, 2.0, 50, 51, None, True)),
    *({"children": ages} for ages in ([], [0, 17, 17], [18], [-1], [1.5], [None], [1] * 20, [1] * 21, None)),
    {"adults": 1, "other": 1},
]


def is_taken(name: str, value: object) -> bool:
    try:
        read_constraints({name: value}, TODAY)
    except InvalidConstraint:
        return False
    return True


@pytest.mark.parametrize("name", sorted(set(FIELDS) - {"start", "end"}))
@settings(max_examples=30)
@given(value=values)
def test_the_published_schema_takes_what_the_code_takes(name: str, value: Any) -> None:
    published = OAS31Validator(SCHEMA["properties"][name])

    for each in (value, *CLOSE):
        assert published.is_valid(each) == is_taken(name, each), each


def test_every_field_is_described_and_none_but_the_query_is_required() -> None:
    assert list(SCHEMA["properties"]) == ["query", "format", *FIELDS]
    assert all(field["description"].endswith(".") for field in SCHEMA["properties"].values())
    assert SCHEMA["required"] == ["query"]
    for name in ("start", "end"):
        assert SCHEMA["properties"][name]["type"] == ["string", "null"]
        assert SCHEMA["properties"][name]["format"] == "date"
