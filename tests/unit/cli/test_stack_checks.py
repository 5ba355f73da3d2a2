"""The checks of a stack that need no account: policies and templates."""

import json
from dataclasses import replace
from typing import Any

import boto3
import pytest
import yaml

from tests.support.markdown import ROOT
from travel_gpt.cli.doctor.check_result import State
from travel_gpt.cli.doctor.stack.deployed import (
    Deployed,
    Resource,
    check_drift,
    check_template,
    compare,
    parse,
)
from travel_gpt.cli.doctor.stack.function import (
    WRAPPER,
    _enough,
    _too_much,
    allowed_by,
    check_functions,
    check_settings,
    check_stack,
)
from travel_gpt.cli.doctor.stack.secret import _let_in
from travel_gpt.cli.stack import Stack

TEXT = (ROOT / "template.yaml").read_text(encoding="utf-8")
OWN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:travel-gpt/openai-api-key-??????"


def stack(
    status: str = "CREATE_COMPLETE",
    variables: dict[str, str] | None = None,
    drift: dict[str, Any] | None = None,
    **function: Any,
) -> Deployed:
    """A stack with what a test needs of it."""
    function |= {
        "FunctionName": "f",
        "Role": "arn:aws:iam::123456789012:role/r",
        "Environment": {"Variables": variables or {}},
    }
    resources = {"TravelGPTFunction": Resource("TravelGPTFunction", "f", "AWS::Lambda::Function")}
    return Deployed(Stack("s", status, drift=drift or {}), resources, function)


def policy(action: Any, resource: Any) -> dict[str, Any]:
    return {"Statement": [{"Effect": "Allow", "Action": action, "Resource": resource}]}


def too_much(document: Any, **variables: str) -> list[str]:
    return [each.says for each in _too_much(allowed_by(document), stack(variables=variables))]


def test_the_roles_own_policy_is_not_too_much() -> None:
    assert not too_much(policy(["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"], OWN))
    group = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/s-TravelGPTFunction:*"
    assert not too_much(policy("logs:PutLogEvents", group))
    token = policy("sts:GetWebIdentityToken", "*")
    assert too_much(token) == ["it may get tokens for any audience from STS: no condition limits it"]
    token["Statement"][0]["Condition"] = {"NumericLessThanEquals": {"sts:DurationSeconds": "300"}}
    assert not too_much(token)
    assert not too_much(policy("ec2:CreateNetworkInterface", "arn:aws:ec2:us-east-1:*:subnet/*"))


@pytest.mark.parametrize(
    "resource",
    [
        "*",
        OWN.replace("-??????", "-*"),
        OWN.replace("-??????", "*"),
        OWN.replace("travel-gpt/", "travel-gpt-dev/"),
        OWN.replace("secret:travel-gpt/", "secret:*travel-gpt/"),
    ],
)
@pytest.mark.parametrize("action", ["secretsmanager:GetSecretValue", "SecretsManager:getsecretvalue"])
def test_any_other_secret_is_too_much(action: str, resource: str) -> None:
    assert len(too_much(policy(action, resource))) == 1


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("*", "*"),
        ("secretsmanager:*", OWN),
        ("secretsmanager:Get*", OWN),
        ("kms:Decrypt", "*"),
        ("logs:PutLogEvents", "arn:aws:logs:us-east-1:123456789012:log-group:*"),
        ("dynamodb:GetItem", "arn:aws:dynamodb:us-east-1:123456789012:table/*"),
    ],
)
def test_wildcards_are_too_much(action: str, resource: str) -> None:
    assert len(too_much(policy(action, resource))) == 1


def test_what_is_left_open_by_exclusion_is_too_much() -> None:
    assert too_much({"Statement": {"Effect": "Allow", "NotAction": "iam:*", "NotResource": "arn:x"}})


def test_a_denial_grants_nothing_and_a_policy_may_be_quoted() -> None:
    document = policy("s3:GetObject", "arn:aws:s3:::x/y")
    assert not allowed_by({"Statement": [{**document["Statement"][0], "Effect": "Deny"}]})
    quoted = json.dumps(document).replace("{", "%7B").replace("}", "%7D")
    assert allowed_by(quoted) == allowed_by(document) != []


