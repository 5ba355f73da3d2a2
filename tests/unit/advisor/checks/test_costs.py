"""Costs add up, in a currency that exists, within the budget."""

from dataclasses import replace
from typing import Final

import pytest

from tests.support.trips import day, leg, stay, summed, trip_of, visit
from travel_gpt.advisor.checks import budget, currency, sums
from travel_gpt.advisor.checks.result import Outcome
from travel_gpt.advisor.constraints import Budget, Constraints
from travel_gpt.advisor.trip import Trip

NOTHING: Final = Constraints()
TRIP: Final = trip_of(
    day(1, "Porto", leg("train", "Lisbon-Porto", "9:00-12:00", cost=50.1), stay("Hotel", "Porto", cost=120)),
    day(
        2,
        "Porto",
        visit("Sé", "10:00", "11:00", cost=0.2),
        visit("Lunch", "12:00", "13:00", kind="meal", cost=30),
    ),
)


def of_a_budget(amount: float, code: str = "EUR") -> Constraints:
    return Constraints(budget=Budget(amount=amount, currency=code))


def with_cost(trip: Trip, cost: float, **sums_: float) -> Trip:
    """Return the trip with another cost of day 2, and other sums."""
    days = (trip.days[0], replace(trip.days[1], cost=cost))
    return replace(trip, days=days, costs=replace(trip.costs, **sums_))


def test_right_sums_are_right() -> None:
    assert sums.check(TRIP, NOTHING).outcome is Outcome.OK


@pytest.mark.parametrize("near", [30.2, 30.2000000001, 30.204, 30.1951])
def test_sums_are_compared_to_half_of_the_last_digit(near: float) -> None:
    assert sums.check(with_cost(TRIP, near), NOTHING).violations == ()


def test_sums_may_be_rounded_before_or_after_they_are_added() -> None:
    visits = [visit(f"Sight {number}", "10:00", "10:00", cost=0.4) for number in range(5)]
    trip = replace(trip_of(day(1, "Tokyo", *visits)), currency="JPY", currency_digits=0)

    for total in (0, 2):
        costs = replace(trip.costs, visits=total, total=total)
        right = replace(trip, days=(replace(trip.days[0], cost=total),), costs=costs)
        assert sums.check(right, NOTHING).violations == ()
    assert len(sums.check(replace(summed(trip), costs=replace(costs, total=1)), NOTHING).violations) == 1


@pytest.mark.parametrize(
    ("trip", "message", "by"),
    [
        (with_cost(TRIP, 30.21), "Day 2 is stated to cost 30.21 EUR, and costs 30.20 EUR.", 0.01),
        (with_cost(TRIP, 30.2, total=1200.3), "The trip is stated as 1,200.30 EUR, and is 200.30 EUR.", 1000),
        (with_cost(TRIP, 30.2, meals=0), "The sum for meals is stated as 0.00 EUR, and is 30.00 EUR.", 30),
        (
            with_cost(TRIP, 30.2, lodging=121),
            "The sum for lodging is stated as 121.00 EUR, and is 120.00 EUR.",
            1,
        ),
    ],
)
def test_a_wrong_sum_is_reported(trip: Trip, message: str, by: float) -> None:
    [violation] = sums.check(trip, NOTHING).violations

    assert (violation.message, violation.by, violation.unit) == (message, by, "EUR")


def test_a_currency_is_one_that_exists_and_that_of_the_budget() -> None:
    unknown = replace(TRIP, currency="XQZ", currency_digits=None)

    assert currency.check(TRIP, NOTHING).outcome is Outcome.OK
    assert currency.check(TRIP, of_a_budget(1)).outcome is Outcome.OK
    [violation] = currency.check(unknown, NOTHING).violations
    assert violation.message == "The costs are in “XQZ”, which is no currency of ISO 4217, such as EUR."
    [violation] = currency.check(TRIP, of_a_budget(1, "USD")).violations
    assert violation.message == "The costs are in EUR, and the budget is in USD."


@pytest.mark.parametrize("amount", [200.3, 1500])
def test_a_trip_may_cost_all_of_the_budget(amount: float) -> None:
    assert budget.check(TRIP, of_a_budget(amount)).outcome is Outcome.OK


def test_what_is_over_the_budget_is_reported_whatever_the_trip_states() -> None:
    understated = replace(TRIP, costs=replace(TRIP.costs, total=10))

    [violation] = budget.check(understated, of_a_budget(200.29)).violations

    assert violation.message == "The trip costs 200.30 EUR: 0.01 EUR more than the budget of 200.29 EUR."
    assert (violation.by, violation.unit, violation.day) == (0.01, "EUR", None)


def test_amounts_have_the_digits_of_the_currency() -> None:
    trip = replace(TRIP, currency="JPY", currency_digits=0)

    [violation] = budget.check(trip, of_a_budget(150, "JPY")).violations

    assert violation.message == "The trip costs 200 JPY: 50 JPY more than the budget of 150 JPY."


def test_a_budget_is_compared_only_where_there_is_something_to_compare() -> None:
    free = trip_of(day(1, "Lisbon", visit("Sé", "10:00", "11:00")))
    partial = replace(TRIP, missing_days=(3, 4))

    assert not budget.check(TRIP, NOTHING).applies
    assert budget.check(TRIP, of_a_budget(1, "USD")).outcome is Outcome.NOT_CHECKABLE
    assert budget.check(free, of_a_budget(1)).outcome is Outcome.NOT_CHECKABLE
    assert budget.check(partial, of_a_budget(300)).why == "Without the missing days: 3, 4."
