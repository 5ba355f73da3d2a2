"""scripts/python.sh finds a Python for the environments; scripts/environment.sh says what one takes."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.markdown import ROOT


def interpreter(path: Path, version: str) -> Path:
    """Write a program that answers as a Python of one version does."""
    asked = f"({version.replace('.', ', ')})"
    path.write_text(
        f'#!/bin/sh\ncase "$2" in *"{asked}"*) exit 0;; *print*) echo "{path}";; *) exit 1;; esac\n'
    )
    path.chmod(0o755)
    return path


def find(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", str(ROOT / "scripts/python.sh"), *arguments],
        env={"PATH": f"{folder}:{os.defpath}", "HOME": str(folder), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder in PATH with a Python 3.13, and beside it a 3.11 that PATH does not name."""
    interpreter(tmp_path / "python3.13", "3.13")
    interpreter(tmp_path / "my-python", "3.11")
    interpreter(tmp_path / "old-python", "3.9")
    return tmp_path


def test_without_a_wish_the_newest_is_taken(folder: Path) -> None:
    assert find(folder).stdout == f"{folder}/python3.13\n"


def test_the_named_python_wins_over_a_newer_one(folder: Path) -> None:
    done = find(folder, PYTHON=f"{folder}/my-python")

    assert (done.stdout, done.stderr) == (f"{folder}/my-python\n", "")


@pytest.mark.parametrize("name", ["old-python", "not-there"])
def test_a_named_python_that_will_not_do_is_said(folder: Path, name: str) -> None:
    done = find(folder, PYTHON=f"{folder}/{name}")

    assert done.stdout == f"{folder}/python3.13\n"
    assert done.stderr.startswith(f"PYTHON={folder}/{name} is no Python 3.11, 3.12 or 3.13")


def test_where_one_version_is_needed_another_is_not_taken(folder: Path) -> None:
    # The package of the Lambda function is compiled by the Python that Lambda has.
    done = find(folder, "3.13", PYTHON=f"{folder}/my-python")

    assert (done.stdout, done.stderr) == (f"{folder}/python3.13\n", "")


def test_the_first_start_says_that_it_needs_the_network_and_how_much(tmp_path: Path) -> None:
    # Given a clone without environments, and a Python that makes none
    (tmp_path / "scripts").mkdir()
    (tmp_path / "requirements").mkdir()
    for name in ("scripts/environment.sh", "scripts/python.sh", "requirements/run.txt"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / "scripts/python.sh").chmod(0o755)
    python = interpreter(tmp_path / "my-python", "3.13")

    done = subprocess.run(
        ["sh", "scripts/environment.sh", "run"],
        cwd=tmp_path,
        env={"PATH": os.defpath, "PYTHON": str(python), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode != 0
    assert done.stdout == (
        "Setting up .venv/run (what the local server needs): "
        "it needs the network and about 190 MB, once ...\n"
    )
