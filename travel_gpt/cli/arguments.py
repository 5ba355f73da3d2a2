"""The arguments of the command: none may be a key, and no message repeats one."""

import re
from collections.abc import Collection, Sequence
from typing import Final

from travel_gpt.cli.errors import USAGE, CliError

# By what they begin with: OpenAI and Anthropic, Google, Groq, xAI, Perplexity, Hugging Face, GitHub.
_KNOWN_SHAPE: Final = re.compile(
    r"(?<![A-Za-z0-9])sk-[\w*.-]{6,}|\b(?:AIza|gsk_|xai-|pplx-|hf_|gh[pousr]_)[\w-]{6,}", re.I
)
_RANDOM: Final = re.compile(r"[A-Za-z0-9]{24,}")

_REFUSED: Final = (
    "An argument looks like a key, and a key is never an argument: other programs on this machine can read "
    "arguments, and your shell keeps them in its history. Revoke that key where you made it. Then run the "
    "command without it: it asks for the key without showing it, or reads it from standard input."
)


def refuse_keys(arguments: Sequence[str]) -> None:
    """Refuse a command line with a key in it.

    Args:
        arguments: the command line without the program's name.

    Raises:
        CliError: one of them looks like a key. The text does not repeat it.
    """
    if any(looks_like_key(argument) for argument in arguments):
        raise CliError(_REFUSED, USAGE)


def looks_like_key(text: str) -> bool:
    """Tell whether a text has the shape of a key: a known beginning, or a long run without any words."""
    if _KNOWN_SHAPE.search(text):
        return True
    return any(
        re.search("[a-z]", run) and re.search("[A-Z]", run) and re.search("[0-9].*[0-9]", run)
        for run in _RANDOM.findall(text)
    )


def without_values(message: str, arguments: Sequence[str], known: Collection[str]) -> str:
    """Take out of a message what it quotes of the command line.

    A key in the wrong place may have an unknown shape.

    Args:
        message: what is wrong with the command line.
        arguments: the command line.
        known: the words that may stand: names of commands, options and their choices.

    Returns:
        The message without the values of the command line.
    """
    values = {part for argument in arguments for part in (argument, argument.partition("=")[2])}
    for value in sorted(values - set(known) - {""}, key=len, reverse=True):
        message = message.replace(value, "(not repeated here)")
    return message
