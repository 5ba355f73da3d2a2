"""``travel-gpt secret discard-pending``: discard what an unfinished rotation left pending."""

from travel_gpt.aws.secret_versions import SecretVersions
from travel_gpt.cli.audit_log import audited
from travel_gpt.cli.aws_session import caller
from travel_gpt.cli.console import Console
from travel_gpt.cli.errors import CliError
from travel_gpt.cli.secret.put import SOURCE
from travel_gpt.cli.target import Target
from travel_gpt.rotation.key_names import KeyNames


def discard_pending(target: Target, console: Console, *, yes: bool) -> None:
    """Remove AWSPENDING from a version that a rotation left behind. The current version is not touched.

    Args:
        target: the secret.
        console: where to print what is done.
        yes: whether to go on without a question.

    Raises:
        CliError: the answer was no, or there is no terminal to ask at.
        TravelGPTError: Secrets Manager refused.
    """
    who = caller()
    versions = SecretVersions(target.name)
    described = versions.describe()
    version = described.unfinished
    if version is None:
        console.good(f"No version of {target.name} is pending: there is nothing to discard.")
        return
    console.aside(
        f"Version {version} of {target.name} is pending. If a rotation is running now, it will fail; the "
        "current key stays in use."
    )
    if not (yes or console.ask("Discard it?")):
        raise CliError("Nothing was changed.")
    with audited("secret.discard_pending", who=who, source=SOURCE, secret=target.name) as change:
        change.version = version
        versions.discard_pending()
    console.good(f"Version {version} is no longer pending. The current version is the same as before.")
    console.say(
        f"If rotation made a key for it, that key is called {KeyNames(described.arn).of(version)} at OpenAI. "
        "The next rotation deletes it, and it expires. Without rotation, delete it there."
    )
    if described.rotates:
        console.next(f"aws secretsmanager rotate-secret --secret-id {target.name}", "rotate now")
