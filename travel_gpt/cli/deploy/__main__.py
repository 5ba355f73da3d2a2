"""What deploy.sh runs first, with the standard library alone: help and wrong options need nothing else.

Then it sets up the environment of the travel-gpt command and runs ``main`` in it.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from travel_gpt.cli.deploy.options import read_options
from travel_gpt.cli.deploy.preflight import require_programs
from travel_gpt.cli.errors import CliError
from travel_gpt.redaction import redact

_ENVIRONMENT: Final = Path(".venv/run")
_INTERRUPTED: Final = 130


def start(arguments: list[str]) -> int:
    """Check the options, set up the environment, and become ``main``.

    Args:
        arguments: the options of deploy.sh.

    Returns:
        The exit status, where it ends here.
    """
    try:
        options = read_options(arguments)
        if options is None:
            return 0
        if not options.delete and not (_ENVIRONMENT / "stamp").exists():
            # Before 200 MB are fetched for it.
            require_programs()
        done = subprocess.run(["scripts/environment.sh", "run"], check=False)
    except CliError as error:
        print(f"\n{redact(error.sentence)}", file=sys.stderr)
        return error.status
    except KeyboardInterrupt:
        return _INTERRUPTED
    if done.returncode == 0:
        python = str(_ENVIRONMENT / "bin" / "python")
        # The pipe with the key stays open: the shell made it without the flag that would close it.
        os.execv(python, [python, "-E", "-s", "-m", "travel_gpt.cli.deploy.main", *arguments])  # noqa: S606
    return done.returncode


if __name__ == "__main__":
    sys.exit(start(sys.argv[1:]))
