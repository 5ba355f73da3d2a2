"""The fields beside ``query``: what is taken, and what each refusal tells a person."""

import json
import re
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st

from travel_gpt.advisor.constraints import Budget, Constraints, as_request
from travel_gpt.api.constraint_fields import FIELDS, read_constraints
from travel_gpt.api.field_kinds import Parts, Several, Word
from travel_gpt.errors import InvalidConstraint

TODAY = date(2026, 11, 22)

FULL: dict[str, Any] = {
    "query": "A week by the sea.",
    "origin": "Berlin",
    "destinations": ["Lisbon", "Porto"],
    "start": "2027-05-03",
    "end": "2027-05-10",
    "nights": 7,
    "round_trip": True,
    "travellers": {"adults": 2, "children": [4, 4]},
    "budget": {"amount": 1500, "currency": "eur"},
    "pace": "relaxed",
    "interests": ["azulejos", "東京タワー"],
    "diet": ["vegan", "nut_free"],
    "mobility": ["stroller"],
    "lodging": ["hotel", "hostel"],
    "transport": ["train"],
    "language": "pt-BR",
}


def constraints_of(**fields: Any) -> Constraints:
    return read_constraints({"query": "Lisbon?", **fields}, TODAY)


def refusal_of(**fields: Any) -> str:
    with pytest.raises(InvalidConstraint) as refused:
        constraints_of(**fields)
    refused.value.message.encode()
    return refused.value.message


def test_every_field_is_read() -> None:
    assert read_constraints(FULL, TODAY) == Constraints(
        origin="Berlin",
        destinations=("Lisbon", "Porto"),
        start=date(2027, 5, 3),
        end=date(2027, 5, 10),
        nights=7,
        round_trip=True,
        adults=2,
        children=(4, 4),
        budget=Budget(amount=1500.0, currency="EUR"),
        pace="relaxed",
        interests=("azulejos", "東京タワー"),
        diet=("vegan", "nut_free"),
        mobility=("stroller",),
        lodging=("hotel", "hostel"),
        transport=("train",),
        language="pt-BR",
    )
    assert set(FIELDS) == set(FULL) - {"query"}


def test_constraints_are_written_as_the_request_had_them() -> None:
    written = as_request(read_constraints(FULL, TODAY))

    assert {"query": FULL["query"], **written} == FULL | {"budget": {"amount": 1500, "currency": "EUR"}}
    assert isinstance(written["budget"]["amount"], int)
    assert json.loads(json.dumps(written)) == written
    assert as_request(Constraints()) == {}


@pytest.mark.parametrize("nothing", [None, [], {}], ids=str)
def test_null_and_what_is_empty_are_not_given(nothing: object) -> None:
    lists = [name for name, kind in FIELDS.items() if isinstance(kind, Several)]
    names = {"None": list(FIELDS), "[]": lists, "{}": ["travellers"]}[str(nothing)]

    assert constraints_of(**dict.fromkeys(names, nothing)) == Constraints()
    assert constraints_of(travellers={"adults": None, "children": None}) == Constraints()


def test_no_children_is_something_else_than_nothing_about_children() -> None:
    childless = constraints_of(travellers={"children": []})

    assert childless.children == ()
    assert as_request(childless) == {"travellers": {"children": []}}


@pytest.mark.parametrize(
    ("dates", "complete"),
    [
        ({"start": "2027-05-03", "nights": 7}, ("2027-05-03", "2027-05-10", 7)),
        ({"end": "2027-05-10", "nights": 7}, ("2027-05-03", "2027-05-10", 7)),
        ({"start": "2027-05-03", "end": "2027-05-10"}, ("2027-05-03", "2027-05-10", 7)),
        ({"start": "2027-05-03", "end": "2027-05-03"}, ("2027-05-03", "2027-05-03", 0)),
        ({"start": "2027-05-03", "end": "2027-06-01"}, ("2027-05-03", "2027-06-01", 29)),
        ({"start": "2026-11-21", "nights": 0}, ("2026-11-21", "2026-11-21", 0)),
        ({"start": "2028-11-22", "nights": 29}, ("2028-11-22", "2028-12-21", 29)),
        ({"end": "2026-12-20", "nights": 29}, ("2026-11-21", "2026-12-20", 29)),
        ({"start": "2027-05-03"}, ("2027-05-03", None, None)),
        ({"end": "2027-05-10"}, (None, "2027-05-10", None)),
        ({"nights": 3.0}, (None, None, 3)),
    ],
    ids=str,
)
def test_two_of_start_end_and_nights_make_the_third(
    dates: dict[str, Any], complete: tuple[str | None, str | None, int | None]
) -> None:
    written = as_request(constraints_of(**dates))

    assert tuple(written.get(name) for name in ("start", "end", "nights")) == complete


