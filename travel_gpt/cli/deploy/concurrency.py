"""How many requests Lambda runs at the same time in this account, and what that means for the throttle.

Sources: AWS Lambda developer guide, "Lambda quotas" (1,000 concurrent executions by default; "New AWS
accounts have reduced concurrency") and "Configuring reserved concurrency for a function" (100 stay
unreserved); Lambda API reference, GetAccountSettings.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from travel_gpt.cli.aws_session import AwsSession, if_permitted
from travel_gpt.cli.deploy.options import Options
from travel_gpt.cli.errors import AWS_CLI, CliError

_ANSWER_SECONDS: Final = 8
"""How long an answer takes; docs/operations/costs.md calculates with the same."""
_USUAL: Final = 1000
_LEFT_UNRESERVED: Final = 100
_SET_HERE: Final = ("ReservedConcurrency", "ThrottleRate", "ThrottleBurst")
_RAISE: Final = (
    "aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 "
    "--desired-value 1000"
)


@dataclass(frozen=True, slots=True)
class _Limits:
    account: int
    """How many requests all functions of the account run at the same time in the region, at most."""
    unreserved: int
    """How many of them are set aside for no function."""


def check(
    aws: AwsSession,
    options: Options,
    values: Mapping[str, str],
    current: Mapping[str, str],
    flags: str,
) -> str:
    """Compare what the throttle lets through with what Lambda can run at the same time.

    Only for a new stack, or where one of these parameters changes: otherwise the owner has read it before.

    Args:
        aws: the AWS session.
        options: what the person asked for.
        values: the parameters.
        current: what the stack has; empty for a new one.
        flags: the region's and profile's flags for printed commands.

    Returns:
        What the person should know, or nothing.

    Raises:
        ClientError: AWS failed to answer.
        CliError: so many cannot be reserved for the function.
    """
    if all(current.get(name) == values[name] for name in _SET_HERE):
        return ""
    if values["ReservedConcurrency"] == "0" or not all(map(_is_number, values.items())):
        return ""
    limits = _read(aws)
    if limits is None:
        return ""
    before = int(current.get("ReservedConcurrency") or 0)
    unreserved = limits.unreserved + before
    raised = f"ask AWS for a higher limit {AWS_CLI}: {_RAISE}{flags}"
    if not values["ReservedConcurrency"]:
        return _compare(values, unreserved, f"{_shared(limits)}, {unreserved} of them unreserved", raised)
    reserved = int(values["ReservedConcurrency"])
    # An account with a lower limit keeps all of it: "below its minimum value of [10]", where the limit is 10.
    stays = min(_LEFT_UNRESERVED, limits.account)
    if reserved > max(unreserved - stays, before):
        none = options.repeated("--parameter", "ReservedConcurrency=", dropping="ReservedConcurrency")
        raise CliError(
            f"ReservedConcurrency={reserved} is more than this account can set aside. {_shared(limits)}, "
            f"{unreserved} of them unreserved, and Lambda leaves {stays} unreserved: that is "
            f"{max(unreserved - stays, 0)} to reserve. Nothing was changed. Reserve none:\n    {none}\n"
            f"Or ask AWS for a higher limit {AWS_CLI}, and repeat:\n    {_RAISE}{flags}"
        )
    return _compare(values, reserved, f"ReservedConcurrency lets {reserved} requests run", "raise it.")


def _is_number(parameter: tuple[str, str]) -> bool:
    # CloudFormation refuses what is none, and says which.
    name, value = parameter
    return name not in _SET_HERE or re.fullmatch(r"\d+(\.\d+)?|", value) is not None


def _read(aws: AwsSession) -> _Limits | None:
    settings = if_permitted(aws.client("lambda").get_account_settings)
    if settings is None:
        return None
    limit = settings["AccountLimit"]
    return _Limits(limit["ConcurrentExecutions"], limit["UnreservedConcurrentExecutions"])


def _shared(limits: _Limits) -> str:
    low = " (new accounts begin low)" if limits.account < _USUAL else ""
    return (
        f"Lambda runs {limits.account} requests at the same time for all functions of this account here{low}"
    )


def _compare(values: Mapping[str, str], available: int, said: str, raised: str) -> str:
    rate, burst = float(values["ThrottleRate"]), int(values["ThrottleBurst"])
    if available >= max(burst, rate * _ANSWER_SECONDS):
        return ""
    fitting = {
        "ThrottleRate": max(1, int(available / _ANSWER_SECONDS)),
        "ThrottleBurst": max(1, min(burst, available)),
    }
    lower = " ".join(f"--parameter {name}={value}" for name, value in fitting.items())
    either = f"Lower the throttle ({lower}), or " if fitting["ThrottleRate"] < rate else ""
    advice = either + raised if either else raised[0].upper() + raised[1:]
    return (
        f"{said}. An answer takes about {_ANSWER_SECONDS} s, so that is about "
        f"{available / _ANSWER_SECONDS:.1f} answers a second; the throttle lets {rate:g} queries a second "
        f"through (ThrottleRate), {burst} at once (ThrottleBurst), and health checks besides. What is beyond "
        f"gets a 5xx. {advice}"
    )
