"""Write the documentation that is made from the code, or check that it is up to date.

python scripts/generate_docs.py            write it
python scripts/generate_docs.py --check    change nothing; exit 1 when something is out of date
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
# Run as a file, Python looks for modules beside it and not in the clone.
sys.path.insert(0, str(ROOT))

from scripts.docs.command_page import command_page  # noqa: E402
from scripts.docs.errors_page import errors_page  # noqa: E402
from scripts.docs.openapi_document import openapi_document  # noqa: E402
from scripts.docs.settings_page import settings_page, short_table  # noqa: E402
from scripts.docs.stack_template import StackTemplate  # noqa: E402

BEGIN: Final = "<!-- settings:begin -->"
END: Final = "<!-- settings:end -->"
REFRESH: Final = "make docs"


class MarkersMissing(Exception):
    """README.md has no place for the table of settings."""


def wanted(root: Path) -> dict[Path, str]:
    """Work out what the generated files should hold.

    Args:
        root: the clone.

    Returns:
        The text of each file, by its path below the root.

    Raises:
        MarkersMissing: README.md is there, and has no place for its table.
    """
    texts = {
        Path("docs/settings.md"): settings_page(StackTemplate.read(root / "template.yaml")),
        Path("docs/errors.md"): errors_page(),
        Path("docs/command.md"): command_page(),
        Path("docs/openapi.json"): json.dumps(openapi_document(), indent=2, ensure_ascii=False) + "\n",
    }
    readme = root / "README.md"
    if readme.is_file():
        texts[Path("README.md")] = with_table(readme.read_text(encoding="utf-8"), short_table())
    return texts


def with_table(readme: str, table: str) -> str:
    """Put a table between the markers of a README.

    Args:
        readme: the README.
        table: the table.

    Returns:
        The README with that table.

    Raises:
        MarkersMissing: the markers are not there, once each and in order.
    """
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end) or BEGIN in rest or END in after:
        raise MarkersMissing(
            f"README.md needs the lines {BEGIN} and {END} once each: the table of settings goes between them."
        )
    return f"{before}{begin}\n{table}\n{end}{after}"


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Write or check the documentation.

    Args:
        arguments: the command line, without the program's name.
        root: the clone.

    Returns:
        The exit status: 0 when the documentation is up to date (now), 1 when it is not.
    """
    parser = argparse.ArgumentParser(description="Write the documentation that is made from the code.")
    parser.add_argument(
        "--check", action="store_true", help="change nothing; exit 1 when a file is out of date"
    )
    options = parser.parse_args(arguments)
    try:
        texts = wanted(root)
    except MarkersMissing as missing:
        print(missing, file=sys.stderr)
        return 1
    stale = [path for path, text in texts.items() if _text(root / path) != text]
    if options.check:
        for path in stale:
            print(f"{path} is out of date with the code. Refresh it with: {REFRESH}", file=sys.stderr)
        return 1 if stale else 0
    for path in stale:
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(texts[path], encoding="utf-8")
        print(f"{path}: written")
    return 0


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


if __name__ == "__main__":
    sys.exit(main())