@pytest.mark.parametrize(
    ("dates", "says"),
    [
        ({"start": "2026-11-20"}, '"start" must be a date from 2026-11-21 to 2028-11-22.'),
        ({"end": "2028-11-23"}, '"end" must be a date from 2026-11-21 to 2028-11-22.'),
        ({"start": "2027-05-03", "end": "2027-05-02"}, '"end" must not be before "start".'),
        (
            {"start": "2027-05-03", "end": "2027-06-02"},
            (
                'From "start" to "end" there are 31 days, and 30 are the most: ask for the first part of '
                "the trip, and for the rest in another request."
            ),
        ),
        (
            {"start": "2027-05-03", "end": "2027-05-10", "nights": 8},
            '"nights" must be 7, as "start" and "end" say, or be left out.',
        ),
        (
            {"end": "2026-12-19", "nights": 29},
            'By "end" and "nights" the trip starts before 2026-11-21: one of them must change.',
        ),
        ({"nights": 30}, '"nights" must be a whole number from 0 to 29; ask for a longer trip in parts.'),
    ],
    ids=str,
)
def test_dates_that_cannot_be_are_refused_with_what_can(dates: dict[str, Any], says: str) -> None:
    assert refusal_of(**dates) == says


TEXTS = [
    1,
    True,
    {},
    [],
    ["Rome"],
    "",
    " ",
    "\n",
    "\u200b",
    "x" * 101,
    "a\x1bb",
    "a\nb",
    "a\u2028b",
    "\ud83c",
]
WHOLE = [True, "3", 1.5, -1, 10**400, -(10**400), float("nan"), float("inf"), float("-inf"), 1e300, [], {}]
NOT_A_DATE = [
    *(20270503, "20270503", "2027-W18-1", "2027-5-3", "03.05.2027", "2027-02-29", "2027-13-01", ""),
    *("2027-05-03T00:00", " 2027-05-03", "２０２７-05-03", "0000-01-01", 1, True, []),
]


