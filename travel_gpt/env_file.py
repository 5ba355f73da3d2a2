"""The file ``.env`` of the current folder, for the local server and the command. No function reads it."""

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
"""What a person may expect to be read, and is not where it is not known."""
LONGEST: Final = 1_048_576
"""Bytes. What is longer is no file of settings."""

OF_CREDENTIALS: Final = frozenset(
    {"OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "TRAVEL_GPT_MASTER_KEYS", "VAULT_TOKEN"}
)

# None of those that name a file or a program, such as AWS_CONFIG_FILE: with them, a folder that somebody else
# filled could run a program of theirs. None of a proxy or of certificates, and of the endpoints the one for
# all services, on loopback only. env_trust.py says which credentials may go where these lead.
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
    """The file is there and cannot be read; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What was taken from the file. It tells names, never values."""

    path: Path
    names: tuple[str, ...]
    wrong_lines: tuple[int, ...]
    """The numbers of the lines that cannot be understood."""
    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What was taken, by name."""
    left: tuple[str, ...] = ()
    """Names of AWS, OpenAI, Vault and proxies that are never taken from a file."""

    def told(self) -> str:
        """Say what was taken, for the person at the keyboard."""
        names = ", ".join(self.names) or "no variable that is known and not set already"
        said = f"Read {self.path.name} of this folder: {names}."
        if self.left:
            said += f" Never taken from a file, so export them if you want them: {', '.join(self.left)}."
        if self.wrong_lines:
            said += f" These lines of it cannot be understood: {', '.join(map(str, self.wrong_lines))}."
        return said


def take_env_file(
    folder: Path, environ: MutableMapping[str, str], also: Collection[str] = ()
) -> Taken | None:
    """Put the variables of ``.env`` that Travel GPT knows into the environment. Those that are set win.

    Args:
        folder: where the file may be.
        environ: the environment variables.
        also: the names of further variables that are taken.

    Returns:
        What was taken; None where there is no such file.

    Raises:
        UnreadableEnvFile: it cannot be read.
    """
    path = folder / NAME
    if not path.is_file():
        return None
    bindings = list(parse(read_text(path)))
    values = {each.key: each.value for each in bindings if each.key is not None and each.value}
    # The name of the secret may itself stand in the file.
    named = {"OPENAI_SECRET_NAME": values.get("OPENAI_SECRET_NAME") or "", **environ}
    known = {spec.variable for spec in settings_fields()} | OF_CREDENTIALS | {*also}
    known.update(variables_of(Settings.load(named).secret_name))
    # Nor may a stranger's folder say to whom a key is sent in the place of AWS.
    if not is_loopback(values.get("AWS_ENDPOINT_URL") or ""):
        known.discard("AWS_ENDPOINT_URL")
    taken = {name: value for name, value in values.items() if name in known and not environ.get(name)}
    environ.update(taken)
    wrong = tuple(each.original.line for each in bindings if each.error)
    left = tuple(name for name in values if name not in known and _LEADS.fullmatch(name))
    return Taken(path, tuple(taken), wrong, taken, left)


def read_text(path: Path) -> str:
    """Read a file of settings.

    Args:
        path: the file.

    Returns:
        Its text, with the line ends that it has.

    Raises:
        UnreadableEnvFile: it cannot be read, is no text, or far too long.
    """
    try:
        content = path.read_bytes()
    except OSError as failed:
        raise UnreadableEnvFile(f"{path} cannot be read: {failed.strerror}.") from None
    if len(content) > LONGEST:
        raise UnreadableEnvFile(f"{path} is longer than {LONGEST:,} bytes: it is no file of settings.")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        # The original quotes the file.
        raise UnreadableEnvFile(f"{path} is not text in UTF-8: save it so, then repeat.") from None


def parse(text: str) -> "Iterator[Binding]":
    """Take a file of settings apart, keeping each piece as it was written.

    Args:
        text: the file's text.

    Returns:
        Its pieces, in order; together they are the text, but for a byte order mark at its start.

    Raises:
        UnreadableEnvFile: what reads such files is not installed.
    """
    try:
        from dotenv.parser import parse_stream
    except ModuleNotFoundError:
        raise UnreadableEnvFile(
            "There is a file .env here, and python-dotenv, which reads it, is not installed. `make run` and "
            "`make command` set everything up."
        ) from None
    return parse_stream(io.StringIO(text))
