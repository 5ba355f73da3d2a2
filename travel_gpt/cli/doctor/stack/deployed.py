"""A deployed stack as AWS describes it, and whether it is what template.yaml of this folder says."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import boto3
import yaml

import travel_gpt
from travel_gpt.aws.failures import AWS_ERRORS
from travel_gpt.cli.aws_session import cli_error_of
from travel_gpt.cli.doctor.check_result import CheckResult, ok, problem, warning
from travel_gpt.cli.errors import AWS_CLI, USAGE, CliError
from travel_gpt.cli.stack import Stack, read_stack
from travel_gpt.settings import Settings

FUNCTION = "TravelGPTFunction"
STREAM_FUNCTION = "TravelGPTStreamFunction"


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of the stack."""

    logical: str
    physical: str
    type: str


@dataclass(frozen=True)
class Deployed:
    """The stack, its resources and its function."""

    stack: Stack
    resources: dict[str, Resource]
    """By logical id."""
    function: Mapping[str, Any] = field(default_factory=dict)
    """The function's configuration."""
    stream_function: Mapping[str, Any] = field(default_factory=dict)
    """That of the function that streams; empty in a stack of a version without one."""

    @classmethod
    def look_up(cls, name: str) -> "Deployed":
        """Ask AWS about a stack.

        Args:
            name: its name.

        Returns:
            The stack.

        Raises:
            CliError: there is none, or it cannot be read.
        """
        formation = boto3.client("cloudformation")
        try:
            stack = read_stack(formation, name)
            if not stack.exists:
                raise CliError(
                    f"There is no stack {name} in this account and region. Deploy it with ./deploy.sh, or "
                    "name it with --stack, and its place with --region and --profile.",
                    USAGE,
                )
            pages = formation.get_paginator("list_stack_resources").paginate(StackName=name)
            listed = [each for page in pages for each in page["StackResourceSummaries"]]
            resources = {
                name: Resource(name, each.get("PhysicalResourceId", ""), each["ResourceType"])
                for each in listed
                for name in [each["LogicalResourceId"]]
            }
            if FUNCTION not in resources:
                raise CliError(f"{name} is not a stack of Travel GPT: it has no {FUNCTION}.", USAGE)
            functions = boto3.client("lambda")
            function, stream_function = (
                functions.get_function_configuration(FunctionName=resources[each].physical)
                if each in resources
                else {}
                for each in (FUNCTION, STREAM_FUNCTION)
            )
        except AWS_ERRORS as failed:
            raise CliError(cli_error_of(failed).sentence, USAGE) from None
        return cls(stack, resources, function, stream_function)

    @property
    def variables(self) -> dict[str, str]:
        """The function's environment variables."""
        return variables_of(self.function)

    @property
    def settings(self) -> Settings:
        """What the function's environment says."""
        return Settings.load(self.variables)

    def of_type(self, kind: str) -> list[Resource]:
        """Return the resources of one type, such as ``AWS::Logs::LogGroup``."""
        return [each for each in self.resources.values() if each.type == kind]


def variables_of(function: Mapping[str, Any]) -> dict[str, str]:
    """Return the environment variables of a function.

    Args:
        function: its configuration.
    """
    return dict(function.get("Environment", {}).get("Variables", {}))


try:
    from yaml import CSafeLoader as SafeLoader
except ImportError:  # PyYAML was built without libyaml, which reads ten times as fast
    from yaml import SafeLoader  # type: ignore[assignment]

NAME: Final = "template.yaml"
_SHOWN: Final = 6
"""Names in one line at most."""


class _Loader(SafeLoader):
    """YAML with CloudFormation's short forms, read as their long ones."""


def _long_form(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type] # the third kind there is
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _long_form)


def parse(text: str) -> dict[str, Any]:
    """Read a template in YAML or JSON.

    Args:
        text: the template.

    Returns:
        The template, with every function in its long form.

    Raises:
        ValueError: it is no template.
    """
    try:
        document = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as wrong:
        raise ValueError("it is neither YAML nor JSON") from wrong
    if not isinstance(document, dict) or "Resources" not in document:
        raise ValueError("it has no resources")
    return document


