"""What to type for this program on this machine: a hint names a command that exists here."""

import os
import re
import shlex
import shutil
import sys
from functools import cache
from pathlib import Path
from typing import Final

NAME: Final = "travel-gpt"
_HINT: Final = re.compile(rf"(?<![\w/.-]){NAME}(?= (?:api-key|deploy|doctor|init|secret|--|COMMAND))")


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
