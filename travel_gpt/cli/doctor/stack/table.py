"""The table of clients and counters, the pause flag, and the age of the price list."""

from collections.abc import Iterator
from datetime import UTC, datetime

import boto3

from travel_gpt.cli.client.records import ClientRecords
from travel_gpt.cli.doctor.check_result import CheckResult, ok, problem, warning
from travel_gpt.cli.doctor.stack.deployed import Deployed
from travel_gpt.llm.prices import MAX_AGE_DAYS, PriceList


def check_table(deployed: Deployed) -> Iterator[CheckResult]:
    """Check that the table exists and can be restored, and whether the API is paused."""
    name = deployed.stack.outputs.get("ClientTableName")
    if name is None:
        yield warning("table", "there is none: an older version was deployed", "Update it: ./deploy.sh")
        return
    database = boto3.client("dynamodb")
    try:
        table = database.describe_table(TableName=name)["Table"]
    except database.exceptions.ResourceNotFoundException:
        yield problem(
            "table",
            f"{name} does not exist: it was deleted outside the stack",
            "Restore it under its name from a backup or by point-in-time recovery, in the DynamoDB console.",
        )
        return
    backups = database.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    if backups.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus") != "ENABLED":
        yield warning("table", f"{name} has no point-in-time recovery", "Enable it in the DynamoDB console.")
    elif not table.get("DeletionProtectionEnabled"):
        if deployed.stack.parameters.get("TableDeletionProtection") == "disabled":
            yield ok(
                "table", f"{name} has point-in-time recovery, and no deletion protection, as the stack says"
            )
        else:
            yield warning("table", f"{name} has no deletion protection", "Enable it in the DynamoDB console.")
    else:
        yield ok("table", f"{name} has point-in-time recovery and deletion protection")
    if ClientRecords(name).paused():
        yield warning("pause", "the API is paused: every query gets 503", "Run travel-gpt resume.")


def check_prices() -> Iterator[CheckResult]:
    """Check the age of the price list of this version."""
    prices = PriceList.load()
    if prices.is_old(datetime.now(UTC).date()):
        yield warning(
            "prices",
            f"the price list is of {prices.as_of}, more than {MAX_AGE_DAYS} days old",
            "Update Travel GPT and run ./deploy.sh, or set the parameter ModelPrices.",
        )
    else:
        yield ok("prices", f"the price list is of {prices.as_of}")
