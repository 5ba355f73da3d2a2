"""Checks before anything else: the tools, the credentials, the region."""

import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from travel_gpt.cli.deploy.console import CliError
from travel_gpt.cli.deploy.shell import AwsError, Commands, explain

_MACOS: Final = sys.platform == "darwin"


@dataclass(frozen=True, slots=True)
class _Tool:
    name: str
    least: tuple[int, ...]
    why: str
    macos: str
    linux: str

    @property
    def how(self) -> str:
        return self.macos if _MACOS else self.linux


# aws 1.29 and 2.13 are the first that read AWS_ENDPOINT_URL; sam 1.129 the first that builds python3.13.
_AWS_1: Final = (1, 29)
_AWS: Final = _Tool(
    "aws",
    (2, 13),
    "AWS's command line",
    "brew install awscli",
    "https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html",
)
_CURL: Final = _Tool(
    "curl", (7, 55), "to call OpenAI and the API", "brew install curl", "sudo apt-get install curl"
)
_TO_DEPLOY: Final = (
    _AWS,
    _Tool(
        "sam",
        (1, 129),
        "builds and deploys the stack",
        "brew install aws-sam-cli",
        "https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/install-sam-cli.html",
    ),
    _CURL,
    _Tool("make", (3, 80), "sam build runs it", "xcode-select --install", "sudo apt-get install make"),
)
_FROM_HERE: Final = (
    "Or let the project bring aws and sam for this terminal (about 500 MB, into .venv/cloud):\n"
    '    scripts/environment.sh cloud && PATH="$PWD/.venv/cloud/bin:$PATH"'
)


@dataclass(frozen=True, slots=True)
class Account:
    """Who calls AWS, and where."""

    number: str
    caller: str
    """The caller's ARN."""
    region: str

    @property
    def partition(self) -> str:
        """``aws``, or the name of another part of AWS, such as ``aws-cn``."""
        return self.caller.split(":")[1]


def check(commands: Commands, *, region: str | None, to_deploy: bool) -> Account:
    """Check that everything needed is there.

    Args:
        commands: the command lines.
        region: the region that was asked for.
        to_deploy: whether to deploy, or only to delete.

    Returns:
        The account, as the credentials say.

    Raises:
        Stop: something is missing; the sentence names all of it and how to get it.
    """
    with ThreadPoolExecutor() as pool:
        found = [
            (tool, pool.submit(_complaint, tool, commands)) for tool in (_TO_DEPLOY if to_deploy else (_AWS,))
        ]
        missing = [(tool, complaint) for tool, future in found if (complaint := future.result())]
    wanted = [f"{complaint} ({tool.why}). Get it with:\n    {tool.how}" for tool, complaint in missing]
    if any(tool.name in ("aws", "sam") for tool, _ in missing):
        wanted.append(_FROM_HERE)
    account = None
    if not any(tool is _AWS for tool, _ in missing):
        account, complaints = _account(commands, region)
        wanted += complaints
    if wanted or account is None:
        raise CliError("\n\n".join(["Before it can begin, this is missing:", *wanted, "Then run it again."]))
    return account


def _complaint(tool: _Tool, commands: Commands) -> str:
    if shutil.which(tool.name, path=commands.environment.get("PATH")) is None:
        return f"{tool.name} is not installed"
    done = subprocess.run(
        [tool.name, "--version"],
        env=commands.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    version = re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)
    # A version manager's shim answers to the name and fails when run.
    if done.returncode != 0 or not version:
        return f"{tool.name} is there and does not run"
    numbers = tuple(int(part) for part in version[0].split("."))
    least = _AWS_1 if tool is _AWS and numbers[0] == 1 else tool.least
    if numbers < least:
        return f"{tool.name} {version[0]} is too old; {'.'.join(map(str, least))} or newer is needed"
    return ""


def _account(commands: Commands, region: str | None) -> tuple[Account | None, list[str]]:
    missing: list[str] = []
    region = region or _configured_region(commands)
    if not region:
        missing.append(
            "No AWS region is chosen. Add the one that you want to deploy to, for example:\n"
            "    ./deploy.sh --region eu-west-1"
        )
    elif not re.fullmatch(r"[a-z]{2,}(-[a-z]+)+-\d+", region):
        missing.append(f"'{region}' is not the name of an AWS region. Names look like eu-west-1.")
        region = None
    try:
        # Any region will do to ask who is calling.
        asking = Commands.for_account(region=region or "us-east-1", profile=commands.profile)
        identity = asking.aws("sts", "get-caller-identity")
    except AwsError as failed:
        missing.append(str(explain(failed, commands.profile)))
        return None, missing
    if missing or not region:
        return None, missing
    return Account(identity["Account"], identity["Arn"], region), []


def _configured_region(commands: Commands) -> str:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        if commands.environment.get(name):
            return commands.environment[name]
    try:
        done = subprocess.run(
            ["aws", "configure", "get", "region"],
            env=commands.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return ""
    return done.stdout.strip()
