"""scripts/chromium.sh finds the browser of the browser tests, or says in one line how to run them."""

import subprocess
from pathlib import Path

import pytest

from tests.support.markdown import ROOT


def program(path: Path, does: str = "exit 0") -> Path:
    """Write a program, which stands for a browser unless it does something else."""
    path.write_text(f"#!/bin/sh\n{does}\n")
    path.chmod(0o755)
    return path


def find(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", str(ROOT / "scripts/chromium.sh"), *arguments],
        env={"PATH": str(folder), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", ["chromium", "chromium-browser", "google-chrome"])
def test_a_browser_of_this_machine_is_found(tmp_path: Path, name: str) -> None:
    program(tmp_path / name)

    assert find(tmp_path).stdout == f"{tmp_path}/{name}\n"


def test_the_named_browser_wins(tmp_path: Path) -> None:
    program(tmp_path / "chromium")
    named = program(tmp_path / "my-browser")

    assert find(tmp_path, CHROMIUM=str(named)).stdout == f"{named}\n"


def test_a_program_that_does_not_run_is_no_browser(tmp_path: Path) -> None:
    # As Ubuntu's, which says that the snap must be installed.
    program(tmp_path / "chromium-browser", "exit 1")
    program(tmp_path / "google-chrome")

    assert find(tmp_path).stdout == f"{tmp_path}/google-chrome\n"


@pytest.mark.parametrize("arguments", [[], ["--install"]])
def test_where_there_is_none_one_line_says_what_to_do(tmp_path: Path, arguments: list[str]) -> None:
    program(tmp_path / "id", "echo 1000")

    done = find(tmp_path, *arguments)

    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert "apt-get install chromium" in line
    assert "make test-browser" in line


def test_as_root_it_is_installed_only_when_asked_to(tmp_path: Path) -> None:
    program(tmp_path / "id", "echo 0")
    program(
        tmp_path / "apt-get",
        f'case "$*" in *install*) PATH=/bin:/usr/bin; cp {tmp_path}/id {tmp_path}/chromium;; esac',
    )

    assert find(tmp_path).returncode == 1
    assert find(tmp_path, "--install").stdout == f"{tmp_path}/chromium\n"
