"""Running ``sam``."""

import subprocess
from collections.abc import Callable, Mapping

from travel_gpt.cli.console import Console
from travel_gpt.redaction import redact


def run_sam(
    environment: Mapping[str, str], console: Console, gist: Callable[[str], str], *arguments: str
) -> tuple[int, list[str]]:
    """Run ``sam`` and show the gist of what it prints while it runs.

    Args:
        environment: what it is started with. The OpenAI key is not in it.
        console: where to show it.
        gist: makes what is shown of a line; nothing to leave it out.
        arguments: the command and its options.

    Returns:
        Its exit status and the lines that it printed.
    """
    lines: list[str] = []
    with subprocess.Popen(
        ["sam", *arguments],
        # Through a pipe its output would otherwise come in lumps, and narrow tables would break names.
        env={"SAM_CLI_TELEMETRY": "0", **environment, "PYTHONUNBUFFERED": "1", "COLUMNS": "240"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    ) as running:
        for line in running.stdout or ():
            lines.append(redact(line.rstrip()))
            if shown := gist(lines[-1]):
                console.say(f"  | {shown}")
    return running.returncode, lines
