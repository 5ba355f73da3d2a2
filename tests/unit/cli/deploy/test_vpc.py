"""Leaving a VPC: the function first, and its role's permissions when the network interfaces are gone."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.clock import Clock
from tests.unit.cli.deploy.conftest import ScriptedAws, aws_error, options
from travel_gpt.cli.console import Console
from travel_gpt.cli.deploy import release
from travel_gpt.cli.deploy.parameters import Environment, Parameter
from travel_gpt.cli.deploy.vpc import PERMISSIONS, Vpc, finish, prepare, resolve
from travel_gpt.cli.errors import CliError

INSIDE = {"VpcSubnetIds": "subnet-0a1b2c3d", "VpcSecurityGroupIds": "sg-0a1b2c3d"}
OUTSIDE = {"VpcSubnetIds": "", "VpcSecurityGroupIds": ""}


KEPT = Parameter(PERMISSIONS, "disabled", "disabled", "disabled")
CHOSEN = {value: f"{PERMISSIONS}={value}" for value in ("enabled", "disabled")}


def decided(before: Mapping[str, str], after: Mapping[str, str], *given: str) -> Vpc:
    return resolve(options(*(word for each in given for word in ("--parameter", each))), after, before)


class TestWhatIsDecided:
    @pytest.mark.parametrize("before", [{}, OUTSIDE, INSIDE], ids=["new", "outside", "inside"])
    def test_a_function_that_enters_or_stays_needs_one_deployment(self, before: dict[str, str]) -> None:
        assert decided(before, INSIDE) == Vpc()
        assert decided(before, INSIDE).steps == []

    @pytest.mark.parametrize(
        ("before", "given", "vpc"),
        [
            ({}, [], Vpc()),
            (OUTSIDE, [], Vpc()),
            ({**OUTSIDE, PERMISSIONS: "enabled"}, [CHOSEN["enabled"]], Vpc()),
            ({**OUTSIDE, PERMISSIONS: "enabled"}, [CHOSEN["disabled"]], Vpc()),
            (INSIDE, [CHOSEN["enabled"]], Vpc(leaves=True)),
        ],
        ids=["new", "never-inside", "owner-keeps", "owner-ends", "owner-keeps-while-leaving"],
    )
    def test_so_does_one_outside_that_never_was_inside_or_where_the_owner_chose(
        self, before: dict[str, str], given: list[str], vpc: Vpc
    ) -> None:
        assert decided(before, OUTSIDE, *given) == vpc

    def test_one_that_leaves_keeps_its_permissions_until_the_interfaces_are_gone(self) -> None:
        vpc = decided(INSIDE, OUTSIDE)

        assert vpc == Vpc(leaves=True, ends=True)
        assert prepare(vpc, [KEPT]) == [replace(KEPT, new="enabled")]
        (step,) = vpc.steps
        assert "40 minutes" in step
        assert "deploy once more" in step

    def test_a_run_that_was_interrupted_is_finished_by_the_next(self) -> None:
        vpc = decided({**OUTSIDE, PERMISSIONS: "enabled"}, OUTSIDE)

        assert vpc == Vpc(leaves=False, ends=True)
        assert "40 minutes" not in vpc.steps[0]

    def test_they_cannot_end_while_it_leaves(self) -> None:
        with pytest.raises(CliError, match="Leave it out") as stopped:
            decided(INSIDE, OUTSIDE, CHOSEN["disabled"])
        assert stopped.value.status == 2

    @pytest.mark.parametrize("name", INSIDE)
    def test_half_of_a_vpc_is_refused(self, name: str) -> None:
        with pytest.raises(CliError, match="VpcSubnetIds and VpcSecurityGroupIds go together"):
            decided({}, {**OUTSIDE, name: INSIDE[name]})


def account_with(stack: Mapping[str, str], *answers: list[str] | ClientError) -> ScriptedAws:
    """An account with a stack, and an answer for each time that its function's interfaces are listed."""
    listed = [{"ParameterKey": key, "ParameterValue": value} for key, value in stack.items()]
    outputs = [
        {"OutputKey": key, "OutputValue": f"s-{value}"}
        for key, value in {
            "FunctionName": "TravelGPTFunction",
            "StreamFunctionName": "TravelGPTStreamFunction",
        }.items()
    ]
    about = {"StackName": "s", "StackStatus": "UPDATE_COMPLETE", "StackId": "id"}
    found = iter(answers)

    def list_interfaces(_: Any) -> Any:
        answer = next(found)
        if isinstance(answer, ClientError):
            return answer
        return {"NetworkInterfaces": [{"NetworkInterfaceId": each} for each in answer]}

    described = {"Stacks": [{**about, "Parameters": listed, "Outputs": outputs}]}
    return ScriptedAws({"DescribeStacks": described, "DescribeNetworkInterfaces": list_interfaces})


