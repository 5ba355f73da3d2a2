"""Who may call the API and how often, as the deployed stage and usage plan have it."""

from collections.abc import Iterator
from typing import Any, Final

import boto3

from travel_gpt.cli.doctor.check_result import CheckResult, ok, problem, warning
from travel_gpt.cli.doctor.stack.deployed import Deployed

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
            "Switch it off at the stage, and delete what it wrote: aws logs delete-log-group",
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
        command = f"aws apigateway update-api-key --api-key {key_of.physical}"
        yield warning(
            "api key",
            "the callers' key is disabled: every POST is refused",
            f"{command} --patch-operations op=replace,path=/enabled,value=true",
        )


def _equal(value: float | None, deployed: Deployed, parameter: str) -> bool:
    wanted = deployed.stack.parameters.get(parameter)
    return wanted is None or (value is not None and float(value) == float(wanted))


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:g}"
