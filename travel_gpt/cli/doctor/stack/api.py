"""The deployed API: who may call it and how often, its answer to GET, its logs and alarms."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import boto3

from travel_gpt.cli.doctor.check_result import CheckResult, ok, problem, warning
from travel_gpt.cli.doctor.stack.deployed import Deployed
from travel_gpt.cli.errors import AWS_CLI
from travel_gpt.cli.stack import Health, get_health
from travel_gpt.redaction import redact

if TYPE_CHECKING:
    from mypy_boto3_logs.type_defs import LogGroupTypeDef

_PATH: Final = "~1travel-gpt"
_UNLIMITED: Final = 10_000
"""Requests a second: what API Gateway lets an account have where a stage says nothing."""


def check_throttles(deployed: Deployed) -> Iterator[CheckResult]:
    """Check the stage's throttles, and that it writes no bodies to a log."""
    stage = boto3.client("apigateway").get_stage(
        restApiId=deployed.resources["TravelGPTApi"].physical,
        stageName=deployed.resources["ApiStage"].physical,
    )
    settings: dict[str, Any] = stage.get("methodSettings", {})
    for method, rate, burst in (
        ("POST", "ThrottleRate", "ThrottleBurst"),
        ("GET", "HealthThrottleRate", "HealthThrottleBurst"),
    ):
        found = settings.get(f"{_PATH}/{method}") or settings.get("*/*") or {}
        is_rate, is_burst = found.get("throttlingRateLimit"), found.get("throttlingBurstLimit")
        says = f"{method}: {_number(is_rate)} a second, {_number(is_burst)} at once"
        if is_rate is None or is_rate < 0 or is_rate >= _UNLIMITED:
            yield problem(
                "throttles",
                f"{method} has no throttle",
                f"Deploy again: ./deploy.sh --parameter {rate}=5 --parameter {burst}=10",
            )
        elif not _equal(is_rate, deployed, rate) or not _equal(is_burst, deployed, burst):
            yield warning(
                "throttles",
                f"{says}, which is not what the stack says",
                "Set it back, or change the parameters.",
            )
        else:
            yield ok("throttles", says)
    if any(each.get("dataTraceEnabled") for each in settings.values()):
        yield problem(
            "api log",
            "data tracing is on: API Gateway writes queries, answers and callers' keys to a log",
            f"Switch it off at the stage, and delete what it wrote {AWS_CLI}: aws logs delete-log-group",
        )


def check_callers(deployed: Deployed) -> Iterator[CheckResult]:
    """Check who may POST: the usage plan and its API key."""
    plan_of, key_of = deployed.resources.get("ApiUsagePlan"), deployed.resources.get("ApiKey")
    if plan_of is None or key_of is None:
        yield warning(
            "usage plan",
            "POST is open: anybody on the internet may spend your OpenAI money",
            "Ask for a key: ./deploy.sh --access api-key. And set a budget at OpenAI.",
        )
        return
    gateway = boto3.client("apigateway")
    plan = gateway.get_usage_plan(usagePlanId=plan_of.physical)
    quota, rate = plan.get("quota", {}).get("limit"), plan.get("throttle", {}).get("rateLimit")
    if not plan.get("apiStages"):
        yield problem("usage plan", "it belongs to no stage, so no key opens POST", "Run ./deploy.sh again.")
    elif not quota:
        yield warning(
            "usage plan", "there is no daily quota", "./deploy.sh --parameter DailyQuota=1000 sets one."
        )
    elif not _equal(quota, deployed, "DailyQuota"):
        yield warning(
            "usage plan",
            f"{_number(quota)} queries a day, which is not what the stack says",
            "Set it back, or change DailyQuota.",
        )
    else:
        yield ok("usage plan", f"{_number(quota)} queries a day, {_number(rate)} a second")
    if not gateway.get_api_key(apiKey=key_of.physical).get("enabled"):
        yield warning(
            "api key",
            "the callers' key is disabled: every POST is refused",
            f"Enable it {AWS_CLI}: aws apigateway update-api-key --api-key {key_of.physical} "
            "--patch-operations op=replace,path=/enabled,value=true",
        )


def _equal(value: float | None, deployed: Deployed, parameter: str) -> bool:
    wanted = deployed.stack.parameters.get(parameter)
    return wanted is None or (value is not None and float(value) == float(wanted))


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:g}"


def check_health(deployed: Deployed, *, verify: bool) -> Iterator[CheckResult]:
    """GET the API, as a caller would.

    Args:
        deployed: the stack.
        verify: whether the function verifies the key with one live call.
    """
    check = "live call" if verify else "health"
    url = deployed.stack.outputs["ApiUrl"]
    health = get_health(f"{url}?verify=true" if verify else url)
    body = health.body
    if health.is_good:
        yield ok(check, f"200: {_credential(body)}{_verified(health)}")
        for each in body.get("warnings", []):
            yield warning(check, redact(str(each)), "docs/operations/incidents.md explains it.")
    elif "code" in body:
        yield problem(
            check,
            f"{health.status} {redact(str(body['code']))}: {redact(str(body.get('message', '')))}",
            f"docs/operations/incidents.md, {redact(str(body['code']))}.",
        )
    else:
        yield problem(check, f"{url} {health.reason}", "Check the network here, and the log.")


def _credential(body: dict[str, Any]) -> str:
    """Name the credential of the function; one that was deployed before ``mode`` existed has a key."""
    source = redact(str(body.get("credential_source", "its source")))
    if body.get("has_api_key", True):
        return f"the function has a key from {source}"
    if body.get("mode") == "keyless":
        return "the function has no key: it authenticates with its own identity"
    return f"the function has no key, only a placeholder from {source}"


def _verified(health: Health) -> str:
    if not health.verifier:
        return ""
    accepts = "the key" if health.body.get("has_api_key", True) else "the function's identity"
    if health.body.get("mode") == "compatible" and not health.body.get("has_api_key", True):
        accepts = "a call without a key"
    return f", and {health.verifier} accepts {accepts}"


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
    fix = (
        f"Limit it {AWS_CLI}: aws logs put-retention-policy --log-group-name {name} "
        f"--retention-in-days {wanted or 30}"
    )
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
                f"Enable them {AWS_CLI}: aws cloudwatch enable-alarm-actions --alarm-names {name}",
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
