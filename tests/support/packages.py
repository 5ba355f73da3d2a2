"""The built Lambda package, made once for all tests of a session."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.build_package import lambda_python
from tests.support.compiled_template import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest


def shared_folder(factory: pytest.TempPathFactory) -> Path:
    """A folder that the workers of one session share, and no other session does."""
    base = factory.getbasetemp()
    return base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """Make a folder when it is first asked for; the other workers wait and share it.

    Args:
        factory: pytest's.
        name: the folder's name.
        make: fills the folder.

    Returns:
        The folder, filled.
    """
    folder = shared_folder(factory) / name
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        finished = folder.with_suffix(".finished")
        if not finished.exists():
            make(folder)
            finished.touch()
    return folder


def run_sam_build(folder: Path, **environment: str) -> str:
    """Build as a user does, and return what sam said.

    Args:
        folder: where the build goes, instead of .aws-sam/build.
        environment: variables beside the inherited ones.
    """
    command = [str(Path(sys.executable).parent / "sam"), "build", "--build-dir", str(folder / "build")]
    folder.mkdir()
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "SAM_CLI_TELEMETRY": "0", "PACKAGE_EXTRAS": "", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def run_build_script(target: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run scripts/build_package.py.

    Args:
        target: where the package goes.
        options: further options.
        environment: variables beside the inherited ones.
    """
    return subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "build_package.py"), "--target", str(target), *options],
        env={**os.environ, "PACKAGE_EXTRAS": "", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def run_alone(package: Path, code: str, **environment: str) -> Any:
    """Run code with the package and the standard library, and nothing else installed.

    Args:
        package: the built package.
        code: prints one line of JSON.
        environment: the whole environment.
    """
    # The Python that the package is built with: its native modules are for that one.
    python = lambda_python() or str(getattr(sys, "_base_executable", sys.executable))
    program = f"import sys\nsys.path.insert(0, {str(package)!r})\n{code}"
    done = subprocess.run(
        [python, "-I", "-S", "-B", "-W", "error", "-c", program],
        env=environment,
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
