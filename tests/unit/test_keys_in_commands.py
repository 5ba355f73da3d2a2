"""No page, help or message shows a command with a key in it: a shell writes commands into its history."""

import contextlib
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.markdown import ROOT
from travel_gpt.cli.deploy.options import read_options

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
