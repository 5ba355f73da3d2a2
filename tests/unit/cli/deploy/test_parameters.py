"""What a template parameter becomes: what was given, kept, or begun with."""

from pathlib import Path
from typing import Any

import pytest

from travel_gpt.cli.deploy.parameters import (
    FOR_A_NEW_STACK,
    Environment,
    Parameter,
    merge,
    read_environment,
)
from travel_gpt.cli.deploy.plan import _change
from travel_gpt.cli.errors import CliError

TEMPLATE: list[dict[str, Any]] = [
    {"ParameterKey": "Model", "DefaultValue": "luna"},
    {
        "ParameterKey": "CredentialExpiry",
        "DefaultValue": "warn",
        "ParameterConstraints": {"AllowedValues": ["warn", "enforce"]},
    },
    {"ParameterKey": "Days", "DefaultValue": "30"},
    {"ParameterKey": "Mail", "DefaultValue": ""},
]
NEW = {"Model": "luna", "CredentialExpiry": "enforce", "Days": "7", "Mail": ""}
OLD = {"Model": "terra", "Days": "90", "Mail": "me@example.com"}


def merged(**how: dict[str, str]) -> list[Parameter]:
    environment = Environment("dev", "stack-dev", {"Days": "7", **how.get("overrides", {})})
    return merge(
        TEMPLATE, given=how.get("given", {}), current=how.get("current", {}), environment=environment
    )


def new_values(**how: dict[str, str]) -> dict[str, str]:
    return {one.name: one.new for one in merged(**how)}


def test_a_new_stack_gets_samconfigs_values_before_the_templates_defaults_and_refuses_expired_keys() -> None:
    assert new_values() == NEW
    assert FOR_A_NEW_STACK == {"CredentialExpiry": "enforce", "WebPage": "enabled"}


def test_what_the_owner_set_earlier_stays_and_what_is_given_now_wins() -> None:
    kept = new_values(current=OLD, given={"Days": "1", "Mail": ""})

    # A parameter that a new version of the template brings gets its default.
    assert kept == {"Model": "terra", "CredentialExpiry": "warn", "Days": "1", "Mail": ""}


@pytest.mark.parametrize(
    ("given", "says"),
    [({"Modell": "x"}, "no parameter Modell"), ({"CredentialExpiry": "LOUD"}, "one of warn, enforce")],
)
def test_what_the_template_does_not_know_stops_it(given: dict[str, str], says: str) -> None:
    with pytest.raises(CliError, match=says):
        new_values(given=given)


def test_an_update_from_before_a_parameter_shows_what_new_stacks_have() -> None:
    (parameter,) = (one for one in merged(current=OLD) if one.name == "CredentialExpiry")

    assert _change(parameter, old=True) == "(not there) → warn   (a new stack has enforce)"


@pytest.mark.parametrize("chosen", ["warn", "enforce"])
def test_what_the_owner_chose_counts_and_stays(chosen: str) -> None:
    choice = {"CredentialExpiry": chosen}
    ways: list[dict[str, dict[str, str]]] = [
        {"given": choice},
        {"given": choice, "current": OLD},
        {"current": {**OLD, **choice}},
        {"overrides": choice},
        {"overrides": choice, "current": OLD},
    ]

    assert [new_values(**way)["CredentialExpiry"] for way in ways] == [chosen] * 5


def test_a_parameter_that_is_the_same_in_new_and_old_stacks_says_nothing_of_new_ones() -> None:
    assert _change(Parameter("LogLevel", None, "INFO", "INFO"), old=True) == "(not there) → INFO"
    assert _change(Parameter("LogLevel", "INFO", "DEBUG", "INFO"), old=True) == "INFO → DEBUG"


@pytest.mark.parametrize("text", ['[default.deploy.parameters]\nstak_name = "s"\n', "[[["])
def test_a_broken_samconfig_is_named(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("samconfig.toml").write_text(text)

    with pytest.raises(CliError, match=r"samconfig\.toml does not name the stack"):
        read_environment("prod")
