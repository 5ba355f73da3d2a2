"""Leaving a VPC, as far as it is decided before anything is changed.

CloudFormation changes a role before the function that has it, and Lambda deletes the function's network
interfaces with that role, minutes after the function has left. So it takes two deployments: with the first
the function leaves, and once the interfaces are gone the second takes the permissions from the role. With one
deployment the interfaces would stay, and keep the subnets and security groups from being deleted.

Sources: Lambda developer guide, "Giving Lambda functions access to resources in an Amazon VPC"; AWS Knowledge
Center, "lambda-eni-find-delete" (Lambda deletes unused interfaces with the function's execution role);
aws/aws-cdk issue 34400 (in one deployment, Lambda's attempts to delete them are UnauthorizedOperation).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from travel_gpt.cli.deploy.options import Options
from travel_gpt.cli.deploy.parameters import Parameter
from travel_gpt.cli.errors import CliError

PERMISSIONS: Final = "KeepVpcPermissions"
"""The parameter with which the role keeps its permissions for network interfaces."""


@dataclass(frozen=True, slots=True)
class Vpc:
    """What becomes of the role's permissions for network interfaces."""

    leaves: bool = False
    """Whether the function leaves its VPC in this run."""
    ends: bool = False
    """Whether the permissions are to end once the interfaces are gone."""

    @property
    def steps(self) -> list[str]:
        """What will happen after the first deployment, one sentence a step."""
        if not self.ends:
            return []
        first = (
            "Wait until Lambda has deleted the function's network interfaces, which can take 40 minutes."
            if self.leaves
            else "Look whether Lambda has deleted the function's network interfaces."
        )
        return [f"{first} Then deploy once more: the role loses its permissions for them."]


def resolve(options: Options, values: Mapping[str, str], current: Mapping[str, str]) -> Vpc:
    """Decide what becomes of the permissions.

    Args:
        options: what the person asked for.
        values: the parameters.
        current: what the stack has; empty for a new one.

    Returns:
        What becomes of them.

    Raises:
        CliError: half of a VPC was given, or the permissions are to end before the function has left.
    """
    if bool(values["VpcSubnetIds"]) != bool(values["VpcSecurityGroupIds"]):
        raise CliError("VpcSubnetIds and VpcSecurityGroupIds go together. Give both, or neither.", 2)
    if values["VpcSubnetIds"]:
        return Vpc()
    leaves = bool(current.get("VpcSubnetIds"))
    given = options.parameters.get(PERMISSIONS)
    if leaves and given == "disabled":
        raise CliError(
            f"The function is to leave its VPC, and deploy.sh sets {PERMISSIONS} itself for that. "
            "Leave it out.",
            2,
        )
    kept = current.get(PERMISSIONS) == "enabled"
    return Vpc(leaves=leaves, ends=(leaves or kept) and given is None)


def prepare(vpc: Vpc, parameters: Sequence[Parameter]) -> list[Parameter]:
    """Return the parameters of the first deployment: the role keeps its permissions."""
    return with_permissions("enabled", parameters) if vpc.ends else list(parameters)


def with_permissions(value: str, parameters: Sequence[Parameter]) -> list[Parameter]:
    """Return the parameters with another value for the permissions.

    Args:
        value: ``enabled`` or ``disabled``.
        parameters: every parameter of the template.

    Returns:
        The parameters.
    """
    return [replace(one, new=value) if one.name == PERMISSIONS else one for one in parameters]