@pytest.mark.parametrize(
    ("name", "values", "says"),
    [
        ("origin", TEXTS, '"origin" must be a line of 1 to 100 characters.'),
        (
            "destinations",
            ["Lisbon", 1, True, {}, {"0": "Rome"}, [str(number) for number in range(21)]],
            '"destinations" must be a list of 20 entries at most, each of them a line of 1 to ',
        ),
        ("destinations", [["A", bad] for bad in TEXTS], '"destinations[1]" must be a line of 1 to 100 '),
        ("interests", [["food", "art", "food"], ["food", " food "]], '"interests" has an entry twice'),
        ("diet", [["vegan", "vegan"]], '"diet" has an entry twice'),
        ("start", NOT_A_DATE, '"start" must be a date, written as 2027-05-03.'),
        ("end", NOT_A_DATE, '"end" must be a date, written as 2027-05-03.'),
        ("nights", WHOLE, '"nights" must be a whole number from 0 to 29;'),
        ("round_trip", [0, 1, "true", "yes", [], {}], '"round_trip" must be true or false.'),
        (
            "travellers",
            [2, [2], "two", {"adult": 2}, {"adults": 2, "name": "Ada"}],
            '"travellers" must be an object with "adults" or "children" or "children_without_ages".',
        ),
        (
            "travellers",
            [{"adults": bad} for bad in (*WHOLE, 0, 51)],
            '"travellers.adults" must be a whole number from 1 to 50.',
        ),
        (
            "travellers",
            [{"children": [4, bad]} for bad in (*WHOLE, 18, None)],
            '"travellers.children[1]" must be a whole number from 0 to 17, the age.',
        ),
        (
            "travellers",
            [{"children": 2}, {"children": [1] * 21}],
            '"travellers.children" must be a list of 20 entries at most, each of them a whole number from 0 ',
        ),
        (
            "budget",
            [
                *(1500, "1500 EUR", [], {}, {"amount": 1500}, {"currency": "EUR"}),
                *({"amount": None, "currency": "EUR"}, {"amount": 1, "currency": "EUR", "per": "day"}),
            ],
            '"budget" must be an object with "amount" and "currency".',
        ),
        (
            "budget",
            [{"amount": bad, "currency": "EUR"} for bad in (*WHOLE, 0, 1_000_000_001) if bad != 1.5],
            '"budget.amount" must be a number above 0, and 1,000,000,000 at most.',
        ),
        (
            "budget",
            [{"amount": 1, "currency": bad} for bad in ("€", "EURO", "eu", "", 1, "E1R", "ＥＵＲ")],
            '"budget.currency" must be a code of three letters, such as EUR.',
        ),
        ("pace", ["slow", "Relaxed", 1, [], ["packed"]], '"pace" must be one of relaxed, moderate, packed.'),
        ("mobility", [["crutches"]], '"mobility[0]" must be one of wheelchair, limited_walking, stroller.'),
        (
            "diet",
            ["vegan", {"vegan": True}],
            '"diet" must be a list of 20 entries at most, each of them one ',
        ),
        ("lodging", [["hotel", "castle"]], '"lodging[1]" must be one of hotel, hostel, apartment, '),
        ("transport", [[None]], '"transport[0]" must be one of flight, train, bus, '),
        (
            "language",
            [
                "German or English",
                "d",
                "de_DE",
                "de-",
                "-de",
                "de\nfr",
                "x" * 9,
                "ｄｅ",
                "de" + "-a" * 17,
                1,
                [],
            ],
            '"language" must be a BCP 47 language tag, such as de or pt-BR.',
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_value_that_cannot_be_is_refused_with_what_can_be(name: str, values: list[Any], says: str) -> None:
    for value in values:
        said = refusal_of(**{name: value})

        assert said.startswith(says), value
        assert said.endswith("."), value


def test_several_problems_are_named_in_one_message_and_not_more_than_four() -> None:
    wrong = {"origin": 1, "start": 1, "pace": 1, "budget": 1, "diet": 1, "language": 1}

    said = refusal_of(**wrong)

    assert re.findall(r'"(\w+)" must', said) == ["origin", "start", "budget", "pace"]
    assert said.endswith(" There are 2 more.")


def test_a_refusal_repeats_no_value() -> None:
    key = "sk-proj-Xq7ZkV9wJ3pYtB5mHx2RfN8dLs6GcQ4vUj"
    for name, kind in FIELDS.items():
        inner = [{part: key, key: key} for part in kind.kinds] if isinstance(kind, Parts) else []
        for value in (f"{key}\x00", [f"{key}\x00"], {key: key}, *inner):
            assert key not in refusal_of(**{name: value}), name


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("traveller", "travellers"),
        ("travelers", "travellers"),
        ("Travellers", "travellers"),
        ("destination", "destinations"),
        ("destnations", "destinations"),
        ("roundTrip", "round_trip"),
        ("round-trip", "round_trip"),
        ("START", "start"),
        ("start_date", "start"),
        ("endDate", "end"),
        ("night", "nights"),
        ("adults", "travellers.adults"),
        ("currency", "budget.currency"),
        ("budgt", "budget"),
        ("intrests", "interests"),
        ("langauge", "language"),
        ("Format", "format"),
    ],
)
def test_a_misspelt_field_is_refused_with_the_one_that_was_meant(name: str, meant: str) -> None:
    assert refusal_of(**{name: None}) == f'There is no field "{name}": use "{meant}".'


@pytest.mark.parametrize("name", ["days", "DAYS"])
def test_days_are_refused_with_how_many_nights_they_are(name: str) -> None:
    said = f'There is no field "{name}": use "nights", which are one less.'
    assert refusal_of(**{name: 3}) == said


@pytest.mark.parametrize(
    "name",
    [
        *("pad", "question", "user", "session", "model", "temperature", "max_tokens", "stream", "client"),
        *(
            "place",
            "space",
            "stage",
            "state",
            "stars",
            "send",
            "ending",
            "and",
            "original",
            "logging",
            "port",
        ),
        *("", "_", "🏖", "x" * 10_000, "sk-proj-travellers", "travellers\n", "passport", "version", "mode"),
    ],
)
def test_any_other_field_is_ignored_as_before(name: str) -> None:
    assert constraints_of(**{name: "x"}) == Constraints()


def days(most: int) -> st.SearchStrategy[date]:
    return st.dates(TODAY - timedelta(days=1), TODAY + timedelta(days=most))


names = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=100)


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    """Return the fields of a request that can be answered."""
    fields: dict[str, st.SearchStrategy[Any]] = {
        "origin": names,
        "destinations": st.lists(names, max_size=20, unique=True),
        "nights": st.integers(0, 29),
        "round_trip": st.booleans(),
        "travellers": st.fixed_dictionaries(
            {},
            optional={
                "adults": st.integers(1, 50),
                "children": st.lists(st.integers(0, 17), min_size=1, max_size=20),
            },
        ),
        "budget": st.fixed_dictionaries(
            {
                "amount": st.floats(0.01, 1e9) | st.integers(1, 10**9),
                "currency": st.from_regex(r"\A[A-Z]{3}\Z"),
            }
        ),
        "interests": st.lists(names, max_size=20, unique=True),
        "language": st.just("de"),
    }
    for name, kind in FIELDS.items():
        if isinstance(kind, Word):
            fields[name] = st.sampled_from(kind.words)
        elif isinstance(kind, Several) and isinstance(kind.kind, Word):
            fields[name] = st.lists(st.sampled_from(kind.kind.words), unique=True)
    asked = draw(st.fixed_dictionaries({}, optional=fields))
    if draw(st.booleans()):
        asked["start"] = draw(days(700)).isoformat()
    elif "nights" not in asked and draw(st.booleans()):
        asked["end"] = draw(days(731)).isoformat()
    return asked


@given(requests())
def test_whatever_is_taken_can_be_written_and_read_again(asked: dict[str, Any]) -> None:
    taken = read_constraints(asked, TODAY)
    written = as_request(taken)

    assert read_constraints(json.loads(json.dumps(written)), TODAY) == taken
    given_something = {name: value for name, value in asked.items() if value not in ([], {})}
    assert {name: written[name] for name in given_something} == given_something


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*FIELDS, "adults", "x"]), json_values, max_size=6))
def test_whatever_a_caller_sends_is_read_or_refused(fields: dict[str, Any]) -> None:
    try:
        taken = read_constraints(fields, TODAY)
    except InvalidConstraint as refused:
        refused.message.encode()
        return
    assert read_constraints(as_request(taken), TODAY) == taken
