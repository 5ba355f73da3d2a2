"""The rotation of the key by itself: what it needs, before anything is changed."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from travel_gpt.aws.secret_versions import SecretVersions
from travel_gpt.base_url import is_openai
from travel_gpt.cli.aws_session import AwsSession
from travel_gpt.cli.console import Console
from travel_gpt.cli.deploy.options import Options
from travel_gpt.cli.deploy.parameters import Parameter
from travel_gpt.cli.deploy.secret import Secret, resolve_pending
from travel_gpt.cli.errors import AWS_CLI, CliError
from travel_gpt.errors import AccessDenied, SecretNotFound
from travel_gpt.rotation.config import MOST_DAYS

_NEEDS: Final = {
    "OpenAIProjectId": "the id of the project at OpenAI",
    "OpenAIServiceAccountId": "the id of the service account in it",
    "AdminSecretName": "the name of the secret with the admin key",
}


@dataclass(frozen=True, slots=True)
class Rotation:
    """What becomes of the rotation."""

    step: str = ""
    """What will happen, if anything about it changes."""
    notes: tuple[str, ...] = ()
    discard: str = ""
    """The version to discard before the stack is deployed, because a rotation left it as AWSPENDING."""


_WHY_LIMITED: Final = (
    "a key that rotation makes is valid for 365 days at OpenAI at most, and it must still be valid when one "
    "rotation fails and the next is due"
)


def limit(parameters: Sequence[Parameter]) -> tuple[list[Parameter], str]:
    """Bring RotationDays within what the template accepts, where an older template accepted more.

    With more days OpenAI refused every key, so no stack has relied on them.

    Args:
        parameters: the parameters.

    Returns:
        The parameters, and a sentence about what was changed (or nothing).

    Raises:
        CliError: it was given now, or by samconfig.toml.
    """
    days = next(one for one in parameters if one.name == "RotationDays")
    if not days.new.isdecimal() or int(days.new) <= MOST_DAYS:
        return list(parameters), ""
    if days.new != days.old:
        raise CliError(f"RotationDays must be at most {MOST_DAYS}, not {days.new}: {_WHY_LIMITED}.", 2)
    note = (
        f"RotationDays is {days.old} and becomes {MOST_DAYS}, which is the most: {_WHY_LIMITED}. With "
        f"{days.old} days OpenAI refused every new key. For another period add --parameter RotationDays=DAYS."
    )
    limited = replace(days, new=str(MOST_DAYS))
    return [limited if one is days else one for one in parameters], note


def resolve(
    aws: AwsSession,
    console: Console,
    options: Options,
    values: Mapping[str, str],
    current: Mapping[str, str],
    secret: Secret,
    flags: str,
) -> Rotation:
    """Check what the rotation needs, and say what becomes of it.

    Args:
        aws: the AWS session.
        console: where to ask about a rotation that stopped half-way.
        options: what the person asked for.
        values: the parameters.
        current: what the stack has; empty for a new one.
        secret: the secret as it is.
        flags: the region's and profile's flags for printed commands.

    Returns:
        What becomes of it.

    Raises:
        ClientError: AWS failed to answer.
        CliError: something that it needs is not there.
    """
    _check_parameters(options, values)
    was_on, is_on = _is_on(current), _is_on(values)
    if not is_on:
        return _off(options, values, secret.name, was_on=was_on)
    _check_server(values, secret)
    note = _check_admin_secret(aws, values["AdminSecretName"], flags)
    going = (
        "A function without a key has none to rotate: rotation ends with the second deployment. Its keys at "
        "OpenAI live on until each ends by itself."
    )
    unchanged = all(values[name] == current.get(name) for name in (*_NEEDS, "RotationDays")) and was_on
    switched = _switched_api(values, current, secret, flags) if was_on else ""
    left = resolve_pending(console, options, secret, flags, changes=not unchanged)
    return Rotation(
        "" if unchanged else _turn_on(secret.name, int(values["RotationDays"])),
        tuple(each for each in (note, going if options.keyless else "", switched, left.note) if each),
        left.discard,
    )


def _switched_api(values: Mapping[str, str], current: Mapping[str, str], secret: Secret, flags: str) -> str:
    """A key that rotation made has the scopes of one API."""
    before, after = current.get("OpenAIApi"), values["OpenAIApi"]
    said = secret.credential.api if secret.credential else None
    if before in (None, after) or said or values["RotationKeyScopes"]:
        return ""
    return (
        f"OpenAIApi changes from {before} to {after}, and a key that rotation made may use {before} alone: "
        "queries fail until a new one is current. docs/operations/rotation.md has a way without failures; "
        f"or rotate as soon as this is deployed, {AWS_CLI}:\n"
        "    aws secretsmanager rotate-secret --secret-id "
        f"{shlex.quote(secret.name)}{flags}"
    )


def _off(options: Options, values: Mapping[str, str], name: str, *, was_on: bool) -> Rotation:
    if not was_on:
        idle = "AdminSecretName does nothing here: a function without a key has none to rotate."
        given = "AdminSecretName" in options.parameters and values["AdminSecretName"]
        return Rotation(notes=(idle,) if given else ())
    note = (
        "A key that rotation made ends by itself, at the time that the secret says (expires_at). Put one of "
        f"your own in its place before: {options.command('--replace-key')}"
    )
    return Rotation(f"End the rotation of the secret {name}, which keeps the key that it has.", (note,))


def _is_on(values: Mapping[str, str]) -> bool:
    return bool(values.get("AdminSecretName")) and values.get("Keyless") != "on"


def _turn_on(name: str, days: int) -> str:
    every = "every day" if days == 1 else f"every {days} days"
    return f"Let the secret {name} rotate itself {every}; the first rotation comes when it is due."


def _check_parameters(options: Options, values: Mapping[str, str]) -> None:
    # A service account alone is what a function without a key has.
    if not values["AdminSecretName"] and not values["OpenAIProjectId"]:
        return
    if missing := [name for name in _NEEDS if not values[name]]:
        those = " and ".join(f"{name} ({_NEEDS[name]})" for name in missing)
        both = options.command("--parameter", "AdminSecretName=", "--parameter", "OpenAIProjectId=")
        raise CliError(
            f"Rotation needs {', '.join(_NEEDS)}, all three. Missing: {those}. Add it with --parameter "
            f"Name=Value, or have no rotation:\n    {both}",
            2,
        )
    if values["AdminSecretName"] == values["SecretName"]:
        raise CliError(
            f"AdminSecretName and SecretName are both {values['SecretName']}. The function that callers "
            "reach reads SecretName, and must never see the admin key: put that into a secret of its own.",
            2,
        )


def _check_server(values: Mapping[str, str], secret: Secret) -> None:
    server = secret.base_url(values["OpenAIBaseUrl"])
    if server and not is_openai(server):
        raise CliError(
            f"The key is for {server}, and rotation makes keys of OpenAI's. Keep changing that key "
            "yourself, or take OpenAI's server: leave OpenAIBaseUrl, and base_url in the secret, empty."
        )


def _check_admin_secret(aws: AwsSession, name: str, flags: str) -> str:
    """Look whether the secret with the admin key is there. It is not read."""
    try:
        described = SecretVersions(name, aws.client("secretsmanager")).describe()
    except AccessDenied:
        return (
            f"Whether there is a secret {name} is hidden from you (secretsmanager:DescribeSecret). "
            "Without it every rotation fails, and the alarm says so."
        )
    except SecretNotFound:
        raise CliError(
            f"There is no secret {name} with OpenAI's admin key. Nothing was changed. Create it {AWS_CLI}, "
            f"in bash or zsh, then repeat:\n{_by_hand('create-secret --name', name, flags)}"
        ) from None
    if described.deleted_at is not None:
        restore = f"aws secretsmanager restore-secret --secret-id {shlex.quote(name)}{flags}"
        raise CliError(
            f"The secret {name} with OpenAI's admin key is scheduled for deletion. Nothing was changed. "
            f"Restore it {AWS_CLI}, then repeat:\n    {restore}"
        )
    if not described.stages:
        raise CliError(
            f"The secret {name} is there to hold OpenAI's admin key, and is empty. Nothing was changed. Fill "
            f"it {AWS_CLI}, in bash or zsh, then repeat:\n"
            f"{_by_hand('put-secret-value --secret-id', name, flags)}"
        )
    return ""


def _by_hand(action: str, name: str, flags: str) -> str:
    """Commands as in docs/operations/rotation.md: the key is in no argument and in no shell history."""
    return "\n".join(
        (
            "    read -rs KEY    # paste the admin key and press Enter; nothing is shown",
            '    printf \'{"admin_api_key":"%s"}\' "$KEY" |',
            f"      aws secretsmanager {action} {shlex.quote(name)}{flags} --secret-string file:///dev/stdin",
            "    unset KEY",
        )
    )
