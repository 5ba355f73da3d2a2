"""Checks before anything else: the programs, the credentials, the region. Standard library only."""

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from travel_gpt.cli.errors import CliError

if TYPE_CHECKING:
    from travel_gpt.cli.aws_session import Account, AwsSession

_MACOS: Final = sys.platform == "darwin"


@dataclass(frozen=True, slots=True)
class _Program:
    name: str
    least: tuple[int, ...]
    why: str
    macos: str
    linux: str

    def complaint(self, problem: str) -> str:
        return f"{self.name} {problem} ({self.why}). Get it with:\n    {self.macos if _MACOS else self.linux}"


_PROGRAMS: Final = (
    # 1.129 is the first that builds python3.13.
    _Program(
        "sam",
        (1, 129),
        "builds and deploys the stack",
        "brew install aws-sam-cli",
        "https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/install-sam-cli.html",
    ),
    _Program("make", (3, 80), "sam build runs it", "xcode-select --install", "sudo apt-get install make"),
)
_FROM_HERE: Final = (
    "Or let the project bring sam for this terminal (about 500 MB, into .venv/cloud):\n"
    '    scripts/environment.sh cloud && PATH="$PWD/.venv/cloud/bin:$PATH"'
)
_NO_REGION: Final = (
    "No AWS region is chosen. Add the one that you want to deploy to, for example:\n"
    "    ./deploy.sh --region eu-west-1"
)


def require_programs() -> None:
    """Check that the programs are installed, without running them.

    Raises:
        CliError: one is missing.
    """
    _require([each.complaint("is not installed") for each in _PROGRAMS if shutil.which(each.name) is None])


def check(aws: "AwsSession", *, to_deploy: bool) -> "Account":
    """Check that everything needed is there.

    Args:
        aws: the AWS session.
        to_deploy: whether to deploy, or only to delete.

    Returns:
        The account, as the credentials say.

    Raises:
        CliError: something is missing; the text names all of it and how to get it.
    """
    with ThreadPoolExecutor() as pool:
        # sam takes a second to start; meanwhile AWS is asked.
        running = [pool.submit(_problem, each) for each in _PROGRAMS if to_deploy]
        account, wanted = _account(aws)
        found = [future.result() for future in running]
    _require([each for each in found if each] + wanted)
    return account


def _require(wanted: Sequence[str]) -> None:
    if not wanted:
        return
    more = [_FROM_HERE] if any(each.startswith("sam ") for each in wanted) else []
    raise CliError(
        "\n\n".join(["Before it can begin, this is missing:", *wanted, *more, "Then run it again."])
    )


def _problem(program: _Program) -> str:
    if shutil.which(program.name) is None:
        return program.complaint("is not installed")
    done = subprocess.run(
        [program.name, "--version"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    version = re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)
    # A version manager's shim answers to the name and fails when run.
    if done.returncode != 0 or not version:
        return program.complaint("is there and does not run")
    if tuple(int(part) for part in version[0].split(".")) < program.least:
        least = ".".join(map(str, program.least))
        return program.complaint(f"{version[0]} is too old; {least} or newer is needed")
    return ""


def _account(aws: "AwsSession") -> "tuple[Account, list[str]]":
    from travel_gpt.aws.failures import AWS_ERRORS
    from travel_gpt.cli.aws_session import Account, cli_error_of

    region = aws.region_name or ""
    account = Account("", "", region)
    if region and not re.fullmatch(r"[a-z]{2,}(-[a-z]+)+-\d+", region):
        return account, [f"'{region}' is not the name of an AWS region. Names look like eu-west-1."]
    wanted = [] if region else [_NO_REGION]
    try:
        account = aws.account()
    except AWS_ERRORS as failed:
        wanted.append(str(cli_error_of(failed)))
    return account, wanted
