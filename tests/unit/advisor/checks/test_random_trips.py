"""Random valid trips break no rule, and each way to break one is found.

``RANDOM_TRIPS`` is how many trips: 10,000 take a quarter of an hour.
"""

import os
from collections import Counter
from typing import Final

from hypothesis import HealthCheck, given, settings

from tests.support.broken_trips import BREAKS, Asked
from tests.support.random_trips import valid_trips
from travel_gpt.advisor.checks.result import Outcome
from travel_gpt.advisor.checks.run import CHECKS, check_trip

EXAMPLES: Final = int(os.environ.get("RANDOM_TRIPS", "50"))
# A small place may be unknown to the data, and a holiday is no fault.
MAY_BE_REPORTED: Final = {"places", "holidays"}

random_trips = settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))


@random_trips
@given(valid_trips())
def test_a_valid_trip_breaks_no_rule(asked: Asked) -> None:
    verdict = check_trip(*asked)

    reported = [
        violation
        for result in verdict.results
        for violation in result.violations
        if result.rule not in MAY_BE_REPORTED
    ]
    assert reported == []
    assert verdict.errors == 0


def test_each_way_to_break_a_valid_trip_is_found() -> None:
    broken: Counter[str] = Counter()

    @random_trips
    @given(valid_trips())
    def is_found(asked: Asked) -> None:
        for way, break_trip in BREAKS.items():
            if changed := break_trip(*asked):
                broken[way] += 1
                verdict = check_trip(*changed)
                results = {result.rule: result for result in verdict.results}
                assert results[way.partition(":")[0]].outcome is Outcome.VIOLATED, way

    is_found()
    if EXAMPLES >= 1000:
        # Of fewer trips, one way may fit none.
        assert set(broken) == set(BREAKS), "a way that no trip could be broken in"


def test_each_rule_is_broken_in_one_way_at_least() -> None:
    assert {way.partition(":")[0] for way in BREAKS} == {rule.name for rule, _ in CHECKS}
