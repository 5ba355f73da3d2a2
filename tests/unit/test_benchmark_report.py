"""The figures of benchmarks/report.py."""

import pytest

from benchmarks.report import interval


# From a table of the binomial distribution with p = 0.5. Below the median is none of 6 values in 0.016 of all
# cases (of 5 in 0.031), at most 1 of 10 in 0.011, 3 of 15 in 0.018, 5 of 20 in 0.021, and 11 of 36 in 0.014.
# One more is in over 0.025 of all cases each.
@pytest.mark.parametrize(
    ("values", "expected"), [(6, "1-6"), (10, "2-9"), (15, "4-12"), (20, "6-15"), (36, "12-25")]
)
def test_the_interval_of_a_median(values: int, expected: str) -> None:
    assert interval([float(number) for number in range(values, 0, -1)], ".0f") == expected


def test_too_few_values_have_no_interval() -> None:
    assert interval([1.0] * 5, ".0f") == "more rounds needed"
