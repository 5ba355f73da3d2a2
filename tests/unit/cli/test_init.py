"""`travel-gpt init`, `--version`, and hints that name what can be typed here."""

import os
import re
import stat
import subprocess
from pathlib import Path

import pytest

from tests.unit.cli.conftest import KEY, Person
from travel_gpt import __version__
from travel_gpt.cli.errors import DONE, FAILED, USAGE
from travel_gpt.cli.init import template
from travel_gpt.cli.program import program, typed
from travel_gpt.env_file import OF_AWS, load_env_file, parse
from travel_gpt.local.environment import VARIABLES
from travel_gpt.settings import Settings


def test_the_version_is_printed(person: Person) -> None:
    assert person.run("--version").out == f"travel-gpt {__version__}\n"


def test_init_writes_a_file_for_its_owner_that_sets_nothing(person: Person) -> None:
    done = person.run("init")

    path = person.here / ".env"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not [each for each in parse(path.read_text()) if each.key]
    assert done.out.rstrip().endswith("make run")
    assert [each.name for each in person.here.iterdir()] == [".env"], "and nothing temporary stays"


def test_every_line_of_it_can_be_taken_as_it_stands(tmp_path: Path) -> None:
    lines = re.findall(r"^# ([A-Z_]+=.*)$", template(), re.M)
    assert len(lines) > 12
    (tmp_path / ".env").write_text("\n".join(lines))
    environ: dict[str, str] = {}
    taken = load_env_file(tmp_path, environ, also=OF_AWS | VARIABLES.keys())
    assert taken is not None
    named = {line.partition("=")[0] for line in lines}
    assert named - set(taken.names) == {"OPENAI_API_KEY"}, "and that is empty"
    assert not Settings.load(environ).problems


def test_init_replaces_nothing_unasked(person: Person) -> None:
    (person.here / ".env").write_text(f"OPENAI_API_KEY={KEY}\n")
    person.run("init", given="y\n", status=USAGE, says="is there already")
    assert (person.here / ".env").read_text() == f"OPENAI_API_KEY={KEY}\n"


@pytest.mark.parametrize(("answer", "replaced"), [("y\n", True), ("\n", False), ("no\n", False)])
def test_init_replaces_a_file_when_the_person_says_so(person: Person, answer: str, replaced: bool) -> None:
    path = person.here / ".env"
    path.write_text("OPENAI_MODEL=mine\n")
    person.run("init", given=answer, at_terminal=True, status=DONE if replaced else FAILED)
    assert (path.read_text() != "OPENAI_MODEL=mine\n") == replaced


@pytest.mark.parametrize("ignored", [True, False])
def test_init_says_when_git_would_take_the_file(person: Person, ignored: bool) -> None:
    subprocess.run(["git", "init", "-q", str(person.here)], check=True)
    if ignored:
        (person.here / ".gitignore").write_text(".env\n")
    assert ("git does not ignore .env" in person.run("init").out) == (not ignored)


def script(folder: Path) -> Path:
    folder.mkdir(parents=True)
    file = folder / "travel-gpt"
    file.write_text("#!/bin/sh\n")
    file.chmod(0o755)
    return file


def test_a_hint_names_what_can_be_typed_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    installed = script(tmp_path / ".venv" / "run" / "bin")
    python = str(installed.parent / "python")
    module = "clone/travel_gpt/cli/__main__.py"
    relative = ".venv/run/bin/travel-gpt"
    assert program(str(installed), python, str(installed.parent)) == "travel-gpt", "the shell finds it"
    assert program(str(installed), python, "") == relative
    assert program(relative, python, "") == relative
    assert program(module, python, "") == relative, "it is beside the interpreter"
    assert program(module, "/usr/bin/python3", "") == "/usr/bin/python3 -m travel_gpt.cli"
    assert program("/usr/bin/pytest", python, "") == "travel-gpt"


def test_what_a_command_says_has_its_hints_as_they_are_typed(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = script(person.here / "bin")
    monkeypatch.setattr("sys.argv", [str(installed)])
    monkeypatch.setenv("PATH", os.defpath)
    program.cache_clear()
    person.store({"api_key": KEY})
    try:
        assert person.run("doctor").out.rstrip().endswith("\n  bin/travel-gpt doctor --verify")
        person.run("nonsense", status=USAGE, says="`bin/travel-gpt --help`")
        assert typed("the stack travel-gpt-backend, a/travel-gpt doctor") == (
            "the stack travel-gpt-backend, a/travel-gpt doctor"
        )
    finally:
        program.cache_clear()


def test_encrypted_files_are_not_for_git() -> None:
    assert {"*.jwe", ".env"} <= set((Path(__file__).parents[3] / ".gitignore").read_text().splitlines())
    # .env is what init writes, *.jwe what `secret encrypt` writes by default.
    assert Settings().credential_file.endswith(".jwe")
