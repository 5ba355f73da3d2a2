"""Check that code, tests and documents use plain terms: scripts/words.toml lists the words to avoid.

python scripts/check_words.py    print each of them; exit 1 if there is one
"""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
# Locks, certificates, licences and data of others have no words of this project.
SKIPPED: Final = (
    "requirements/",
    "tests/infrastructure/released/",
    "travel_gpt/advisor/reference/places.sqlite",
    "NOTICE",
)


def occurrences(name: str, text: str, rules: dict[str, Any]) -> Iterator[str]:
    """Find the words to avoid in a text.

    Args:
        name: the file's path below the clone.
        text: its name (as line 0) and what it holds.
        rules: words.toml.

    Yields:
        One line for each occurrence: where it is, the word, and what to write instead.
    """
    for files, patterns in rules["allowed"].items():
        if fnmatch(name, files):
            for pattern in patterns:
                text = re.sub(pattern, lambda found: "\n" * found[0].count("\n"), text)
    for pattern, instead in rules["instead"].items():
        # A word of an identifier counts too; "#" continues a comment on the next line.
        words = pattern.replace(" ", r"[\s_#-]{1,12}")
        for found in re.finditer(rf"(?<![A-Za-z])(?:{words})(?![A-Za-z])", text, re.IGNORECASE):
            line = text.count("\n", 0, found.start())
            yield f"{name}:{line}: {' '.join(found[0].split())!r}; write: {instead}"


def listed_files() -> list[str]:
    """Return the path of every file that git knows, below the clone."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return listed.stdout.splitlines()


def main() -> int:
    """Check every file that git knows, and return the exit status."""
    rules = tomllib.loads((ROOT / "scripts/words.toml").read_text(encoding="utf-8"))
    found = [
        line
        for name in listed_files()
        if not name.startswith(SKIPPED) and (ROOT / name).is_file()
        for line in occurrences(name, f"{name}\n{(ROOT / name).read_text('utf-8', 'ignore')}", rules)
    ]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
