"""What is planned twice is reported, and what only has the same kind of name is not."""

import pytest

from tests.support.trips import day, stay, trip_of, visit
from travel_gpt.advisor.checks import repeated_meals
from travel_gpt.advisor.checks.duplicates import check
from travel_gpt.advisor.checks.result import Result, Severity
from travel_gpt.advisor.constraints import Constraints
from travel_gpt.advisor.trip import Visit


def on_days(first: Visit, second: Visit, apart: int = 2) -> Result:
    """Check a trip with one visit on the first day, and the other some days later."""
    days = [day(number, "Lisbon", stay("Hotel Mundial")) for number in range(1, apart + 2)]
    days[0] = day(1, "Lisbon", first, stay("Hotel Mundial"))
    days[-1] = day(apart + 1, "Lisbon", *([first] if apart == 0 else []), second)
    rule = repeated_meals.check if second.kind == "meal" else check
    return rule(trip_of(*days), Constraints())


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Louvre", "Louvre"),
        ("Sagrada Família", "Visit to the sagrada familia!"),
        ("Castelo de São Jorge", "Castelo São Jorge"),
        ("Sagrada Familia (guided tour)", "Sagrada Família, Lisbon"),
        ("Museo del Prado", "Prado Museum"),
        ("Park Güell", "Parc Güell"),
        ("浅草寺", "浅草寺"),
        ("Эрмитаж", "эрмитаж"),
    ],
)
def test_the_same_sight_is_found_however_it_is_written(first: str, second: str) -> None:
    [violation] = on_days(visit(first, "10:00", "11:00"), visit(second, "14:00", "15:00")).violations

    assert violation.day == 3
    assert violation.item == second
    assert violation.visit == 0


def test_the_message_names_the_day_and_the_other_name() -> None:
    [same] = on_days(visit("Louvre", "10:00", "11:00"), visit("Louvre", "10:00", "11:00")).violations
    [other] = on_days(visit("Louvre", "10:00", "11:00"), visit("The Louvre", "10:00", "11:00")).violations

    assert same.message == "Day 3: “Louvre” is also on day 1."
    assert other.message == "Day 3: “The Louvre” is also on day 1 (as “Louvre”)."


def test_the_same_restaurant_for_lunch_and_dinner_is_found() -> None:
    lunch = visit("Lunch at Cervejaria Ramiro", "12:30", "14:00", kind="meal")
    dinner = visit("Dinner at Cervejaria Ramiro", "19:00", "21:00", kind="meal")

    result = on_days(lunch, dinner)

    assert len(result.violations) == 1
    assert result.severity is Severity.WARNING, "who liked it may come again"
    assert check(trip_of(day(1, "Lisbon", lunch), day(2, "Lisbon", dinner)), Constraints()).violations == ()


def test_a_breakfast_is_one_until_11() -> None:
    def again(start: str) -> int:
        brunch = visit("Café Nicola", start, "12:00", kind="meal")
        return len(on_days(brunch, brunch).violations)

    assert (again("10:59"), again("11:00")) == (0, 1)


def test_the_same_sight_twice_on_one_day_is_found_unless_only_a_pause_is_between() -> None:
    morning, lunch = visit("Louvre", "10:00", "12:00"), visit("Lunch", "12:00", "13:00", kind="meal")
    garden, afternoon = visit("Tuileries", "12:00", "13:00"), visit("Louvre", "13:00", "15:00")

    assert check(trip_of(day(1, "Lisbon", morning, lunch, afternoon)), Constraints()).violations == ()
    [violation] = check(trip_of(day(1, "Lisbon", morning, garden, afternoon)), Constraints()).violations
    assert violation.message == "Day 1: “Louvre” is on the same day already."


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Free time", "activity"),
        ("Check-in", "activity"),
        ("Lunch", "meal"),
        ("Dinner at a local restaurant", "meal"),
        ("Seafood dinner", "meal"),
        ("Mittagessen", "meal"),
        ("Déjeuner", "meal"),
        ("昼食", "meal"),
        ("ホテルで夕食", "meal"),
        ("Обед", "meal"),
        ("الغداء", "meal"),
        ("Dinner at Hotel Mundial", "meal"),
        ("Hotel Mundial", "meal"),
        ("Stroll through the old town of Lisbon", "sight"),
        ("Beach", "activity"),
        ("Spa Quirón", "rest"),
        ("Airport transfer Quirón", "other"),
    ],
)
def test_what_names_no_place_or_is_a_rest_may_come_again(name: str, kind: str) -> None:
    assert (
        on_days(visit(name, "13:00", "14:00", kind=kind), visit(name, "13:00", "14:00", kind=kind)).violations
        == ()
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (visit("Ueno Park", "10:00", "11:00"), visit("Ueno Zoo", "10:00", "11:00")),
        (visit("Parc Güell", "10:00", "11:00"), visit("Palau Güell", "10:00", "11:00")),
        (visit("Eiffel Tower", "10:00", "11:00"), visit("Eiffel Tower at night", "21:00", "22:00")),
        (visit("Sé", "10:00", "11:00"), visit("Sé", "10:00", "11:00", "Porto")),
        (visit("Hyde Park", "10:00", "11:00"), visit("Picnic in Hyde Park", "12:00", "13:00", kind="meal")),
        # Breakfast where it was good.
        (
            visit("Café Nicola", "08:30", "9:30", kind="meal"),
            visit("Café Nicola", "08:30", "9:30", kind="meal"),
        ),
        (visit("Museum of Art, part 1", "10:00", "11:00"), visit("Museum of Art, part 2", "10:00", "11:00")),
    ],
)
def test_what_is_near_or_alike_is_not_the_same(first: Visit, second: Visit) -> None:
    assert on_days(first, second).violations == ()


def test_an_activity_may_take_days_in_a_row_and_no_more() -> None:
    course = visit("Surf course with Carlos", "10:00", "12:00", kind="activity")

    assert on_days(course, course, apart=1).violations == ()
    assert len(on_days(course, course, apart=2).violations) == 1


def test_a_sight_of_4_hours_may_take_days_in_a_row_and_no_more() -> None:
    def again(end: str, apart: int) -> int:
        park = visit("Universal Studios", "10:00", end)
        return len(on_days(park, park, apart).violations)

    assert (again("14:00", 1), again("13:59", 1), again("14:00", 2)) == (0, 1, 1)


def test_a_trip_without_visits_is_not_concerned() -> None:
    assert not check(trip_of(day(1, "Lisbon")), Constraints()).applies
