"""What `pip install` makes of the project: the command, and everything that it needs beside it."""

import tomllib
import zipfile
from importlib.metadata import EntryPoint
from pathlib import Path

import flit_core.buildapi  # type: ignore[import-untyped]
import pytest

from tests.support.markdown import ROOT
from travel_gpt.cli.__main__ import main

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> zipfile.ZipFile:
    monkeypatch.chdir(ROOT)
    return zipfile.ZipFile(tmp_path / flit_core.buildapi.build_wheel(str(tmp_path)))


def test_the_wheel_has_every_file_of_the_package_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    there = {name for name in wheel.namelist() if ".dist-info/" not in name}

    wanted = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "travel_gpt").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert there == wanted
    assert "travel_gpt/advisor/instructions.txt" in there
    assert "travel_gpt/advisor/reference/places.sqlite" in there


def test_the_wheel_has_the_licences_of_the_project_and_its_data(wheel: zipfile.ZipFile) -> None:
    there = {name.partition(".dist-info/licenses/")[2] for name in wheel.namelist()}

    assert there >= {"LICENSE", "NOTICE"}


def test_the_command_leads_to_its_main(wheel: zipfile.ZipFile) -> None:
    (folder,) = {name.partition("/")[0] for name in wheel.namelist() if ".dist-info/" in name}
    lines = wheel.read(f"{folder}/entry_points.txt").decode().split()

    assert lines == ["[console_scripts]", "travel-gpt=travel_gpt.cli.__main__:main"]
    assert EntryPoint("travel-gpt", lines[1].partition("=")[2], "console_scripts").load() is main


def test_the_wheel_names_no_machine(wheel: zipfile.ZipFile) -> None:
    (metadata,) = [name for name in wheel.namelist() if name.endswith("/METADATA")]
    assert str(Path.home()) not in wheel.read(metadata).decode()


def test_what_the_command_imports_is_in_its_extra() -> None:
    extra = {name.partition(">")[0] for name in PROJECT["project"]["optional-dependencies"]["command"]}
    assert {"boto3[crt]", "typer", "rich", "python-dotenv", "pyyaml", "joserfc", "cryptography"} <= extra


def test_what_reads_the_sessions_of_aws_login_is_beside_the_command_and_in_no_package() -> None:
    locks = {path.stem: "\nawscrt==" in path.read_text("utf-8") for path in ROOT.glob("requirements/*.txt")}

    assert locks["run"]
    assert locks["dev"]
    assert not any(held for name, held in locks.items() if name.startswith("lambda"))


def test_what_it_is_built_with_is_in_the_locks() -> None:
    (needed,) = PROJECT["build-system"]["requires"]
    for lock in ("run", "dev"):
        text = (ROOT / f"requirements/{lock}.txt").read_text(encoding="utf-8")
        assert f"\n{needed.partition('>')[0].replace('_', '-')}==" in text
