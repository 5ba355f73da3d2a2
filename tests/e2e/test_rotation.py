"""The rotation Lambda, deployed: a rotation in the real runtime, step by step as Secrets Manager does it."""

import itertools
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from testbed.fake_aws import FakeAws, start_fake_aws
from tests.fakes.openai import MODELS, behaviours
from tests.support.deployer import GOOD_KEY, Deployer
from tests.support.doctor import PYTHON, Doctor
from tests.support.permissions import client_as, refused
from tests.support.secret_leaks import holds

STACK = "travel-gpt-backend"
OWN, ADMIN_SECRET = "travel-gpt/openai-api-key", "travel-gpt/openai-admin-key"
ADMIN_KEY = "sk-admin-Jc4TnB8xWq6MzR2vKp9HyD5fGs3LbV7e"
# The first begins with the name of the rotator's first secret, the second with that of the other.
NEIGHBOURS = [f"{OWN}-backup", f"{ADMIN_SECRET}-abcdef", "somebody-else"]
API, ROTATOR = f"{STACK}-TravelGPTFunction", f"{STACK}-RotatorFunction"
ROTATION = ("OpenAIProjectId=proj_1", "OpenAIServiceAccountId=user-1", f"AdminSecretName={ADMIN_SECRET}")
PARAMETERS = [part for each in ROTATION for part in ("--parameter", each)]
STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
OVERLAP = 3_930
"""Seconds: the default TTL, the stale bound and the longest request."""


class Rotating:
    """A stack whose key rotates, deployed by deploy.sh, with secrets of others beside its two."""

    def __init__(self, aws: FakeAws, deployer: Deployer) -> None:
        self.aws, self.deployer = aws, deployer
        self.secrets, self.scheduler = aws.client("secretsmanager"), aws.client("scheduler")
        aws.openai.organization.admin_key = ADMIN_KEY
        for name in [ADMIN_SECRET, *NEIGHBOURS]:
            self.secrets.create_secret(Name=name, SecretString=json.dumps({"admin_api_key": ADMIN_KEY}))
        self.plan = deployer.deploy("--yes", *PARAMETERS, key=GOOD_KEY)
        assert self.plan.returncode == 0, self.plan.stdout + self.plan.stderr
        self.outputs = {each["OutputKey"]: each["OutputValue"] for each in deployer.stack()["Outputs"]}
        self.at_first = self.secrets.describe_secret(SecretId=OWN)
        self.first_key, self.arn = self.key(), self.at_first["ARN"]
        gateway = aws.client("apigateway")
        self.caller_key = gateway.get_api_key(apiKey=self.outputs["ApiKeyId"], includeValue=True)["value"]

    def begin(self) -> str:
        """Begin a rotation as Secrets Manager does when it is due."""
        token = str(uuid.uuid4())
        return str(self.secrets.rotate_secret(SecretId=OWN, ClientRequestToken=token)["VersionId"])

    def do(self, step: str, version: str) -> dict[str, Any] | None:
        """Have the deployed function do one step; what it answers is None, or how it failed."""
        event = {"Step": step, "SecretId": self.arn, "ClientRequestToken": version}
        answer: dict[str, Any] | None = self.aws.function(ROTATOR).invoke(event)
        return answer

    def rotate(self) -> None:
        """Do a whole rotation."""
        version = self.begin()
        for step in STEPS:
            assert self.do(step, version) is None

    def kill(self, key: str) -> None:
        """Have OpenAI refuse a key from now on."""
        self.aws.openai.reject(key)
        known = self.aws.openai.organization.keys
        for key_id in [each for each, document in known.items() if document["value"] == key]:
            del known[key_id]

    def key(self) -> str:
        """The key that is current."""
        return str(self.deployer.secret(OWN)["api_key"])

    def version(self) -> str:
        """The version that is current."""
        return str(self.secrets.get_secret_value(SecretId=OWN)["VersionId"])

    def answers(self) -> bool:
        """Whether the deployed API answers a query."""
        headers = ["--header", f"x-api-key: {self.caller_key}", "--header", "content-type: application/json"]
        query = ["--data", json.dumps({"query": "Two days in Porto?"})]
        done = self.aws.run("curl", "--silent", "--show-error", self.outputs["ApiUrl"], *headers, *query)
        assert done.returncode == 0, done.stderr
        return "Two days in Porto?" in json.loads(done.stdout).get("answer", "")

    @contextmanager
    def asked_all_the_time(self) -> Iterator[list[bool]]:
        """Ask the deployed API from another thread; whether it answered is in the list, once a query."""
        answered: list[bool] = []
        stop = threading.Event()

        def ask() -> None:
            while not stop.is_set():
                answered.append(self.answers())

        with ThreadPoolExecutor() as pool:
            asking = pool.submit(ask)
            try:
                yield answered
            finally:
                stop.set()
            asking.result()

    def schedule(self, version: str) -> dict[str, Any]:
        """The schedule that deletes the key of a version."""
        group = self.resource("KeyDeletions")
        (named,) = (
            each["Name"]
            for each in self.scheduler.list_schedules(GroupName=group)["Schedules"]
            if each["Name"].endswith(version)
        )
        found: dict[str, Any] = self.scheduler.get_schedule(GroupName=group, Name=named)
        return found

    def resource(self, logical: str) -> str:
        """The physical id of a resource of the stack."""
        described = self.aws.client("cloudformation").describe_stack_resource(
            StackName=STACK, LogicalResourceId=logical
        )
        return str(described["StackResourceDetail"]["PhysicalResourceId"])

    def log(self) -> list[dict[str, Any]]:
        """The rotation function's log: what is JSON of it."""
        found = self.aws.client("logs").filter_log_events(logGroupName=self.outputs["RotatorLogGroupName"])
        return [json.loads(each["message"]) for each in found["events"] if each["message"].startswith("{")]

    def audited(self) -> list[tuple[str, str]]:
        """The audit events of the rotation function, each with its outcome."""
        events = [line["audit"] for line in self.log() if "audit" in line]
        return [(each["event"], each["outcome"]) for each in events if each["event"].startswith("rotation.")]

    def failures(self) -> int:
        """How often the metric RotationFailure was counted."""
        return sum(sum(line.get("RotationFailure", ())) for line in self.log())

    def as_role(self, logical: str, service: str, region: str | None = None) -> Any:
        """A client with the credentials of a role of the stack."""
        role = f"arn:aws:iam::123456789012:role/{self.resource(logical)}"
        return client_as(self.aws, role, service, region)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rotating]:
    folder = tmp_path_factory.mktemp("rotating")
    own = folder / "aws"
    own.mkdir()
    with start_fake_aws(own) as aws:
        yield Rotating(aws, Deployer(aws, folder / "clone"))


