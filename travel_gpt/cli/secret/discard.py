"""``travel-gpt secret discard-pending``: end a rotation that stopped half-way."""

import sys

from travel_gpt.aws.secret_versions import SecretVersions
from travel_gpt.cli.audit_log import audited
from travel_gpt.cli.aws_account import caller
from travel_gpt.cli.console import Console
from travel_gpt.cli.errors import USAGE, CliError
from travel_gpt.cli.secret.put import SOURCE
from travel_gpt.cli.target import Target
from travel_gpt.rotation.key_names import KeyNames


def discard_pending(target: Target, screen: Console, *, yes: bool) -> None:
    """Remove AWSPENDING from a version that a rotation left behind. The current version is not touched.

    Args:
        target: the secret.
        screen: where to print what is done.
        yes: whether to go on without a question.

    Raises:
        Stop: the answer was no, or there is no terminal to ask at.
        TravelGPTError: Secrets Manager refused.
    """
    who = caller()
    versions = SecretVersions(target.name)
    described = versions.describe()
    version = described.unfinished
    if version is None:
        screen.good(f"No version of {target.name} is pending: there is nothing to discard.")
        return
    screen.aside(
        f"Version {version} of {target.name} is pending. If a rotation is running now, it will fail; the "
        "current key stays in use."
    )
    _confirm(yes=yes)
    with audited("secret.discard_pending", who=who, source=SOURCE, secret=target.name) as change:
        change.version = version
        versions.discard_pending()
    screen.good(f"Version {version} is no longer pending. The current version is the same as before.")
    screen.say(
        f"If rotation made a key for it, that key is called {KeyNames(described.arn).of(version)} at OpenAI. "
        "The next rotation deletes it, and it expires by itself. Without rotation, delete it there."
    )
    if described.rotates:
        screen.next(f"aws secretsmanager rotate-secret --secret-id {target.name}", "rotate now")


def _confirm(*, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise CliError("Nothing was changed. To discard it without a question, add --yes.", USAGE)
    sys.stderr.write("Discard it? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise CliError("Nothing was changed.")