class Run:
    """One end of a run of deploy.sh, with time that passes by itself."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.deployed: list[dict[str, str]] = []
        self.clock = Clock(0.0)
        self.asked: list[Any] = []
        monkeypatch.setattr("travel_gpt.cli.deploy.vpc.time", self.clock)
        monkeypatch.setattr(release, "deploy", self._deploy)

    def finish(self, vpc: Vpc, *answers: list[str] | ClientError, stack: Mapping[str, str]) -> None:
        aws = account_with(stack, *answers)
        plan: Any = SimpleNamespace(
            options=options(),
            environment=Environment("default", "s", {}),
            account=SimpleNamespace(region="eu-west-1"),
            stack=SimpleNamespace(name="s"),
            parameters=prepare(vpc, [Parameter("Keyless", "off", "prepare", "off"), KEPT]),
            vpc=vpc,
            flags=" --region eu-west-1",
        )
        finish(aws, Console(assume_yes=True), plan)
        self.asked = [given["Filters"] for name, given in aws.calls if name == "DescribeNetworkInterfaces"]

    def _deploy(self, *arguments: Any) -> None:
        given: Iterable[Parameter] = arguments[4]
        self.deployed.append({each.name: each.new for each in given})


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    return Run(monkeypatch)


LEAVES = Vpc(leaves=True, ends=True)
STACK = {"Keyless": "on", PERMISSIONS: "enabled"}


class TestTheSecondDeployment:
    def test_waits_until_lambda_has_deleted_the_interfaces(self, run: Run) -> None:
        run.finish(LEAVES, ["eni-1", "eni-2"], ["eni-2"], [], stack=STACK)

        assert run.clock.moment > 0
        names = ["AWS Lambda VPC ENI-s-TravelGPTFunction*", "AWS Lambda VPC ENI-s-TravelGPTStreamFunction*"]
        named = {"Name": "description", "Values": names}
        assert run.asked == [[named]] * 3
        # What the run changed in between stays.
        assert run.deployed == [{"Keyless": "on", PERMISSIONS: "disabled"}]

    def test_is_put_off_when_they_do_not_go(self, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
        run.finish(LEAVES, *[["eni-1"]] * 1000, stack=STACK)

        assert run.deployed == []
        assert 40 * 60 < run.clock.moment < 60 * 60
        said = capsys.readouterr().out
        assert "eni-1" in said
        assert "  ./deploy.sh\n" in said

    def test_does_not_wait_in_a_later_run(self, run: Run) -> None:
        run.finish(Vpc(ends=True), ["eni-1"], stack=STACK)

        assert (run.deployed, run.clock.moment) == ([], 0)

    def test_is_left_to_the_owner_who_may_not_see_them(
        self, run: Run, capsys: pytest.CaptureFixture[str]
    ) -> None:
        run.finish(LEAVES, aws_error("DescribeNetworkInterfaces", "UnauthorizedOperation", "no"), stack=STACK)

        assert run.deployed == []
        said = re.sub(r"\s+", " ", capsys.readouterr().out)
        assert "hidden from you (ec2:DescribeNetworkInterfaces)" in said
        assert "./deploy.sh --parameter KeepVpcPermissions=disabled" in said

    def test_stops_when_aws_fails(self, run: Run) -> None:
        with pytest.raises(ClientError):
            run.finish(
                LEAVES, aws_error("DescribeNetworkInterfaces", "RequestLimitExceeded", "no"), stack=STACK
            )
