"""deploy.sh with a person at the terminal."""

import re
from pathlib import Path

import pytest

from testbed.fake_aws import FakeAws
from tests.support.deployer import GOOD_KEY, Deployer
from tests.support.secret_leaks import holds

STACK = "travel-gpt-backend"


@pytest.fixture
def deployer(aws: FakeAws, tmp_path: Path) -> Deployer:
    return Deployer(aws, tmp_path / "clone", fresh=True)


def test_the_key_is_asked_for_without_echo_and_no_means_no(deployer: Deployer) -> None:
    with deployer.deploy_at_terminal() as terminal:
        terminal.expect("Create it? [y/N]")
        terminal.type("n")
        terminal.expect("Deploy without access logs? [y/N]")
        terminal.type("y")
        terminal.expect("it is not shown")
        terminal.type(GOOD_KEY)
        terminal.expect("deploys without access logs")
        terminal.expect("Go on? [y/N]")
        terminal.type("")
        status = terminal.wait()

    assert status == 1
    assert "Nothing was changed" in terminal.shown
    assert not holds(terminal.raw, GOOD_KEY)
    assert deployer.changes() == []


def test_an_empty_key_is_a_sentence(deployer: Deployer) -> None:
    with deployer.deploy_at_terminal("--yes", "--parameter", "AccessLogs=disabled") as terminal:
        terminal.expect("it is not shown")
        terminal.type("")

        assert terminal.wait() == 2

    assert "No key was given" in terminal.shown


def test_an_exported_key_is_not_asked_for(deployer: Deployer) -> None:
    with deployer.deploy_at_terminal("--dry-run", key=GOOD_KEY) as terminal:
        assert terminal.wait() == 0

    assert "it is not shown" not in terminal.shown


def test_ctrl_c_ends_it_with_a_sentence(deployer: Deployer) -> None:
    with deployer.deploy_at_terminal("--parameter", "AccessLogs=disabled", key=GOOD_KEY) as terminal:
        terminal.expect("Go on? [y/N]")
        terminal.press(b"\x03")
        status = terminal.wait()

    assert status == 130
    assert "Stopped while asking whether to go on" in terminal.shown
    assert "Traceback" not in terminal.shown


@pytest.mark.parametrize(
    ("env", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_colours_are_for_terminals_that_want_them(
    deployer: Deployer, env: dict[str, str], coloured: bool
) -> None:
    with deployer.deploy_at_terminal("--delete", env=env) as terminal:
        assert terminal.wait() == 0

    assert bool(re.search("\x1b\\[", terminal.raw)) is coloured


def test_a_person_deploys_with_access_logs_and_deletes_by_typing_the_name(deployer: Deployer) -> None:
    # Given a person who says yes to everything
    with deployer.deploy_at_terminal() as terminal:
        terminal.expect("Create it? [y/N]")
        terminal.type("y")
        terminal.expect("it is not shown")
        terminal.type(GOOD_KEY)
        terminal.expect("Create the IAM role")
        terminal.expect("Go on? [y/N]")
        terminal.type("yes")
        assert terminal.wait() == 0, terminal.shown

    # Then the role is there, and so are the access logs
    assert deployer.aws.client("apigateway").get_account()["cloudwatchRoleArn"]
    assert deployer.parameters()["AccessLogs"] == "enabled"

    # When they are about to delete it and type something else
    with deployer.deploy_at_terminal("--delete") as terminal:
        terminal.expect(f"type {STACK}:")
        terminal.type("yes")
        assert terminal.wait() == 1

    # Then nothing is deleted
    assert "nothing was deleted" in terminal.shown
    assert deployer.stack() is not None

    # When they type the name, then the stack is deleted and the secret stays
    with deployer.deploy_at_terminal("--delete") as terminal:
        terminal.expect(f"type {STACK}:")
        terminal.type(STACK)
        assert terminal.wait() == 0, terminal.shown
    assert deployer.stack() is None
    assert deployer.secret() == {"api_key": GOOD_KEY}
