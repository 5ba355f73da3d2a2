"""What the owner of an existing stack relies on, written down for each release.

An update that replaces a resource changes the API's address, its key or its logs; one that changes a
parameter's default changes the behaviour of every stack whose owner never set it. So the record of the last
release is committed, and a test holds the template against it.

After a release: ``python -m tests.support.released_stack tests/infrastructure/released/VERSION.json``, in the
environment ``.venv/cloud``.
"""

import json
import sys
from pathlib import Path
from typing import Any

from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from tests.support.compiled_template import CompiledStack, compile_stack, read_template

REGION = "eu-central-1"
ROTATION = {
    "AdminSecretName": "travel-gpt/openai-admin-key",
    "OpenAIProjectId": "proj_travel",
    "OpenAIServiceAccountId": "sa_travel",
}
VARIANTS: dict[str, dict[str, str]] = {
    "defaults": {},
    "open": {"ApiAccess": "open", "AccessLogs": "disabled", "AlarmEmail": "owner@example.com"},
    "rotation": ROTATION,
    "keyless": {
        "Keyless": "on",
        "OpenAIIdentityProviderId": "wip_acme",
        "OpenAIServiceAccountId": "sa_travel",
    },
    "restricted": {
        "KmsKeyArn": "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "VpcSubnetIds": "subnet-0a1b2c3d",
        "VpcSecurityGroupIds": "sg-0a1b2c3d",
        "ConfigRules": "enabled",
    },
}
"""The stacks that are recorded, each by the parameters that its owner set."""

# A deployment is a copy of the API by design, and a new one is made for each change of it.
_REMADE = "AWS::ApiGateway::Deployment"


def describe(stack: CompiledStack) -> dict[str, Any]:
    """Describe what the owner of one stack relies on.

    Args:
        stack: the compiled stack.

    Returns:
        Each resource's type and the properties that CloudFormation cannot change without replacing it (from
        the ``createOnlyProperties`` of its resource schema), the names of the outputs, and the variables of
        each function.
    """
    kept = {name: item for name, item in stack.resources.items() if item["Type"] != _REMADE}
    return {
        "resources": {
            name: {"type": item["Type"], "fixed": _fixed(item["Type"], item.get("Properties", {}))}
            for name, item in sorted(kept.items())
        },
        "outputs": sorted(stack.outputs),
        "variables": {
            name: properties.get("Environment", {}).get("Variables", {})
            for name, properties in sorted(stack.all("AWS::Lambda::Function").items())
        },
    }


def describe_all() -> dict[str, Any]:
    """Describe the template's parameters and every variant of the stack."""
    return {
        "parameters": {
            name: str(rules["Default"]) for name, rules in sorted(read_template()["Parameters"].items())
        },
        "stacks": {name: describe(compile_stack(**chosen)) for name, chosen in VARIANTS.items()},
    }


def _fixed(kind: str, properties: dict[str, Any]) -> dict[str, Any]:
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, kind).schema
    names = [pointer.removeprefix("/properties/") for pointer in schema.get("createOnlyProperties", ())]
    return {name: properties[name] for name in sorted(names) if name in properties}


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(describe_all(), indent=1, sort_keys=True) + "\n", "utf-8")
