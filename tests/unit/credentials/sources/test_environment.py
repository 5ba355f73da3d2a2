"""The key as the environment holds it."""

import json

import pytest

from travel_gpt.credentials.sources.environment import EnvironmentSource, variable_of, variables_of
from travel_gpt.errors import InvalidSecret, SecretNotFound

NAME = "travel-gpt/openai-api-key"
KEY = "sk-proj-fromTheEnvironment00000000000001"


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        (NAME, "SECRET_TRAVEL_GPT_OPENAI_API_KEY"),
        ("travel-gpt-dev/openai-api-key", "SECRET_TRAVEL_GPT_DEV_OPENAI_API_KEY"),
        ("a.b+c@d=e", "SECRET_A_B_C_D_E"),
    ],
)
def test_given_any_secrets_name_then_a_variable_stands_for_it(name: str, variable: str) -> None:
    assert variable_of(name) == variable


def test_a_secrets_name_as_it_is_given_counts_before_the_one_in_capitals() -> None:
    assert variables_of(NAME) == ("SECRET_travel-gpt/openai-api-key", "SECRET_TRAVEL_GPT_OPENAI_API_KEY")
    assert variables_of("MY_KEY") == ("SECRET_MY_KEY",)

    as_given, in_capitals = ({name: f"sk-proj-{number}"} for number, name in enumerate(variables_of(NAME)))
    assert EnvironmentSource(NAME, {**in_capitals, **as_given}).fetch().key.reveal() == "sk-proj-0"
    assert EnvironmentSource(NAME, in_capitals).fetch().key.reveal() == "sk-proj-1"
    assert EnvironmentSource("other/key", as_given | {"SECRET_other/key": KEY}).fetch().key.reveal() == KEY


@pytest.mark.parametrize("variable", ["OPENAI_API_KEY", *variables_of(NAME)])
@pytest.mark.parametrize("value", [KEY, f" {KEY}\n", json.dumps({"api_key": KEY})])
def test_given_a_key_in_either_variable_then_it_is_read_bare_or_json(variable: str, value: str) -> None:
    credential = EnvironmentSource(NAME, {variable: value}).fetch()

    assert (credential.key.reveal(), credential.source, credential.version) == (KEY, "environment", variable)


def test_given_both_variables_then_the_plain_one_counts() -> None:
    environment = {"OPENAI_API_KEY": KEY, "SECRET_TRAVEL_GPT_OPENAI_API_KEY": "sk-other-000000000"}

    assert EnvironmentSource(NAME, environment).fetch().key.reveal() == KEY


@pytest.mark.parametrize("environment", [{}, {"OPENAI_API_KEY": ""}, {"OPENAI_API_KEY": " \n"}])
def test_given_no_key_then_it_is_said_which_variables_were_looked_at(environment: dict[str, str]) -> None:
    with pytest.raises(SecretNotFound, match=r"OPENAI_API_KEY, SECRET_travel-gpt/openai-api-key, SECRET_T"):
        EnvironmentSource(NAME, environment).fetch()


def test_given_no_usable_key_then_it_is_said_and_not_quoted() -> None:
    with pytest.raises(InvalidSecret) as failed:
        EnvironmentSource(NAME, {"OPENAI_API_KEY": "two words of a secret"}).fetch()

    assert "words" not in str(failed.value)