class TestTurningItOn:
    def test_is_a_step_of_the_plan_and_replaces_no_key(self, stack: Rotating) -> None:
        said = " ".join(stack.plan.stdout.split())
        described = stack.at_first

        assert (
            f"Let the secret {OWN} rotate itself every 30 days; the first rotation comes when it is due."
            in said
        )
        assert (described["RotationEnabled"], described["RotationRules"]) == (
            True,
            {"AutomaticallyAfterDays": 30},
        )
        assert (
            described["RotationLambdaARN"]
            == stack.aws.client("lambda").get_function_configuration(FunctionName=ROTATOR)["FunctionArn"]
        )
        assert described["NextRotationDate"].timestamp() == pytest.approx(time.time() + 30 * 86_400, abs=900)
        assert list(described["VersionIdsToStages"].values()) == [["AWSCURRENT"]]
        assert stack.first_key == GOOD_KEY

    def test_survives_the_trial_call_that_aws_makes_then(self, stack: Rotating) -> None:
        before = stack.secrets.describe_secret(SecretId=OWN)["VersionIdsToStages"]

        assert stack.do("testSecret", str(uuid.uuid4())) is None

        assert stack.audited()[-1] == ("rotation.test", "trial")
        assert stack.failures() == 0
        assert stack.secrets.describe_secret(SecretId=OWN)["VersionIdsToStages"] == before


