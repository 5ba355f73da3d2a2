"""The checks of a stack that ask AWS, and the one that asks the API."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest

from tests.unit.cli.conftest import KEY, SECRET, Person
from travel_gpt.aws.secret_versions import SecretMetadata, SecretVersions
from travel_gpt.cli.doctor.check_result import DAY, CheckResult, State
from travel_gpt.cli.doctor.stack import api, function, secret
from travel_gpt.cli.doctor.stack.api import check_health
from travel_gpt.cli.doctor.stack.checks import checks_of
from travel_gpt.cli.doctor.stack.deployed import Deployed, Resource
from travel_gpt.cli.errors import AWS_CLI
from travel_gpt.cli.stack import Stack
from travel_gpt.cli.target import function_variables

PARAMETERS = {
    "ThrottleRate": "5",
    "ThrottleBurst": "10",
    "HealthThrottleRate": "5",
    "HealthThrottleBurst": "10",
    "DailyQuota": "1000",
    "LogRetentionDays": "30",
}
RESOURCES = {
    "TravelGPTFunction": "AWS::Lambda::Function",
    "TravelGPTApi": "AWS::ApiGateway::RestApi",
    "ApiStage": "AWS::ApiGateway::Stage",
    "ApiUsagePlan": "AWS::ApiGateway::UsagePlan",
    "ApiKey": "AWS::ApiGateway::ApiKey",
    "TravelGPTFunctionLogGroup": "AWS::Logs::LogGroup",
    "ApiAccessLogGroup": "AWS::Logs::LogGroup",
    "CredentialFailureAlarm": "AWS::CloudWatch::Alarm",
}


def stack(*without: str, url: str = "", **variables: str) -> Deployed:
    """A stack as the template makes it, but for some resources."""
    return Deployed(
        Stack("s", "CREATE_COMPLETE", parameters=PARAMETERS, outputs={"ApiUrl": url}),
        {name: Resource(name, name, kind) for name, kind in RESOURCES.items() if name not in without},
        {"FunctionName": "f", "Role": "arn:aws:iam::1:role/r", "Environment": {"Variables": variables}},
    )


class Answers:
    """A client that answers some calls as a test sets, and the others as the account does."""

    def __init__(self, answers: dict[str, Any], account: Callable[[], Any]) -> None:
        self._answers, self._account = answers, account

    def __getattr__(self, action: str) -> Any:
        if action not in self._answers:
            return getattr(self._account(), action)
        return lambda **_: self._answers[action]

    def get_paginator(self, action: str) -> Any:
        return Answers({"paginate": [self._answers[action]]}, self._account)


def use(monkeypatch: pytest.MonkeyPatch, **answers: Any) -> None:
    real: Any = boto3.client
    monkeypatch.setattr(
        boto3,
        "client",
        lambda service, **options: Answers(answers, lambda: real(service, **options)),
    )


def results(findings: Iterator[CheckResult]) -> list[tuple[str, str]]:
    found = list(findings)
    assert all(bool(each.fix) == (each.state is not State.OK) for each in found)
    assert all(("aws " in each.fix) == (AWS_CLI in each.fix) for each in found)
    return [(each.state.value, each.says) for each in found]


THROTTLE = {"throttlingRateLimit": 5.0, "throttlingBurstLimit": 10}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (
            {"~1travel-gpt/POST": THROTTLE, "*/*": THROTTLE},
            [("ok", "POST: 5 a second, 10 at once"), ("ok", "GET: 5 a second, 10 at once")],
        ),
        ({}, [("problem", "POST has no throttle"), ("problem", "GET has no throttle")]),
        (
            {"*/*": THROTTLE | {"throttlingBurstLimit": 99}},
            [
                ("warning", "POST: 5 a second, 99 at once, which is not what the stack says"),
                ("warning", "GET: 5 a second, 99 at once, which is not what the stack says"),
            ],
        ),
        (
            {"*/*": THROTTLE | {"throttlingRateLimit": -1}},
            [("problem", "POST has no throttle"), ("problem", "GET has no throttle")],
        ),
    ],
)
def test_throttles(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    use(monkeypatch, get_stage={"methodSettings": settings})
    assert results(api.check_throttles(stack())) == expected


def test_bodies_in_a_log_are_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, get_stage={"methodSettings": {"*/*": THROTTLE | {"dataTraceEnabled": True}}})
    assert results(api.check_throttles(stack()))[-1][0] == "problem"


PLAN = {"apiStages": [{}], "quota": {"limit": 1000}, "throttle": {"rateLimit": 5.0}}


@pytest.mark.parametrize(
    ("plan", "enabled", "expected"),
    [
        (PLAN, True, [("ok", "1000 queries a day, 5 a second")]),
        (PLAN | {"quota": {}}, True, [("warning", "there is no daily quota")]),
        (
            PLAN | {"quota": {"limit": 7}},
            True,
            [("warning", "7 queries a day, which is not what the stack says")],
        ),
        (PLAN | {"apiStages": []}, True, [("problem", "it belongs to no stage, so no key opens POST")]),
        (
            PLAN | {"throttle": {}},
            False,
            [
                ("ok", "1000 queries a day, none a second"),
                ("warning", "the callers' key is disabled: every POST is refused"),
            ],
        ),
    ],
)
def test_callers(
    monkeypatch: pytest.MonkeyPatch, plan: dict[str, Any], enabled: bool, expected: list[tuple[str, str]]
) -> None:
    use(monkeypatch, get_usage_plan=plan, get_api_key={"enabled": enabled})
    assert results(api.check_callers(stack())) == expected


def test_an_open_api_is_a_warning() -> None:
    assert results(api.check_callers(stack("ApiUsagePlan", "ApiKey")))[0][0] == "warning"


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (30, ("ok", "ApiAccessLogGroup is kept 30 days")),
        (None, ("problem", "ApiAccessLogGroup is kept forever")),
        (7, ("warning", "ApiAccessLogGroup is kept 7 days, and the stack says 30")),
    ],
)
def test_logs(monkeypatch: pytest.MonkeyPatch, days: int | None, expected: tuple[str, str]) -> None:
    group = {"logGroupName": "ApiAccessLogGroup"} | ({} if days is None else {"retentionInDays": days})
    use(monkeypatch, describe_log_groups={"logGroups": [group]})
    function, access = results(api.check_logs(stack()))
    assert access == expected
    assert function == ("problem", "TravelGPTFunctionLogGroup does not exist")


def test_no_access_log_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, describe_log_groups={"logGroups": []})
    assert results(api.check_logs(stack("ApiAccessLogGroup")))[-1][0] == "warning"


ALARM = {"AlarmName": "CredentialFailureAlarm", "StateValue": "OK", "AlarmActions": ["arn:x"]}


@pytest.mark.parametrize(
    ("alarms", "expected"),
    [
        ([ALARM], [("ok", "1 of 1 exist and are not raised")]),
        (
            [],
            [("problem", "CredentialFailureAlarm does not exist"), ("ok", "0 of 1 exist and are not raised")],
        ),
        (
            [ALARM | {"StateValue": "ALARM"}],
            [("problem", "CredentialFailureAlarm is raised"), ("ok", "0 of 1 exist and are not raised")],
        ),
        (
            [ALARM | {"ActionsEnabled": False}],
            [
                ("warning", "CredentialFailureAlarm notifies no one: its actions are disabled"),
                ("ok", "0 of 1 exist and are not raised"),
            ],
        ),
        (
            [ALARM | {"AlarmActions": []}],
            [("ok", "1 of 1 exist and are not raised"), ("warning", "alarms notify no one")],
        ),
    ],
)
def test_alarms(
    monkeypatch: pytest.MonkeyPatch, alarms: list[dict[str, Any]], expected: list[tuple[str, str]]
) -> None:
    use(monkeypatch, describe_alarms={"MetricAlarms": alarms})
    assert results(api.check_alarms(stack())) == expected


def test_a_role_with_a_managed_policy_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    own = "arn:aws:secretsmanager:us-east-1:1:secret:travel-gpt/openai-api-key-??????"
    statement = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": own}
    answers: dict[str, Any] = {
        "list_attached_role_policies": {"AttachedPolicies": [{"PolicyName": "Admin"}]},
        "list_role_policies": {"PolicyNames": ["p"]},
        "get_role_policy": {"PolicyDocument": {"Statement": [statement]}},
    }
    use(monkeypatch, **answers)
    assert results(function.check_role(stack())) == [
        ("problem", "r has managed policies, and should have none: Admin")
    ]
    use(monkeypatch, **answers | {"list_attached_role_policies": {"AttachedPolicies": []}})
    assert results(function.check_role(stack())) == [("ok", "r may do 1 things, each on named resources")]
    in_a_vpc = {"Effect": "Allow", "Action": "ec2:DeleteNetworkInterface", "Resource": "*"}
    answers["get_role_policy"] = {"PolicyDocument": {"Statement": [statement, in_a_vpc]}}
    use(monkeypatch, **answers | {"list_attached_role_policies": {"AttachedPolicies": []}})
    assert results(function.check_role(stack())) == [
        ("ok", "r may do 2 things, all but ec2:deletenetworkinterface on named resources")
    ]


def test_the_role_of_the_function_that_streams_is_checked_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    with_streams = stack()
    role = Resource("StreamFunctionRole", "streams", "AWS::IAM::Role")
    with_streams.resources["StreamFunctionRole"] = role
    own = "arn:aws:secretsmanager:us-east-1:1:secret:travel-gpt/openai-api-key-??????"
    allowed = function.Grant("secretsmanager:getsecretvalue", own)
    grants = {"r": [allowed], "streams": [allowed, function.Grant("dynamodb:*", "*")]}
    monkeypatch.setattr(function, "grants_of", lambda role: (grants[role], []))

    (usual, wrong) = function.check_role(with_streams)
    assert (usual.check, usual.state) == ("role", State.OK)
    assert (wrong.check, wrong.state) == ("stream role", State.PROBLEM)
    assert "dynamodb:*" in wrong.says


def test_a_secret_that_is_well(person: Person) -> None:
    person.store({"api_key": KEY})
    assert [state for state, _ in results(secret.check_secret(stack()))] == ["ok"] * 5


def test_no_secret_is_a_problem_and_a_keyless_function_needs_none(person: Person) -> None:
    assert person.stored() is None
    assert results(secret.check_secret(stack())) == [("problem", f"there is no {SECRET}")]
    assert results(secret.check_secret(stack(CREDENTIAL_SOURCE="environment"))) == [
        ("ok", "the function reads none: its source is environment")
    ]


def test_a_deleted_secret_is_a_problem(person: Person) -> None:
    person.store({"api_key": KEY})
    person.secrets.delete_secret(SecretId=SECRET, RecoveryWindowInDays=7)
    assert results(secret.check_secret(stack())) == [("problem", f"{SECRET} is scheduled for deletion")]


def test_a_secret_without_a_value_is_a_problem(person: Person) -> None:
    person.secrets.create_secret(Name=SECRET)
    assert results(secret.check_secret(stack()))[0] == ("problem", f"{SECRET} has no value")


@pytest.mark.usefixtures("person")
def test_a_secret_that_cannot_be_looked_at_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://")
    assert results(secret.check_secret(stack()))[0][0] == "warning"


def described(**changes: Any) -> SecretMetadata:
    facts: dict[str, Any] = {
        "arn": "arn:x",
        "name": SECRET,
        "stages": {"v1": frozenset({"AWSCURRENT"})},
        "created_at": None,
        "changed_at": time.time() - DAY,
        "rotated_at": None,
        "next_rotation_at": None,
        "deleted_at": None,
        "rotates": False,
        "rotation_days": None,
        "kms_key": "",
    }
    return SecretMetadata(**facts | changes)


def _made(days: float) -> dict[str, Any]:
    made = datetime.fromtimestamp(time.time() - days * DAY, UTC)
    return {"Versions": [{"VersionId": version, "CreatedDate": made} for version in ("v1", "v2")]}


PENDING = {"stages": {"v1": frozenset({"AWSCURRENT"}), "v2": frozenset({"AWSPENDING"})}}


@pytest.mark.parametrize(
    ("changes", "made", "expected"),
    [
        ({"rotates": True, "rotation_days": 30}, 29, ("ok", "on, every 30 days")),
        (
            {"rotates": True, "rotation_days": 7, "next_rotation_at": 4_102_444_800.0},
            1,
            ("ok", "on, every 7 days, next 2100-01-01"),
        ),
        (
            {"rotates": True, "next_rotation_at": time.time() - 5 * DAY},
            1,
            ("problem", "it was due 5 days ago"),
        ),
        (
            {"rotates": True, "rotation_days": 30},
            40,
            ("warning", "the key was stored 40 days ago, more"),
        ),
        ({}, 91, ("warning", "the key was stored 91 days ago, more than 90")),
        (PENDING, 0.01, ("warning", "version v2 is pending: a rotation is running, or one did not finish")),
        (PENDING, 0.5, ("problem", "version v2 is pending for 12 hours: a rotation did not finish")),
        (PENDING, 40, ("problem", "version v2 is pending for 40 days: a rotation did not finish")),
        ({"kms_key": "arn:kms"}, 1, ("problem", "the secret is encrypted with arn:kms")),
    ],
)
def test_what_is_said_of_a_secret(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], made: float, expected: tuple[str, str]
) -> None:
    monkeypatch.setattr(SecretVersions, "describe", lambda _: described(**changes))
    use(
        monkeypatch,
        list_secret_version_ids=_made(made),
        get_resource_policy={},
        list_role_policies={"PolicyNames": []},
        list_attached_role_policies={"AttachedPolicies": []},
    )
    found = results(secret.check_secret(stack()))
    assert [text for state, text in found if state == expected[0] and text.startswith(expected[1])], found


@pytest.mark.parametrize(
    ("stages", "offers"),
    [
        (PENDING["stages"], True),
        # A rotation may end so. Source: recorded
        # secretsmanager/ListSecretVersionIds/AWSCURRENT-and-AWSPENDING-same-version.
        ({"v1": frozenset({"AWSPREVIOUS"}), "v2": frozenset({"AWSCURRENT", "AWSPENDING"})}, False),
    ],
    ids=["left-behind", "current"],
)
def test_the_command_that_discards_a_version_is_offered_where_one_was_left_behind(
    monkeypatch: pytest.MonkeyPatch, stages: dict[str, frozenset[str]], offers: bool
) -> None:
    monkeypatch.setattr(SecretVersions, "describe", lambda _: described(stages=stages))
    use(monkeypatch, list_secret_version_ids=_made(3), get_resource_policy={})

    fixes = [each.fix for each in secret.check_secret(stack())]

    assert any("travel-gpt secret discard-pending --env prod" in fix for fix in fixes) == offers


@pytest.mark.parametrize(("rotates", "state"), [(True, "ok"), (False, "problem")])
def test_a_rotation_that_was_switched_off_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, rotates: bool, state: str
) -> None:
    monkeypatch.setattr(SecretVersions, "describe", lambda _: described(rotates=rotates))
    use(monkeypatch, list_secret_version_ids=_made(1), get_resource_policy={})
    meant = stack()
    kind = "AWS::SecretsManager::RotationSchedule"
    meant.resources["RotationSchedule"] = Resource("RotationSchedule", "x", kind)

    assert [each.state for each in secret.check_secret(meant) if each.check == "rotation"] == [state]


def test_the_period_that_the_settings_name_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SecretVersions, "describe", lambda _: described())
    use(monkeypatch, list_secret_version_ids=_made(20), get_resource_policy={})
    assert ("warning", "the key was stored 20 days ago, more than 14") in results(
        secret.check_secret(stack(CREDENTIAL_ROTATION_DAYS="14"))
    )


def test_a_key_of_yours_that_the_role_may_use_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SecretVersions, "describe", lambda _: described(kms_key="arn:kms"))
    decrypt = {"Statement": [{"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "arn:kms"}]}
    use(
        monkeypatch,
        list_secret_version_ids={"Versions": []},
        get_resource_policy={},
        list_role_policies={"PolicyNames": ["p"]},
        list_attached_role_policies={"AttachedPolicies": []},
        get_role_policy={"PolicyDocument": decrypt},
    )
    assert {state for state, _ in results(secret.check_secret(stack()))} == {"ok"}


@pytest.mark.parametrize(
    ("statement", "state"),
    [
        ({"Effect": "Allow", "Principal": {"AWS": "arn:b"}}, "warning"),
        ({"Effect": "Allow", "Principal": "*"}, "problem"),
        ({"Effect": "Deny", "Principal": "*"}, "ok"),
    ],
)
def test_who_else_may_read(monkeypatch: pytest.MonkeyPatch, statement: dict[str, Any], state: str) -> None:
    monkeypatch.setattr(SecretVersions, "describe", lambda _: described())
    text = json.dumps({"Statement": [statement]})
    use(monkeypatch, list_secret_version_ids=_made(1), get_resource_policy={"ResourcePolicy": text})
    assert results(secret.check_secret(stack()))[-1][0] == state


@contextmanager
def answering(status: int, body: bytes) -> Iterator[tuple[str, list[str]]]:
    """An API that always answers the same."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/Prod/travel-gpt", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


