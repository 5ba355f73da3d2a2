"""How the parameters of a deployment are put together, and what its stack allows."""

from typing import Any

import pytest
from samcli.cli.types import CfnParameterOverridesType

from travel_gpt.cli.deploy.parameters import Environment, Parameter, merge, overrides
from travel_gpt.cli.deploy.stack import refuse_if_busy
from travel_gpt.cli.errors import CliError
from travel_gpt.cli.stack import Stack

TEMPLATE: list[dict[str, Any]] = [
    {"ParameterKey": "Model", "DefaultValue": "luna"},
    {
        "ParameterKey": "Level",
        "DefaultValue": "INFO",
        "ParameterConstraints": {"AllowedValues": ["INFO", "DEBUG"]},
    },
    {"ParameterKey": "Days", "DefaultValue": "30"},
    {"ParameterKey": "Mail", "DefaultValue": ""},
]
DEV = Environment("dev", "stack-dev", {"Days": "7"})


def new_values(**how: dict[str, str]) -> dict[str, str]:
    given, current = how.get("given", {}), how.get("current", {})
    return {one.name: one.new for one in merge(TEMPLATE, given=given, current=current, environment=DEV)}


def test_a_new_stack_gets_samconfigs_values_before_the_templates_defaults() -> None:
    assert new_values() == {"Model": "luna", "Level": "INFO", "Days": "7", "Mail": ""}


def test_what_the_owner_set_earlier_stays_and_what_is_given_now_wins() -> None:
    current = {"Model": "terra", "Level": "DEBUG", "Days": "90", "Mail": "me@example.com"}

    merged = new_values(current=current, given={"Days": "1", "Mail": ""})

    assert merged == {"Model": "terra", "Level": "DEBUG", "Days": "1", "Mail": ""}


def test_a_parameter_that_a_new_version_of_the_template_brings_gets_its_default() -> None:
    assert new_values(current={"Model": "terra"})["Level"] == "INFO"


@pytest.mark.parametrize(
    ("given", "says"), [({"Modell": "x"}, "no parameter Modell"), ({"Level": "LOUD"}, "one of INFO, DEBUG")]
)
def test_what_the_template_does_not_know_stops_it(given: dict[str, str], says: str) -> None:
    with pytest.raises(CliError, match=says):
        new_values(given=given)


@pytest.mark.parametrize(
    "value", ["", "two words", 'a "quoted" one', "it's", "a=b,c", "https://x.example/v1?", " "]
)
def test_sam_reads_back_what_is_written_for_it(value: str) -> None:
    written = overrides([Parameter("Model", None, value, ""), Parameter("Days", None, "7", "7")])

    assert CfnParameterOverridesType().convert(tuple(written), None, None) == {"Model": value, "Days": "7"}


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
