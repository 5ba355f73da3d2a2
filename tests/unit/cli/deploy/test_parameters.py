"""What a template parameter becomes: what was given, kept, or begun with."""

from typing import Any

import pytest

from travel_gpt.cli.deploy.parameters import FOR_A_NEW_STACK, Environment, Parameter, merge
from travel_gpt.cli.deploy.plan import _change

TEMPLATE: list[dict[str, Any]] = [
    {"ParameterKey": "SecretName", "DefaultValue": "travel-gpt/openai-api-key"},
    {
        "ParameterKey": "CredentialExpiry",
        "DefaultValue": "warn",
        "ParameterConstraints": {"AllowedValues": ["warn", "enforce"]},
    },
]
OLD_STACK = {"SecretName": "travel-gpt/openai-api-key"}


def expiry(
    *,
    given: dict[str, str] | None = None,
    current: dict[str, str] | None = None,
    overrides: dict[str, str] | None = None,
) -> Parameter:
    environment = Environment("default", "travel-gpt-backend", overrides or {})
    merged = merge(TEMPLATE, given=given or {}, current=current or {}, environment=environment)
    return next(parameter for parameter in merged if parameter.name == "CredentialExpiry")


def test_a_stack_that_is_created_refuses_expired_keys() -> None:
    assert expiry().new == FOR_A_NEW_STACK["CredentialExpiry"] == "enforce"


def test_an_update_of_a_stack_from_before_the_parameter_keeps_the_warning_and_shows_what_new_ones_do() -> (
    None
):
    parameter = expiry(current=OLD_STACK)

    assert parameter.new == "warn"
    assert _change(parameter, old=True) == "(not there) → warn   (a new stack has enforce)"


@pytest.mark.parametrize("chosen", ["warn", "enforce"])
def test_what_the_owner_chose_counts_and_stays(chosen: str) -> None:
    assert expiry(given={"CredentialExpiry": chosen}).new == chosen
    assert expiry(given={"CredentialExpiry": chosen}, current=OLD_STACK).new == chosen
    assert expiry(current={**OLD_STACK, "CredentialExpiry": chosen}).new == chosen
    assert expiry(overrides={"CredentialExpiry": chosen}).new == chosen
    assert expiry(overrides={"CredentialExpiry": chosen}, current=OLD_STACK).new == chosen


def test_a_parameter_that_is_the_same_in_new_and_old_stacks_says_nothing_of_new_ones() -> None:
    assert _change(Parameter("LogLevel", None, "INFO", "INFO"), old=True) == "(not there) → INFO"
    assert _change(Parameter("LogLevel", "INFO", "DEBUG", "INFO"), old=True) == "INFO → DEBUG"