WELL = {"status": "success", "credential_source": "secrets-manager"}


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, WELL, [("ok", "200: the function has a key from secrets-manager")]),
        (
            200,
            WELL | {"warnings": ["the key expires in 3 hours"]},
            [
                ("ok", "200: the function has a key from secrets-manager"),
                ("warning", "the key expires in 3 hours"),
            ],
        ),
        (
            503,
            {"code": "secret_not_found", "message": f"No secret for {KEY} here."},
            [("problem", "503 secret_not_found: No secret for [redacted] here.")],
        ),
        (502, WELL | {"code": "bad_gateway"}, [("problem", "502 bad_gateway: ")]),
    ],
)
def test_health(status: int, body: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    with answering(status, json.dumps(body).encode()) as (url, asked):
        assert results(check_health(stack(url=url), verify=False)) == expected
    assert asked == ["/Prod/travel-gpt"]


@pytest.mark.parametrize(
    ("body", "held", "verified"),
    [
        ({"mode": "openai", "has_api_key": True}, "has a key from secrets-manager", "OpenAI accepts the key"),
        (
            {"mode": "compatible", "has_api_key": True},
            "has a key from secrets-manager",
            "the model server accepts the key",
        ),
        (
            {"mode": "compatible", "has_api_key": False},
            "has no key, only a placeholder from secrets-manager",
            "the model server accepts a call without a key",
        ),
        (
            {"mode": "keyless", "has_api_key": False},
            "has no key: it authenticates with its own identity",
            "OpenAI accepts the function's identity",
        ),
    ],
)
def test_what_the_function_has_is_said_by_its_mode(body: dict[str, Any], held: str, verified: str) -> None:
    with answering(200, json.dumps(WELL | body | {"verified": True}).encode()) as (url, _):
        ((state, says),) = results(check_health(stack(url=url), verify=True))
    assert (state, says) == ("ok", f"200: the function {held}, and {verified}")


def test_verify_asks_for_the_verification() -> None:
    with answering(200, json.dumps(WELL | {"verified": True}).encode()) as (url, asked):
        ((_, says),) = results(check_health(stack(url=url), verify=True))
    assert says.endswith(", and OpenAI accepts the key")
    assert asked == ["/Prod/travel-gpt?verify=true"]


@pytest.mark.parametrize("body", [b"<html>", b"[]"])
def test_an_answer_of_somebody_elses_is_a_problem(body: bytes) -> None:
    with answering(200, body) as (url, _):
        ((state, says),) = results(check_health(stack(url=url), verify=False))
    assert (state, says) == ("problem", f"{url} answered 200")


def test_an_api_that_is_away_is_a_problem() -> None:
    with answering(200, b"") as (url, _):
        pass
    ((state, says),) = results(check_health(stack(url=url), verify=False))
    assert state == "problem"
    assert "cannot be reached" in says


def test_a_stack_is_looked_up_with_all_that_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    resources = [
        {"LogicalResourceId": name, "PhysicalResourceId": name, "ResourceType": kind}
        for name, kind in RESOURCES.items()
    ]
    answers: dict[str, Any] = {
        "describe_stacks": {"Stacks": [{"StackName": "s", "StackId": "i", "StackStatus": "CREATE_COMPLETE"}]},
        "list_stack_resources": {"StackResourceSummaries": resources},
        "get_function_configuration": {"FunctionName": "f", "Environment": {"Variables": {"LOG_LEVEL": "x"}}},
    }
    use(monkeypatch, **answers)

    found = Deployed.look_up("s")

    assert [each.logical for each in found.of_type("AWS::ApiGateway::Stage")] == ["ApiStage"]
    assert found.settings.problems
    titles = [title for title, _ in checks_of(found, verify=True)]
    assert {"role", "secret", "throttles", "logs", "alarms", "template", "drift", "health"} <= set(titles)

    use(monkeypatch, **answers | {"list_stack_resources": {"StackResourceSummaries": []}})
    with pytest.raises(Exception, match="not a stack of Travel GPT"):
        Deployed.look_up("s")


@pytest.mark.usefixtures("person")
def test_the_variables_of_a_function_that_is_not_there() -> None:
    assert boto3.client("lambda").list_functions()["Functions"] == []
    assert function_variables("travel-gpt-backend") is None
