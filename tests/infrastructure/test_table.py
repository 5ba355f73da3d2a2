"""The table of clients, limits and counters, and the rule that bounds an open API."""

import pytest

from testbed.stacks.document import InvalidTemplate
from tests.support.compiled_template import CompiledStack, compile_stack, read_template

ZEROS = ["0", *(f"0.{'0' * digits}" for digits in range(1, 7))]


def test_the_table_is_the_same_in_every_stack_and_outlives_it(any_stack: CompiledStack) -> None:
    assert any_stack.resources["ClientTable"]["DeletionPolicy"] == "Retain"
    assert any_stack.resources["ClientTable"]["UpdateReplacePolicy"] == "Retain"
    # No name of its own: a stack that is made again has no table in its way.
    assert any_stack.one("AWS::DynamoDB::Table") == {
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        "KeySchema": [
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        "TimeToLiveSpecification": {"AttributeName": "expires", "Enabled": True},
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
        "DeletionProtectionEnabled": True,
    }
    assert any_stack.outputs["ClientTableName"] == "<ClientTable>"


def test_deletion_protection_can_be_turned_off() -> None:
    unprotected = compile_stack(TableDeletionProtection="disabled").one("AWS::DynamoDB::Table")

    assert unprotected["DeletionProtectionEnabled"] is False


@pytest.mark.parametrize("budget", ["BudgetPerDay", "BudgetPerMonth"])
@pytest.mark.parametrize("zero", ZEROS)
def test_an_open_api_without_a_budget_is_refused(budget: str, zero: str) -> None:
    with pytest.raises(InvalidTemplate, match=f"ApiAccess open needs a {budget} above 0"):
        compile_stack(ApiAccess="open", **{budget: zero})


@pytest.mark.parametrize("amount", ["00", "000.00", "01", ".5", "5.", "1e3", "-1", "0.0000000", "1000000"])
def test_an_amount_has_one_way_to_be_written(amount: str) -> None:
    # Then the rule above names every way to write 0.
    with pytest.raises(InvalidTemplate, match="BudgetPerDay"):
        compile_stack(BudgetPerDay=amount)


def test_a_budget_of_0_is_allowed_where_callers_have_keys_and_the_least_one_where_not() -> None:
    compile_stack(BudgetPerDay="0", BudgetPerMonth="0.00")
    compile_stack(ApiAccess="open", BudgetPerDay="0.000001", BudgetPerMonth="999999.999999")


def test_both_budgets_take_the_same_amounts() -> None:
    day, month = (read_template()["Parameters"][f"BudgetPer{each}"] for each in ("Day", "Month"))

    assert day["AllowedPattern"] == month["AllowedPattern"]
