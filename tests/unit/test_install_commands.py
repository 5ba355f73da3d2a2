"""What is installed from where: no command of this repository takes the project from a package index."""

import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.markdown import ROOT

# What a clone makes for itself; see .gitignore.
MADE = {".venv", ".git", ".aws-sam", "build", "dist", "__pycache__"}
NAME = re.compile(r"travel[-_.]gpt")
FROM_AN_INDEX = re.compile(
    # An installer and the bare name behind it, in one command; a path or a URL may follow no such name.
    r"""\b(?:pip3?|pipx|uvx?)\b[^\n`;|&]{0,120}?[\s'"]travel[-_.]gpt(?![\w./-])"""
    # An extra of it, wherever it stands: {..} is how a message fills one in.
    r"""|\btravel[-_.]gpt\[[\w{]"""
)


def lines() -> Iterator[tuple[Path, str]]:
    """Each line with the project's name in it: the search of all others takes seconds."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in MADE and not name.endswith("_cache")]
        for path in (Path(folder, name) for name in names):
            if path.is_file() and path != Path(__file__):
                text = path.read_text(encoding="utf-8", errors="ignore")
                yield from ((path.relative_to(ROOT), line) for line in text.splitlines() if NAME.search(line))


def test_no_file_says_to_install_the_project_from_an_index() -> None:
    assert [(str(path), line) for path, line in lines() if FROM_AN_INDEX.search(line)] == []


@pytest.mark.parametrize(
    "command",
    [
        "pip install travel-gpt",
        "pip install 'travel-gpt[vault]'",
        "    f\"pip install 'travel-gpt[{self.name}]', or",
        "python -m pip install --upgrade travel_gpt",
        "uv pip install travel-gpt==0.1",
        "uvx travel-gpt doctor",
        "pipx install travel-gpt",
    ],
)
def test_the_search_finds(command: str) -> None:
    assert FROM_AN_INDEX.search(command)


def test_no_upload_of_the_project_is_accepted_by_a_public_index() -> None:
    # https://pypi.org/classifiers/: a package with a classifier that begins with "Private ::" is rejected.
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert "Private :: Do Not Upload" in project["classifiers"]
