"""A clone of the repository to deploy from, so that no test builds where another one reads."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.support import emulator

ROOT = emulator.ROOT
_FILES = ("deploy.sh", "template.yaml", "samconfig.toml", "Makefile", "pyproject.toml")
_FOLDERS = ("scripts", "travel_gpt", "requirements")


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
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def make_built_clone(folder: Path, env: dict[str, str]) -> Path:
    """Copy what a deployment needs, with what ``sam build`` makes of it, for ``--no-build``.

    Args:
        folder: one that does not exist yet.
        env: the environment for ``sam``.

    Returns:
        The folder.
    """
    clone = make_clone(folder)

    def build(built: Path) -> None:
        done = subprocess.run(
            ["sam", "build", "--build-dir", str(built)],
            cwd=clone,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    sources = [ROOT / name for name in _FILES if name != "deploy.sh"] + sorted(
        path
        for name in _FOLDERS
        for path in (ROOT / name).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and "deploy" not in path.parts
    )
    built = emulator.cached("sam-build", sources, build)
    # The same files by other names: 40 MB are not copied for every test.
    shutil.copytree(built, clone / ".aws-sam" / "build", copy_function=os.link)
    return clone