def test_a_secret_named_by_its_arn_is_the_same_secret() -> None:
    arn = OWN.replace("??????", "AbCdEf")
    assert not too_much(policy("secretsmanager:GetSecretValue", OWN), OPENAI_SECRET_NAME=arn)


def test_a_role_that_may_not_read_is_found() -> None:
    (finding,) = _enough([], stack())
    assert finding.state is State.PROBLEM


def test_a_keyless_role_that_may_still_read_is_found() -> None:
    grants = allowed_by(policy("secretsmanager:GetSecretValue", OWN))
    (finding,) = _enough(grants, stack(variables={"CREDENTIAL_SOURCE": "environment"}))
    assert finding.state is State.WARNING
    assert not list(_enough([], stack(variables={"CREDENTIAL_SOURCE": "environment"})))


@pytest.mark.parametrize(
    ("principal", "let_in"),
    [
        ("*", ["*"]),
        ({"AWS": "*"}, ["*"]),
        ({"AWS": ["arn:a", "arn:b"]}, ["arn:a", "arn:b"]),
        ({"Service": "x.amazonaws.com"}, ["x.amazonaws.com"]),
    ],
)
def test_who_a_resource_policy_lets_in(principal: Any, let_in: list[str]) -> None:
    allow = {"Effect": "Allow", "Principal": principal}
    assert _let_in({"Statement": [allow, {"Effect": "Deny", "Principal": "*"}]}) == let_in
    assert _let_in({"Statement": {"Effect": "Allow", "NotPrincipal": {"AWS": "arn:a"}}}) == ["*"]


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("UPDATE_COMPLETE", State.OK),
        ("UPDATE_IN_PROGRESS", State.WARNING),
        ("UPDATE_ROLLBACK_COMPLETE", State.WARNING),
        ("ROLLBACK_COMPLETE", State.PROBLEM),
        ("UPDATE_ROLLBACK_FAILED", State.PROBLEM),
    ],
)
def test_the_state_of_the_stack(status: str, state: State) -> None:
    assert [each.state for each in check_stack(stack(status))] == [state]


def test_a_key_in_a_variable_is_not_repeated() -> None:
    key = "sk-proj-Qm3vT8xLw2Rk7Yb4Nd6H"
    found = list(check_settings(stack(variables={"MINE": key, "OPENAI_MODEL": key, "OPENAI_API_KEY": "x"})))

    assert [each.says.split()[0] for each in found] == ["OPENAI_MODEL", "the", "the"]
    assert key not in str(found)


def test_a_function_that_failed_to_update_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    class Functions:
        def get_function_concurrency(self, **_: str) -> dict[str, int]:
            return {}

    monkeypatch.setattr(boto3, "client", lambda _: Functions())

    (finding,) = check_functions(stack(State="Failed", StateReason="no image", LastUpdateStatus="Failed"))

    assert finding.state is State.PROBLEM
    assert "no image" in finding.says


def with_stream(variables: dict[str, str], stream: dict[str, str], **function: Any) -> Deployed:
    function |= {"FunctionName": "g", "Environment": {"Variables": stream}}
    return replace(stack(variables=variables), stream_function=function)


def test_the_function_that_streams_is_checked_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    class Functions:
        def get_function_concurrency(self, FunctionName: str) -> dict[str, int]:  # noqa: N803 - boto3's
            return {"ReservedConcurrentExecutions": 0} if FunctionName == "g" else {}

    monkeypatch.setattr(boto3, "client", lambda _: Functions())

    ran, failed, stopped = check_functions(
        with_stream({}, {}, State="Active", LastUpdateStatus="Failed", LastUpdateStatusReason="no role")
    )

    assert (ran.check, ran.state) == ("function", State.OK)
    assert (failed.check, failed.state) == ("stream function", State.PROBLEM)
    assert "no role" in failed.says
    assert "reserved concurrency is 0" in stopped.says
    assert stopped.fix.endswith("--function-name g")


