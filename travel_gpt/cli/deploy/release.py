"""Building the package and deploying the stack, both with sam."""

import re
import time
from collections.abc import Sequence
from typing import Final

from travel_gpt.cli.aws_session import AwsSession
from travel_gpt.cli.console import Console
from travel_gpt.cli.deploy.parameters import Environment, Parameter, overrides
from travel_gpt.cli.deploy.shell import run_sam
from travel_gpt.cli.deploy.stack import first_failure, is_failed
from travel_gpt.cli.errors import CliError
from travel_gpt.cli.stack import Stack, read_stack

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
        "Ask an administrator of the account for the permission named there, then repeat.",
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


def build(aws: AwsSession, console: Console, environment: Environment) -> None:
    """Build the package.

    Args:
        aws: the AWS session.
        console: where sam's output is shown.
        environment: the environment.

    Raises:
        CliError: sam failed.
    """
    status, _ = run_sam(
        aws.child_environment(), console, _build_gist, "build", "--config-env", environment.section
    )
    if status:
        raise CliError(
            "The package could not be built; nothing was changed in AWS. The reason is in sam's lines above. "
            "The build needs the network for the packages it locks, and make. Fix that and repeat."
        )


def deploy(
    aws: AwsSession,
    console: Console,
    environment: Environment,
    region: str,
    parameters: Sequence[Parameter],
    flags: str,
) -> tuple[Stack, bool]:
    """Deploy what was built, and wait for it.

    Args:
        aws: the AWS session.
        console: where sam's output is shown.
        environment: the environment.
        region: the AWS region.
        parameters: every parameter of the template.
        flags: the region's and profile's flags for printed commands.

    Returns:
        The stack afterwards, and whether anything about it changed.

    Raises:
        ClientError: the stack could not be read afterwards.
        CliError: the deployment failed; the sentence has the first reason.
    """
    began = time.monotonic()
    status, lines = run_sam(
        aws.child_environment(),
        console,
        _deploy_gist,
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
        raise CliError(_why(aws, environment.stack, lines, flags))
    changed = not any("No changes to deploy" in line for line in lines)
    if changed:
        console.good(f"Deployed in {time.monotonic() - began:.0f} s.")
    return read_stack(aws.client("cloudformation"), environment.stack), changed


def _why(aws: AwsSession, name: str, lines: Sequence[str], flags: str) -> str:
    after = read_stack(aws.client("cloudformation"), name)
    # A change set that CloudFormation refuses leaves no event, so sam's own last words count.
    refused = next((line for line in reversed(lines) if line.startswith("Error: ")), "")
    failure = None if "changeset" in refused or not after.exists else first_failure(aws, name)
    if failure:
        said = failure[1]
        text = f"The deployment failed at {failure[0]}:\n    {said}"
    else:
        said = re.sub(r"^Error: (.*operation: |.*Reason: )?", "", refused)
        text = f"The deployment failed: {said or 'these are the last words of sam.'}"
        if not said:
            text = "\n    ".join([text, *lines[-8:]])
    hint = next((hint for words, hint in _HINTS if words in said), "Fix that and repeat the same command.")
    if is_failed(after):
        hint += " What was half made has been rolled back; deploy.sh will offer to clear it away."
    elif after.status == "UPDATE_ROLLBACK_COMPLETE" or (after.exists and not failure):
        hint += " The stack is as it was before."
    if not failure:
        return f"{text}\n{hint}"
    events = f"aws cloudformation describe-stack-events --stack-name {name}{flags}"
    return f"{text}\n{hint}\nEverything that happened:\n    {events}"
