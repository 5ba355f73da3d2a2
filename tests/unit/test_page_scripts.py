"""The scripts of the web page, tested by Node: each file of tests/web."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.markdown import ROOT

TESTS = sorted((ROOT / "tests/web").glob("*.test.js"))
NODE = shutil.which("node")


@pytest.mark.skipif(
    NODE is None, reason="there is no Node here, which tests the page's scripts: install Node 20"
)
@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.name)
def test_the_scripts_pass_their_tests(file: Path) -> None:
    assert NODE is not None

    done = subprocess.run(
        [NODE, "--test", "--test-reporter=spec", file],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
