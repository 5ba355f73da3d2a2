"""``travel-gpt deploy``, which is deploy.sh without its shell, and ``travel-gpt api-key``."""

import json
import os

import boto3
import pytest

from tests.unit.cli.conftest import KEY, Done, Person
from travel_gpt.cli.deploy import main as deployment


def test_deploy_gets_its_options_and_the_exported_key_which_leaves_the_environment(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[object] = []

    def main(arguments: list[str], exported: str) -> int:
        given.extend([arguments, exported, os.environ.get("OPENAI_API_KEY"), os.environ.get("OPENAI_MODEL")])
        return 130

    monkeypatch.setattr(deployment, "main", main)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    (person.here / ".env").write_text("OPENAI_MODEL=from-the-file\n")

    typed = ["--env", "dev", "--parameter", "OpenAIProjectId=proj_AbCdEfGhIjKl1234567890MnOp", "--help"]

    assert person.run("deploy", *typed, status=130) == Done("", "")
    assert given == [typed, KEY, None, None]


@pytest.mark.parametrize(("option", "status"), [("--help", 0), ("--nonsense", 2)])
def test_help_and_wrong_options_are_those_of_deploy_sh(person: Person, option: str, status: int) -> None:
    done = person.run("deploy", option, status=status)

    assert "./deploy.sh" in done.out + done.err


class TestApiKey:
    @pytest.fixture(autouse=True)
    def _stack(self, person: Person) -> None:  # noqa: ARG002 - its account
        made = boto3.client("apigateway").create_api_key(name="travel", value="a" * 20)
        template = {
            "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
            "Outputs": {"ApiKeyId": {"Value": made["id"]}},
        }
        formation = boto3.client("cloudformation")
        formation.create_stack(StackName="travel-gpt-backend-dev", TemplateBody=json.dumps(template))

    @pytest.mark.parametrize("named", [("--env", "dev"), ("--stack", "travel-gpt-backend-dev")])
    def test_prints_the_key_of_a_stack_alone(self, person: Person, named: tuple[str, str]) -> None:
        assert person.run("api-key", *named).out == "a" * 20 + "\n"

    def test_without_a_stack_says_so(self, person: Person) -> None:
        person.run("api-key", status=1, says="no stack travel-gpt-backend")
