"""All rules together: the verdict, its JSON, and the days that a repair writes anew."""

import json
from dataclasses import replace
from datetime import date
from typing import Final

from scripts.docs.trip_rules import rules_table
from tests.support.trips import day, leg, stay, trip_of, visit
from travel_gpt.advisor.checks.concerned_days import concerned_days
from travel_gpt.advisor.checks.result import Result, Rule, Severity, Violation
from travel_gpt.advisor.checks.run import CHECKS, SHARE_NEEDED, Verdict, check_trip
from travel_gpt.advisor.constraints import Budget, Constraints
from travel_gpt.advisor.trip import Holiday, Place

TRIP: Final = trip_of(
    day(1, "Lisbon", leg("flight", "Berlin-Lisbon", "9:00-12:00", cost=200), stay(cost=80)),
    day(
        2,
        "Lisbon",
        visit("Sé", "10:00", "12:00", cost=300),
        visit("Lunch", "12:00", "13:00", kind="meal"),
        stay(),
    ),
    day(3, "Lisbon", leg("flight", "Lisbon-Berlin", "9:00-14:00", cost=100)),
    start=date(2027, 5, 3),
)
ERROR, WARNING, NOTE = (Rule(severity.value, severity) for severity in Severity)


def verdict_of(checked: int, not_checkable: int, violated: Rule | None = None) -> Verdict:
    """A verdict with so many rules."""
    results = [NOTE.judged([]) for _ in range(checked - bool(violated))]
    results += [NOTE.not_checkable("No data.") for _ in range(not_checkable)]
    if violated:
        results.append(violated.judged([Violation(message="Wrong."), Violation(message="Wrong, too.")]))
    return Verdict((*results, NOTE.does_not_apply("Not asked.")))


def test_a_right_trip_is_verified() -> None:
    verdict = check_trip(TRIP, Constraints(round_trip=True))

    assert verdict.verified
    assert (verdict.errors, verdict.warnings, verdict.notes) == (0, 0, 0)


def test_verified_needs_no_error_and_enough_that_was_checked() -> None:
    assert SHARE_NEEDED == 0.8
    assert verdict_of(8, 2).verified
    assert not verdict_of(7, 2).verified
    assert verdict_of(10, 0, WARNING).verified
    assert verdict_of(10, 0, NOTE).verified
    assert not verdict_of(10, 0, ERROR).verified


def test_what_code_computed_does_not_make_a_trip_verified() -> None:
    sums = Rule("sums", Severity.ERROR, computed=True)

    assert Verdict((NOTE.judged([], checked=0.7), sums.judged([]), sums.judged([]))).share_checked == 0.7
    assert not Verdict((sums.judged([]),)).verified


def test_each_rule_of_errors_has_to_be_checked_enough() -> None:
    others = [NOTE.judged([])] * 9

    assert Verdict((*others, ERROR.judged([], checked=0.8))).verified
    assert not Verdict((*others, ERROR.judged([], checked=0.79))).verified
    assert not Verdict((*others, ERROR.not_checkable("No data."))).verified
    assert Verdict((*others, WARNING.judged([], checked=0.5), ERROR.does_not_apply("Not asked."))).verified


def test_a_share_is_rounded_down() -> None:
    answer = Verdict((NOTE.judged([], checked=0.799),)).as_json()

    assert (answer["share_checked"], answer["results"][0]["checked"]) == (0.79, 0.79)


def test_a_trip_to_invented_towns_is_not_verified() -> None:
    # Given: whatever can be asked, and kept without knowing where the towns are.
    meals = [
        visit(f"Trattoria {name}", "19:00", "20:00", town, kind="meal", diet=("vegan",))
        for name, town in (("Uno", "Zorbaville"), ("Due", "Quxtown"))
    ]
    trip = trip_of(
        day(
            1,
            "Zorbaville",
            leg("flight", "Berlin-Zorbaville", "8:00-11:00"),
            meals[0],
            stay(place="Zorbaville"),
        ),
        day(2, "Quxtown", leg("train", "Zorbaville-Quxtown", "9:00-9:05"), meals[1], stay(place="Quxtown")),
        day(3, "Berlin", leg("flight", "Quxtown-Berlin", "18:00-22:00")),
        start=date(2027, 5, 3),
        places=[Place(name=name, country="PT") for name in ("Zorbaville", "Quxtown")],
    )
    asked = Constraints(
        origin="Berlin",
        start=date(2027, 5, 3),
        nights=2,
        round_trip=True,
        diet=("vegan",),
        lodging=("hotel",),
        pace="moderate",
        transport=("train", "flight"),
    )

    # When
    verdict = check_trip(trip, asked)

    # Then
    assert verdict.errors == 0
    assert not verdict.verified
    assert {
        result.rule
        for result in verdict.results
        if result.severity is Severity.ERROR and result.applies and result.checked < SHARE_NEEDED
    } == {"leg_speed"}