class TestARotation:
    def test_no_query_fails_although_the_old_key_dies_when_the_new_one_is_promoted(
        self, stack: Rotating
    ) -> None:
        # Given a stack that answers
        assert stack.answers()
        first, before, already = stack.version(), stack.key(), len(stack.audited())

        # When it is rotated, step by step, while it is asked all the time
        version = stack.begin()
        with stack.asked_all_the_time() as answers:
            for step in STEPS:
                assert stack.do(step, version) is None
                assert (stack.version() == version) == (step == "finishSecret")
                if step == "finishSecret":
                    stack.kill(before)
                # Then it answers after each step
                assert stack.answers()
        # And in between
        assert answers
        assert all(answers)

        # And what OpenAI saw last is the new key, which it made for the service account
        organization = stack.aws.openai.organization
        (made,) = (each for each in organization.keys.values() if each["value"] == stack.key())
        assert made["scopes"] == ["api.model.read", "api.responses.write"]
        assert stack.aws.openai.requests[-1].key == stack.key() != before
        assert stack.deployer.secret(OWN)["expires_at"] == pytest.approx(
            time.time() + 60 * 86_400 + OVERLAP, abs=120
        )
        assert stack.secrets.get_secret_value(SecretId=OWN, VersionStage="AWSPREVIOUS")["VersionId"] == first
        # And each step is in the rotation function's log
        assert stack.audited()[already:] == [
            (f"rotation.{step.removesuffix('Secret')}", "success") for step in STEPS
        ]

        # And the deletion of the key before is planned for when no cache can hold it
        plan = stack.schedule(first)
        at = datetime.strptime(plan["ScheduleExpression"], "at(%Y-%m-%dT%H:%M:%S)").replace(tzinfo=UTC)
        assert at.timestamp() == pytest.approx(time.time() + OVERLAP, abs=120)
        assert (plan["ScheduleExpressionTimezone"], plan["ActionAfterCompletion"]) == ("UTC", "DELETE")
        assert plan["Target"]["Arn"] == f"arn:aws:lambda:us-east-1:123456789012:function:{ROTATOR}"
        assert plan["Target"]["RoleArn"].endswith(f":role/{stack.resource('KeyDeletionsRole')}")

    def test_what_the_schedule_asks_for_deletes_the_key_before_at_openai(self, stack: Rotating) -> None:
        # Given a key that rotation made, and another in its place
        stack.rotate()
        old, before = stack.version(), stack.key()
        stack.rotate()
        organization = stack.aws.openai.organization
        others = {each["value"] for each in organization.keys.values()} - {before}
        assert organization.alive(before)

        # When its time has come
        planned = json.loads(stack.schedule(old)["Target"]["Input"])
        assert stack.aws.function(ROTATOR).invoke(planned) is None

        # Then that key is gone, and no other
        assert {each["value"] for each in organization.keys.values()} == others
        assert stack.audited()[-1] == ("rotation.delete", "success")
        assert stack.answers()

    def test_a_new_key_that_fails_keeps_the_old_one_and_counts_for_the_alarm(self, stack: Rotating) -> None:
        old, counted, version = stack.version(), stack.failures(), stack.begin()
        assert stack.do("createSecret", version) is None
        stack.aws.openai.upstream.default(MODELS, behaviours.server_error())
        try:
            failed = stack.do("testSecret", version)
        finally:
            stack.aws.openai.upstream.default(MODELS, behaviours.answer())

        assert failed is not None
        assert failed["errorType"] == "RotationFailed"
        assert stack.version() == old
        assert stack.answers()
        assert stack.audited()[-1] == ("rotation.test", "upstream_error")
        assert stack.failures() == counted + 1
        # And then: Secrets Manager tries again, and it goes on where it stopped.
        for step in STEPS:
            assert stack.do(step, version) is None
        assert stack.version() == version
        assert stack.answers()

    def test_no_key_is_in_any_log(self, stack: Rotating) -> None:
        stack.rotate()
        groups = stack.aws.client("logs").describe_log_groups()["logGroups"]
        logs = stack.aws.client("logs")
        written = "".join(
            event["message"]
            for group in groups
            for event in logs.filter_log_events(logGroupName=group["logGroupName"])["events"]
        )
        written += stack.aws.function(ROTATOR).logs + stack.aws.function(API).logs
        written += stack.plan.stdout + stack.plan.stderr

        assert "rotation.finish" in written
        made = [call.key for call in stack.aws.openai.requests if call.key]
        for key in {
            GOOD_KEY,
            ADMIN_KEY.removeprefix("sk-admin-"),
            *(m.removeprefix("sk-svcacct-") for m in made),
        }:
            assert not holds(written, key)


