"""The state of a stack in which deploy.sh stops, and what it prints about a change of the TLS policy."""

import re

import pytest

from tests.support.markdown import ROOT
from travel_gpt.cli.console import Console
from travel_gpt.cli.deploy.stack import refuse_if_busy, show_tls_change, tls_note
from travel_gpt.cli.errors import CliError
from travel_gpt.cli.stack import Stack

POLICY = "SecurityPolicy_TLS13_1_2_2021_06"
URL = "https://abc123.execute-api.eu-west-1.amazonaws.com/Prod/travel-gpt"
NEW = Stack("s")
DEAD = Stack("s", status="ROLLBACK_COMPLETE")
OLD = Stack("s", status="UPDATE_COMPLETE", outputs={"ApiUrl": URL})
CURRENT = Stack("s", status="UPDATE_COMPLETE", outputs={"ApiUrl": URL, "TlsPolicy": POLICY})


@pytest.fixture(autouse=True)
def _in_the_clone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def shown(before: Stack, after: Stack, capsys: pytest.CaptureFixture[str]) -> str:
    show_tls_change(Console(assume_yes=True), before, after, " --region eu-west-1")
    return re.sub(r"\s+", " ", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("outputs", "before"),
    [
        ({}, "API Gateway's default, which takes TLS 1.0"),
        ({"TlsPolicy": "SecurityPolicy_X"}, "SecurityPolicy_X"),
    ],
)
def test_the_plan_says_that_the_policy_changes_for_whom_and_how_long(
    outputs: dict[str, str], before: str
) -> None:
    said = tls_note(Stack("s", status="UPDATE_COMPLETE", outputs={"ApiUrl": URL, **outputs}))

    assert f"from {before} to {POLICY}" in said
    assert "about 15 minutes" in said
    assert "refuses clients" in said


@pytest.mark.parametrize("stack", [NEW, DEAD, CURRENT], ids=["new", "dead", "current"])
def test_nothing_is_said_where_nothing_changes_for_a_caller(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (tls_note(stack), shown(stack, CURRENT, capsys)) == ("", "")
    # A template that takes the policy away again is no failure.
    assert shown(stack, OLD, capsys) == ""


def test_afterwards_it_says_how_to_see_that_it_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    said = shown(OLD, CURRENT, capsys)

    assert "about 15 minutes" in said
    assert "answers meanwhile" in said
    assert "get-rest-api --rest-api-id abc123 --query apiStatus --output text --region eu-west-1" in said


@pytest.mark.parametrize(
    ("status", "says"),
    [
        ("CREATE_IN_PROGRESS", "still at work"),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "still at work"),
        ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback"),
    ],
)
def test_a_stack_that_is_busy_or_stuck_says_what_to_type(status: str, says: str) -> None:
    with pytest.raises(CliError, match=says) as stop:
        refuse_if_busy(Stack("travel", status, "arn"), " --region eu-west-1")

    assert "--stack-name travel" in str(stop.value)
    assert "--region eu-west-1" in str(stop.value)


@pytest.mark.parametrize("status", ["", "CREATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS"])
def test_a_stack_that_can_be_deployed_is_not_refused(status: str) -> None:
    refuse_if_busy(Stack("travel", status), "")
