"""What is written down, for how long, and who is woken when."""

import ast
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.compiled_template import ROOT, STACK, CompiledStack, compile_stack

FUNCTION = [{"Name": "FunctionName", "Value": "<TravelGPTFunction>"}]
STREAMS = [{"Name": "FunctionName", "Value": "<TravelGPTStreamFunction>"}]
API = [{"Name": "ApiName", "Value": STACK}, {"Name": "Stage", "Value": "Prod"}]


def of_the_function(metric: str, threshold: int = 1, statistic: str = "Sum") -> dict[str, Any]:
    """An alarm on a metric that the code counts."""
    return {
        "Namespace": "TravelGPT",
        "MetricName": metric,
        "Dimensions": [{"Name": "service", "Value": STACK}],
        "Statistic": statistic,
        "Threshold": threshold,
        "EvaluationPeriods": 1,
    }


ALARMS: dict[str, dict[str, Any]] = {
    f"{STACK}-function-errors": {
        "Namespace": "AWS/Lambda",
        "MetricName": "Errors",
        "Dimensions": FUNCTION,
        "Statistic": "Sum",
        "Threshold": 1,
        "EvaluationPeriods": 1,
    },
    f"{STACK}-function-throttles": {
        "Namespace": "AWS/Lambda",
        "MetricName": "Throttles",
        "Dimensions": FUNCTION,
        "Statistic": "Sum",
        "Threshold": 1,
        "EvaluationPeriods": 1,
    },
    f"{STACK}-stream-errors": {
        "Namespace": "AWS/Lambda",
        "MetricName": "Errors",
        "Dimensions": STREAMS,
        "Statistic": "Sum",
        "Threshold": 1,
        "EvaluationPeriods": 1,
    },
    f"{STACK}-stream-throttles": {
        "Namespace": "AWS/Lambda",
        "MetricName": "Throttles",
        "Dimensions": STREAMS,
        "Statistic": "Sum",
        "Threshold": 1,
        "EvaluationPeriods": 1,
    },
    f"{STACK}-api-5xx": {
        "Namespace": "AWS/ApiGateway",
        "MetricName": "5XXError",
        "Dimensions": API,
        "Statistic": "Sum",
        "Threshold": 5,
        "EvaluationPeriods": 1,
    },
    f"{STACK}-api-latency": {
        # API Gateway's Latency lasts until the last byte of a stream, and it has no metric without them.
        "Namespace": "AWS/Lambda",
        "MetricName": "Duration",
        "Dimensions": FUNCTION,
        "ExtendedStatistic": "p95",
        "Unit": "Milliseconds",
        "Threshold": 20_000,
        "EvaluationPeriods": 3,
    },
    f"{STACK}-stream-failures": of_the_function("StreamFailed", 5),
    f"{STACK}-credential-failures": of_the_function("CredentialFailure"),
    f"{STACK}-credential-fallbacks": of_the_function("CredentialFallback"),
    f"{STACK}-credential-expiring": of_the_function("CredentialExpiring"),
    f"{STACK}-credential-expired": of_the_function("CredentialExpired"),
    f"{STACK}-credential-overdue": of_the_function("CredentialOverdue"),
    f"{STACK}-budget-50": of_the_function("BudgetUsedPercent", 50, "Maximum"),
    f"{STACK}-budget-80": of_the_function("BudgetUsedPercent", 80, "Maximum"),
    f"{STACK}-budget-100": of_the_function("BudgetUsedPercent", 100, "Maximum"),
    f"{STACK}-client-budget": of_the_function("ClientBudgetExhausted"),
    f"{STACK}-refused-keys": of_the_function("KeyRefused", 5),
    f"{STACK}-over-reservation": of_the_function("OverReservation"),
    f"{STACK}-limits-unavailable": of_the_function("LimitsUnavailable"),
}
SAME_FOR_ALL = {
    "Period": 300,
    "ComparisonOperator": "GreaterThanOrEqualToThreshold",
    # An unused API raises no alarm.
    "TreatMissingData": "notBreaching",
}


@pytest.mark.parametrize(
    ("function", "group", "output"),
    [
        ("TravelGPTFunction", "TravelGPTFunctionLogGroup", "LogGroupName"),
        ("TravelGPTStreamFunction", "StreamFunctionLogGroup", "StreamLogGroupName"),
    ],
)
def test_each_function_writes_to_a_group_that_sam_logs_finds(
    any_stack: CompiledStack, function: str, group: str, output: str
) -> None:
    properties = any_stack.of(function)

    name = any_stack.all("AWS::Logs::LogGroup")[group]["LogGroupName"]
    assert name == f"/aws/lambda/{properties['FunctionName']}"
    assert properties["LoggingConfig"] == {"LogGroup": f"<{group}>"}
    assert any_stack.outputs[output] == f"<{group}>"