def test_both_functions_must_have_the_same_variables() -> None:
    own = {"AWS_LAMBDA_EXEC_WRAPPER": WRAPPER, "STREAMING": "off", "STREAM_SECONDS": "20"}
    same = {"OPENAI_MODEL": "gpt-6-luna", "OPENAI_MAX_OUTPUT_TOKENS": "500"}

    alike = list(check_settings(with_stream(same, {**same, **own})))
    (*_, differ) = check_settings(
        with_stream(
            {**same, "LOG_LEVEL": "DEBUG"}, {**same, **own, "OPENAI_MAX_OUTPUT_TOKENS": "5000", "X": "1"}
        )
    )
    (*_, unwrapped) = check_settings(with_stream(same, {**same, **own, "AWS_LAMBDA_EXEC_WRAPPER": ""}))

    assert [(each.check, each.state) for each in alike] == [
        ("settings", State.OK),
        ("stream settings", State.OK),
    ]
    assert (differ.check, differ.state) == ("stream settings", State.PROBLEM)
    assert differ.says.endswith(": LOG_LEVEL, OPENAI_MAX_OUTPUT_TOKENS, X")
    assert "AWS_LAMBDA_EXEC_WRAPPER is not set" in unwrapped.says


def test_the_long_and_the_short_forms_are_the_same() -> None:
    long = json.dumps(parse(TEXT), default=str)
    assert not list(compare(parse(long), parse(TEXT)))
    assert '"Fn::GetAtt": ["' in long


def test_what_sam_writes_into_a_template_is_no_difference() -> None:
    packaged = parse(TEXT)
    function = packaged["Resources"]["TravelGPTFunction"]
    function["Properties"]["CodeUri"] = "s3://bucket/1234"
    function["Metadata"] = {"SamResourceId": "TravelGPTFunction"}
    packaged["Metadata"] = {"AWS::CloudFormation::Interface": {}}

    assert not list(compare(parse(yaml.safe_dump(packaged)), parse(TEXT)))


def test_a_difference_is_named() -> None:
    other = parse(TEXT)
    other["Resources"]["TravelGPTFunction"]["Properties"]["MemorySize"] = 512
    other["Parameters"]["Mine"] = {"Type": "String"}
    del other["Outputs"]["Region"]

    assert list(compare(other, parse(TEXT))) == [
        "TravelGPTFunction differs",
        "Mine is deployed only",
        "Region is here only",
    ]


class Formation:
    """CloudFormation that has one template."""

    def __init__(self, body: object) -> None:
        self.body = body

    def get_template(self, **_: str) -> dict[str, object]:
        return {"TemplateBody": self.body}


@pytest.mark.parametrize(
    ("body", "state", "says"),
    [
        (TEXT, State.OK, "what is deployed is template.yaml"),
        (parse(TEXT), State.OK, "what is deployed is template.yaml"),
        (TEXT.replace("MemorySize: 1024", "MemorySize: 512"), State.WARNING, "TravelGPTFunction differs"),
        ("a: [", State.WARNING, "not compared"),
        ("a: 1", State.WARNING, "not compared"),
    ],
    ids=["same", "as-json", "different", "no-yaml", "no-template"],
)
def test_the_deployed_template_is_compared(
    monkeypatch: pytest.MonkeyPatch, body: object, state: State, says: str
) -> None:
    monkeypatch.setattr(boto3, "client", lambda _: Formation(body))

    (finding,) = check_template(stack(), ROOT / "template.yaml")

    assert (finding.state, says in finding.says) == (state, True)


def test_without_a_template_here_that_is_said() -> None:
    (finding,) = check_template(stack(), None)
    assert (finding.state, "not compared" in finding.says) == (State.WARNING, True)


@pytest.mark.parametrize(
    ("drift", "state"),
    [
        ({"StackDriftStatus": "DRIFTED"}, State.PROBLEM),
        ({"StackDriftStatus": "IN_SYNC"}, State.OK),
        ({"StackDriftStatus": "NOT_CHECKED"}, State.WARNING),
        (None, State.WARNING),
    ],
)
def test_what_cloudformation_knows_of_drift(drift: dict[str, str] | None, state: State) -> None:
    assert [each.state for each in check_drift(stack(drift=drift))] == [state]
