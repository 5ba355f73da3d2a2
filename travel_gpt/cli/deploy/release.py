"""Building the package, deploying the stack, both with sam, and calling the API that was deployed."""

import json
import re
import shlex
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from travel_gpt.cli.aws_session import AwsSession
from travel_gpt.cli.console import Console
from travel_gpt.cli.deploy import page
from travel_gpt.cli.deploy.options import Options
from travel_gpt.cli.deploy.parameters import Environment, Parameter, overrides
from travel_gpt.cli.deploy.stack import first_failure, is_failed
from travel_gpt.cli.errors import AWS_CLI, CliError
from travel_gpt.cli.stack import Health, Stack, get_health, read_stack
from travel_gpt.redaction import redact


def run_sam(
    environment: Mapping[str, str], console: Console, gist: Callable[[str], str], *arguments: str
) -> tuple[int, list[str]]:
    """Run ``sam`` and show the gist of what it prints while it runs.

    Args:
        environment: what it is started with. The OpenAI key is not in it.
        console: where to show it.
        gist: makes what is shown of a line; nothing to leave it out.
        arguments: the command and its options.

    Returns:
        Its exit status and the lines that it printed.
    """
    lines: list[str] = []
    with subprocess.Popen(
        ["sam", *arguments],
        # Through a pipe its output would otherwise come in lumps, and narrow tables would break names.
        env={"SAM_CLI_TELEMETRY": "0", **environment, "PYTHONUNBUFFERED": "1", "COLUMNS": "240"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    ) as running:
        for line in running.stdout or ():
            lines.append(redact(line.rstrip()))
            if shown := gist(lines[-1]):
                console.say(f"  | {shown}")
    return running.returncode, lines


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
    return f"{text}\n{hint}\nEverything that happened, {AWS_CLI}:\n    {events}"


_QUERY: Final = "Three days in Lisbon in May?"
# A new API and a new role are not known everywhere at once.
_PROPAGATION: Final = 90.0
_ANSWERED: Final = 15.0
_PAUSE: Final = 3.0
_PERMANENT: Final = frozenset({"invalid_secret", "misconfigured", "credential_rejected", "invalid_parameter"})
"""Causes that do not go away by waiting."""


def check_health(console: Console, stack: Stack, logs: str, *, verify: str = "") -> None:
    """GET the API until it is healthy, and print what it answers.

    Args:
        console: where to say it.
        stack: the stack.
        logs: the command that shows the function's log.
        verify: what to verify besides, as GET's parameter of that name takes it.

    Raises:
        CliError: it is not healthy, or cannot be reached, within a bounded time.
    """
    url = stack.outputs["ApiUrl"] + (f"?verify={verify}" if verify else "")
    health = wait_for_health(console, lambda: get_health(url))
    if health.is_good:
        accepted = f", and {health.verifier} accepted it" if health.verifier else ""
        console.good(f"It is healthy: 200, {health.body.get('message', 'success')}{accepted}.")
        return
    again = f"Then look again:\n    curl {shlex.quote(url)}"
    if _is_ours(health):
        raise CliError(
            f"The stack is deployed, and its health check answers {health.status}, {health.code}: "
            f"{health.body.get('message', '')}\nIts log says more:\n    {logs}\n{again}"
        )
    raise CliError(
        f"The stack is deployed, and its API {health.reason} when it is called from here.\n"
        f"If there is a proxy or a firewall, let https through to {url.split('/')[2]}; if it is new, give it "
        f"a minute. {again}\nThe function's log:\n    {logs}"
    )


def wait_for_health(console: Console, ask: Callable[[], Health]) -> Health:
    """Ask a function for its health until that is good, or there is no point in asking again.

    Args:
        console: where to say that it waits.
        ask: asks once.

    Returns:
        The last answer, within a bounded time.
    """
    began = time.monotonic()
    waiting = False
    while True:
        health = ask()
        waited = time.monotonic() - began
        longest = _ANSWERED if _is_ours(health) else _PROPAGATION
        if health.is_good or health.code in _PERMANENT or waited > longest:
            return health
        if not waiting:
            waiting = True
            console.say(
                f"Not healthy yet ({health.code or health.reason}). What is new is not known everywhere at "
                "once: waiting."
            )
        time.sleep(_PAUSE)


def _is_ours(health: Health) -> bool:
    """Tell whether the function answered, and not API Gateway."""
    return "has_api_key" in health.body


def logs_command(stack: str, flags: str) -> str:
    """Write the command that follows the function's log.

    Args:
        stack: the stack's name.
        flags: the region's and profile's flags.

    Returns:
        The command.
    """
    return f"sam logs -n TravelGPTFunction --stack-name {stack}{flags} --tail"


def show_commands(console: Console, stack: Stack, options: Options, flags: str) -> None:
    """Print the commands to try, the next one to type last.

    Args:
        console: where to print them.
        stack: the stack.
        options: what the person asked for.
        flags: the region's and profile's flags.
    """
    url, verify = (shlex.quote(stack.outputs["ApiUrl"] + query) for query in ("", "?verify=true"))
    body = shlex.quote(json.dumps({"query": _QUERY}))
    commands = {
        "Health, and whether the model's server accepts the key": f"curl {url}\n  curl {verify}",
        "Logs": logs_command(stack.name, flags),
    }
    header = ""
    # The key is there as well while the API is open.
    if "ApiKeyId" in stack.outputs and stack.outputs.get("ApiAccess") != "open":
        read_key = f"travel-gpt api-key --stack {stack.name}{flags}"
        commands["The API key of the client owner, which is you"] = read_key
        header = f' -H "x-api-key: $({read_key})"'
    commands |= page.commands(stack, options, flags)
    commands["Next, ask it something"] = f"curl {url}{header} -H 'Content-Type: application/json' -d {body}"
    for title, command in commands.items():
        console.heading(title)
        console.say(f"  {command}")
