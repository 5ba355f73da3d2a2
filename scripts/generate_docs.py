"""Write the documentation that is generated from the code, or check that it is up to date.

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
from scripts.docs.itinerary_picture import itinerary_picture  # noqa: E402
from scripts.docs.measured_rules import measured_rules  # noqa: E402
from scripts.docs.openapi_document import openapi_document  # noqa: E402
from scripts.docs.page_types import page_types  # noqa: E402
from scripts.docs.sections import with_sections  # noqa: E402
from scripts.docs.settings_page import StackTemplate, settings_page  # noqa: E402
from scripts.docs.trip_rules import rules_table  # noqa: E402
from scripts.docs.trip_schemas import schema_files  # noqa: E402

REFRESH: Final = "make docs"


def wanted(root: Path) -> dict[Path, str]:
    """Return the text of each generated file, by its path below the root.

    Args:
        root: the clone.
    """
    return {
        Path("docs/settings.md"): settings_page(StackTemplate.read(root / "template.yaml")),
        Path("docs/errors.md"): errors_page(),
        Path("docs/command.md"): command_page(),
        Path("docs/itineraries.svg"): itinerary_picture(),
        Path("docs/openapi.json"): json.dumps(openapi_document(), indent=2, ensure_ascii=False) + "\n",
        Path("web/api.d.ts"): page_types(),
        Path("docs/itineraries.md"): with_sections(
            (ROOT / "docs/itineraries.md").read_text(encoding="utf-8"),
            {"rules": rules_table(), "measured rules": measured_rules()},
        ),
        **{Path(path): text for path, text in schema_files().items()},
    }


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Write or check the documentation.

    Args:
        arguments: the command line, without the program's name.
        root: the clone.

    Returns:
        The exit status: 0 when the documentation is up to date (now), 1 when it is not.
    """
    parser = argparse.ArgumentParser(description="Write the documentation that is generated from the code.")
    parser.add_argument(
        "--check", action="store_true", help="change nothing; exit 1 when a file is out of date"
    )
    options = parser.parse_args(arguments)
    texts = wanted(root)
    stale = [path for path, text in texts.items() if _text(root / path) != text]
    if options.check:
        for path in stale:
            print(f"{path} is out of date with the code. Refresh it with: {REFRESH}", file=sys.stderr)
        return 1 if stale else 0
    for path in stale:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(texts[path], encoding="utf-8")
        print(f"{path}: written")
    return 0


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


if __name__ == "__main__":
    sys.exit(main())
