"""Plans that people wrote are checked: what is reported about them is real."""

from contextlib import closing

import pytest

from tests.support.human_plans import HumanPlan, human_plans
from travel_gpt.advisor.checks.result import Outcome
from travel_gpt.advisor.checks.run import Verdict, check_trip
from travel_gpt.advisor.reference.lookup import Reference

REAL = {
    ("train_7", "route", "'Toothiana' Statue"): "a sight in Abilene, after the way to Amarillo, 364 km off",
    ("train_10", "route", "Shree Rathnam"): "a dinner in Salt Lake City, after the way to Moab, 315 km off",
    ("train_14", "places", "Marquette"): "its sights are in Michigan, and the plan says Wisconsin",
    ("train_14", "places", "Devils Lake"): "its sights are in North Dakota, and the plan says Wisconsin",
    ("train_15", "places", "Norfolk"): "it may be in Virginia or Nebraska; the plan names no state",
    ("train_24", "places", "Gustavus"): "it is in Alaska, and the plan says Minnesota",
    (
        "train_30",
        "places",
        "Fayetteville",
    ): "it may be in Arkansas or North Carolina, or in others",
    ("train_36", "places", "Richmond"): "it may be in Virginia or California; the plan names no state",
    ("train_41", "route", "San Angelo Museum of Fine Arts"): "a day in San Angelo, 300 km off, without a way",
    ("train_41", "route", "Houston Zoo"): "a day in Houston, 300 km off, without a way",
}
"""Each violation that is reported, by plan, rule and what it is about, and why it is one."""


@pytest.fixture(scope="module")
def verdicts() -> list[tuple[HumanPlan, Verdict]]:
    with closing(Reference.open()) as reference:
        return [(plan, check_trip(trip, plan.asked)) for plan, trip in human_plans(reference)]


def test_each_violation_in_a_human_plan_is_a_real_one(verdicts: list[tuple[HumanPlan, Verdict]]) -> None:
    reported = [
        (plan.name, result.rule, violation.item)
        for plan, verdict in verdicts
        for result in verdict.results
        for violation in result.violations
    ]

    assert len(verdicts) == 45
    assert sorted(reported) == sorted(REAL)


def test_fourteen_rules_are_exercised(verdicts: list[tuple[HumanPlan, Verdict]]) -> None:
    exercised = {
        result.rule
        for _, verdict in verdicts
        for result in verdict.results
        if result.outcome is not Outcome.NOT_CHECKABLE
    }

    # Their costs are not known, they name no airports, and nothing was asked about the others.
    assert exercised == {
        "dates",
        "nights",
        "overlaps",
        "leg_speed",
        "return",
        "duplicates",
        "sums",
        "currency",
        "route",
        "places",
        "transport",
        "destinations",
        "unknown_destinations",
        "repeated_meals",
    }
