"""A deployed stack as AWS describes it."""

from dataclasses import dataclass, field
from typing import Any

from travel_gpt.cli.aws_account import AWS_FAILURES, client, code_of, stop_of
from travel_gpt.cli.errors import USAGE, CliError
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
    """The stack, its function, and what the function is told."""

    name: str
    stack: dict[str, Any]
    resources: dict[str, Resource]
    """By logical id."""
    function: dict[str, Any] = field(default_factory=dict)
    """The function's configuration."""

    @classmethod
    def look_up(cls, name: str) -> "Deployed":
        """Ask AWS about a stack.

        Args:
            name: its name.

        Returns:
            The stack.

        Raises:
            Stop: there is none, or it cannot be looked at.
        """
        formation = client("cloudformation")
        try:
            stack = formation.describe_stacks(StackName=name)["Stacks"][0]
            listed = formation.describe_stack_resources(StackName=name)["StackResources"]
        except AWS_FAILURES as failed:
            if code_of(failed) == "ValidationError":
                raise CliError(
                    f"There is no stack {name} in this account and region. Deploy it with ./deploy.sh, or "
                    "name it with --stack, and its place with --region and --profile.",
                    USAGE,
                ) from None
            raise CliError(stop_of(failed).sentence, USAGE) from None
        resources = {
            each["LogicalResourceId"]: Resource(
                each["LogicalResourceId"], each.get("PhysicalResourceId", ""), each["ResourceType"]
            )
            for each in listed
        }
        if FUNCTION not in resources:
            raise CliError(f"{name} is no stack of Travel GPT: it has no {FUNCTION}.", USAGE)
        try:
            function = client("lambda").get_function_configuration(FunctionName=resources[FUNCTION].physical)
        except AWS_FAILURES as failed:
            raise CliError(stop_of(failed).sentence, USAGE) from None
        return cls(name, stack, resources, function)

    @property
    def parameters(self) -> dict[str, str]:
        """The stack's parameters."""
        return {each["ParameterKey"]: each["ParameterValue"] for each in self.stack.get("Parameters", [])}

    @property
    def outputs(self) -> dict[str, str]:
        """The stack's outputs."""
        return {each["OutputKey"]: each["OutputValue"] for each in self.stack.get("Outputs", [])}

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
