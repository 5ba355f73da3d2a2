"""What deploy.sh prints about a deployment that failed."""

from typing import Any

import pytest

from tests.unit.cli.deploy.conftest import ScriptedAws
from travel_gpt.cli.console import Console
from travel_gpt.cli.deploy import release
from travel_gpt.cli.deploy.parameters import Environment
from travel_gpt.cli.errors import CliError
from travel_gpt.cli.stack import Stack

# As CloudFormation passes it on: "role-lacks-create-network-interface-cfn-handler" in the recordings.
NO_PERMISSION = (
    'Resource handler returned message: "The provided execution role does not have permissions to call '
    'CreateNetworkInterface on EC2 (Service: Lambda, Status Code: 400)" (HandlerErrorCode: InvalidRequest)'
)


def failure(monkeypatch: pytest.MonkeyPatch, reason: str) -> str:
    def first_failure(*_: Any) -> tuple[str, str]:
        return "TravelGPTFunction (AWS::Lambda::Function)", reason

    def run_sam(*arguments: Any) -> tuple[int, list[str]]:
        assert arguments[3] == "deploy"
        return 1, ["Error: Failed to create/update the stack: s, Waiter StackUpdateComplete failed"]

    monkeypatch.setattr(release, "run_sam", run_sam)
    monkeypatch.setattr(release, "first_failure", first_failure)
    monkeypatch.setattr(release, "read_stack", lambda *_: Stack("s", status="UPDATE_ROLLBACK_COMPLETE"))
    with pytest.raises(CliError) as stopped:
        release.deploy(
            ScriptedAws({}), Console(assume_yes=True), Environment("default", "s", {}), "eu-west-1", [], ""
        )
    return str(stopped.value)


def test_a_role_that_lambda_does_not_know_the_permissions_of_yet_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = failure(monkeypatch, NO_PERMISSION)

    assert "call CreateNetworkInterface on EC2" in said
    assert "repeat the same command" in said
    assert "SCP" in said
    assert "The stack is as it was before." in said


def test_what_is_not_known_is_passed_on_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "something new" in failure(monkeypatch, "something new")
