"""What was given as fields always wins over what the query says."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given, strategies as st
from pydantic import TypeAdapter

from tests.support.trip_replies import outline
from travel_gpt.advisor.constraints import Budget, Constraints, as_request, complete_dates
from travel_gpt.advisor.understanding import merge
from travel_gpt.advisor.wire import Outline, Understood
from travel_gpt.api.constraint_fields import read_constraints
from travel_gpt.errors import InvalidConstraint

TODAY = date(2026, 11, 22)
MAY_3, MAY_5, MAY_10 = date(2027, 5, 3), date(2027, 5, 5), date(2027, 5, 10)


EVERYTHING = Understood(
    origin="Hamburg",
    destinations=["Faro", "Faro"],
    start=MAY_3,
    nights=7,
    round_trip=False,
    adults=3,
    children=[9],
    children_without_ages=2,
    budget=900.0,
    budget_currency="usd",
    pace="packed",
    interests=["surfing"],
    diet=["halal"],
    mobility=["wheelchair"],
    lodging=["campsite"],
    transport=["bus"],
    language="en",
)


def merged(asked: Constraints, understood: Understood) -> tuple[Constraints, tuple[str, ...]]:
    return merge(asked, understood, TODAY, "EUR", {"EUR": 2, "USD": 2, "JPY": 0}.get)


def test_given_nothing_then_everything_is_from_the_query() -> None:
    asked, from_query = merged(Constraints(), EVERYTHING)

    assert as_request(asked) == {
        "origin": "Hamburg",
        "destinations": ["Faro"],
        "start": "2027-05-03",
        "end": "2027-05-10",
        "nights": 7,
        "round_trip": False,
        "travellers": {"adults": 3, "children": [9], "children_without_ages": 2},
        "budget": {"amount": 900, "currency": "USD"},
        "pace": "packed",
        "interests": ["surfing"],
        "diet": ["halal"],
        "mobility": ["wheelchair"],
        "lodging": ["campsite"],
        "transport": ["bus"],
        "language": "en",
    }
    travellers = {f"travellers.{name}" for name in ("adults", "children", "children_without_ages")}
    assert set(from_query) == (set(as_request(asked)) - {"travellers"}) | travellers
    assert len(from_query) == len(set(from_query))


GIVEN: list[dict[str, Any]] = [
    {"origin": "Berlin"},
    {"destinations": ("Lisbon",)},
    {"round_trip": True},
    {"adults": 1},
    {"budget": Budget(amount=1.5, currency="EUR")},
    {"pace": "relaxed"},
    {"interests": ("art",)},
    {"diet": ("vegan",)},
    {"mobility": ("stroller",)},
    {"lodging": ("hotel",)},
    {"transport": ("train",)},
    {"language": "de"},
]


@pytest.mark.parametrize("field", GIVEN, ids=str)
def test_what_was_given_wins_and_the_rest_is_from_the_query(field: dict[str, Any]) -> None:
    alone, names = merged(Constraints(), EVERYTHING)
    asked, from_query = merged(Constraints(**field), EVERYTHING)

    (name, value) = next(iter(field.items()))
    assert getattr(asked, name) == value
    assert set(names) - set(from_query) == {"travellers.adults" if name == "adults" else name}
    for other in {each for each in Constraints.__slots__ if each != name}:
        assert getattr(asked, other) == getattr(alone, other)


@pytest.mark.parametrize(("ages", "without"), [((), None), ((1, 2), None), (None, 3), ((1,), 1)], ids=str)
def test_children_that_were_given_are_all_that_there_are(
    ages: tuple[int, ...] | None, without: int | None
) -> None:
    given = Constraints(children=ages, children_without_ages=without)
    asked, from_query = merged(given, EVERYTHING)

    assert (asked.children, asked.children_without_ages) == (ages, without)
    assert not {"travellers.children", "travellers.children_without_ages"} & set(from_query)


def test_given_a_query_that_says_nothing_then_what_was_given_stays() -> None:
    asked = Constraints(origin="Berlin", start=MAY_3, end=MAY_10, nights=7, children=())

    assert merged(asked, Understood()) == (asked, ())
    assert merged(Constraints(), Understood()) == (Constraints(), ())


@pytest.mark.parametrize(
    ("dates", "query", "complete", "from_query"),
    [
        # Given dates win over everything that the query says about them.
        ({"start": MAY_3, "end": MAY_5}, {"start": MAY_5, "nights": 9}, (MAY_3, MAY_5, 2), ()),
        ({"start": MAY_3, "nights": 2}, {"start": MAY_5, "nights": 9}, (MAY_3, MAY_5, 2), ()),
        ({"start": MAY_3}, {"start": MAY_5, "nights": 7}, (MAY_3, MAY_10, 7), ("end", "nights")),
        ({"start": MAY_3}, {"start": MAY_5}, (MAY_3, None, None), ()),
        ({"nights": 7}, {"start": MAY_3, "nights": 9}, (MAY_3, MAY_10, 7), ("start", "end")),
        ({"nights": 7}, {"nights": 9}, (None, None, 7), ()),
        # With a given end, the query's nights lose against its start.
        ({"end": MAY_10}, {"start": MAY_3, "nights": 9}, (MAY_3, MAY_10, 7), ("start", "nights")),
        ({"end": MAY_10}, {"nights": 7}, (MAY_3, MAY_10, 7), ("start", "nights")),
        # A start that cannot be together with the given end says nothing.
        ({"end": MAY_3}, {"start": MAY_5}, (None, MAY_3, None), ()),
        ({"end": MAY_10}, {"start": MAY_10, "nights": 3}, (MAY_10, MAY_10, 0), ("start", "nights")),
        ({"end": MAY_10}, {"start": date(2027, 4, 10), "nights": 7}, (MAY_3, MAY_10, 7), ("start", "nights")),
        ({}, {"start": MAY_3}, (MAY_3, None, None), ("start",)),
        ({}, {"nights": 0}, (None, None, 0), ("nights",)),
        # A model may take "in May" for that of the year that it was trained in.
        ({}, {"start": date(2024, 5, 3), "nights": 7}, (None, None, 7), ("nights",)),
        ({}, {"start": date(9999, 12, 31), "nights": 7}, (None, None, 7), ("nights",)),
        ({}, {"start": MAY_3, "end": MAY_10}, (MAY_3, MAY_10, 7), ("start", "end", "nights")),
        ({}, {"end": MAY_10}, (None, MAY_10, None), ("end",)),
        ({}, {"end": MAY_10, "nights": 7}, (MAY_3, MAY_10, 7), ("start", "end", "nights")),
        ({"start": MAY_3}, {"end": MAY_10}, (MAY_3, MAY_10, 7), ("end", "nights")),
        ({"nights": 7}, {"end": MAY_10}, (MAY_3, MAY_10, 7), ("start", "end")),
        # A model may count "ten days" as ten nights, and dates are what people book.
        ({}, {"start": MAY_3, "end": MAY_10, "nights": 8}, (MAY_3, MAY_10, 7), ("start", "end", "nights")),
        # An end that cannot be with the start says nothing.
        ({}, {"start": MAY_10, "end": MAY_3, "nights": 7}, (MAY_10, date(2027, 5, 17), 7), None),
        ({}, {"start": MAY_3, "end": date(2028, 5, 10), "nights": 7}, (MAY_3, MAY_10, 7), None),
        ({}, {"start": MAY_3, "end": date(2025, 5, 10)}, (MAY_3, None, None), ("start",)),
        # Nor do nights with which the trip starts in the past.
        ({}, {"end": date(2026, 11, 24), "nights": 7}, (None, date(2026, 11, 24), None), ("end",)),
        ({}, {"start": date(2026, 11, 21), "nights": 0}, (date(2026, 11, 21),) * 2 + (0,), None),
    ],
    ids=str,
)
def test_start_end_and_nights_are_consistent(
    dates: dict[str, Any],
    query: dict[str, Any],
    complete: tuple[date | None, date | None, int | None],
    from_query: tuple[str, ...] | None,
) -> None:
    start, end, nights = complete_dates(dates.get("start"), dates.get("end"), dates.get("nights"))
    asked, names = merged(Constraints(start=start, end=end, nights=nights), Understood(**query))

    assert (asked.start, asked.end, asked.nights) == complete
    assert from_query is None or names == from_query


@pytest.mark.parametrize(
    ("query", "days"),
    [({"nights": 30}, 31), ({"nights": 365}, 366), ({"start": MAY_3, "end": date(2027, 6, 2)}, 31)],
)
def test_a_query_for_a_trip_that_is_too_long_is_refused_with_what_to_do(
    query: dict[str, Any], days: int
) -> None:
    with pytest.raises(InvalidConstraint) as refused:
        merged(Constraints(), Understood(**query))

    assert refused.value.message == (
        f"The query asks for a trip of {days} days; 30 are the most. Ask for its first part, and for "
        "the rest in another request."
    )
    # What was given wins here too.
    assert merged(Constraints(nights=3), Understood(**query))[0].nights == 3


@pytest.mark.parametrize(
    ("query", "budget"),
    [
        ({"budget": 500.0, "budget_currency": "jpy"}, Budget(amount=500.0, currency="JPY")),
        ({"budget": 500.0}, Budget(amount=500.0, currency="EUR")),
        # The model is asked to plan in the currency of the budget.
        ({"budget": 500.0, "budget_currency": "€"}, Budget(amount=500.0, currency="EUR")),
        ({"budget": 500.0, "budget_currency": "RMB"}, Budget(amount=500.0, currency="EUR")),
        ({"budget_currency": "USD"}, None),
    ],
    ids=str,
)
def test_a_budget_is_in_its_currency_or_that_of_the_trip(
    query: dict[str, Any], budget: Budget | None
) -> None:
    assert merged(Constraints(), Understood(**query))[0].budget == budget


def test_given_no_currency_that_is_known_then_a_budget_is_left_out() -> None:
    query = Understood(budget=500.0, budget_currency="$")

    asked, _ = merge(Constraints(), query, TODAY, "dollars", {"EUR": 2}.get)

    assert asked.budget is None


@pytest.mark.parametrize("language", ["German", "de_DE", "", "the language of the query"])
def test_what_is_no_language_tag_is_left_out(language: str) -> None:
    assert merged(Constraints(), Understood(language=language)) == (Constraints(), ())


constraints = st.builds(
    lambda dates, **fields: Constraints(
        **fields, **dict(zip(("start", "end", "nights"), dates, strict=True))
    ),
    st.one_of(
        st.just((None, None, None)),
        st.builds(
            complete_dates,
            st.none() | st.dates(TODAY, date(2028, 10, 1)),
            st.none(),
            st.none() | st.integers(0, 29),
        ),
        st.builds(lambda end: (None, end, None), st.dates(TODAY, date(2028, 10, 1))),
    ),
    origin=st.none() | st.just("Berlin"),
    adults=st.none() | st.integers(1, 50),
    children=st.none() | st.lists(st.integers(0, 17), max_size=3).map(tuple),
    diet=st.sampled_from([(), ("vegan",)]),
)
queries = st.builds(
    Understood,
    start=st.none() | st.dates(),
    end=st.none() | st.dates(TODAY, date(2026, 12, 21)),
    nights=st.none() | st.integers(0, 29),
    children_without_ages=st.none() | st.integers(1, 20),
    children=st.lists(st.integers(0, 17), max_size=3),
    adults=st.none() | st.integers(1, 50),
    budget=st.none() | st.floats(0.01, 1e9),
    budget_currency=st.sampled_from([None, "EUR", "€"]),
    language=st.sampled_from([None, "de", "Deutsch"]),
)


@given(constraints, queries)
def test_what_is_asked_in_all_is_a_request_that_can_be_sent(asked: Constraints, query: Understood) -> None:
    whole, from_query = merged(asked, query)

    before, after = as_request(asked), as_request(whole)
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {name.partition(".")[0] for name in from_query}
    if whole.start is None or whole.start >= TODAY:
        assert read_constraints(after, TODAY) == whole


@pytest.mark.parametrize(
    ("field", "written", "read"),
    [
        ("origin", ["Berlin"], None),
        ("origin", "null", None),
        ("destinations", ["Rome", None, "", 7, "Bari"], ["Rome", "Bari"]),
        ("destinations", None, []),
        ("destinations", ["Rome"] * 21, ["Rome"] * 20),
        ("start", "2027-05", None),
        ("end", "in June", None),
        ("nights", "a week", None),
        ("round_trip", "maybe", None),
        ("adults", 0, None),
        ("children", [4, 19, None], [4]),
        ("children_without_ages", 0, None),
        ("budget", 2e9, None),
        ("budget_currency", 5, None),
        ("pace", "quick", None),
        ("interests", ["", "art"], ["art"]),
        ("diet", ["vegan", "carnivore", ["halal"]], ["vegan"]),
        ("mobility", "wheelchair", []),
        ("lodging", ["riad", "hotel"], ["hotel"]),
        ("transport", [{}], []),
        ("language", {}, None),
    ],
)
def test_what_a_query_cannot_say_is_dropped_and_the_trip_is_planned(
    field: str, written: object, read: object
) -> None:
    understood = TypeAdapter(Outline).validate_python(outline(understood={field: written})).understood

    assert getattr(understood, field) == read
    # Whatever a field is, null is nothing.
    whole = outline(understood=dict.fromkeys(Understood.__slots__))
    assert TypeAdapter(Outline).validate_python(whole).understood == Understood()
