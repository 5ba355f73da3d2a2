"""The package for Lambda, run by Python for Lambda's processor in an emulator: `make test-arm64`."""

import json
import os
from pathlib import Path

import pytest

from tests.support.packages import answer_alone, run_alone

ARM64_PYTHON = os.environ.get("ARM64_PYTHON", "").split()
NATIVE = """
import importlib, json, os, pathlib
root = pathlib.Path(sys.path[0])
for file in root.rglob("*.so"):
    importlib.import_module(".".join([*file.relative_to(root).parts[:-1], file.name.partition(".")[0]]))
print(json.dumps(os.uname().machine))
"""


@pytest.mark.skipif(not ARM64_PYTHON, reason="make test-arm64 runs this, with an emulator")
def test_the_package_answers_on_lambdas_processor(lambda_package: Path, services: dict[str, str]) -> None:
    # Given the package as it is deployed, and Python 3.13 for arm64
    # When its native modules are imported, and GET and POST are asked
    machine = run_alone(lambda_package, NATIVE, ARM64_PYTHON)
    ran = answer_alone(lambda_package, services, ["GET", "POST"], python=ARM64_PYTHON)

    # Then both are answered
    health, query = ran["answers"]
    assert (health["statusCode"], query["statusCode"]) == (200, 200)
    assert json.loads(health["body"])["has_api_key"] is True
    assert json.loads(query["body"])["answer"] == "Start at the Forum."
    # And it was arm64
    assert machine == ran["machine"] == "aarch64"
    assert "aarch64" in ran["modules"]["pydantic_core._pydantic_core"]
