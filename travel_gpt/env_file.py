"""The file ``.env`` of the current folder, for the local server and the command; Lambda does not use it."""

import io
import re
from collections.abc import Collection, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from travel_gpt.base_url import is_loopback
from travel_gpt.credentials.sources.environment import variables_of
from travel_gpt.settings import Settings, settings_fields

if TYPE_CHECKING:
    from dotenv.parser import Binding

NAME: Final = ".env"
_LEADS: Final = re.compile(
    r"(AWS|OPENAI|VAULT|TRAVEL_GPT)_[A-Z0-9_]+|SSL_CERT_(FILE|DIR)|(REQUESTS|CURL)_CA_BUNDLE"
    r"|(HTTPS?|ALL|NO)_PROXY|(https?|all|no)_proxy"
)
"""Names that a user may expect to be read; the unknown ones are reported."""
LONGEST: Final = 1_048_576
"""Bytes. A longer file is not a file of settings."""

OF_CREDENTIALS: Final = frozenset(
    {"OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "TRAVEL_GPT_MASTER_KEYS", "VAULT_TOKEN"}
)

# No variable that names a file or a program, such as AWS_CONFIG_FILE: with them, a folder that somebody else
# filled could run a program. No proxy, no certificates, and only the endpoint for all services, on loopback.
# env_trust.py decides which credentials may be sent to the destinations that these name.
OF_AWS: Final = frozenset(
    {
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_PROFILE",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_ENDPOINT_URL",
    }
)


class UnreadableEnvFile(Exception):
    """The file exists and cannot be read; the text has the reason and a fix."""


@dataclass(frozen=True, slots=True)
class LoadedEnvFile:
    """The variables that were set from the file. Its texts have names, never values."""

    path: Path
    names: tuple[str, ...]
    wrong_lines: tuple[int, ...]
    """The numbers of the lines that cannot be parsed."""
    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The variables, by name."""
    ignored: tuple[str, ...] = ()
    """Names of AWS, OpenAI, Vault and proxies that are never read from a file."""

    def summary(self) -> str:
        """Return which variables were read, for the user."""
        names = ", ".join(self.names) or "no variable that is known and not set already"
        said = f"Read {self.path.name} of this folder: {names}."
        if self.ignored:
            said += f" Never read from a file, so export them if you want them: {', '.join(self.ignored)}."
        if self.wrong_lines:
            said += f" These lines cannot be parsed: {', '.join(map(str, self.wrong_lines))}."
        return said


def load_env_file(
    folder: Path, environ: MutableMapping[str, str], also: Collection[str] = ()
) -> LoadedEnvFile | None:
    """Set the variables of ``.env`` that Travel GPT knows. Variables that are set keep their values.

    Args:
        folder: the folder of the file.
        environ: the environment variables.
        also: the names of further variables to read.

    Returns:
        What was read; None if there is no such file.

    Raises:
        UnreadableEnvFile: it cannot be read.
    """
    path = folder / NAME
    if not path.is_file():
        return None
    bindings = list(parse(read_text(path)))
    values = {each.key: each.value for each in bindings if each.key is not None and each.value}
    # The file may have the name of the secret, too.
    named = {"OPENAI_SECRET_NAME": values.get("OPENAI_SECRET_NAME") or "", **environ}
    known = {spec.variable for spec in settings_fields()} | OF_CREDENTIALS | {*also}
    known.update(variables_of(Settings.load(named).secret_name))
    # A folder that somebody else filled must not name another server than AWS.
    if not is_loopback(values.get("AWS_ENDPOINT_URL") or ""):
        known.discard("AWS_ENDPOINT_URL")
    taken = {name: value for name, value in values.items() if name in known and not environ.get(name)}
    environ.update(taken)
    wrong = tuple(each.original.line for each in bindings if each.error)
    ignored = tuple(name for name in values if name not in known and _LEADS.fullmatch(name))
    return LoadedEnvFile(path, tuple(taken), wrong, taken, ignored)


def read_text(path: Path) -> str:
    """Read a file of settings.

    Args:
        path: the file.

    Returns:
        Its text, with its line ends.

    Raises:
        UnreadableEnvFile: it cannot be read, is not text, or is too long.
    """
    try:
        content = path.read_bytes()
    except OSError as failed:
        raise UnreadableEnvFile(f"{path} cannot be read: {failed.strerror}.") from None
    if len(content) > LONGEST:
        raise UnreadableEnvFile(f"{path} is longer than {LONGEST:,} bytes: it is not a file of settings.")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        # The original quotes the file.
        raise UnreadableEnvFile(f"{path} is not text in UTF-8. Save it as UTF-8 and try again.") from None


def parse(text: str) -> "Iterator[Binding]":
    """Parse a file of settings, keeping each part as it was written.

    Args:
        text: the file's text.

    Returns:
        Its parts, in order; joined they are the text without a byte order mark.

    Raises:
        UnreadableEnvFile: python-dotenv is not installed.
    """
    try:
        from dotenv.parser import parse_stream
    except ModuleNotFoundError:
        raise UnreadableEnvFile(
            "There is a file .env here, but python-dotenv, which reads it, is not installed. `make run` and "
            "`make command` install it."
        ) from None
    return parse_stream(io.StringIO(text))
