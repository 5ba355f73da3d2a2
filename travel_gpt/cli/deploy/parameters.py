"""The template's parameters: what they are, what they were, what they become."""

import re
import shlex
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from travel_gpt.cli.aws_session import AwsSession
from travel_gpt.cli.deploy.options import ENVIRONMENTS
from travel_gpt.cli.errors import CliError

FOR_A_NEW_STACK: Final = {"CredentialExpiry": "enforce", "WebPage": "enabled"}
"""What a stack gets when it is created, where the template's default keeps what existing stacks do: an update
takes the default of a parameter that the stack does not have yet."""

_NO_RESOURCES: Final = "Resources: {None: {Type: AWS::CloudFormation::WaitConditionHandle}}\n"


@dataclass(frozen=True, slots=True)
class Environment:
    """What samconfig.toml says about an environment."""

    section: str
    """The name of its section, for ``--config-env``."""
    stack: str
    overrides: Mapping[str, str]
    """The template parameters that it sets."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of the template, before and after."""

    name: str
    old: str | None
    """Its value in the stack; None when it has none there."""
    new: str
    start: str
    """What a new stack would get: of samconfig.toml, ``FOR_A_NEW_STACK`` and the template's default the first
    that has a value."""


def read_environment(name: str) -> Environment:
    """Read an environment from samconfig.toml.

    Args:
        name: ``prod``, ``staging`` or ``dev``.

    Returns:
        What the file says about it.

    Raises:
        CliError: the file does not name its stack.
    """
    section = ENVIRONMENTS[name]
    try:
        commands = tomllib.loads(Path("samconfig.toml").read_text("utf-8"))[section]
        # The way sam reads it: what is said for deploy wins over what is said for all commands.
        said: dict[str, Any] = {}
        for command in ("global", "deploy"):
            said |= commands.get(command, {}).get("parameters", {})
        stack = said["stack_name"]
    except (OSError, ValueError, KeyError) as wrong:
        raise CliError(
            f"samconfig.toml does not name the stack of '{name}' ([{section}.global.parameters] stack_name): "
            f"{wrong!r}\nGet the file back with: git checkout samconfig.toml"
        ) from None
    return Environment(section, stack, _overrides(said.get("parameter_overrides", [])))


def _overrides(written: Any) -> dict[str, str]:
    if isinstance(written, Mapping):
        return {str(name): str(value) for name, value in written.items()}
    pairs = (
        shlex.split(written)
        if isinstance(written, str)
        else [p for text in written for p in shlex.split(text)]
    )
    return {name: value for name, _, value in (pair.partition("=") for pair in pairs)}


def read_template(aws: AwsSession) -> list[dict[str, Any]]:
    """Ask CloudFormation which parameters template.yaml has.

    Args:
        aws: the AWS session.

    Returns:
        The parameters as CloudFormation's GetTemplateSummary describes them.

    Raises:
        ClientError: AWS refused.
    """
    # The whole is longer than CloudFormation takes in a request; sam deploys it by way of S3.
    head = Path("template.yaml").read_text("utf-8").partition("\nResources:\n")[0]
    summary: Any = aws.client("cloudformation").get_template_summary(TemplateBody=f"{head}\n{_NO_RESOURCES}")
    parameters: list[dict[str, Any]] = summary["Parameters"]
    return parameters


def merge(
    template: Sequence[Mapping[str, Any]],
    *,
    given: Mapping[str, str],
    current: Mapping[str, str],
    environment: Environment,
) -> list[Parameter]:
    """Work out what each parameter becomes.

    What is given now wins, then what the stack has, then samconfig.toml, then, where the stack is new,
    ``FOR_A_NEW_STACK``, then the template's default: an update never resets what the owner set earlier.

    Args:
        template: the template's parameters.
        given: what was asked for now.
        current: what the stack has; empty for a new one.
        environment: the environment.

    Returns:
        All parameters of the template, in its order.

    Raises:
        CliError: a parameter is unknown, has no value or one that the template does not allow.
    """
    names = [parameter["ParameterKey"] for parameter in template]
    for name in given:
        if name not in names:
            raise CliError(f"template.yaml has no parameter {name}. It has: {', '.join(sorted(names))}.", 2)
    merged = []
    for parameter in template:
        name = parameter["ParameterKey"]
        unset = environment.overrides.get(name, parameter.get("DefaultValue"))
        start = environment.overrides.get(name, FOR_A_NEW_STACK.get(name, unset))
        value = given.get(name, current.get(name, unset if current else start))
        if value is None:
            raise CliError(f"{name} has no value yet. Add: --parameter {name}=...", 2)
        allowed = [
            str(option) for option in parameter.get("ParameterConstraints", {}).get("AllowedValues", [])
        ]
        if allowed and str(value) not in allowed:
            raise CliError(f"{name} must be one of {', '.join(allowed)}, not '{value}'.", 2)
        merged.append(Parameter(name, current.get(name), str(value), str(start)))
    return sorted(merged, key=lambda parameter: names.index(parameter.name))


def overrides(parameters: Sequence[Parameter]) -> list[str]:
    """Write parameters the way ``sam deploy --parameter-overrides`` reads them, all of them.

    sam drops samconfig.toml's list when there is one on the command line, and CloudFormation keeps the
    previous value of what is left out: so nothing is left out.

    Args:
        parameters: the parameters.

    Returns:
        One argument for each.
    """
    return [
        '{}="{}"'.format(parameter.name, re.sub(r'(["\'])', r"\\\1", parameter.new))
        for parameter in parameters
    ]
