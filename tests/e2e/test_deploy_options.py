"""The command line of deploy.sh. It is read before any tool or AWS is asked for anything."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.clone import ROOT, make_clone
from tests.support.deployer import GOOD_KEY


def run(home: Path, *options: str, clone: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run deploy.sh where there is no credential and no aws."""
    tools = home / "tools"
    tools.mkdir()
    for tool in ("bash", "sh", "env", "dirname", "python3"):
        (tools / tool).symlink_to(f"/usr/bin/{tool}")
    return subprocess.run(
        ["./deploy.sh", *options],
        cwd=clone,
        env={"HOME": str(home), "PATH": str(tools), "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--nonsense",), "There is no option: --nonsense"),
        (("--env", "production"), "--env"),
        (("--parameter", "LogLevel"), "--parameter takes Name=Value"),
        (("--access", "open", "--parameter", "ApiAccess=api-key"), "ApiAccess a second, different value"),
        (("--create-logging-role", "--parameter", "AccessLogs=disabled"), "AccessLogs a second"),
        (("--parameter", "OpenAIModel=" + GOOD_KEY), "OpenAIModel looks like a key"),
        (("--parameter", "OpenAIModel=a\\b"), "OpenAIModel has a backslash"),
        (("--delete-secret",), "--delete-secret goes with --delete"),
        (("--delete", "--access", "open"), "--delete takes no options about what to deploy"),
        ((GOOD_KEY,), "There is no option: [redacted]"),
    ],
)
def test_options_that_make_no_sense_are_a_sentence_and_status_2(
    tmp_path: Path, options: tuple[str, ...], says: str
) -> None:
    done = run(tmp_path, *options)

    assert done.returncode == 2
    assert says in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_a_missing_program_is_named_before_anything_is_installed(tmp_path: Path) -> None:
    clone = make_clone(tmp_path / "clone")
    shutil.rmtree(clone / ".venv")

    done = run(tmp_path, "--yes", clone=clone)

    assert done.returncode == 1
    for said in ("sam is not installed", "make is not installed", "Get it with:"):
        assert said in done.stderr
    assert not (clone / ".venv").exists()


def test_it_needs_nothing_but_pythons_own_library() -> None:
    # -S: without site-packages, as on a machine where nothing is installed yet.
    done = subprocess.run(
        [sys.executable, "-E", "-S", "-c", "import travel_gpt.cli.deploy.__main__"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


def test_help_names_every_option(tmp_path: Path) -> None:
    done = run(tmp_path, "--help")

    assert done.returncode == 0
    for option in (
        "--env",
        "--region",
        "--access",
        "--model",
        "--alarm-email",
        "--parameter",
        "--replace-key",
    ):
        assert option in done.stdout
    for option in (
        "--delete",
        "--delete-secret",
        "--yes",
        "--dry-run",
        "--create-logging-role",
        "--no-build",
    ):
        assert option in done.stdout
