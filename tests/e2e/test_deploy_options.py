"""The command line of deploy.sh. It is read before any tool or AWS is asked for anything."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from samcli.cli.types import CfnParameterOverridesType

from tests.support.clone import ROOT, make_clone
from tests.support.deployer import GOOD_KEY
from travel_gpt.cli.deploy.parameters import Parameter, overrides


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
        (("--keyless", "--replace-key"), "--keyless goes without a key"),
        (("--keyless", "--parameter", "Keyless=on"), "--keyless sets the parameter Keyless itself"),
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


def test_help_names_every_option_and_needs_nothing_but_pythons_own_library(tmp_path: Path) -> None:
    # -S: without site-packages, as on a machine where nothing is installed yet.
    alone = [sys.executable, "-E", "-S", "-m", "travel_gpt.cli.deploy", "--help"]
    printed = subprocess.run(alone, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert run(tmp_path, "--help").stdout == printed
    what = ("--env", "--region", "--access", "--model", "--alarm-email", "--parameter", "--replace-key")
    how = ("--delete", "--delete-secret", "--yes", "--dry-run", "--create-logging-role", "--no-build")
    assert [option for option in (*what, *how) if option not in printed] == []


@pytest.mark.parametrize(
    "value", ["", "two words", 'a "quoted" one', "it's", "a=b,c", "https://x.example/v1?", " "]
)
def test_sam_reads_back_what_is_written_for_it(value: str) -> None:
    written = overrides([Parameter("Model", None, value, ""), Parameter("Days", None, "7", "7")])

    assert CfnParameterOverridesType().convert(tuple(written), None, None) == {"Model": value, "Days": "7"}
