"""The simulation of visitors who open the page at the same time."""

import random

import pytest

from benchmarks.visitors import VISITORS, refused


@pytest.mark.parametrize(("limit", "within", "expected"), [(10, 0, VISITORS - 10), (1, 0, 19), (20, 0, 0)])
def test_lambda_refuses_what_is_above_its_limit(limit: int, within: float, expected: int) -> None:
    assert refused(limit, within, random.Random(1)) == expected


def test_an_environment_serves_one_visitor_after_the_other() -> None:
    assert refused(1, 3600, random.Random(1)) == 0
