"""A clone of the repository to deploy from, so that no test builds where another one reads."""

import fcntl
import functools
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_FILES = ("deploy.sh", "template.yaml", "samconfig.toml", "Makefile", "pyproject.toml", "NOTICE")
_FOLDERS = ("scripts", "travel_gpt", "web", "requirements")
_UNBUILT = "CodeUri: .\n"


def make_clone(folder: Path) -> Path:
    """Copy what a deployment needs into a folder.

    Args:
        folder: one that does not exist yet.

    Returns:
        The folder.
    """
    folder.mkdir()
    for name in _FILES:
        shutil.copy2(ROOT / name, folder / name)
    for name in _FOLDERS:
        # With its bytecode, which would be compiled anew for each test.
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("*.pyc.*"))
    (folder / ".venv").mkdir()
    (folder / ".venv/run").symlink_to(_environment())
    return folder


@functools.cache
def _environment() -> Path:
    """The environment that deploy.sh would set up in a clone: this one's, which takes no time."""
    folder = ROOT / ".venv/run"
    # The workers of pytest-xdist begin at the same time.
    with folder.with_name("run.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run(["scripts/environment.sh", "run"], cwd=ROOT, check=True)
    return folder


def make_built_clone(folder: Path) -> Path:
    """Copy what a deployment needs, with a build to deploy by ``--no-build``.

    The package holds our own code, without its reference data, and no dependencies, which the fake AWS
    brings: so sam has half a megabyte to pack and not fifty. What ``sam build`` really makes is deployed in
    the test of the first run.

    Args:
        folder: one that does not exist yet.

    Returns:
        The folder.
    """
    clone = make_clone(folder)
    build = clone / ".aws-sam" / "build"
    shutil.copytree(
        ROOT / "travel_gpt",
        build / "TravelGPTFunction" / "travel_gpt",
        ignore=shutil.ignore_patterns("__pycache__", "*.sqlite"),
    )
    shutil.copytree(ROOT / "web", build / "TravelGPTFunction" / "web")
    template = (ROOT / "template.yaml").read_text("utf-8")
    assert template.count(_UNBUILT) == 3, "template.yaml says in another way where the code is"
    (build / "template.yaml").write_text(template.replace(_UNBUILT, "CodeUri: TravelGPTFunction\n"), "utf-8")
    return clone