API_ROLE, ROTATOR_ROLE, SCHEDULE_ROLE = "TravelGPTFunctionRole", "RotatorFunctionRole", "KeyDeletionsRole"
WRITES: dict[str, dict[str, Any]] = {
    "put_secret_value": {"SecretString": "{}"},
    "update_secret": {"Description": "mine"},
    "update_secret_version_stage": {"VersionStage": "AWSCURRENT"},
    "delete_secret": {},
    "rotate_secret": {},
    "cancel_rotate_secret": {},
    "put_resource_policy": {"ResourcePolicy": "{}"},
    "tag_resource": {"Tags": [{"Key": "a", "Value": "b"}]},
}


READS: dict[str, dict[str, Any]] = {"get_secret_value": {}, "describe_secret": {}}


@pytest.mark.parametrize(
    ("role", "name", "action"),
    [
        *itertools.product([API_ROLE], [ADMIN_SECRET, *NEIGHBOURS], READS),
        *itertools.product([API_ROLE], [OWN, ADMIN_SECRET], WRITES),
        *itertools.product([ROTATOR_ROLE], NEIGHBOURS, READS | WRITES),
        *itertools.product([ROTATOR_ROLE], [ADMIN_SECRET], WRITES),
        # Of its own secret it changes versions alone.
        *itertools.product(
            [ROTATOR_ROLE], [OWN], sorted(set(WRITES) - {"put_secret_value", "update_secret_version_stage"})
        ),
    ],
)
def test_a_role_is_refused_what_its_function_does_not_do_with_a_secret(
    stack: Rotating, role: str, name: str, action: str
) -> None:
    client = stack.as_role(role, "secretsmanager")

    message = refused(getattr(client, action), SecretId=name, **{**READS, **WRITES}[action])

    # It names the resource as the caller did: see testbed.access.
    assert f"on resource: {name} because" in message


class TestTheRoleOfTheApi:
    def test_cannot_call_the_rotation(self, stack: Rotating) -> None:
        refused(stack.as_role(API_ROLE, "lambda").invoke, FunctionName=ROTATOR)


