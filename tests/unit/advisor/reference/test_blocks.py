"""How places are stored."""

from hypothesis import given, strategies as st

from travel_gpt.advisor.reference.blocks import (
    Numbers,
    id_at,
    numbers_at,
    packed_ids,
    packed_keys,
    packed_numbers,
    population_of,
    population_steps,
    positions,
    unpacked_keys,
)

# Few letters, so that many keys begin alike; long ones, since no more than 60 letters are shared.
KEYS = st.lists(
    st.one_of(st.text("ab é東", min_size=1, max_size=6), st.text("a", min_size=55, max_size=66)),
    min_size=1,
    max_size=40,
).map(sorted)
NUMBER = st.integers(-20_000, 20_000)


@given(KEYS, st.text("ab é東", min_size=1, max_size=6) | st.text("a", min_size=55, max_size=66))
def test_keys_are_found_where_they_are(keys: list[str], wanted: str) -> None:
    text = packed_keys(keys)

    assert list(unpacked_keys(text)) == keys
    for key in (wanted, *keys):
        assert positions(text, key) == [at for at, other in enumerate(keys) if other == key]


@given(st.lists(st.builds(Numbers, NUMBER, NUMBER, NUMBER, NUMBER, NUMBER), min_size=1, max_size=9))
def test_numbers_are_what_they_were(numbers: list[Numbers]) -> None:
    text = packed_numbers(numbers)

    assert numbers_at(text, range(len(numbers))) == numbers
    assert numbers_at(text, [0]) == numbers[:1]


@given(st.lists(st.integers(0, 10**6), min_size=1))
def test_ids_are_what_they_were(ids: list[int]) -> None:
    text = packed_ids(ids)

    assert [id_at(text, position) for position in range(len(ids))] == ids


@given(st.integers(1, 40_000_000))
def test_a_population_is_within_7_percent_and_rounding(population: int) -> None:
    stored = population_of(population_steps(population))

    assert stored is not None
    assert abs(stored / population - 1) < 0.07 + 0.05 or abs(stored - population) <= 1


def test_no_population_is_not_known() -> None:
    assert population_of(population_steps(0)) is None
