"""The packages that are measured: each design's files in a folder, as Lambda would see them."""

import contextlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks import SECRET, TABLE
from scripts import build_package
from scripts.package_contents import BuildError

ROOT: Final = Path(__file__).resolve().parent.parent
HANDLERS: Final = ROOT / "benchmarks" / "handlers"
NAIVE_LOCK: Final = ROOT / "requirements" / "naive.txt"


@dataclass(frozen=True, slots=True)
class Design:
    """One way of answering, ready to be run."""

    name: str
    package: Path
    module: str
    table: str = TABLE
    """The table of clients and counters. Designs that keep no limits do not read the setting."""

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables that this design has besides."""
        if not self.table:
            return {}
        return {"TABLE_NAME": self.table, "BUDGET_PER_DAY": "100000", "BUDGET_PER_MONTH": "100000"}


OURS: Final = "travel gpt"
NO_TABLE: Final = "travel gpt, no table"
EMPTY: Final = "empty"
RAW: Final = "raw"
NAIVE: Final = "naive"
COMPILED: Final = "naive, compiled"
BEFORE: Final = "before"


def build(folder: Path) -> tuple[str, list[Design]]:
    """Make every package.

    Args:
        folder: where to put them. The naive ones stay there from run to run: nothing of them changes.

    Returns:
        The interpreter that they are for, and the designs.

    Raises:
        BuildError: one of them cannot be made.
    """
    python, ours = build_ours(folder)
    naive, compiled = _naive(python, folder)
    return python, [
        Design(EMPTY, _standard_library_only(python, folder, "empty"), "empty"),
        Design(RAW, _standard_library_only(python, folder, "raw"), "raw"),
        ours,
        Design(NO_TABLE, ours.package, ours.module, table=""),
        Design(COMPILED, compiled, "naive"),
        Design(NAIVE, naive, "naive"),
    ]


def build_ours(folder: Path) -> tuple[str, Design]:
    """Make this project's package.

    Args:
        folder: where to put it.

    Returns:
        The interpreter that it is for, and the buffered function.

    Raises:
        BuildError: it cannot be made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.redirect_stdout(io.StringIO()):
        build_package.build(folder / "travel-gpt", "host")
    python = build_package.lambda_python() or sys.executable
    return python, Design(OURS, folder / "travel-gpt", "travel_gpt.handler")


def build_beside(folder: Path, commit: str) -> tuple[str, list[Design]]:
    """Make this project's package as it is, and as it was.

    Args:
        folder: where to put them.
        commit: how git names the state to compare with.

    Returns:
        The interpreter that they are for, and the two designs.

    Raises:
        BuildError: one of them cannot be made, or there is no such commit.
    """
    python, ours = build_ours(folder)
    with tempfile.TemporaryDirectory() as workspace:
        _check_out(commit, Path(workspace))
        builder = [sys.executable, f"{workspace}/scripts/build_package.py", "--platform", "host"]
        done = subprocess.run(
            [*builder, "--target", str(folder / "before")], capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise BuildError(done.stderr)
    return python, [
        ours,
        Design(BEFORE, folder / "before", "travel_gpt.handler"),
    ]


def _check_out(commit: str, folder: Path) -> None:
    archived = subprocess.run(
        ["git", "archive", "--format=tar", commit], cwd=ROOT, capture_output=True, check=False
    )
    if archived.returncode:
        raise BuildError(archived.stderr.decode(errors="replace"))
    with tarfile.open(fileobj=io.BytesIO(archived.stdout)) as files:
        files.extractall(folder, filter="data")


def _standard_library_only(python: str, folder: Path, name: str) -> Path:
    package = folder / name
    shutil.rmtree(package, ignore_errors=True)
    package.mkdir()
    shutil.copy(HANDLERS / f"{name}.py", package)
    # Compiled, since these two are limits: what could be better is not to be seen in them.
    build_package.compile_modules(python, package)
    return package


def _naive(python: str, folder: Path) -> tuple[Path, Path]:
    """Install what the naive handler imports as a plain ``pip install --target`` does it.

    Returns:
        The package without compiled modules: what is unpacked from a plain zip has none, and Lambda's file
        system is read-only, so every cold start compiles them anew. And the same one compiled.
    """
    plain, compiled, stamp = folder / "naive", folder / "naive-compiled", folder / "naive.stamp"
    inputs = [NAIVE_LOCK.read_bytes(), (HANDLERS / "naive.py").read_bytes(), python.encode()]
    checksum = str(zlib.crc32(b"".join(inputs)))
    if not (stamp.is_file() and stamp.read_text() == checksum):
        stamp.unlink(missing_ok=True)
        shutil.rmtree(plain, ignore_errors=True)
        shutil.rmtree(compiled, ignore_errors=True)
        with tempfile.TemporaryDirectory() as workspace:
            pip = build_package.python_with_pip(python, Path(workspace) / "pip")
            build_package.install(pip, plain, [f"--requirement={NAIVE_LOCK}"])
        shutil.copy(HANDLERS / "naive.py", plain)
        shutil.copytree(plain, compiled)
        build_package.compile_modules(python, compiled)
        stamp.write_text(checksum)
    return plain, compiled


def environment(home: Path, server: str, secrets: str, api: str) -> dict[str, str]:
    """Return the environment variables of a measured process: the same for every design, but for the table.

    Args:
        home: an empty folder, so that no user's configuration is read.
        server: the URL of the model's server.
        secrets: the URL of Secrets Manager and DynamoDB.
        api: ``responses`` or ``chat``.
    """
    return {
        "PATH": os.defpath,
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "TZ": ":UTC",
        "AWS_LAMBDA_FUNCTION_NAME": "benchmark",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "benchmark",
        "AWS_SECRET_ACCESS_KEY": "benchmark",
        "AWS_SESSION_TOKEN": "benchmark",
        "AWS_ENDPOINT_URL": secrets,
        "BENCHMARK_SECRETS_EXTENSION": secrets,
        "OPENAI_API": api,
        "OPENAI_BASE_URL": f"{server}/v1",
        "OPENAI_MODEL": "gpt-6-luna",
        "OPENAI_SECRET_NAME": SECRET,
        "POWERTOOLS_METRICS_NAMESPACE": "TravelGPT",
        "POWERTOOLS_SERVICE_NAME": "travel-gpt",
        # As a new stack has it.
        "WEB_PAGE": "enabled",
    }
