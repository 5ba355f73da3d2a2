"""The documented commands: where they install from, and that none has a key in it."""

import contextlib
import io
import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.markdown import ROOT
from travel_gpt.cli.deploy.options import read_options

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


_SECRETS = r"(?:[A-Z_]*API_KEY|OPENAI_ADMIN_KEY|VAULT_TOKEN|TRAVEL_GPT_MASTER_KEYS)"
# A value, quoted or not, or a mark for one. No value: a variable of the shell or of Python, white space.
COMMAND_WITH_KEY = re.compile(rf"\b{_SECRETS}=[\"']?[^\s\"'$`{{\\)]")
PLACES = ("*.md", "*.sh", "*.toml", "*.yaml", "Makefile", "docs/*", "scripts/**/*.py", "travel_gpt/**/*.py")


def texts() -> Iterator[Path]:
    """Everything that a person reads or that prints something to them. Tests are not: they write ``.env``."""
    for place in PLACES:
        yield from (path for path in ROOT.glob(place) if path.is_file())


def test_no_text_shows_a_command_with_a_key() -> None:
    read = list(texts())
    assert {"README.md", "deploy.sh", "environment.py", "errors.md"} <= {path.name for path in read}

    for path in read:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            assert not COMMAND_WITH_KEY.search(line), f"{path.relative_to(ROOT)}:{number}: {line}"


@pytest.mark.parametrize(
    "line",
    [
        "OPENAI_API_KEY=sk-... ./deploy.sh",
        "OPENAI_API_KEY='sk-…' make run",
        "export VAULT_TOKEN=hvs.x; make run",
    ],
)
def test_such_a_command_is_recognised(line: str) -> None:
    assert COMMAND_WITH_KEY.search(line)


def test_the_help_of_deploy_sh_opens_with_a_command_that_asks_for_the_key() -> None:
    helped = io.StringIO()
    with contextlib.redirect_stdout(helped):
        assert read_options(["--help"]) is None

    commands = re.findall(r"^    (\S.*)$", helped.getvalue(), re.MULTILINE)
    assert commands[0].split("  ")[0] == "./deploy.sh"
    assert "read -rs OPENAI_API_KEY; export OPENAI_API_KEY; ./deploy.sh" in commands
    assert not COMMAND_WITH_KEY.search(helped.getvalue())
