"""``travel-gpt doctor`` against a deployed stack: what it says when all is well, and what when it is not."""

import json
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from testbed.fake_aws import start_fake_aws
from tests.fakes.openai import RESPONSES, behaviours
from tests.support.deployer import BAD_KEY, GOOD_KEY, NEW_KEY, Deployer
from tests.support.doctor import PYTHON, Doctor

STACK = "travel-gpt-backend"
SECRET = "travel-gpt/openai-api-key"
FUNCTION = f"{STACK}-TravelGPTFunction"
SLOW = behaviours.answer("Lisbon is warm in May, and the evenings are long. Take a jacket.", pause=0.05)
"""Upstream, a word every 50 ms."""
STREAM_FUNCTION = f"{STACK}-TravelGPTStreamFunction"


@pytest.fixture(scope="module")
def doctor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doctor]:
    if not PYTHON.exists():
        pytest.skip("the command's environment is not set up: scripts/environment.sh run")
    folder = tmp_path_factory.mktemp("doctor")
    own = folder / "aws"
    own.mkdir()
    with start_fake_aws(own) as aws:
        deployer = Deployer(aws, folder / "clone")
        aws.openai.upstream.default(RESPONSES, SLOW)
        done = deployer.deploy("--yes", key=GOOD_KEY)
        assert done.returncode == 0, done.stdout + done.stderr
        # A new stack is measured once, and what streams stays as it is.
        assert "Measure whether an answer streams, with a short query for 0.0010 USD" in done.stdout
        assert "It streams: the text was sent in " in done.stdout
        assert deployer.parameters()["Streaming"] == "on"
        assert len(aws.openai.upstream.calls_to(RESPONSES)) == 1
        yield Doctor(aws)


def _of(found: list[dict[str, str]], check: str) -> list[tuple[str, str]]:
    return [(each["state"], each["says"]) for each in found if each["check"] == check]


AS_DEPLOYED = {"alarms", "drift"}
"""What is to know of a stack as deploy.sh makes it here: no mail, drift not looked for."""


def test_a_fresh_stack_is_well(doctor: Doctor) -> None:
    done = doctor.run("doctor", "--env", "prod", "--verify")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "PROBLEM" not in done.stdout
    for line in (
        f"{SECRET}, version ",
        "the model server accepts the key",
        "POST: 5 a second, 10 at once",
        "1000 queries a day",
        f"/aws/lambda/{FUNCTION} is kept 30 days",
        "what is deployed is template.yaml of this clone",
        "/Prod/travel-gpt/app is served with the headers of this version",
        "may do 6 things, each on named resources",
    ):
        assert line in done.stdout
    # The price list is reported once it is 90 days old.
    assert {each["check"] for each in doctor.findings()} - {"prices"} == AS_DEPLOYED
    # Then: nothing was changed by looking.
    assert not [call for call in doctor.aws.calls() if call.caller == "owner" and call.action == "Put"]


def test_a_stream_that_something_has_collected_is_a_problem(doctor: Doctor) -> None:
    doctor.aws.forget_calls()
    streams = doctor.run("doctor", "--env", "prod", "--stream")
    doctor.aws.gateway.collects_streams = True
    try:
        burst = [each for each in doctor.findings("--stream") if each["check"] == "stream"]
    finally:
        doctor.aws.gateway.collects_streams = False

    assert streams.returncode == 0, streams.stdout
    assert "it streams: the text was sent in " in streams.stdout
    assert streams.stderr == "One short query is asked of gpt-6-luna, for 0.0010 USD at most.\n"
    assert streams.stdout.rstrip().endswith('travel-gpt ask "Three days in Lisbon?" --env prod')
    assert [each["state"] for each in burst] == ["problem"]
    assert "in one burst" in burst[0]["says"]
    assert not [call for call in doctor.aws.calls() if call.caller == "owner"]


def test_it_reads_no_value_of_a_deployed_stack(doctor: Doctor) -> None:
    doctor.aws.forget_calls()

    doctor.run("doctor", "--env", "prod")

    read = [call for call in doctor.aws.calls(mutating=False) if call.action == "GetSecretValue"]
    assert "owner" not in {call.caller for call in read}
    assert not [call for call in doctor.aws.calls() if call.caller == "owner"]


def _role(doctor: Doctor) -> str:
    return str(doctor.aws.function(FUNCTION).configuration["Role"]).rpartition("/")[2]


def _widen(doctor: Doctor, action: str, resource: str) -> Callable[[], object]:
    iam, role = doctor.aws.client("iam"), _role(doctor)
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource}],
    }
    iam.put_role_policy(RoleName=role, PolicyName="by-hand", PolicyDocument=json.dumps(document))
    return lambda: iam.delete_role_policy(RoleName=role, PolicyName="by-hand")


