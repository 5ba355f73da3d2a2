"""The built Lambda package, made once for all tests of a session."""

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from scripts.build_package import lambda_python
from tests.support.compiled_template import ROOT


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


OF_A_FUNCTION = {
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "not-a-secret",
    "API_ACCESS": "open",
}

REQUEST = """
import json

class Context:
    aws_request_id = "1"
    function_name = "f"
    function_version = "1"
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:f"
    memory_limit_in_mb = 1024
    def get_remaining_time_in_millis(self):
        return 30000

def event(method, body, path="/travel-gpt"):
    return {
        "resource": path, "path": path, "httpMethod": method, "body": body,
        "headers": {"Content-Type": "application/json"},
        "multiValueHeaders": {"Content-Type": ["application/json"]},
        "queryStringParameters": {"verify": "true"} if method == "GET" else None,
        "multiValueQueryStringParameters": {"verify": ["true"]} if method == "GET" else None,
        "requestContext": {"requestId": "1", "identity": {}}, "isBase64Encoded": False,
    }

bodies = {"GET": None, "POST": json.dumps({"query": "Three days in Rome?"})}
"""

ANSWER = """
from travel_gpt.handler import lambda_handler

answers = [lambda_handler(event(method, bodies[method]), Context()) for method in METHODS]
modules = {name: getattr(module, "__file__", None) or "" for name, module in list(sys.modules.items())}
print(json.dumps({"answers": answers, "modules": modules, "machine": __import__("os").uname().machine}))
"""
STREAM = """
import travel_gpt.stream_runtime
from travel_gpt.stream_handler import stream

response = stream(event("POST", bodies["POST"], "/travel-gpt/stream"), Context())
body = b"".join(iter(response.chunks)).decode()
print(json.dumps({"body": body, "modules": list(sys.modules)}))
"""


def answer_alone(
    package: Path,
    services: Mapping[str, str],
    methods: list[str],
    api: str = "responses",
    *,
    python: Sequence[str] = (),
) -> Any:
    """Answer requests with the package alone, as the first requests of an environment.

    Args:
        package: the built package.
        services: the variables that lead to the fakes of AWS and OpenAI.
        methods: the requests: ``GET``, which verifies the key, and ``POST``.
        api: which of OpenAI's two APIs is asked.
        python: the command of the interpreter, if it is another one than this machine's.

    Returns:
        The proxy responses (``answers``), the files of all modules by their names (``modules``), and the
        processor (``machine``).
    """
    return run_alone(
        package,
        f"METHODS = {methods}\n{REQUEST}{ANSWER}",
        python,
        **OF_A_FUNCTION,
        OPENAI_API=api,
        **services,
    )


def stream_alone(package: Path, services: Mapping[str, str]) -> Any:
    """Stream an answer with the package alone, as the first of an environment.

    Args:
        package: the built package.
        services: the variables that lead to the fakes of AWS and OpenAI.

    Returns:
        The events (``body``), and the names of all modules (``modules``).
    """
    return run_alone(package, REQUEST + STREAM, **OF_A_FUNCTION, **services)


def run_alone(package: Path, code: str, python: Sequence[str] = (), **environment: str) -> Any:
    """Run code with the package and the standard library, and nothing else installed.

    Args:
        package: the built package.
        code: prints one line of JSON.
        python: the command of the interpreter; by default the one that the package is built with.
        environment: the whole environment.
    """
    python = python or [lambda_python() or str(getattr(sys, "_base_executable", sys.executable))]
    program = f"import sys\nsys.path.insert(0, {str(package)!r})\n{code}"
    done = subprocess.run(
        [*python, "-I", "-S", "-B", "-W", "error", "-c", program],
        env=environment,
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
