"""The file that a trip is kept in: Markdown for people, JSON for programs."""

import os
from pathlib import Path
from typing import Final

from travel_gpt.advisor.markdown import escaped
from travel_gpt.cli.console import Console
from travel_gpt.cli.errors import USAGE, CliError
from travel_gpt.cli.itinerary.remarks import repaired, unchecked, understood
from travel_gpt.cli.itinerary.reply import read_reply
from travel_gpt.cli.printable import json_text, printable
from travel_gpt.cli.secret.migrate import replace_file
from travel_gpt.client import Answer
from travel_gpt.redaction import conceal

_SUFFIXES: Final = (".md", ".json")


def checked_path(path: Path, console: Console, *, replace: bool) -> Path:
    """Return the file to write, once it is known that it can be written: before anything is asked and paid.

    Args:
        path: the file that is named.
        console: where to ask about a file that is there.
        replace: whether a file that is there is replaced without a question.

    Raises:
        CliError: it cannot be written, or is to be kept.
    """
    if path.suffix.lower() not in _SUFFIXES:
        raise CliError(
            f"--save takes a file that ends in {' or '.join(_SUFFIXES)}: Markdown to read, or JSON for a "
            "program. Nothing was asked.",
            USAGE,
        )
    path = path.expanduser()
    if not os.access(path.parent, os.W_OK | os.X_OK) or path.is_dir():
        raise CliError(
            f"{path} cannot be written: name a file in a folder that is there and that you may write to. "
            "Nothing was asked.",
            USAGE,
        )
    if path.exists() and not replace:
        question = f"{path} is there already, and what it holds would be lost. Replace it?"
        if not console.ask(question, "To replace the file, add --replace."):
            raise CliError("Nothing was asked.")
    return path


def save(answer: Answer, path: Path) -> None:
    """Write a trip to a file, all at once.

    Args:
        answer: the answer, which has a trip.
        path: the file.

    Raises:
        CliError: it cannot be written.
    """
    text = conceal(json_text(answer.body)) if path.suffix.lower() == ".json" else _markdown(answer)
    try:
        # What a link leads to, and not the link.
        replace_file(path.resolve(), f"{text}\n")
    except OSError as failed:
        raise CliError(f"{path} cannot be written: {failed.strerror}. The trip was not saved.") from None


def _markdown(answer: Answer) -> str:
    reply = read_reply(answer)
    parts = [printable(conceal(answer.text)).encode("utf-8", "replace").decode().rstrip()]
    if why := list(unchecked(reply)):
        heading = "## What could not be checked, or not all of it"
        parts.append("\n".join([heading, "", *(f"- {escaped(each)}" for each in why)]))
    parts += [escaped(each) for each in (repaired(reply), understood(reply)) if each]
    return "\n\n".join(parts)
