"""template.yaml as CloudFormation would deploy it: SAM expanded, conditions and references resolved."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testbed.stacks import document
from testbed.stacks.intrinsics import NO_VALUE, Resolver

ROOT = Path(__file__).resolve().parent.parent.parent
STACK = "travel-gpt-backend"
PSEUDO_PARAMETERS = {
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::Region": "eu-central-1",
    "AWS::StackName": STACK,
    "AWS::URLSuffix": "amazonaws.com",
}


class _Made:
    """A resource as if created: its id is its logical id in angle brackets, its attributes likewise."""

    def __init__(self, logical_id: str) -> None:
        self.physical_id = f"<{logical_id}>"
        self.attributes: Any = _Attributes(logical_id)


class _Attributes(defaultdict[str, str]):
    def __init__(self, logical_id: str) -> None:
        super().__init__()
        self._logical_id = logical_id

    def __contains__(self, attribute: object) -> bool:
        return True

    def __missing__(self, attribute: str) -> str:
        return f"<{self._logical_id}.{attribute}>"


@dataclass(frozen=True)
class CompiledStack:
    """What one set of parameters deploys.

    Attributes:
        resources: by logical id, as in the template but resolved; those whose condition fails are absent.
        outputs: the values by name.
    """

    resources: dict[str, dict[str, Any]]
    outputs: dict[str, str]

    def all(self, kind: str) -> dict[str, dict[str, Any]]:
        """The properties of every resource of a type, by logical id."""
        return {
            logical_id: resource.get("Properties", {})
            for logical_id, resource in self.resources.items()
            if resource["Type"] == kind
        }

    def of(self, logical_id: str) -> dict[str, Any]:
        """The properties of a resource by its logical id."""
        properties: dict[str, Any] = self.resources[logical_id]["Properties"]
        return properties

    def one(self, kind: str) -> dict[str, Any]:
        """The properties of the only resource of a type."""
        (properties,) = self.all(kind).values()
        return properties


def read_template() -> dict[str, Any]:
    """The template as it is written, with its SAM resources."""
    return document.parse(template_text())


def template_text() -> str:
    """The template's text."""
    return (ROOT / "template.yaml").read_text("utf-8")


def compile_stack(*, stack_name: str = STACK, partition: str = "aws", **parameters: str) -> CompiledStack:
    """Compile the template.

    Args:
        stack_name: the stack's name.
        partition: the part of AWS that it is in.
        parameters: what differs from the parameters' defaults.

    Returns:
        The resources and outputs, resolved.
    """
    # As sam deploy does: it uploads the package and says where it is.
    packaged = template_text().replace("CodeUri: .\n", "CodeUri: s3://artifacts/package.zip\n")
    compiled = document.read(packaged, parameters, PSEUDO_PARAMETERS["AWS::Region"])
    present: set[str] = set()

    def made(logical_id: str) -> _Made:
        # What is absent cannot be referred to: CloudFormation would refuse the template.
        assert logical_id in present, f"{logical_id} does not exist with {parameters}"
        return _Made(logical_id)

    pseudo = {**PSEUDO_PARAMETERS, "AWS::StackName": stack_name, "AWS::Partition": partition}
    resolver = Resolver(compiled, pseudo, made)

    def there(item: Mapping[str, Any]) -> bool:
        return "Condition" not in item or resolver.condition(item["Condition"])

    resources = {name: item for name, item in compiled.template["Resources"].items() if there(item)}
    present |= set(resources)
    outputs = {name: item for name, item in compiled.template["Outputs"].items() if there(item)}
    resolved = {name: resolver.value(item) for name, item in resources.items()}
    assert NO_VALUE not in resolved.values()
    return CompiledStack(resolved, {name: resolver.value(item["Value"]) for name, item in outputs.items()})
