"""What deploy.sh prints about a change of the API's TLS policy."""

import re

import pytest

from tests.support.markdown import ROOT
from travel_gpt.cli.console import Console
from travel_gpt.cli.deploy.stack import show_tls_change, tls_note
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


def test_an_api_with_the_default_policy_changes_it_and_the_plan_says_for_whom_and_how_long() -> None:
    said = tls_note(OLD)

    assert f"from API Gateway's default, which takes TLS 1.0 to {POLICY}" in said
    assert "about 15 minutes" in said
    assert "refuses clients" in said


def test_so_does_one_with_another_policy() -> None:
    other = Stack("s", status="UPDATE_COMPLETE", outputs={"ApiUrl": URL, "TlsPolicy": "SecurityPolicy_X"})

    assert f"from SecurityPolicy_X to {POLICY}" in tls_note(other)


@pytest.mark.parametrize("stack", [NEW, DEAD, CURRENT], ids=["new", "dead", "current"])
def test_nothing_is_said_where_nothing_changes_for_a_caller(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (tls_note(stack), shown(stack, CURRENT, capsys)) == ("", "")


def test_afterwards_it_says_how_to_see_that_it_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    said = shown(OLD, CURRENT, capsys)

    assert "about 15 minutes" in said
    assert "answers meanwhile" in said
    assert (
        "aws apigateway get-rest-api --rest-api-id abc123 --query apiStatus --output text --region eu-west-1"
        in said
    )


def test_a_template_that_takes_the_policy_away_again_is_no_failure(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert shown(CURRENT, OLD, capsys) == ""
