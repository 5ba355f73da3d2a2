"""Log groups and alarms."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import boto3

from travel_gpt.cli.doctor.check_result import CheckResult, ok, problem, warning
from travel_gpt.cli.doctor.stack.deployed import Deployed

if TYPE_CHECKING:
    from mypy_boto3_logs.type_defs import LogGroupTypeDef


_CREATE: Final = "Deploy again with another setting, so that CloudFormation creates it again."


def check_logs(deployed: Deployed) -> Iterator[CheckResult]:
    """Check the retention of each log group of the stack."""
    logs = boto3.client("logs")
    wanted = deployed.stack.parameters.get("LogRetentionDays")
    for each in deployed.of_type("AWS::Logs::LogGroup"):
        found = logs.describe_log_groups(logGroupNamePrefix=each.physical)["logGroups"]
        group = next((group for group in found if group["logGroupName"] == each.physical), None)
        yield _kept(each.physical, group, wanted)
    if "ApiAccessLogGroup" not in deployed.resources:
        yield warning(
            "logs",
            "there is no access log: callers are not recorded",
            "./deploy.sh --parameter AccessLogs=enabled",
        )


def _kept(name: str, group: "LogGroupTypeDef | None", wanted: str | None) -> CheckResult:
    if group is None:
        return problem(
            "logs",
            f"{name} does not exist",
            _CREATE,
        )
    days = group.get("retentionInDays")
    fix = f"aws logs put-retention-policy --log-group-name {name} --retention-in-days {wanted or 30}"
    if days is None:
        return problem("logs", f"{name} is kept forever", fix)
    if wanted is not None and str(days) != wanted:
        return warning("logs", f"{name} is kept {days} days, and the stack says {wanted}", fix)
    return ok("logs", f"{name} is kept {days} days")


def check_alarms(deployed: Deployed) -> Iterator[CheckResult]:
    """Check that the alarms exist, are enabled and not raised, and notify someone."""
    names = [each.physical for each in deployed.of_type("AWS::CloudWatch::Alarm")]
    found = boto3.client("cloudwatch").describe_alarms(AlarmNames=names, MaxRecords=100)["MetricAlarms"]
    there = {each["AlarmName"]: each for each in found}
    quiet = 0
    for name in names:
        alarm = there.get(name)
        if alarm is None:
            yield problem(
                "alarms",
                f"{name} does not exist",
                _CREATE,
            )
        elif alarm.get("StateValue") == "ALARM":
            yield problem(
                "alarms", f"{name} is raised", str(alarm.get("AlarmDescription") or "See CloudWatch.")
            )
        elif not alarm.get("ActionsEnabled", True):
            yield warning(
                "alarms",
                f"{name} notifies no one: its actions are disabled",
                f"aws cloudwatch enable-alarm-actions --alarm-names {name}",
            )
        else:
            quiet += 1
    yield ok("alarms", f"{quiet} of {len(names)} exist and are not raised")
    if found and not any(each.get("AlarmActions") for each in found):
        yield warning(
            "alarms",
            "alarms notify no one",
            "./deploy.sh --parameter AlarmEmail=you@example.com",
        )
