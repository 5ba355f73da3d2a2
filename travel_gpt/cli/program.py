"""The command line of the program: what to type for it on this machine, and no key among its arguments."""

import os
import re
import shlex
import shutil
import sys
from collections.abc import Collection, Sequence
from functools import cache
from pathlib import Path
from typing import Final

from travel_gpt.cli.errors import USAGE, CliError

NAME: Final = "travel-gpt"
_HINT: Final = re.compile(
    rf"(?<![\w/.-]){NAME}(?= (?:api-key|ask|client|deploy|doctor|init|pause|resume|secret|usage|--|COMMAND))"
)


def typed(text: str) -> str:
    """Write the hints of a text as they are typed here.

    Args:
        text: what is about to be shown, with hints such as ``travel-gpt doctor``.
    """
    return _HINT.sub(lambda _: program(sys.argv[0], sys.executable, os.environ.get("PATH", "")), text)


@cache
def program(started: str, python: str, path: str) -> str:
    """Return what to type for this program.

    Args:
        started: how the process was started: ``sys.argv[0]``.
        python: the interpreter.
        path: the folders in which the shell looks for commands.

    Returns:
        ``travel-gpt`` where the shell finds it; else the file that was typed, the file beside the
        interpreter, or the module.
    """
    if shutil.which(NAME, path=path):
        return NAME
    script = Path(started)
    if script.suffix == ".py" and "travel_gpt" in script.parts:
        script = Path(python).parent / NAME
        if not script.is_file():
            return f"{shlex.quote(python)} -m travel_gpt.cli"
    if script.name != NAME or not script.is_file():
        return NAME
    here = Path.cwd()
    return shlex.quote(str(script.relative_to(here) if script.is_relative_to(here) else script))


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
