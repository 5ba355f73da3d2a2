"""Money in the plan: the standing cost of the stack, and the budget that an open API must have."""

import re
from pathlib import Path

import pytest

from travel_gpt.cli.deploy.costs import (
    ALARM,
    BILLED_BY_USE,
    budget_note,
    require_budget,
    resources,
    standing_cost,
)
from travel_gpt.cli.errors import CliError

VALUES = {"AdminSecretName": "", "Keyless": "off"}
MOST = 3.0
"""USD a month that a stack with the default parameters may cost while unused (issue 9)."""


def dollars(said: str) -> float:
    return float(said.partition(" ")[0])


def test_every_resource_of_the_template_is_known_and_alarms_have_no_condition_but_rotation() -> None:
    found = list(resources())

    assert len(found) == len(set(found)) > 30
    assert {kind for _, kind, _ in found} == {*BILLED_BY_USE, ALARM}
    assert {condition for _, kind, condition in found if kind == ALARM} == {"", "RotationIsOn"}
    # And none is missed: the template has no other entry with a type at this depth.
    body = Path("template.yaml").read_text("utf-8").partition("\nResources:\n")[2]
    assert len(re.findall(r"^    Type: ", body, re.MULTILINE)) == len(found)


def test_the_standing_cost_of_the_default_stack_is_within_what_is_promised() -> None:
    alarms = sum(kind == ALARM and not condition for _, kind, condition in resources())

    said = standing_cost(VALUES)

    assert (
        said
        == f"{0.41 + alarms / 10:.2f} USD a month while unused (1 secret, {alarms} alarms, the stored data)"
    )
    assert dollars(said) <= MOST


@pytest.mark.parametrize(
    ("values", "more"),
    [
        # One more secret and two more alarms.
        ({"AdminSecretName": "admin"}, 0.60),
        ({"Keyless": "on"}, -0.40),
        ({"Keyless": "on", "AdminSecretName": "admin"}, -0.40),
        ({"Keyless": "switch"}, 0),
    ],
)
def test_options_change_it(values: dict[str, str], more: float) -> None:
    changed = dollars(standing_cost({**VALUES, **values}))

    assert changed == pytest.approx(dollars(standing_cost(VALUES)) + more)
    assert changed <= MOST


@pytest.mark.parametrize("day", ["0", "0.00", "00", "5"])
@pytest.mark.parametrize("month", ["0", "0.000000", "50"])
def test_an_open_api_needs_both_budgets(day: str, month: str) -> None:
    budgets = {"BudgetPerDay": day, "BudgetPerMonth": month}
    zero = [name for name, amount in budgets.items() if float(amount) == 0]

    require_budget({"ApiAccess": "api-key", **budgets})
    if not zero:
        require_budget({"ApiAccess": "open", **budgets})
        return
    with pytest.raises(CliError) as refused:
        require_budget({"ApiAccess": "open", **budgets})

    assert f"so {' and '.join(zero)} cannot be 0" in refused.value.sentence
    assert f"--parameter {zero[0]}=5" in refused.value.sentence
    assert refused.value.status == 2


def test_an_amount_that_is_none_is_left_to_the_templates_pattern() -> None:
    require_budget({"ApiAccess": "open", "BudgetPerDay": "much", "BudgetPerMonth": "50"})


def test_an_update_from_before_budgets_says_what_will_be_refused() -> None:
    values = {"BudgetPerDay": "5", "BudgetPerMonth": "50"}

    said = budget_note(values, {"ApiAccess": "api-key"})

    assert said.startswith("After this update queries may spend 5 USD a day and 50 USD a month at most")
    assert "--parameter BudgetPerDay=" in said
    assert (budget_note(values, {}), budget_note(values, values)) == ("", "")