def test_violations_are_counted_by_severity() -> None:
    counts = [
        (verdict.errors, verdict.warnings, verdict.notes)
        for verdict in (verdict_of(3, 0, rule) for rule in (ERROR, WARNING, NOTE))
    ]

    assert counts == [(2, 0, 0), (0, 2, 0), (0, 0, 2)]


def test_the_json_is_what_callers_get() -> None:
    verdict = check_trip(TRIP, Constraints(nights=3, budget=Budget(amount=1000, currency="EUR")))

    answer = json.loads(json.dumps(verdict.as_json()))

    results = answer.pop("results")
    assert answer == {
        "verified": False,
        "errors": 1,
        "warnings": 0,
        "notes": 0,
        "rules_that_apply": 12,
        "rules_checked": 11,
        # Of ten that code does not compute the figures for, one could not be checked.
        "share_checked": 0.9,
        "share_needed": 0.8,
    }
    assert [result["rule"] for result in results] == [rule.name for rule, _ in CHECKS]
    assert results[0] == {
        "rule": "dates",
        "severity": "error",
        "outcome": "violated",
        "violations": [
            {
                "message": "The trip should have 3 nights, and has 2.",
                "day": None,
                "item": None,
                "by": 1,
                "unit": "nights",
                "leg": None,
                "visit": None,
            }
        ],
        "why": "",
        "applies": True,
        "checked": 1,
        "computed": True,
    }


def test_each_rule_answers_under_its_own_name() -> None:
    results = check_trip(TRIP, Constraints()).results

    assert [(result.rule, result.severity) for result in results] == [
        (rule.name, rule.severity) for rule, _ in CHECKS
    ]
    assert len({result.rule for result in results}) == len(CHECKS)


def concerned(*results: Result) -> dict[int, list[str]]:
    found = concerned_days(TRIP, results)
    return {number: [violation.message for violation in violations] for number, violations in found.items()}


def test_a_repair_gets_the_days_with_errors_and_warnings() -> None:
    overlap, steps = Violation(message="Overlap.", day=3), Violation(message="Steps.", day=2)

    found = concerned(
        Rule("overlaps", Severity.ERROR).judged([overlap]),
        Rule("mobility", Severity.WARNING).judged([steps, overlap]),
    )

    assert found == {2: ["Steps."], 3: ["Overlap.", "Overlap."]}
    assert list(found) == [2, 3]


def test_a_repair_does_not_get_what_no_day_can_change() -> None:
    holiday = (Holiday(name="Liberty Day", country="PT"),)
    wrong = replace(
        TRIP, days=(replace(TRIP.days[0], holidays=holiday, cost=1), *TRIP.days[1:]), currency_digits=None
    )
    verdict = check_trip(wrong, Constraints(nights=9))

    assert {result.rule for result in verdict.results if result.violations} == {
        "dates",
        "sums",
        "currency",
        "holidays",
    }
    assert concerned_days(wrong, verdict.results) == {}


def test_a_budget_is_given_to_as_few_of_the_dearest_days_as_can_keep_it() -> None:
    def over(amount: float) -> list[int]:
        result = check_trip(TRIP, Constraints(budget=Budget(amount=680 - amount, currency="EUR"))).results
        return list(concerned_days(TRIP, result))

    # Half of 300 on day 2, of 280 on day 1 and of 100 on day 3.
    assert over(150) == [2]
    assert over(151) == [1, 2]
    assert over(290) == [1, 2]
    assert over(291) == [1, 2, 3]
    assert over(600) == [1, 2, 3]


def test_a_missing_day_is_not_written_anew() -> None:
    assert concerned(Rule("overlaps", Severity.ERROR).judged([Violation(message="Overlap.", day=9)])) == {}


def test_the_documented_rules_say_what_each_one_checks() -> None:
    lines = rules_table().splitlines()[2:]

    assert len(lines) == len(CHECKS)
    assert (
        "| `budget` | error | The trip costs no more than the budget: what its parts cost, added anew. |"
        in lines
    )
    assert all(line.endswith(". |") for line in lines)
