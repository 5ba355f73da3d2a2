"""samconfig.toml: a plain `sam build && sam deploy` does the right thing in every environment."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from samcli.commands.deploy.command import cli as deploy_command
from samcli.lib.config.samconfig import SamConfig

from tests.support.compiled_template import ROOT, compile_stack, read_template

SAMCONFIG = tomllib.loads((ROOT / "samconfig.toml").read_text("utf-8"))
ENVIRONMENTS = {
    "default": ("travel-gpt-backend", "travel-gpt/openai-api-key"),
    "dev": ("travel-gpt-backend-dev", "travel-gpt-dev/openai-api-key"),
    "staging": ("travel-gpt-backend-staging", "travel-gpt-staging/openai-api-key"),
}


def read_by_sam(environment: str, command: str) -> dict[str, Any]:
    """What sam itself reads for a command."""
    found: dict[str, Any] = SamConfig(str(ROOT), "samconfig.toml").get_all(
        [command], "parameters", environment
    )
    return found


def overrides(environment: str) -> dict[str, str]:
    pairs = SAMCONFIG[environment]["deploy"]["parameters"]["parameter_overrides"]
    return dict(pair.split("=", 1) for pair in pairs)


def test_there_are_three_environments() -> None:
    assert set(SAMCONFIG) == {"version", *ENVIRONMENTS}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_each_has_its_own_stack_and_secret(environment: str) -> None:
    stack, secret = ENVIRONMENTS[environment]

    assert read_by_sam(environment, "deploy")["stack_name"] == stack
    assert overrides(environment)["SecretName"] == secret
    compiled = compile_stack(stack_name=stack, **overrides(environment))
    assert compiled.outputs["SecretName"] == secret


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_deployment_needs_no_further_options(environment: str) -> None:
    options = read_by_sam(environment, "deploy")

    assert options["capabilities"] == "CAPABILITY_IAM"
    assert options["resolve_s3"] is True
    assert options["fail_on_empty_changeset"] is False
    # The region is the user's, and so is the profile.
    assert not {"region", "profile"} & set(options)
    # sam takes no notice of what it does not know: a typing mistake would change nothing, silently.
    assert set(options) <= {parameter.name for parameter in deploy_command.params}


@pytest.mark.parametrize("command", ["deploy", "package", "local_invoke", "local_start_api"])
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_what_was_not_built_is_neither_deployed_nor_run(environment: str, command: str) -> None:
    # Without it, sam would take the repository's folder for the package.
    assert read_by_sam(environment, command)["template_file"] == ".aws-sam/build/template.yaml"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_build_does_not_copy_the_whole_folder(environment: str) -> None:
    assert read_by_sam(environment, "build")["build_in_source"] is True


def test_production_deploys_the_templates_own_default_secret() -> None:
    assert read_template()["Parameters"]["SecretName"]["Default"] == overrides("default")["SecretName"]