def _delete_secret(doctor: Doctor) -> Callable[[], object]:
    secrets = doctor.aws.client("secretsmanager")
    secrets.delete_secret(SecretId=SECRET, RecoveryWindowInDays=30)
    return lambda: secrets.restore_secret(SecretId=SECRET)


def _leave_pending(doctor: Doctor) -> Callable[[], object]:
    secrets = doctor.aws.client("secretsmanager")
    token = "6f5c2a4e-0000-4000-8000-000000000000"
    secrets.put_secret_value(
        SecretId=SECRET, SecretString=GOOD_KEY, ClientRequestToken=token, VersionStages=["AWSPENDING"]
    )
    return lambda: secrets.update_secret_version_stage(
        SecretId=SECRET, VersionStage="AWSPENDING", RemoveFromVersionId=token
    )


def _let_everybody_in(doctor: Doctor) -> Callable[[], object]:
    secrets = doctor.aws.client("secretsmanager")
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "secretsmanager:GetSecretValue",
        "Resource": "*",
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    secrets.put_resource_policy(SecretId=SECRET, ResourcePolicy=json.dumps(policy))
    return lambda: secrets.delete_resource_policy(SecretId=SECRET)


def _keep_logs_for_ever(doctor: Doctor) -> Callable[[], object]:
    logs, group = doctor.aws.client("logs"), f"/aws/lambda/{FUNCTION}"
    logs.delete_retention_policy(logGroupName=group)
    return lambda: logs.put_retention_policy(logGroupName=group, retentionInDays=30)


def _raise_alarm(doctor: Doctor) -> Callable[[], object]:
    watch, name = doctor.aws.client("cloudwatch"), f"{STACK}-credential-failures"
    watch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="the test")
    return lambda: watch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="the test")


def _stop_function(doctor: Doctor, function: str = FUNCTION) -> Callable[[], object]:
    functions = doctor.aws.client("lambda")
    functions.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    return lambda: functions.delete_function_concurrency(FunctionName=function)


def _set_variable(doctor: Doctor, name: str, value: str, function: str = FUNCTION) -> Callable[[], object]:
    functions = doctor.aws.client("lambda")
    before = doctor.aws.function(function).environment

    def write(variables: dict[str, str]) -> object:
        return functions.update_function_configuration(
            FunctionName=function, Environment={"Variables": variables}
        )

    write({**before, name: value})
    return lambda: write(before)


def _change_stage(doctor: Doctor, path: str, value: str, back: str) -> Callable[[], object]:
    gateway = doctor.aws.client("apigateway")
    described = doctor.aws.client("cloudformation").describe_stack_resource(
        StackName=STACK, LogicalResourceId="TravelGPTApi"
    )
    api = described["StackResourceDetail"]["PhysicalResourceId"]

    def change(to: str) -> object:
        operation = {"op": "replace", "path": path, "value": to}
        return gateway.update_stage(restApiId=api, stageName="Prod", patchOperations=[operation])

    change(value)
    return lambda: change(back)


def _disable_api_key(doctor: Doctor) -> Callable[[], object]:
    gateway = doctor.aws.client("apigateway")
    key = gateway.get_api_keys()["items"][0]["id"]

    def set_to(value: str) -> object:
        operation = {"op": "replace", "path": "/enabled", "value": value}
        return gateway.update_api_key(apiKey=key, patchOperations=[operation])

    set_to("false")
    return lambda: set_to("true")