class TestTheRoleOfTheRotation:
    def test_reads_its_two_secrets(self, stack: Rotating) -> None:
        client = stack.as_role(ROTATOR_ROLE, "secretsmanager")

        assert client.get_secret_value(SecretId=OWN)["SecretString"]
        assert client.get_secret_value(SecretId=ADMIN_SECRET)["SecretString"]

    def test_has_no_secret_in_another_region_and_no_list(self, stack: Rotating) -> None:
        stack.aws.client("secretsmanager", "eu-west-1").create_secret(Name=OWN, SecretString="{}")

        elsewhere = stack.as_role(ROTATOR_ROLE, "secretsmanager", "eu-west-1")
        refused(elsewhere.get_secret_value, SecretId=OWN)
        refused(stack.as_role(ROTATOR_ROLE, "secretsmanager").list_secrets)

    @pytest.mark.parametrize(
        ("service", "action", "arguments"),
        [
            ("iam", "put_role_policy", {"RoleName": "ROLE", "PolicyName": "more", "PolicyDocument": "{}"}),
            ("iam", "create_role", {"RoleName": "mine", "AssumeRolePolicyDocument": "{}"}),
            ("sts", "assume_role", {"RoleArn": "SCHEDULE_ROLE_ARN", "RoleSessionName": "again"}),
            ("lambda", "invoke", {"FunctionName": API}),
            ("lambda", "invoke", {"FunctionName": ROTATOR}),
            ("lambda", "update_function_configuration", {"FunctionName": ROTATOR, "Timeout": 900}),
            ("dynamodb", "list_tables", {}),
            ("s3", "list_buckets", {}),
            ("sns", "list_topics", {}),
            ("ec2", "describe_vpcs", {}),
            ("cloudformation", "describe_stacks", {}),
            ("apigateway", "get_api_keys", {"includeValues": True}),
            ("scheduler", "list_schedules", {}),
        ],
    )
    def test_is_refused_everything_else(
        self, stack: Rotating, service: str, action: str, arguments: dict[str, Any]
    ) -> None:
        own = {
            "ROLE": stack.resource(ROTATOR_ROLE),
            "SCHEDULE_ROLE_ARN": f"arn:aws:iam::123456789012:role/{stack.resource(SCHEDULE_ROLE)}",
        }
        given = {name: own.get(str(value), value) for name, value in arguments.items()}

        refused(getattr(stack.as_role(ROTATOR_ROLE, service), action), **given)

    @pytest.mark.parametrize("other", ["group", "role"])
    def test_makes_schedules_in_its_group_and_with_its_role_alone(self, stack: Rotating, other: str) -> None:
        own, foreign = stack.resource("KeyDeletions"), "somebody-elses"
        if other == "group":
            stack.scheduler.create_schedule_group(Name=foreign)
        role = stack.resource(SCHEDULE_ROLE if other == "group" else ROTATOR_ROLE)
        wanted = {
            "Name": "mine",
            "GroupName": foreign if other == "group" else own,
            "ScheduleExpression": "at(2030-01-01T00:00:00)",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": {
                "Arn": f"arn:aws:lambda:us-east-1:123456789012:function:{ROTATOR}",
                "RoleArn": f"arn:aws:iam::123456789012:role/{role}",
            },
        }

        message = refused(stack.as_role(ROTATOR_ROLE, "scheduler").create_schedule, **wanted)

        assert ("schedule/somebody-elses/" if other == "group" else "iam:PassRole") in message


class TestTheRoleOfTheSchedule:
    def test_calls_the_rotation_function_and_nothing_else(self, stack: Rotating) -> None:
        functions = stack.as_role(SCHEDULE_ROLE, "lambda")

        assert functions.invoke(FunctionName=ROTATOR, InvocationType="DryRun")["StatusCode"] == 204
        refused(functions.invoke, FunctionName=API, InvocationType="DryRun")
        refused(functions.get_function, FunctionName=ROTATOR)
        for name in (OWN, ADMIN_SECRET):
            refused(stack.as_role(SCHEDULE_ROLE, "secretsmanager").get_secret_value, SecretId=name)
        refused(stack.as_role(SCHEDULE_ROLE, "scheduler").list_schedules)


SECRETS = "arn:aws:secretsmanager:us-east-1:123456789012:secret:"


def _widen(action: str, resource: str, stack: Rotating) -> Callable[[], object]:
    iam, role = stack.aws.client("iam"), stack.resource(ROTATOR_ROLE)
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName=role, PolicyName="by-hand", PolicyDocument=document)
    return lambda: iam.delete_role_policy(RoleName=role, PolicyName="by-hand")


def _delete_the_admin_secret(stack: Rotating) -> Callable[[], object]:
    stack.secrets.delete_secret(SecretId=ADMIN_SECRET, RecoveryWindowInDays=30)
    return lambda: stack.secrets.restore_secret(SecretId=ADMIN_SECRET)


def _switch_it_off(stack: Rotating) -> Callable[[], object]:
    stack.secrets.cancel_rotate_secret(SecretId=OWN)
    return lambda: stack.secrets.rotate_secret(SecretId=OWN, RotateImmediately=False)


