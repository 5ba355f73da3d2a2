"""deploy.sh with a person at the terminal."""

import re

import pytest

from tests.support.deployer import GOOD_KEY, Deployer
from tests.support.secret_leaks import holds

STACK = "travel-gpt-backend"


def test_the_key_is_asked_for_without_echo_and_no_means_no(newcomer: Deployer) -> None:
    with newcomer.deploy_at_terminal() as terminal:
        terminal.expect("Create it? [y/N]")
        terminal.type("n")
        terminal.expect("Deploy without access logs? [y/N]")
        terminal.type("y")
        terminal.expect("it is not shown")
        terminal.type(GOOD_KEY)
        terminal.expect("deploys without access logs")
        terminal.expect("Go on? [y/N]")
        terminal.type("")
        assert terminal.wait() == 1

    assert "Nothing was changed" in terminal.shown
    assert not holds(terminal.raw, GOOD_KEY)
    assert newcomer.changes() == []


def test_an_exported_key_is_not_asked_for_and_ctrl_c_ends_it_with_a_sentence(newcomer: Deployer) -> None:
    with newcomer.deploy_at_terminal("--parameter", "AccessLogs=disabled", key=GOOD_KEY) as terminal:
        terminal.expect("Go on? [y/N]")
        terminal.press(b"\x03")
        assert terminal.wait() == 130

    assert "it is not shown" not in terminal.shown
    assert "Stopped while asking whether to go on" in terminal.shown
    assert "Traceback" not in terminal.shown


@pytest.mark.parametrize(
    ("env", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_colours_are_for_terminals_that_want_them(
    newcomer: Deployer, env: dict[str, str], coloured: bool
) -> None:
    with newcomer.deploy_at_terminal("--delete", env=env) as terminal:
        assert terminal.wait() == 0

    assert bool(re.search("\x1b\\[", terminal.raw)) is coloured


def test_a_person_deploys_with_access_logs_and_deletes_by_typing_the_name(newcomer: Deployer) -> None:
    # Given a person who says yes to everything
    with newcomer.deploy_at_terminal() as terminal:
        terminal.expect("Create it? [y/N]")
        terminal.type("y")
        terminal.expect("it is not shown")
        terminal.type(GOOD_KEY)
        terminal.expect("Create the IAM role")
        terminal.expect("Go on? [y/N]")
        terminal.type("yes")
        assert terminal.wait() == 0, terminal.shown

    # Then it has access logs, by a role that was made and named before the key was stored
    assert newcomer.parameters()["AccessLogs"] == "enabled"
    assert "until IAM has made it known everywhere" in terminal.shown
    made = ["iam:CreateRole", "iam:AttachRolePolicy", "apigateway:UpdateAccount"]
    assert newcomer.changes()[:4] == [*made, "secretsmanager:CreateSecret"]

    # When they are about to delete it and type something else
    with newcomer.deploy_at_terminal("--delete") as terminal:
        terminal.expect(f"type {STACK}:")
        terminal.type("yes")
        assert terminal.wait() == 1

    # Then nothing is deleted
    assert "nothing was deleted" in terminal.shown
    assert newcomer.stack() is not None

    # When they type the name, then the stack is deleted and the secret stays
    with newcomer.deploy_at_terminal("--delete") as terminal:
        terminal.expect(f"type {STACK}:")
        terminal.type(STACK)
        assert terminal.wait() == 0, terminal.shown
    assert newcomer.stack() is None
    assert newcomer.secret() == {"api_key": GOOD_KEY}