SECRET_ARNS = f"arn:aws:secretsmanager:us-east-1:123456789012:secret:{SECRET}-*"
POST_RATE = "/~1travel-gpt/POST/throttling/rateLimit"
BODIES = "/~1travel-gpt/POST/logging/dataTrace"
_any_secret = partial(_widen, action="secretsmanager:GetSecretValue", resource=SECRET_ARNS)
_any_action = partial(_widen, action="s3:*", resource="arn:aws:s3:::somewhere")
_any_resource = partial(_widen, action="dynamodb:GetItem", resource="*")
_key_in_variable = partial(_set_variable, name="MY_KEY", value=GOOD_KEY)
_wrong_setting = partial(_set_variable, name="CREDENTIAL_TTL_SECONDS", value="soon")
_stop_streams = partial(_stop_function, function=STREAM_FUNCTION)
_other_budget = partial(_set_variable, name="BUDGET_PER_DAY", value="500", function=STREAM_FUNCTION)
_no_wrapper = partial(_set_variable, name="AWS_LAMBDA_EXEC_WRAPPER", value="", function=STREAM_FUNCTION)
_other_throttle = partial(_change_stage, path=POST_RATE, value="500", back="5")
_no_throttle = partial(_change_stage, path=POST_RATE, value="10000", back="5")
_trace_bodies = partial(_change_stage, path=BODIES, value="true", back="false")
BROKEN: list[tuple[Callable[[Doctor], Callable[[], object]], str, str, str]] = [
    (_any_secret, "role", "problem", "which is more than its own secret"),
    (_any_action, "role", "problem", "it may do s3:*"),
    (_any_resource, "role", "problem", "it may do dynamodb:getitem on *"),
    (_delete_secret, "secret", "problem", "is scheduled for deletion"),
    (_leave_pending, "rotation", "warning", "is pending"),
    (_let_everybody_in, "readers", "problem", "lets anyone read it"),
    (_keep_logs_for_ever, "logs", "problem", f"/aws/lambda/{FUNCTION} is kept forever"),
    (_raise_alarm, "alarms", "problem", f"{STACK}-credential-failures is raised"),
    (_stop_function, "function", "problem", "its reserved concurrency is 0"),
    (_key_in_variable, "settings", "problem", "the variable MY_KEY looks like a key"),
    (_stop_streams, "stream function", "problem", "its reserved concurrency is 0"),
    (_other_budget, "stream settings", "problem", "other values than the function: BUDGET_PER_DAY"),
    (_no_wrapper, "stream settings", "problem", "AWS_LAMBDA_EXEC_WRAPPER is not set"),
    (_wrong_setting, "settings", "problem", "CREDENTIAL_TTL_SECONDS must be a whole number"),
    (_other_throttle, "throttles", "warning", "POST: 500 a second"),
    (_no_throttle, "throttles", "problem", "POST has no throttle"),
    (_trace_bodies, "api log", "problem", "data tracing is on"),
    (_disable_api_key, "api key", "warning", "the callers' key is disabled"),
]


@pytest.mark.parametrize(
    ("break_it", "check", "state", "says"), BROKEN, ids=[f"{check}: {says}" for _, check, _, says in BROKEN]
)
def test_what_was_changed_by_hand_is_found(
    doctor: Doctor, break_it: Callable[[Doctor], Callable[[], object]], check: str, state: str, says: str
) -> None:
    fix = break_it(doctor)
    try:
        found = doctor.findings()
    finally:
        fix()

    assert [text for kind, text in _of(found, check) if kind == state and says in text], found
    assert all(each["fix"] for each in found)


def test_a_key_that_openai_refuses_is_found_by_the_live_call_only(doctor: Doctor) -> None:
    doctor.aws.openai.reject(GOOD_KEY)
    doctor.aws.function(FUNCTION).restart()
    try:
        quiet, asked = doctor.findings(), doctor.findings("--verify")
    finally:
        doctor.aws.openai.accept(GOOD_KEY)
        doctor.aws.function(FUNCTION).restart()

    assert not _of(quiet, "health")
    (live,) = _of(asked, "live call")
    assert live[0] == "problem"
    assert "credential_rejected" in live[1]


def test_what_the_owner_may_not_see_is_said_and_the_rest_goes_on(doctor: Doctor) -> None:
    doctor.aws.deny("logs:DescribeLogGroups")
    try:
        found = doctor.findings()
    finally:
        doctor.aws.allow("logs:DescribeLogGroups")

    assert [text for kind, text in _of(found, "logs") if kind == "warning" and "not checked" in text]
    assert _of(found, "drift"), "the checks after it were made"


def test_a_stack_that_is_not_there_is_no_finding(doctor: Doctor) -> None:
    done = doctor.run("doctor", "--stack", "nowhere")

    assert (done.returncode, done.stdout) == (2, "")
    assert "There is no stack nowhere" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_key_is_rotated_and_rolled_back_under_the_deployed_function(doctor: Doctor) -> None:
    def used() -> str | None:
        doctor.aws.function(FUNCTION).restart()
        assert not _of(doctor.findings("--verify"), "live call")
        return doctor.aws.openai.requests[-1].key

    refused = doctor.run("secret", "rotate", "--env", "prod", given=BAD_KEY)
    assert refused.returncode == 1
    assert "https://api.openai.com/v1 refuses the key" in refused.stderr
    assert used() == GOOD_KEY

    rotated = doctor.run("secret", "rotate", "--env", "prod", given=NEW_KEY)
    assert rotated.returncode == 0, rotated.stderr
    assert used() == NEW_KEY

    back = doctor.run("secret", "rollback", "--env", "prod")
    assert back.returncode == 0, back.stderr
    assert used() == GOOD_KEY


def test_an_alarm_that_is_gone_is_found(doctor: Doctor) -> None:
    name, watch = f"{STACK}-api-latency", doctor.aws.client("cloudwatch")
    (alarm,) = watch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    watch.delete_alarms(AlarmNames=[name])
    try:
        found = _of(doctor.findings(), "alarms")
    finally:
        takes = watch.meta.service_model.operation_model("PutMetricAlarm").input_shape.members
        watch.put_metric_alarm(**{key: value for key, value in alarm.items() if key in takes})

    assert ("problem", f"{name} does not exist") in found