def test_every_log_group_forgets_in_time_and_goes_with_the_stack() -> None:
    stack = compile_stack(LogRetentionDays="14")
    groups = [item for item in stack.resources.values() if item["Type"] == "AWS::Logs::LogGroup"]

    assert len(groups) == 3
    for group in groups:
        assert (group["Properties"]["RetentionInDays"], group["DeletionPolicy"]) == ("14", "Delete")


def test_access_logs_go_to_a_group_of_their_own(keyed_stack: CompiledStack) -> None:
    setting = keyed_stack.one("AWS::ApiGateway::Stage")["AccessLogSetting"]

    assert setting["DestinationArn"] == (
        "arn:aws:logs:eu-central-1:123456789012:log-group:<ApiAccessLogGroup>"
    )
    assert keyed_stack.outputs["AccessLogGroupName"] == "<ApiAccessLogGroup>"


def test_access_logs_can_be_left_out() -> None:
    stack = compile_stack(AccessLogs="disabled")

    assert "AccessLogSetting" not in stack.one("AWS::ApiGateway::Stage")
    assert set(stack.all("AWS::Logs::LogGroup")) == {"TravelGPTFunctionLogGroup", "StreamFunctionLogGroup"}
    assert "AccessLogGroupName" not in stack.outputs


def test_a_line_of_the_access_log_is_json_without_bodies_keys_and_free_text(
    keyed_stack: CompiledStack,
) -> None:
    line = keyed_stack.one("AWS::ApiGateway::Stage")["AccessLogSetting"]["Format"]

    # API Gateway makes these values itself. Not one of them is the caller's key (identity.apiKey), and none
    # can be written freely by a caller, who could break the line with it or leave a secret there.
    assert set(re.findall(r"\$[\w.]+", line)) == {
        "$context.error.responseType",
        "$context.httpMethod",
        "$context.identity.apiKeyId",
        "$context.identity.sourceIp",
        "$context.integration.latency",
        "$context.integration.requestId",
        "$context.integration.status",
        "$context.requestId",
        "$context.requestTimeEpoch",
        "$context.resourcePath",
        "$context.responseLatency",
        "$context.responseLength",
        "$context.status",
    }
    assert "\n" not in line
    # An absent value is a dash.
    assert len(json.loads(re.sub(r"\$[\w.]+", "-", line).replace(":-,", ":0,"))) == 13


def test_each_alarm_watches_the_right_thing_and_there_are_no_others(any_stack: CompiledStack) -> None:
    alarms = {each["AlarmName"]: each for each in any_stack.all("AWS::CloudWatch::Alarm").values()}
    says = {"AlarmName", "AlarmDescription", "AlarmActions", "OKActions"}

    assert {
        name: {key: value for key, value in alarm.items() if key not in says}
        for name, alarm in alarms.items()
    } == {name: {**watched, **SAME_FOR_ALL} for name, watched in ALARMS.items()}
    # An alarm says what happened and what to do.
    assert [name for name, alarm in alarms.items() if len(alarm["AlarmDescription"]) <= 80] == []


def test_with_an_address_every_alarm_and_its_end_is_mailed() -> None:
    stack = compile_stack(AlarmEmail="owner@example.com")

    assert stack.one("AWS::SNS::Topic")["Subscription"] == [
        {"Protocol": "email", "Endpoint": "owner@example.com"}
    ]
    for alarm in stack.all("AWS::CloudWatch::Alarm").values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == ["<AlarmTopic>"]


def test_without_an_address_there_is_no_topic_and_the_alarms_are_to_be_seen(
    keyed_stack: CompiledStack,
) -> None:
    assert not keyed_stack.all("AWS::SNS::Topic")
    for alarm in keyed_stack.all("AWS::CloudWatch::Alarm").values():
        assert "AlarmActions" not in alarm
        assert "OKActions" not in alarm


def counted_metrics() -> Iterator[str]:
    """The names of the metrics that the code counts."""
    for module in (ROOT / "travel_gpt").rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text("utf-8"))):
            match node:
                case ast.Call(func=ast.Name(id="count"), args=[ast.Constant(value=str(name)), *_]):
                    yield name


def test_each_alarm_on_a_metric_of_the_function_is_on_one_that_the_code_counts(
    keyed_stack: CompiledStack,
) -> None:
    environment = keyed_stack.of("TravelGPTFunction")["Environment"]["Variables"]
    own = [alarm for alarm in ALARMS.values() if alarm["Namespace"] == "TravelGPT"]

    assert {alarm["MetricName"] for alarm in own} <= set(counted_metrics())
    assert environment["POWERTOOLS_METRICS_NAMESPACE"] == "TravelGPT"
    assert environment["POWERTOOLS_SERVICE_NAME"] == STACK
