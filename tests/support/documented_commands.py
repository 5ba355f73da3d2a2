"""The commands of the documents: bash runs each block, and records what it would start.

A real shell checks quoting, pipes and line ends, and a program that is not listed here fails.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.support.markdown import ROOT, Page

KEY = "sk-proj-typed0at0the0prompt0Qx7LmPz4"
"""What every block gets on its standard input, as if a person typed it: it must be in no argument."""
PAGES = (
    *("README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md"),
    *(str(path.relative_to(ROOT)) for path in sorted((ROOT / "docs").rglob("*.md"))),
)
OTHER_LANGUAGES = frozenset({"json", "mermaid", "python", "sql", "text"})
_PROGRAMS = (
    *("./deploy.sh", ".venv/run/bin/travel-gpt", ".venv/dev/bin/python", ".venv/cloud/bin/python"),
    *(
        "aws",
        "curl",
        "git",
        "make",
        "openssl",
        "pass",
        "python",
        "python3",
        "sam",
        "tr",
        "travel-gpt",
        "vault",
    ),
)
_SPAN = re.compile(r"(?:[A-Z_]+=\S* )*(?:\./deploy\.sh|(?:aws|curl|make|sam|travel-gpt|openssl) ).*")
_END = "\036"
# One write for each command, so that those of a pipe do not mix.
_RECORD = """\
#!/bin/sh
printf '%s\\0' "$PROGRAM" "$@" "$END" >> "$RECORD"
if [ -p /dev/stdin ]; then cat > /dev/null; fi
"""


def scripts(page: Page) -> Iterator[str]:
    """Return what a reader could type: each shell block, and each span that is a command."""
    for language, block in page.fenced:
        if language == "console":
            yield "\n".join(line[2:] for line in block.splitlines() if line.startswith("$ "))
        elif language not in OTHER_LANGUAGES:
            yield block
    yield from (span for span in page.spans if _SPAN.fullmatch(span))


@cache
def commands(name: str) -> list[list[str]]:
    """Run the blocks of a page, and return the words of every command that they would start, sorted.

    Args:
        name: the page's path below the clone.

    Raises:
        AssertionError: bash cannot run a block, or a block starts a program that is not listed.
    """
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        for program in _PROGRAMS:
            path = home / (program if "/" in program else f"bin/{program}")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(_RECORD.replace("$PROGRAM", program), encoding="utf-8")
            path.chmod(0o700)
        (home / "bin/cat").symlink_to(shutil.which("cat") or "/bin/cat")
        (home / "typed").write_text(f"{KEY}\n" * 3, encoding="utf-8")
        blocks = "\n".join(f"(\n{block}\n) < typed" for block in scripts(Page.read(name)))
        done = subprocess.run(
            [shutil.which("bash") or "bash", "-c", blocks],
            cwd=home,
            env={
                "HOME": folder,
                "PATH": f"{folder}/bin",
                "RECORD": f"{folder}/record",
                "END": _END,
                "LC_ALL": "C.UTF-8",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, ""), f"{name}: {done.stderr}"
        record = home / "record"
        text = record.read_text(encoding="utf-8") if record.exists() else ""
    # The programs of a pipe start at the same time.
    return sorted(command.split("\0")[:-1] for command in text.split(f"{_END}\0")[:-1])


def started(*programs: str) -> list[tuple[str, list[str]]]:
    """Return the page and the arguments of each documented command of these programs."""
    return [
        (f"{name}: {' '.join(words)}", words[1:])
        for name in PAGES
        for words in commands(name)
        if os.path.basename(words[0]) in programs  # noqa: PTH119 - a word of a command line
    ]
