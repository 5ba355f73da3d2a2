"""What an unused stack costs in a month, and the budget that an open API must have.

Sources of the prices, in USD for us-east-1. A figure that was read in a copy of AWS's page has the name and
the date of the copy.

- Alarms: the first ten of standard resolution are free (Amazon CloudWatch pricing); 0.10 a month for each
  further one, and 0.03 for each GB of logs kept (the same page, in API Evangelist's copy, May 2026).
- Secrets: 0.40 a month for each (AWS Secrets Manager pricing, in API Evangelist's copy, September 2026).
- The table: nothing while unused (DynamoDB developer guide, "DynamoDB on-demand capacity mode"); storage up
  to 25 GB is free, and point-in-time recovery is 0.20 for each GB (AWS's price list, in Infracost's copy,
  October 2026).
"""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

from travel_gpt.cli.errors import USAGE, CliError

BUDGETS: Final = ("BudgetPerDay", "BudgetPerMonth")
"""The parameters for what all clients together may spend."""

PER_ALARM: Final = Decimal("0.10")
PER_SECRET: Final = Decimal("0.40")
STORED: Final = Decimal("0.01")
"""More than a table, its backups, the logs and the package cost while they are below 30 MB."""

ALARM: Final = "AWS::CloudWatch::Alarm"
BILLED_BY_USE: Final = frozenset(
    {
        "AWS::ApiGateway::ApiKey",
        "AWS::ApiGateway::Deployment",
        "AWS::ApiGateway::RestApi",
        "AWS::ApiGateway::Stage",
        "AWS::ApiGateway::UsagePlan",
        "AWS::ApiGateway::UsagePlanKey",
        "AWS::Config::ConfigRule",
        "AWS::DynamoDB::Table",
        "AWS::IAM::Role",
        "AWS::Lambda::Permission",
        "AWS::Logs::LogGroup",
        "AWS::Scheduler::ScheduleGroup",
        "AWS::SNS::Topic",
        "AWS::SecretsManager::RotationSchedule",
        "AWS::Serverless::Function",
    }
)
"""Types of resources that cost nothing by being there, or no more than ``STORED``."""

_RESOURCE: Final = re.compile(r"^  (\w+):\n    Type: (\S+)\n(?:    Condition: (\w+)\n)?", re.MULTILINE)


def resources() -> Iterator[tuple[str, str, str]]:
    """Read the resources of template.yaml.

    Yields:
        The name, the type, and the condition, which is empty where there is none.
    """
    body = (
        Path("template.yaml").read_text("utf-8").partition("\nResources:\n")[2].partition("\nOutputs:\n")[0]
    )
    for found in _RESOURCE.finditer(body):
        yield found[1], found[2], found[3] or ""


def standing_cost(values: Mapping[str, str]) -> str:
    """Say what the stack costs in a month without a query.

    Args:
        values: the parameters.

    Returns:
        A row of the plan.
    """
    rotates = bool(values["AdminSecretName"]) and values["Keyless"] != "on"
    secrets = (values["Keyless"] != "on") + rotates
    alarms = sum(kind == ALARM and (not condition or rotates) for _, kind, condition in resources())
    total = secrets * PER_SECRET + alarms * PER_ALARM + STORED
    parts = [f"{alarms} alarms"]
    if secrets:
        parts.insert(0, "1 secret" if secrets == 1 else f"{secrets} secrets")
    return f"{total:.2f} USD a month while unused ({', '.join(parts)}, the stored data)"


def require_budget(values: Mapping[str, str]) -> None:
    """Refuse an API that anybody may use without a limit of what it spends.

    Args:
        values: the parameters.

    Raises:
        CliError: it is open and has no budget.
    """
    if values["ApiAccess"] != "open":
        return
    missing = [name for name in BUDGETS if is_zero(values[name])]
    if missing:
        raise CliError(
            f"With ApiAccess=open anybody may spend your money, so {' and '.join(missing)} cannot be 0. Give "
            f"an amount in USD, such as --parameter {missing[0]}=5, or keep --access api-key.",
            USAGE,
        )


def is_zero(amount: str) -> bool:
    """Return whether the value of a parameter for a budget means none.

    Args:
        amount: the value, in USD.
    """
    try:
        return Decimal(amount) == 0
    except InvalidOperation:
        # CloudFormation refuses it, by the parameter's pattern.
        return False


def budget_note(values: Mapping[str, str], current: Mapping[str, str]) -> str:
    """Say before an update that queries have a budget from now on.

    Args:
        values: the parameters.
        current: those of the stack as it is; empty for a new one.

    Returns:
        A sentence for the plan; empty where the stack has a budget already, or is new.
    """
    if not current or "BudgetPerDay" in current:
        return ""
    return (
        f"After this update queries may spend {values['BudgetPerDay']} USD a day and "
        f"{values['BudgetPerMonth']} USD a month at most; further ones get 429. For other amounts add "
        "--parameter BudgetPerDay=... --parameter BudgetPerMonth=..."
    )