def find_template() -> Path | None:
    """Return template.yaml of the clone that this runs from, or of the current folder; None without one."""
    beside = Path(travel_gpt.__file__).resolve().parent.parent
    return next((folder / NAME for folder in (beside, Path.cwd()) if (folder / NAME).is_file()), None)


def check_template(deployed: Deployed, path: Path | None) -> Iterator[CheckResult]:
    """Compare the template that was deployed with the one of this clone.

    As both were written, without what sam changes on the way: where the code is, and metadata. The code
    itself and the values of parameters are not compared.

    Args:
        deployed: the stack.
        path: the template to compare with; None where there is none.
    """
    if path is None:
        yield warning(
            "template", f"not compared: there is no {NAME} here", "Run it in a clone of Travel GPT."
        )
        return
    body: Any = boto3.client("cloudformation").get_template(
        StackName=deployed.stack.name, TemplateStage="Original"
    )
    text = body["TemplateBody"]
    try:
        there = parse(text) if isinstance(text, str) else dict(text)
        here = parse(path.read_text(encoding="utf-8"))
    except ValueError as wrong:
        yield warning("template", f"not compared: {wrong}", "Deploy again: ./deploy.sh")
        return
    differences = list(compare(there, here))
    if not differences:
        yield ok("template", f"what is deployed is {NAME} of this clone (code and parameters not compared)")
    else:
        more = f" and {len(differences) - _SHOWN} more" if len(differences) > _SHOWN else ""
        yield warning(
            "template",
            f"what is deployed differs from {NAME} of this clone: {', '.join(differences[:_SHOWN])}{more}",
            "If this clone is the newer one, deploy it: ./deploy.sh. If not, fetch the newer one.",
        )


def compare(there: Mapping[str, Any], here: Mapping[str, Any]) -> Iterator[str]:
    """Name what differs between two templates.

    Args:
        there: the deployed one.
        here: the one of this clone.
    """
    for section in ("Resources", "Parameters", "Conditions", "Outputs"):
        deployed, local = there.get(section, {}), here.get(section, {})
        for name in sorted({*deployed, *local}):
            if name not in local:
                yield f"{name} is deployed only"
            elif name not in deployed:
                yield f"{name} is here only"
            elif _plain(deployed[name]) != _plain(local[name]):
                yield f"{name} differs"


def _plain(value: Any) -> Any:
    """Return a piece of a template without what sam writes into it."""
    if isinstance(value, Mapping):
        kept = {name: each for name, each in value.items() if name not in {"Metadata", "CodeUri"}}
        if set(value) == {"Fn::GetAtt"} and isinstance(value["Fn::GetAtt"], str):
            kept = {"Fn::GetAtt": value["Fn::GetAtt"].split(".", 1)}
        return {str(name): _plain(each) for name, each in kept.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    # CloudFormation takes 5 and "5", true and "true" for the same.
    return str(value).lower() if isinstance(value, bool) else str(value)


def check_drift(deployed: Deployed) -> Iterator[CheckResult]:
    """Say what CloudFormation's own drift detection found when it was last run."""
    drift = deployed.stack.drift
    status = drift.get("StackDriftStatus", "NOT_CHECKED")
    name = deployed.stack.name
    when = f", checked on {drift['LastCheckTimestamp']:%Y-%m-%d}" if "LastCheckTimestamp" in drift else ""
    if status == "DRIFTED":
        yield problem(
            "drift",
            f"resources were changed manually{when}",
            f"See which {AWS_CLI}: aws cloudformation describe-stack-resource-drifts --stack-name {name}",
        )
    elif status == "IN_SYNC":
        yield ok("drift", f"no resource was changed manually{when}")
    else:
        yield warning(
            "drift",
            "drift detection was not run",
            f"Run it {AWS_CLI}: aws cloudformation detect-stack-drift --stack-name {name}",
        )