@pytest.mark.skipif(not PYTHON.exists(), reason="scripts/environment.sh run sets up the command")
class TestTheDoctor:
    def test_says_that_it_is_on_and_when_it_is_due_and_reads_no_value(self, stack: Rotating) -> None:
        stack.aws.forget_calls()

        said = Doctor(stack.aws).run("doctor", "--env", "prod").stdout

        assert "PROBLEM" not in said
        due = stack.secrets.describe_secret(SecretId=OWN)["NextRotationDate"].astimezone(UTC)
        for line in (
            f"on, every 30 days, next {due:%Y-%m-%d}",
            f"{stack.resource(ROTATOR_ROLE)} may change {OWN}, read {ADMIN_SECRET}, and no other secret",
            f"{ADMIN_SECRET} is there",
        ):
            assert line in said
        read = [call for call in stack.aws.calls(mutating=False) if call.action == "GetSecretValue"]
        assert "owner" not in {call.caller for call in read}

    @pytest.mark.parametrize(
        ("break_it", "check", "says"),
        [
            (
                partial(_widen, "secretsmanager:GetSecretValue", f"{SECRETS}{ADMIN_SECRET}-*"),
                "rotation role",
                "which is more than it needs",
            ),
            (
                partial(_widen, "secretsmanager:PutSecretValue", f"{SECRETS}{ADMIN_SECRET}-??????"),
                "rotation role",
                "it may do secretsmanager:putsecretvalue on",
            ),
            (_delete_the_admin_secret, "admin key", "is scheduled for deletion"),
            (_switch_it_off, "rotation", "the stack has a rotation schedule, but rotation is disabled"),
        ],
    )
    def test_finds_what_was_changed_by_hand(
        self, stack: Rotating, break_it: Callable[[Rotating], Callable[[], object]], check: str, says: str
    ) -> None:
        restore = break_it(stack)
        try:
            found = Doctor(stack.aws).findings()
        finally:
            restore()

        (problem,) = (each for each in found if each["state"] == "problem")
        assert problem["check"] == check
        assert says in problem["says"]
        assert problem["fix"]


class TestDeployingAgain:
    def test_says_what_becomes_of_the_rotation(self, stack: Rotating) -> None:
        def plan(*options: str) -> str:
            done = stack.deployer.deploy("--dry-run", *options)
            assert done.returncode == 0, done.stderr
            return " ".join(done.stdout.split())

        stack.aws.federate()

        assert "rotate itself" not in plan()
        assert "rotate itself every day; the first" in plan("--parameter", "RotationDays=1")
        keyless = plan("--keyless")
        assert "rotation ends with the second deployment" in keyless
        assert "rotate itself" not in keyless

    def test_turns_it_off_and_keeps_the_key(self, stack: Rotating) -> None:
        key = stack.key()
        off = ("--parameter", "AdminSecretName=", "--parameter", "OpenAIProjectId=")
        try:
            done = stack.deployer.deploy("--yes", *off)

            assert done.returncode == 0, done.stderr
            said = " ".join(done.stdout.split())
            assert f"End the rotation of the secret {OWN}" in said
            assert "ends by itself" in said
            assert stack.secrets.describe_secret(SecretId=OWN)["RotationEnabled"] is False
            groups = [each["Name"] for each in stack.scheduler.list_schedule_groups()["ScheduleGroups"]]
            assert not [each for each in groups if STACK in each]
            assert stack.key() == key
            assert stack.answers()
            # And a version that is still pending would have the stack rolled back that turns it on again
            left = str(uuid.uuid4())
            stack.secrets.put_secret_value(
                SecretId=OWN, ClientRequestToken=left, SecretString="{}", VersionStages=["AWSPENDING"]
            )
            stack.aws.forget_calls()
            stopped = stack.deployer.deploy("--yes", *PARAMETERS)
            assert stopped.returncode == 1
            assert left in stopped.stderr
            assert "secret discard-pending --secret" in " ".join(stopped.stderr.split())
            assert stack.deployer.changes() == []
            # So a person is asked
            with stack.deployer.deploy_at_terminal(*PARAMETERS) as terminal:
                terminal.expect("Discard it before deploying? [y/N]")
                terminal.type("y")
                terminal.expect("Discard version")
                terminal.expect("Go on? [y/N]")
                terminal.type("y")
                assert terminal.wait() == 0, terminal.shown
            described = stack.secrets.describe_secret(SecretId=OWN)
            assert described["RotationEnabled"] is True
            assert "AWSPENDING" not in str(described["VersionIdsToStages"])
            assert stack.key() == key
        finally:
            if not stack.secrets.describe_secret(SecretId=OWN)["RotationEnabled"]:
                assert stack.deployer.deploy("--yes", *PARAMETERS).returncode == 0
