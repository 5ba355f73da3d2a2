"""A deployed stack as AWS describes it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3

from travel_gpt.aws.failures import AWS_ERRORS
from travel_gpt.cli.aws_errors import cli_error_of
from travel_gpt.cli.errors import USAGE, CliError
from travel_gpt.cli.stack import Stack, read_stack
from travel_gpt.settings import Settings

FUNCTION = "TravelGPTFunction"


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
            function = boto3.client("lambda").get_function_configuration(
                FunctionName=resources[FUNCTION].physical
            )
        except AWS_ERRORS as failed:
            raise CliError(cli_error_of(failed).sentence, USAGE) from None
        return cls(stack, resources, function)

    @property
    def variables(self) -> dict[str, str]:
        """The function's environment variables."""
        return dict(self.function.get("Environment", {}).get("Variables", {}))

    @property
    def settings(self) -> Settings:
        """What the function's environment says."""
        return Settings.load(self.variables)

    def of_type(self, kind: str) -> list[Resource]:
        """Return the resources of one type, such as ``AWS::Logs::LogGroup``."""
        return [each for each in self.resources.values() if each.type == kind]
