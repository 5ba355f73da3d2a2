"""Building the package and deploying the stack, both with sam."""

import re
import time
from collections.abc import Sequence
from typing import Final

from travel_gpt.cli.deploy.console import CliError, Console
from travel_gpt.cli.deploy.parameters import Environment, Parameter, overrides
from travel_gpt.cli.deploy.shell import Commands
from travel_gpt.cli.deploy.stack import Stack, first_failure, read_stack

_HINTS: Final = (
    (
        "CloudWatch Logs role ARN",
        "API Gateway has no role to write logs with: repeat with --create-logging-role.",
    ),
    (
        "UnreservedConcurrentExecution",
        "There is too little concurrency to set any aside: repeat with --parameter ReservedConcurrency=",
    ),
    (
        # The recordings have it of a role whose permissions were seconds old; aws-samples/
        # aws-codepipeline-bitbucket-integration issue 19 of an organization's policy.
        "does not have permissions to call",
        (
            "Lambda may not know of the role's new permissions yet: repeat the same command. If it fails "
            "again, a policy of your organization (SCP) or a permissions boundary denies them."
        ),
    ),
    (
        "is not allowed to be used with",
        "Let CloudWatch Logs use the KMS key: see the statement in docs/operations/compliance.md.",
    ),
    (
        "already exists",
        "Something of that name is left from elsewhere. Delete or rename it, then repeat.",
    ),
    (
        "not authorized to perform",
        "Ask whoever administers the account for the permission named there, then repeat.",
    ),
    (
        "Parameter",
        "Repeat with --parameter Name=Value and a value that template.yaml allows.",
    ),
)


# A row of sam's table of events: status, type, name, reason.
_EVENT: Final = re.compile(r"(\w+_(?:COMPLETE|FAILED))\s+(?:AWS|Custom)::\S+\s+(\S+)\s*(.*)")
_ADVICE: Final = re.compile(r"Built (Artifacts|Template)|Commands you can use next|=+$|\[\*\]")


def _build_gist(line: str) -> str:
    # What sam says one could do next is done here.
    return "" if _ADVICE.match(line) else line.strip()


def _deploy_gist(line: str) -> str:
    line = line.strip()
    if event := _EVENT.match(line):
        status, name, reason = event.groups()
        return f"{status:<16} {name}" + (f": {reason}" if status.endswith("_FAILED") else "")
    return line if line.startswith(("Error", "Uploading", "Warning")) else ""


def build(commands: Commands, console: Console, environment: Environment) -> None:
    """Build the package.

    Args:
        commands: the command lines.
        console: where sam's output is shown.
        environment: the environment.

    Raises:
        Stop: sam failed.
    """
    status, _ = commands.shown(console, _build_gist, "sam", "build", "--config-env", environment.section)
    if status:
        raise CliError(
            "The package could not be built; nothing was changed in AWS. The reason is in sam's lines above. "
            "The build needs the network for the packages it locks, and make. Mend that and repeat."
        )


def deploy(
    commands: Commands,
    console: Console,
    environment: Environment,
    region: str,
    parameters: Sequence[Parameter],
    flags: str,
) -> tuple[Stack, bool]:
    """Deploy what was built, and wait for it.

    Args:
        commands: the command lines.
        console: where sam's output is shown.
        environment: the environment.
        region: the AWS region.
        parameters: every parameter of the template.
        flags: the region's and profile's flags for printed commands.

    Returns:
        The stack afterwards, and whether anything about it changed.

    Raises:
        AwsError: the stack could not be read afterwards.
        Stop: the deployment failed; the sentence has the first reason.
    """
    began = time.monotonic()
    status, lines = commands.shown(
        console,
        _deploy_gist,
        "sam",
        "deploy",
        "--config-env",
        environment.section,
        "--stack-name",
        environment.stack,
        "--region",
        region,
        "--no-confirm-changeset",
        "--no-fail-on-empty-changeset",
        "--no-progressbar",
        "--parameter-overrides",
        *overrides(parameters),
    )
    if status:
        raise CliError(_why(commands, environment.stack, lines, flags))
    changed = not any("No changes to deploy" in line for line in lines)
    if changed:
        console.good(f"Deployed in {time.monotonic() - began:.0f} s.")
    return read_stack(commands, environment.stack), changed


def _why(commands: Commands, name: str, lines: Sequence[str], flags: str) -> str:
    after = read_stack(commands, name)
    # A change set that CloudFormation refuses leaves no event, so sam's own last words count.
    refused = next((line for line in reversed(lines) if line.startswith("Error: ")), "")
    failure = None if "changeset" in refused or not after.exists else first_failure(commands, name)
    if failure:
        said = failure[1]
        told = f"The deployment failed at {failure[0]}:\n    {said}"
    else:
        said = re.sub(r"^Error: (.*operation: |.*Reason: )?", "", refused)
        told = f"The deployment failed: {said or 'these are the last words of sam.'}"
        if not said:
            told = "\n    ".join([told, *lines[-8:]])
    hint = next((hint for words, hint in _HINTS if words in said), "Mend that and repeat the same command.")
    if after.dead:
        hint += " What was half made has been rolled back; deploy.sh will offer to clear it away."
    elif after.status == "UPDATE_ROLLBACK_COMPLETE" or (after.exists and not failure):
        hint += " The stack is as it was before."
    if not failure:
        return f"{told}\n{hint}"
    events = f"aws cloudformation describe-stack-events --stack-name {name}{flags}"
    return f"{told}\n{hint}\nEverything that happened:\n    {events}"
