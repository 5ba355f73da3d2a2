"""API Gateway's logging role, set up with the rules of the fake AWS and a clock that does not wait."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ClientError, EndpointConnectionError

from testbed import logging_role as rules
from tests.support.clock import Clock
from tests.support.recorded import recording
from tests.unit.cli.deploy.conftest import Person, ScriptedAws, aws_error, options
from travel_gpt.cli.aws_session import Account, AwsSession
from travel_gpt.cli.deploy import access_logs, logging_role
from travel_gpt.cli.deploy.access_logs import Decision
from travel_gpt.cli.deploy.logging_role import NAME, RoleState
from travel_gpt.cli.errors import CliError

ACCOUNT = Account("123456789012", "arn:aws:iam::123456789012:user/owner", "eu-west-1")
ARN = f"arn:aws:iam::123456789012:role/{NAME}"
POLICY = "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"


def trust(**statement: Any) -> dict[str, Any]:
    allowed = {
        "Effect": "Allow",
        "Principal": {"Service": "apigateway.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    return {"Version": "2012-10-17", "Statement": [{**allowed, **statement}]}


OF_ANOTHER = trust(Principal={"Service": "ec2.amazonaws.com"})


class FakeAccount(ScriptedAws):
    """IAM's one role and API Gateway's account, by the rules of the fake AWS."""

    def __init__(self, clock: Clock, **pace: float) -> None:
        super().__init__(
            {
                "GetAccount": lambda _: {"cloudwatchRoleArn": self.named} if self.named else {},
                "UpdateAccount": lambda _: self._update(),
                "GetRole": lambda _: {"Role": self.role} if self.role else self._none,
                "ListAttachedRolePolicies": lambda _: {
                    "AttachedPolicies": [{"PolicyArn": arn} for arn in self.policies]
                },
                "CreateRole": self._create,
                "AttachRolePolicy": lambda given: self.policies.append(given["PolicyArn"]),
            }
        )
        self.clock, self.born = clock, 0.0
        self.role: dict[str, Any] | None = None
        self.policies: list[str] = []
        self.named: str | None = None
        self.attempts: list[float] = []
        self.operation = rules.UpdateAccount(now=clock.monotonic, **pace)

    _none = aws_error("GetRole", "NoSuchEntity", f"The role with name {NAME} cannot be found.")

    def has_role(self, document: dict[str, Any], *policies: str) -> None:
        """Have the role from before."""
        self.role = {"AssumeRolePolicyDocument": json.dumps(document)}
        self.policies = list(policies)

    def _create(self, given: dict[str, Any]) -> ClientError | None:
        if self.role:
            return aws_error("CreateRole", "EntityAlreadyExists", f"Role with name {NAME} exists.")
        self.has_role(json.loads(given["AssumeRolePolicyDocument"]))
        self.born = self.clock.moment
        return None

    def _update(self) -> ClientError | None:
        self.attempts.append(self.clock.moment)
        trusted = self.role is not None and "apigateway" in json.dumps(self.role)
        role = rules.Role(self.clock.moment - self.born, trusted, POLICY in self.policies)
        try:
            self.operation.name_role(role)
        except rules.RefusedUpdate as refused:
            return aws_error("UpdateAccount", refused.code, refused.message)
        self.named = ARN
        return None


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(1000.0)
    monkeypatch.setattr(logging_role, "time", clock)
    return clock


@pytest.fixture
def account(clock: Clock) -> FakeAccount:
    return FakeAccount(clock)


class TestInAFreshAccount:
    def test_the_role_is_created_and_named_once_it_is_known(self, account: FakeAccount) -> None:
        logging_role.provide(account, Person(), ACCOUNT)

        assert (account.named, account.policies) == (ARN, [POLICY])
        assert account.operations.count("UpdateAccount") == 1

    def test_a_role_that_is_known_late_and_the_quota_are_waited_for(
        self, clock: Clock, capsys: pytest.CaptureFixture[str]
    ) -> None:
        account = FakeAccount(clock, settling=50.0)

        logging_role.provide(account, Person(), ACCOUNT)

        assert account.named == ARN
        assert min(b - a for a, b in zip(account.attempts, account.attempts[1:], strict=False)) > 20.0
        shown = capsys.readouterr().out
        assert shown.count("API Gateway cannot use the role yet. Trying again in 21 s") == 2
        assert "once in 20 s" not in shown, "no attempt was wasted on the quota"

    def test_a_call_of_another_in_the_same_account_is_waited_for(
        self, account: FakeAccount, capsys: pytest.CaptureFixture[str]
    ) -> None:
        account.has_role(trust(), POLICY)
        account.operation.name_role(rules.Role(100.0, is_trusting=True, has_policy=True))

        logging_role.provide(account, Person(), ACCOUNT)

        assert account.named == ARN
        assert "once in 20 s for the whole account. Trying again in 21 s" in capsys.readouterr().out

    def test_a_429_without_a_code_is_waited_for(self, account: FakeAccount) -> None:
        account.has_role(trust(), POLICY)
        answers = iter([aws_error("UpdateAccount", "429", "Too Many Requests"), None])
        account.answers["UpdateAccount"] = lambda _: next(answers)

        logging_role.provide(account, Person(), ACCOUNT)

        assert account.operations.count("UpdateAccount") == 2

    def test_each_attempt_is_one_request(self, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
        aws, sent = AwsSession(region="eu-west-1"), list[float]()

        def throttle(request: Any, **_: Any) -> Any:
            sent.append(clock.moment)
            body: Any = SimpleNamespace(stream=lambda: [b"{}"])
            return AWSResponse(request.url, 429, HTTPHeaders(), body)

        aws.events.register("before-send.*.*", throttle)
        with pytest.raises(ClientError):
            logging_role._name(aws, Person(), ARN)

        assert sent == [1000.0 + 21.0 * attempt for attempt in range(6)]

    @pytest.mark.parametrize("pace", [{"settling": 1e9}, {"interval": 1e9}])
    def test_after_two_minutes_it_ends(self, clock: Clock, pace: dict[str, float]) -> None:
        account = FakeAccount(clock, **pace)
        account.born = clock.moment
        account.has_role(trust(), POLICY)
        if "interval" in pace:
            account.operation.name_role(rules.Role(100.0, is_trusting=True, has_policy=True))
        began = clock.moment

        with pytest.raises(ClientError):
            logging_role.provide(account, Person(), ACCOUNT)

        assert 90 < clock.moment - began <= 120

    def test_another_error_is_not_waited_for(self, account: FakeAccount, clock: Clock) -> None:
        account.has_role(trust(), POLICY)
        denied = aws_error("UpdateAccount", "AccessDeniedException", "not authorized")
        account.answers["UpdateAccount"] = denied
        began = clock.moment

        with pytest.raises(ClientError):
            logging_role.provide(account, Person(), ACCOUNT)

        assert clock.moment == began


class TestARoleOfThatName:
    @pytest.mark.parametrize(
        ("document", "trusts"),
        [
            (trust(), True),
            (trust(Principal={"Service": ["ec2.amazonaws.com", "apigateway.amazonaws.com"]}), True),
            (trust(Action=["sts:TagSession", "sts:AssumeRole"]), True),
            (trust(Action="sts:*"), True),
            ({"Statement": trust()["Statement"][0]}, True),
            (OF_ANOTHER, False),
            (trust(Principal={"AWS": "arn:aws:iam::123456789012:root"}), False),
            (trust(Principal="*"), False),
            (trust(Action="sts:TagSession"), False),
            (trust(Condition={"StringEquals": {"aws:SourceAccount": "210987654321"}}), False),
            ({"Statement": [*trust()["Statement"], *trust(Effect="Deny")["Statement"]]}, False),
            ({}, False),
        ],
    )
    def test_is_used_only_if_api_gateway_may_assume_it(self, document: dict[str, Any], trusts: bool) -> None:
        assert logging_role.lets_api_gateway_assume(document) is trusts

    def test_of_another_is_not_touched(self, account: FakeAccount) -> None:
        account.has_role(OF_ANOTHER)

        with pytest.raises(logging_role.RoleNotUsable, match="does not let API Gateway"):
            logging_role.provide(account, Person(), ACCOUNT)

        assert set(account.operations) == {"GetRole"}

    def test_without_the_policy_gets_it_and_is_not_waited_for(self, account: FakeAccount) -> None:
        account.has_role(trust())

        logging_role.provide(account, Person(), ACCOUNT)

        assert (account.policies, account.named) == ([POLICY], ARN)
        assert "CreateRole" not in account.operations

    def test_that_may_not_be_looked_at_is_not_used(self, account: FakeAccount) -> None:
        account.has_role(trust())
        denied = aws_error("GetRole", "AccessDenied", "not authorized to perform: iam:GetRole")
        account.answers["GetRole"] = denied

        with pytest.raises(logging_role.RoleNotUsable, match="iam:GetRole"):
            logging_role.provide(account, Person(), ACCOUNT)

        assert "AttachRolePolicy" not in account.operations
        assert account.named is None


def resolve(account: FakeAccount, person: Person, *typed: str, wanted: bool = True) -> Decision:
    given = options(*typed)
    person.assume_yes = given.yes
    return access_logs.resolve(account, person, given, ACCOUNT, wanted=wanted)


CHOICES = ["./deploy.sh {}--create-logging-role", "./deploy.sh {}--parameter AccessLogs=disabled"]


AGAIN = "--env dev --yes --parameter ThrottleRate=2 --access=open "


class TestTheDecision:
    @pytest.mark.parametrize(
        ("typed", "answers", "repeated"),
        [
            (["--yes"], (), "--yes "),
            ([], (), ""),
            (["--yes", "--parameter", "AccessLogs=enabled"], (), "--yes "),
            (["--env", "dev", "--yes", "--parameter=ThrottleRate=2", "--access=open"], (), AGAIN),
            ([], ("n", "n"), ""),
        ],
        ids=["yes", "no-terminal", "wanted", "more-typed", "refused-at-a-terminal"],
    )
    def test_without_a_choice_it_stops_with_the_two_options_as_commands(
        self, account: FakeAccount, typed: list[str], answers: tuple[str, ...], repeated: str
    ) -> None:
        with pytest.raises(CliError) as stopped:
            resolve(account, Person(*answers), *typed)

        assert str(stopped.value).splitlines()[1:] == [f"    {each.format(repeated)}" for each in CHOICES]
        assert answers or "Nothing was changed" in str(stopped.value)

    @pytest.mark.parametrize(
        ("policies", "typed", "answers", "role", "question"),
        [
            (None, ["--yes", "--create-logging-role"], (), RoleState.MISSING, ""),
            (None, [], ("y",), RoleState.MISSING, "Create it?"),
            ([], [], ("y",), RoleState.WITHOUT_POLICY, "Use it?"),
            ([POLICY], [], ("y",), RoleState.READY, "Use it?"),
        ],
        ids=["beforehand", "create", "without-policy", "ready"],
    )
    def test_the_owner_chooses_the_role_beforehand_or_at_a_terminal(
        self,
        account: FakeAccount,
        policies: list[str] | None,
        typed: list[str],
        answers: tuple[str, ...],
        role: RoleState,
        question: str,
    ) -> None:
        if policies is not None:
            account.has_role(trust(), *policies)
        person = Person(*answers)

        assert resolve(account, person, *typed) == Decision(on=True, role=role)
        assert question in "".join(person.asked)

    def test_the_owner_may_choose_to_go_without_beforehand(self, account: FakeAccount) -> None:
        decision = resolve(account, Person(), "--yes", "--parameter", "AccessLogs=disabled", wanted=False)

        assert decision == Decision(on=False)

    def test_at_a_terminal_to_go_without_is_a_question_of_its_own(self, account: FakeAccount) -> None:
        person = Person("n", "y")

        assert resolve(account, person).on is False
        assert "Deploy without access logs?" in person.asked[1]

    def test_a_role_of_another_is_no_choice(self, account: FakeAccount) -> None:
        account.has_role(OF_ANOTHER)

        with pytest.raises(CliError, match="does not let API Gateway"):
            resolve(account, Person(), "--yes", "--create-logging-role")

    def test_a_dry_run_says_that_there_is_a_choice_to_make(self, account: FakeAccount) -> None:
        decision = resolve(account, Person(), "--dry-run")

        assert decision.on
        assert CHOICES[0].format("") in decision.note
        assert CHOICES[1].format("") in decision.note

    def test_nothing_is_looked_up_where_the_region_has_its_role(self, account: FakeAccount) -> None:
        account.named = ARN

        assert (resolve(account, Person()), account.operations) == (Decision(on=True), ["GetAccount"])


class TestASetUpThatFails:
    @pytest.fixture
    def refusing(self, account: FakeAccount) -> FakeAccount:
        denied = aws_error("CreateRole", "AccessDenied", "not authorized to perform: iam:CreateRole")
        account.answers["CreateRole"] = denied
        return account

    def test_stops_with_the_two_options(self, refusing: FakeAccount) -> None:
        with pytest.raises(CliError) as stopped:
            access_logs.provide_role(refusing, Person(), options("--yes", "--create-logging-role"), ACCOUNT)

        said = str(stopped.value)
        assert "not authorized to perform: iam:CreateRole" in said
        assert "No key was stored and no stack was changed" in said
        assert said.splitlines()[-2:] == [f"    {each.format('--yes ')}" for each in CHOICES]

    def test_asks_at_a_terminal(self, refusing: FakeAccount) -> None:
        assert access_logs.provide_role(refusing, Person("y"), options(), ACCOUNT) is False

    def test_names_sts_where_the_role_is_refused_to_the_end(self, clock: Clock) -> None:
        account = FakeAccount(clock, settling=1e9)

        with pytest.raises(CliError, match="STS is active in this region"):
            access_logs.provide_role(account, Person(), options("--yes"), ACCOUNT)

    def test_leaves_to_others_what_is_no_answer_of_aws(self, account: FakeAccount) -> None:
        account.answers["GetRole"] = EndpointConnectionError(endpoint_url="https://iam")

        with pytest.raises(EndpointConnectionError):
            access_logs.provide_role(account, Person(), options("--yes"), ACCOUNT)


def test_the_rules_answer_in_the_words_that_were_recorded() -> None:
    refused = recording("apigateway/UpdateAccount/role-not-permitted")
    throttled = recording("apigateway/control plane/too-many-requests-sdk-object")
    operation = rules.UpdateAccount(now=lambda: 0.0)

    with pytest.raises(rules.RefusedUpdate) as first:
        operation.name_role(None)
    with pytest.raises(rules.RefusedUpdate) as second:
        operation.name_role(rules.Role(100.0, is_trusting=True, has_policy=True))

    assert (first.value.status, first.value.code, first.value.message) == (refused.status, *refused.error)
    assert second.value.status == throttled.status
    for said in (second.value.code, second.value.message):
        assert said in throttled.body
    # Documented: the error's member retryAfterSeconds is this header.
    assert second.value.retry_after == 20
