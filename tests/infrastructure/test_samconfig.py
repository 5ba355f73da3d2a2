"""samconfig.toml: a plain `sam build && sam deploy` does the right thing in every environment."""

import tomllib
from typing import Any

import pytest
from samcli.cli.types import CfnParameterOverridesType
from samcli.commands.deploy.command import cli as deploy_command
from samcli.lib.config.samconfig import SamConfig
from samcli.lib.providers.api_provider import ApiProvider
from samcli.lib.providers.provider import Stack
from samcli.lib.providers.sam_function_provider import SamFunctionProvider
from samcli.lib.providers.sam_stack_provider import SamLocalStackProvider

from tests.support.compiled_template import ROOT, compile_stack, read_template
from travel_gpt.cli.deploy.parameters import FOR_A_NEW_STACK, merge, read_environment

SAMCONFIG = tomllib.loads((ROOT / "samconfig.toml").read_text("utf-8"))
ENVIRONMENTS = {
    "default": ("travel-gpt-backend", "travel-gpt/openai-api-key"),
    "dev": ("travel-gpt-backend-dev", "travel-gpt-dev/openai-api-key"),
    "staging": ("travel-gpt-backend-staging", "travel-gpt-staging/openai-api-key"),
}
# sam uses what its own libraries call deprecated.
SAMS_OWN_WARNING = pytest.mark.filterwarnings("ignore::DeprecationWarning")


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
    assert compile_stack(stack_name=stack, **overrides(environment)).outputs["SecretName"] == secret


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_deployment_needs_no_further_options_and_takes_what_was_built(environment: str) -> None:
    options = read_by_sam(environment, "deploy")

    wanted = {"capabilities": "CAPABILITY_IAM", "resolve_s3": True, "fail_on_empty_changeset": False}
    assert options | wanted == options
    # The region is the user's, and so is the profile.
    assert not {"region", "profile"} & set(options)
    # sam takes no notice of what it does not know: a typing mistake would change nothing, silently.
    assert set(options) <= {parameter.name for parameter in deploy_command.params}
    # Without it, sam would take the repository's folder for the package, and copy it for the build.
    commands = ("deploy", "package", "local_invoke")
    files = {read_by_sam(environment, command)["template_file"] for command in commands}
    assert files == {".aws-sam/build/template.yaml"}
    assert read_by_sam(environment, "build")["build_in_source"] is True


@SAMS_OWN_WARNING
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_sam_local_invoke_runs_the_function_with_the_environments_own_secret(environment: str) -> None:
    # When sam reads what it would give the function
    written = read_by_sam(environment, "local_invoke")["parameter_overrides"]
    function = SamFunctionProvider(read_stacks(CfnParameterOverridesType().convert(written, None, None)))
    given = function.get("TravelGPTFunction").environment["Variables"]

    # Then every variable has a value, and the secret is not that of another environment
    assert given["OPENAI_SECRET_NAME"] == ENVIRONMENTS[environment][1]
    assert all(isinstance(value, (str, int)) for value in given.values()), given


@SAMS_OWN_WARNING
def test_there_is_no_section_for_sam_local_start_api_while_sam_finds_no_api() -> None:
    configured = [name for name in ENVIRONMENTS if "local_start_api" in SAMCONFIG[name]]

    # "Template does not have any APIs connected to Lambda functions": where a template has functions of SAM's
    # own, samcli.lib.providers.api_provider looks for SAM's own APIs alone.
    assert not configured or ApiProvider(read_stacks({})).routes


class TestDevelopmentAndStaging:
    """What deploy.sh and sam take for a new stack; a parameter that a stack has stays with deploy.sh."""

    @pytest.mark.parametrize("environment", ["dev", "staging"])
    @pytest.mark.parametrize(
        "parameter", ["ThrottleRate", "ThrottleBurst", "HealthThrottleRate", "HealthThrottleBurst"]
    )
    def test_have_lower_throttles_than_production(self, environment: str, parameter: str) -> None:
        assert 1 <= float(overrides(environment)[parameter]) < float(in_production(parameter))

    @pytest.mark.parametrize("environment", ["dev", "staging"])
    def test_log_more_and_keep_it_for_less_time(self, environment: str) -> None:
        assert (overrides(environment)["LogLevel"], in_production("LogLevel")) == ("DEBUG", "INFO")
        assert int(overrides(environment)["LogRetentionDays"]) < int(in_production("LogRetentionDays"))

    @pytest.mark.parametrize("environment", ENVIRONMENTS)
    def test_are_what_deploy_sh_starts_from_and_what_the_owner_set_before_stays(
        self, environment: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(ROOT)
        name = {"default": "prod"}.get(environment, environment)
        template = [
            {"ParameterKey": key, "DefaultValue": str(spec["Default"])}
            for key, spec in read_template()["Parameters"].items()
        ]

        def values(current: dict[str, str]) -> dict[str, str]:
            merged = merge(template, given={}, current=current, environment=read_environment(name))
            return {parameter.name: parameter.new for parameter in merged}

        assert overrides(environment).items() <= values({}).items()
        own = {"ThrottleRate": "7", "LogLevel": "ERROR", "LogRetentionDays": "365"}
        assert own.items() <= values(own).items()


def in_production(parameter: str) -> str:
    return overrides("default").get(parameter, str(read_template()["Parameters"][parameter]["Default"]))


def read_stacks(parameters: dict[str, str]) -> list[Stack]:
    """The template as sam's local commands read it."""
    # The region and the account as well, so that sam does not ask for them.
    pseudo = {"AWS::Region": "us-east-1", "AWS::AccountId": "123456789012"}
    stacks: list[Stack] = SamLocalStackProvider.get_stacks(
        str(ROOT / "template.yaml"), parameter_overrides=parameters, global_parameter_overrides=pseudo
    )[0]
    return stacks


@pytest.mark.parametrize(("parameter", "kept"), [("CredentialExpiry", "warn"), ("WebPage", "disabled")])
def test_neither_sam_nor_an_update_gives_an_existing_stack_what_new_ones_have(
    parameter: str, kept: str
) -> None:
    # An update takes the default of a parameter that the stack does not have, and sam sets what is listed
    # here in existing stacks too. deploy.sh, which knows whether a stack is new, passes the other value.
    assert read_template()["Parameters"][parameter]["Default"] == kept
    assert FOR_A_NEW_STACK[parameter] != kept
    assert not [environment for environment in ENVIRONMENTS if parameter in overrides(environment)]


def test_production_deploys_the_templates_own_default_secret() -> None:
    assert read_template()["Parameters"]["SecretName"]["Default"] == overrides("default")["SecretName"]
