"""The OpenAI key: taking it in and proving it. It is never printed, and never an argument of a command."""

import enum
import json
import os
from dataclasses import dataclass
from typing import Final

from travel_gpt.cli.deploy.console import CliError, Console
from travel_gpt.cli.deploy.shell import Commands
from travel_gpt.credentials.advice import server_name
from travel_gpt.credentials.credential import Credential, Key
from travel_gpt.credentials.secret import read_secret
from travel_gpt.errors import InvalidSecret, KeyRefused, NotPermitted
from travel_gpt.llm.error_body import read_error_body
from travel_gpt.llm.refusals import Refusal, meaning_of

OPENAI: Final = "https://api.openai.com/v1"
_PIPE: Final = 3
"""The file descriptor on which deploy.sh hands over what was in OPENAI_API_KEY."""


class Verdict(enum.Enum):
    """What a server says about a key."""

    ACCEPTED = enum.auto()
    REJECTED = enum.auto()
    FORBIDDEN = enum.auto()
    """The key is good, and may not list the models."""
    UNKNOWN = enum.auto()
    """No answer, or none that says anything about the key."""


@dataclass(frozen=True, slots=True)
class Verification:
    """The outcome of the models call."""

    verdict: Verdict
    detail: str
    """Why it is not known, or what the server said."""
    models: frozenset[str] = frozenset()
    """The models that the key may use, where the server lists them."""
    server: str = "OpenAI"
    """What messages call the server."""


def take_exported_key() -> Key | None:
    """Take the key that was in OPENAI_API_KEY.

    Returns:
        The key; None when there was none, or only white space.

    Raises:
        Stop: it is no key.
    """
    try:
        with os.fdopen(_PIPE, encoding="utf-8", errors="replace") as pipe:
            text = pipe.read().strip()
    except OSError:
        # Started without deploy.sh: as if nothing had been exported.
        return None
    return _read_key(text, "OPENAI_API_KEY") if text else None


def ask_for_key(console: Console) -> Key:
    """Ask for a key at the terminal, without showing it.

    Args:
        console: the terminal.

    Returns:
        The key.

    Raises:
        Stop: nothing was typed, or no key.
    """
    text = console.ask_hidden("OpenAI API key (paste it; it is not shown): ").strip()
    if not text:
        raise CliError("No key was typed, so nothing was changed. Run it again and paste the key.")
    return _read_key(text, "What was typed")


def _read_key(text: str, what: str) -> Key:
    try:
        # The function's own reader: what it takes, and nothing else, is worth storing.
        key = read_secret(text, source="given", version="").key
    except InvalidSecret:
        key = None
    if key is None or text[0] in "{[\"'":
        raise CliError(
            f"{what} is not a key: it has spaces, line breaks, quotes or characters that no key has. "
            "Copy the key alone (one of OpenAI's begins with sk-) and run it again.",
            2,
        )
    return key


def verify(commands: Commands, credential: Credential, base_url: str) -> Verification:
    """Show a key to the server that it is for, with one call that lists the models.

    Args:
        commands: the command lines.
        credential: the key and what belongs to it.
        base_url: where the server is, unless the credential says.

    Returns:
        What the server says.
    """
    headers = [f"Authorization: Bearer {credential.key.reveal()}"]
    if credential.organization:
        headers.append(f"OpenAI-Organization: {credential.organization}")
    if credential.project:
        headers.append(f"OpenAI-Project: {credential.project}")
    server = server_name(credential.base_url or base_url)
    url = (credential.base_url or base_url or OPENAI).rstrip("/") + "/models"
    failed, status, body = commands.curl(
        {"url": url, "header": headers, "connect-timeout": "5", "max-time": "20"}
    )
    if failed:
        return Verification(
            Verdict.UNKNOWN, f"{url} did not answer ({body or f'curl error {failed}'})", server=server
        )
    if status == 200:
        return Verification(Verdict.ACCEPTED, url, _models(body), server)
    # A 401 quotes a piece of the key, so no body is passed on.
    return Verification(_verdict(status, body, url), f"{url} answered {status}", server=server)


def _verdict(status: int, body: str, url: str) -> Verdict:
    """Read a refusal as the function will."""
    try:
        said: object = json.loads(body)
    except ValueError:
        said = body
    meaning = meaning_of(Refusal(status, read_error_body(said), url))
    if isinstance(meaning, KeyRefused):
        return Verdict.REJECTED
    return Verdict.FORBIDDEN if isinstance(meaning, NotPermitted) else Verdict.UNKNOWN


def _models(body: str) -> frozenset[str]:
    try:
        return frozenset(str(model["id"]) for model in json.loads(body)["data"])
    except (ValueError, KeyError, TypeError):
        return frozenset()


def insist(proof: Verification, *, replacing: bool) -> None:
    """Stop unless a key may be stored.

    Args:
        proof: what the server said.
        replacing: whether a stored key would be lost by it.

    Raises:
        Stop: the key is refused; or nothing is known about it and a stored key would be lost.
    """
    unchanged = "The stored key is unchanged." if replacing else "Nothing was changed."
    if proof.verdict is Verdict.REJECTED:
        raise CliError(f"The key is refused: {proof.detail}. {unchanged} {_after_refusal(proof.server)}")
    if proof.verdict is Verdict.FORBIDDEN:
        raise CliError(
            f"The key may not list the models: {proof.detail}. {unchanged} {_after_denial(proof.server)}"
        )
    if proof.verdict is Verdict.UNKNOWN and replacing:
        raise CliError(
            f"The new key could not be proven: {proof.detail}. The stored key is unchanged, since it may be "
            "the only one that works. Repeat when the server can be reached."
        )


def _after_refusal(server: str) -> str:
    if server == "OpenAI":
        return "Copy the key again, or make a new one (platform.openai.com/api-keys), and repeat."
    return (
        f"Give a key of {server}, and repeat; or, if {server} is not the server that you mean, set the "
        "parameter OpenAIBaseUrl (or base_url in the secret)."
    )


def _after_denial(server: str) -> str:
    if server == "OpenAI":
        return (
            'A restricted key needs the permission "Models: Read" beside the one for the model itself: add '
            "it where you made the key, and repeat."
        )
    return f"Let the key list the models at {server}, or check the parameter OpenAIBaseUrl, and repeat."
