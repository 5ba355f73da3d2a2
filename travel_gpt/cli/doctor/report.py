"""``travel-gpt doctor``: run the checks, and show what they found."""

import json
import os
import shlex
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from travel_gpt.aws.failures import AWS_ERRORS, AwsFailure, Kind
from travel_gpt.cli.aws_session import cli_error_of
from travel_gpt.cli.console import Console
from travel_gpt.cli.doctor.check_result import Check, CheckResult, State, security_results, warning
from travel_gpt.cli.errors import DONE, FAILED, USAGE, CliError
from travel_gpt.settings import Settings

VERIFY_KEY: Final = "verify the key with one live call"
MEASURING: Final = "Measuring a streamed answer"
_ASK: Final = 'travel-gpt ask "Three days in Lisbon?"'
_ASK_IT: Final = "ask it something"
_MARKS: Final = {
    State.OK: ("ok     ", "good"),
    State.WARNING: ("warning", "note"),
    State.PROBLEM: ("PROBLEM", "bad"),
}


def examine_machine(console: Console, *, verify: bool, stream: bool, url: str | None, as_json: bool) -> int:
    """Check this machine: its settings, and the key that they lead to.

    Args:
        console: where to show it.
        verify: whether to make one live call.
        stream: whether to measure a streamed answer.
        url: the API to measure it at; None for the local server.
        as_json: whether to print it for another program.

    Returns:
        The exit status.
    """
    from travel_gpt.cli.doctor import local_checks

    settings = Settings.load(os.environ)
    found = [
        *local_checks.check_settings(settings, os.environ),
        *local_checks.check_env_file(Path.cwd(), settings),
    ]
    next_command = ("", "")
    if not settings.problems:
        with console.working("Asking for the key"):
            key = local_checks.look_for_key(settings, os.environ)
        found += key.findings
        if key.is_stored:
            found += security_results(settings, access="API_ACCESS" in os.environ)
        if verify and key.credential is not None:
            with console.working("Verifying the key"):
                found.append(local_checks.check_live(key.credential, settings))
        next_command = key.next_command(verified=verify)
    if stream:
        from travel_gpt.cli.doctor.stream import check_url

        with console.working(MEASURING):
            found += check_url(url, console)
        next_command = f"{_ASK}{f' --url {shlex.quote(url)}' if url else ''}", _ASK_IT
    return report("this machine", found, console, as_json=as_json, again=next_command)


def examine_stack(
    stack: str | None,
    env: str | None,
    flags: str,
    console: Console,
    *,
    verify: bool,
    stream: bool,
    as_json: bool,
) -> int:
    """Check a deployed stack.

    Args:
        stack: its name; None for the one of ``env``.
        env: the environment, if that was given instead.
        flags: the options of region and profile, for the next command to type.
        console: where to show it.
        verify: whether the function is to make one live call.
        stream: whether to measure a streamed answer.
        as_json: whether to print it for another program.

    Returns:
        The exit status.

    Raises:
        CliError: there is no such stack, or AWS cannot be asked.
    """
    from travel_gpt.cli.doctor.stack.checks import checks_of
    from travel_gpt.cli.doctor.stack.deployed import Deployed
    from travel_gpt.cli.target import STACKS

    if stack and env:
        raise CliError("Give --stack or --env, not both: they name the stack in two ways.", USAGE)
    name = stack or STACKS[env or "prod"]
    with console.working(f"Looking at {name}"):
        deployed = Deployed.look_up(name)
    found: list[CheckResult] = []
    for title, check in checks_of(deployed, verify=verify):
        with console.working(f"Checking {title}"):
            found += run(title, check)
    options = (f" --env {env}" if env else f" --stack {name}") + flags
    again = "" if verify else f"travel-gpt doctor{options} --verify", VERIFY_KEY
    if stream:
        from travel_gpt.cli.doctor.stream import CHECK, check_stack_stream

        with console.working(MEASURING):
            found += run(CHECK, partial(check_stack_stream, deployed, options, console))
        again = f"{_ASK}{options}", _ASK_IT
    return report(f"stack {name}", found, console, as_json=as_json, again=again)


def run(title: str, check: Check) -> list[CheckResult]:
    """Run one check. What the caller may not look at is a warning, and the other checks go on.

    Args:
        title: what it looks at.
        check: the check.

    Returns:
        What it found.

    Raises:
        CliError: AWS cannot be asked at all.
    """
    try:
        return list(check())
    except AWS_ERRORS as failed:
        error, failure = cli_error_of(failed), AwsFailure.of(failed)
        if error.status == USAGE:
            raise error from None
        why = "you may not look" if failure.kind is Kind.DENIED else "AWS did not answer"
        return [
            warning(
                title,
                f"not checked: {why} ({failure.message})",
                "Ask an administrator of the account for that permission.",
            )
        ]


def report(
    about: str, found: Sequence[CheckResult], console: Console, *, as_json: bool, again: tuple[str, str]
) -> int:
    """Show what was found.

    Args:
        about: what was checked.
        found: what was found.
        console: where to show it.
        as_json: whether to print it for another program.
        again: the next command to type where all is well, and why; an empty one where there is none.

    Returns:
        The exit status: 1 where there is a problem, else 0.
    """
    problems, warnings = _count(found, State.PROBLEM), _count(found, State.WARNING)
    if as_json:
        findings = [
            {
                "check": each.check,
                "state": each.state.value,
                "says": each.says,
                "fix": each.fix,
                "mend": each.fix,
                **({"measured": each.measured} if each.measured else {}),
            }
            for each in found
        ]
        console.raw(
            json.dumps(
                {"about": about, "problems": problems, "warnings": warnings, "findings": findings}, indent=2
            )
        )
        return FAILED if problems else DONE
    console.say(f"Travel GPT: {about}", "heading")
    width = max(len(each.check) for each in found)
    for each in found:
        mark, style = _MARKS[each.state]
        console.say(
            f"{mark}  {each.check.ljust(width)}  {each.says}", style if each.state != State.OK else ""
        )
        if each.fix:
            console.say(f"{' ' * (width + 11)}fix: {each.fix}")
    well = len(found) - problems - warnings
    console.say(f"\n{well} ok, {warnings} to know about, {problems} to fix.", "bad" if problems else "good")
    if problems:
        console.say("Fix the first problem, then run it again.")
    elif again[0]:
        console.next(*again)
    return FAILED if problems else DONE


def _count(found: Iterable[CheckResult], state: State) -> int:
    return sum(1 for each in found if each.state is state)
