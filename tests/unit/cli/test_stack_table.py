"""The check of the table of clients and of the price list."""

from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from tests.fakes.dynamodb import TABLE
from tests.unit.cli.conftest import Person
from travel_gpt.cli.client.records import ClientRecords
from travel_gpt.cli.doctor.stack.deployed import Deployed
from travel_gpt.cli.doctor.stack.table import check_prices, check_table
from travel_gpt.cli.stack import Stack
from travel_gpt.llm.prices import MAX_AGE_DAYS, PriceList


def found(protection: str = "enabled", **outputs: str) -> list[tuple[str, str]]:
    parameters = {"TableDeletionProtection": protection}
    stack = Stack("s", "CREATE_COMPLETE", parameters=parameters, outputs=outputs)
    results = list(check_table(Deployed(stack, {})))
    assert all(bool(each.fix) == (each.state.value != "ok") for each in results)
    return [(each.state.value, each.says) for each in results]


def test_the_table_is_there_and_can_be_restored(person: Person) -> None:  # noqa: ARG001 - its account
    assert found() == [("warning", "there is none: an older version was deployed")]
    own = {"ClientTableName": TABLE}
    assert found(**own) == [("problem", f"{TABLE} does not exist: it was deleted outside the stack")]

    database: Any = boto3.client("dynamodb")
    database.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        BillingMode="PAY_PER_REQUEST",
    )
    assert found(**own) == [("warning", f"{TABLE} has no point-in-time recovery")]
    database.update_continuous_backups(
        TableName=TABLE, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    assert found(**own) == [("warning", f"{TABLE} has no deletion protection")]
    assert found("disabled", **own)[0][0] == "ok"
    database.update_table(TableName=TABLE, DeletionProtectionEnabled=True)
    assert found(**own) == [("ok", f"{TABLE} has point-in-time recovery and deletion protection")]

    ClientRecords(TABLE).pause(True)
    assert found(**own)[1:] == [("warning", "the API is paused: every query gets 503")]


@pytest.mark.parametrize(("days", "state"), [(MAX_AGE_DAYS, "ok"), (MAX_AGE_DAYS + 1, "warning")])
def test_an_old_price_list_is_a_warning(monkeypatch: pytest.MonkeyPatch, days: int, state: str) -> None:
    prices = PriceList({}, (datetime.now(UTC) - timedelta(days=days)).date())
    monkeypatch.setattr(PriceList, "load", lambda: prices)

    assert [each.state.value for each in check_prices()] == [state]
