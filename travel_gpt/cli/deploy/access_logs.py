"""Whether the API has access logs. To go without them is the owner's choice, never a consequence."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from travel_gpt.aws.failures import AWS_ERRORS, AwsFailure
from travel_gpt.cli.aws_session import Account, AwsSession, cli_error_of
from travel_gpt.cli.console import Console
from travel_gpt.cli.deploy import logging_role
from travel_gpt.cli.deploy.logging_role import NAME, POLICY, RoleNotUsable, RoleState
from travel_gpt.cli.deploy.options import Options
from travel_gpt.cli.deploy.parameters import Parameter
from travel_gpt.cli.errors import CliError

_NONE: Final = "API Gateway has no role to write access logs with in this region."


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done about access logs."""

    on: bool
    role: RoleState | None = None
    """What there is of the logging role, where it is to be named to API Gateway."""
    note: str = ""
    """What the person should know."""


def resolve(
    aws: AwsSession,
    console: Console,
    options: Options,
    account: Account,
    *,
    wanted: bool,
) -> Decision:
    """Decide about access logs, asking whether to set the role up where that is possible.

    Args:
        aws: the AWS session.
        console: where to ask.
        options: what the person asked for.
        account: where.
        wanted: whether the parameters say that there be access logs.

    Returns:
        The decision.

    Raises:
        ClientError: AWS failed to answer.
        CliError: API Gateway may not write them, and the owner did not choose to do without.
    """
    named = logging_role.is_named(aws)
    if not wanted:
        how = ["--parameter", "AccessLogs=enabled"] if named else ["--create-logging-role"]
        said = f"Access logs are off. To have them: {options.command(*how)}"
        return Decision(on=False, note="" if "AccessLogs" in options.parameters else said)
    if named is None:
        unknown = "Whether API Gateway may write logs here is hidden from you; if not, deploying will say so."
        return Decision(on=True, note=unknown)
    if named:
        return Decision(on=True)
    state = logging_role.look(aws, account)
    if state is RoleState.UNTRUSTED:
        return _without(console, options, f"{_NONE} {logging_role.UNTRUSTED}")
    if options.create_logging_role or _offer(console, options, state):
        return Decision(on=True, role=state)
    return _without(console, options, _NONE)


def _offer(console: Console, options: Options, state: RoleState) -> bool:
    if not _may_ask(console, options):
        return False
    what = {
        RoleState.READY: f"There is one, {NAME}: it can be named to API Gateway now.",
        RoleState.WITHOUT_POLICY: f"There is one, {NAME}, to which AWS's policy {POLICY} can be attached.",
    }.get(state, f"It can be created now ({NAME}, with AWS's own policy {POLICY}).")
    console.say(
        "\nAPI Gateway may not write access logs in this region yet: it needs an IAM role for it, one for "
        f"all APIs of the account. {what}"
    )
    return console.ask("Create it?" if state in logging_role.TO_BE_CREATED else "Use it?")


def _without(console: Console, options: Options, why: str) -> Decision:
    if options.dry_run:
        return Decision(on=True, note=f"{why} A deployment needs a choice: {' or '.join(_choices(options))}")
    _insist_on_a_choice(console, options, f"{why} Nothing was changed.")
    return Decision(on=False, note="This deploys without access logs (AccessLogs=disabled).")


def provide_role(aws: AwsSession, console: Console, options: Options, account: Account) -> bool:
    """Set the logging role up.

    Args:
        aws: the AWS session.
        console: where to show the progress, and to ask if that fails.
        options: what the person asked for.
        account: where.

    Returns:
        Whether there are access logs; False when it failed and the owner chose to do without.

    Raises:
        ClientError: AWS did not answer.
        CliError: it failed, and the owner did not choose to do without.
    """
    try:
        logging_role.provide(aws, console, account)
    except RoleNotUsable as unusable:
        why = str(unusable)
    except AWS_ERRORS as failed:
        if not AwsFailure.of(failed).code:
            raise
        why = str(cli_error_of(failed))
        if AwsFailure.of(failed).code == "BadRequestException":
            why += f"\n{logging_role.STILL_REFUSED}"
    else:
        return True
    _insist_on_a_choice(console, options, f"{why}\nNo key was stored and no stack was changed.")
    return False


def _insist_on_a_choice(console: Console, options: Options, why: str) -> None:
    """Return only when the owner says, at a terminal, that there need be no access logs."""
    if _may_ask(console, options):
        console.say(f"\n{why}")
        if console.ask("Deploy without access logs?"):
            return
        why = "Access logs are wanted, and API Gateway cannot write them yet."
    raise CliError("\n    ".join([f"{why} Repeat with one of these:", *_choices(options)]))


def _choices(options: Options) -> tuple[str, str]:
    return (
        options.repeated("--create-logging-role", dropping="AccessLogs"),
        options.repeated("--parameter", "AccessLogs=disabled", dropping="AccessLogs"),
    )


def _may_ask(console: Console, options: Options) -> bool:
    return console.terminal and not options.yes and not options.dry_run


def switch_off(parameters: Sequence[Parameter]) -> list[Parameter]:
    """Turn access logs off.

    Args:
        parameters: the parameters.

    Returns:
        The same but for AccessLogs.
    """
    return [replace(one, new="disabled") if one.name == "AccessLogs" else one for one in parameters]
