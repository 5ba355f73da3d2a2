"""AWS's own Lambda runtime on this machine: its emulator, and ``awslambdaric`` inside it.

    with Emulator.start(environment, "travel_gpt.handler.lambda_handler", [package]) as emulator:
        answer = emulator.invoke(event)

The emulator is a binary inside the aws-sam-cli wheel, so this works in .venv/cloud, on Linux.
"""

import contextlib
import fcntl
import functools
import hashlib
import http.client
import importlib.util
import json
import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scripts.package_contents import copy_travel_gpt

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"
INVOKE = "/2015-03-31/functions/function/invocations"
INIT = re.compile(r"INIT REPORT\(durationMs: ([0-9.]+)\)")
REQUEST = re.compile(r"START RequestId: (\S+)")
TIMED_OUT = b"Task timed out after "
BINARIES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
START_TIMEOUT = 30.0
STOP_TIMEOUT = 5.0
# Runs a command until it ends or until the process at the other end of stdin is gone, however it ended.
GUARD = """
exec 3<&0
"$@" </dev/null 3<&- &
command=$!
(read -r _ <&3; kill -TERM 0) &
wait $command
"""
# Seconds. Not at once: another run of the tests may be on an older package still.
UNUSED = 3600.0


def unavailable() -> str | None:
    """Why the emulator cannot run here, as a sentence; None where it can."""
    if platform.system() != "Linux":
        return f"The Lambda emulator is a Linux program and cannot run on {platform.system()}."
    if platform.machine().lower() not in BINARIES:
        return f"There is no Lambda emulator for a {platform.machine()} machine."
    if importlib.util.find_spec("samcli") is None:
        return "The Lambda emulator comes with aws-sam-cli: run these tests in .venv/cloud."
    return None


def binary() -> Path:
    """The emulator's program, made executable."""
    found = importlib.util.find_spec("samcli")
    if found is None or found.origin is None:
        raise FileNotFoundError("aws-sam-cli is not installed here")
    path = Path(found.origin).parent / "local" / "rapid"
    path /= f"aws-lambda-rie-{BINARIES[platform.machine().lower()]}"
    if not os.access(path, os.X_OK):
        path.chmod(path.stat().st_mode | 0o111)
    return path


@functools.cache
def python() -> str:
    """The Python to run a package with: Lambda's 3.13 where there is one, else the one of these tests."""
    asked = [str(ROOT / "scripts" / "python.sh"), "3.13"]
    found = subprocess.run(asked, capture_output=True, text=True, check=False)
    if found.returncode == 0:
        return found.stdout.strip()
    print(f"There is no Python 3.13 here: the Lambda runtime is run with {sys.version.split()[0]} instead.")
    return sys.executable


def runtime_client() -> Path:
    """The folder of ``awslambdaric``, installed from its lock the first time."""
    lock = ROOT / "requirements" / "emulator.txt"

    def install(folder: Path) -> None:
        pip = [sys.executable, "-m", "pip", "--python", python(), "install", "--quiet", "--no-deps"]
        pip += ["--require-hashes", "--disable-pip-version-check"]
        _run([*pip, f"--target={folder}", f"--requirement={lock}"])

    return cached("runtime-client", [lock], install)


def host_dependencies() -> Path:
    """The dependencies that ship, of the same lock and pruned alike, built for this machine once."""

    def build(folder: Path) -> None:
        _run(
            [
                python(),
                str(ROOT / "scripts/build_package.py"),
                "--platform=host",
                "--with=",
                f"--target={folder}",
            ]
        )
        # Its own code comes from elsewhere: as it is now, or as it was deployed.
        for own in ("travel_gpt", "web"):
            shutil.rmtree(folder / own)

    scripts = [ROOT / "scripts/build_package.py", *sorted((ROOT / "scripts").glob("package_*.py"))]
    return cached("dependencies", [ROOT / "requirements/lambda.txt", *scripts], build)


def package(folder: Path) -> list[Path]:
    """What ships, for this machine, as a search path: travel_gpt as it is now, and its dependencies.

    Args:
        folder: an empty one, for the copy.
    """
    copy_travel_gpt(ROOT / "travel_gpt", folder)
    return [folder, host_dependencies()]


def cached(name: str, sources: Sequence[Path], make: Callable[[Path], None]) -> Path:
    """A folder in .cache, made anew when one of its sources changed; safe with several workers.

    Args:
        name: what the folder is for. Those of this name unused for an hour are removed.
        sources: the files it is made from.
        make: fills an empty folder.
    """
    digest = hashlib.sha256(f"{python()} {platform.machine()}".encode())
    for source in sources:
        digest.update(str(source.relative_to(ROOT)).encode() + b"\0" + source.read_bytes())
    folder = CACHE / f"{name}-{digest.hexdigest()[:16]}"
    CACHE.mkdir(exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=CACHE) as workspace:
                made = Path(workspace) / "made"
                made.mkdir()
                make(made)
                made.rename(folder)
            os.utime(folder)
            for old in CACHE.glob(f"{name}-*"):
                if time.time() - old.stat().st_mtime > UNUSED:
                    shutil.rmtree(old)
    return folder


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


def lambda_variables(
    environment: Mapping[str, str], paths: Sequence[Path], *, name: str, timeout: int, memory: int
) -> dict[str, str]:
    """The variables of a function's process, its own and Lambda's.

    Args:
        environment: its own, credentials included. Nothing is inherited.
        paths: where its code is, first things first.
        name: its name.
        timeout: in seconds.
        memory: in MB.
    """
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": environment.get("AWS_REGION", "us-east-1"),
        **environment,
        "PYTHONPATH": ":".join([*map(str, paths), str(runtime_client())]),
        "LAMBDA_TASK_ROOT": str(paths[0]),
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory),
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
    }


class Emulator:
    """A function in the Lambda runtime. One invocation at a time, as in one environment of Lambda's.

    Attributes:
        environment: what the function's process was given.
    """

    def __init__(
        self, process: subprocess.Popen[bytes], port: int, log: Path, environment: Mapping[str, str]
    ):
        self.environment = dict(environment)
        self._process, self._port, self._log = process, port, log

    @classmethod
    @contextmanager
    def start(
        cls,
        environment: Mapping[str, str],
        handler: str,
        paths: Sequence[Path],
        *,
        timeout: int = 30,
        memory: int = 1024,
        name: str = "travel-gpt",
        wrapper: Path | None = None,
    ) -> Iterator["Emulator"]:
        """Start the runtime; it is stopped at the end, whatever happens.

        Args:
            environment: the function's variables, credentials included. Nothing is inherited.
            handler: module and function.
            paths: where the function's code is, first things first.
            timeout: the function's, in seconds.
            memory: the function's, in MB.
            name: the function's.
            wrapper: the program of ``AWS_LAMBDA_EXEC_WRAPPER``, started in the place of the runtime's client.
        """
        invoke_port, runtime_port = _free_ports(2)
        given = lambda_variables(environment, paths, name=name, timeout=timeout, memory=memory)
        command = [
            "sh",
            "-c",
            GUARD,
            "sh",
            str(binary()),
            "--runtime-interface-emulator-address",
            f"127.0.0.1:{invoke_port}",
        ]
        command += ["--runtime-api-address", f"127.0.0.1:{runtime_port}"]
        # Lambda developer guide, "Modifying the runtime environment": a wrapper gets the interpreter and the
        # runtime's own program as its arguments.
        command += (
            [python(), "-m", "awslambdaric", handler]
            if wrapper is None
            else [str(wrapper), python(), "/var/runtime/bootstrap.py"]
        )
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder) / "log"
            with log.open("wb") as output:
                process = subprocess.Popen(
                    command,
                    env=given,
                    stdin=subprocess.PIPE,
                    stdout=output,
                    stderr=output,
                    cwd=folder,
                    start_new_session=True,
                )
            emulator = cls(process, invoke_port, log, given)
            try:
                emulator._wait_until_it_listens()
                yield emulator
            finally:
                _stop(process)

    def invoke(self, event: Mapping[str, Any], timeout: float = 60.0) -> dict[str, Any]:
        """Invoke the function.

        Args:
            event: what it is given.
            timeout: seconds to wait for the answer at the most.

        Returns:
            What it answered; ``{"errorType": …, "errorMessage": …}`` when it failed or ran out of time.
        """
        content = self.invoke_raw(event, timeout)
        if content.startswith(TIMED_OUT):
            # The emulator writes the sentence alone; Lambda an error (recorded: lambda/Invoke/timeout).
            message = f"RequestId: {REQUEST.findall(self.logs)[-1]} Error: {content.decode()}"
            return {"errorType": "Sandbox.Timedout", "errorMessage": message}
        try:
            answer: dict[str, Any] = json.loads(content)
        except ValueError:
            raise RuntimeError(f"The emulator answered {content!r}\n{self.logs}") from None
        return answer

    def invoke_raw(self, event: Mapping[str, Any], timeout: float = 60.0) -> bytes:
        """Invoke the function.

        Args:
            event: what it is given.
            timeout: seconds to wait for the answer at the most.

        Returns:
            The bytes of its answer.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=timeout)
        try:
            connection.request("POST", INVOKE, json.dumps(event))
            return connection.getresponse().read()
        finally:
            connection.close()

    @property
    def logs(self) -> str:
        """Everything the function and the emulator have written."""
        return self._log.read_text(errors="replace")

    @property
    def init_ms(self) -> float:
        """How long the function's start took, in milliseconds."""
        found = INIT.search(self.logs)
        if found is None:
            raise RuntimeError(f"No INIT REPORT yet: invoke the function first.\n{self.logs}")
        return float(found[1])

    def _wait_until_it_listens(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError(f"The emulator ended at once:\n{self.logs}")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self._port)) == 0:
                    return
            time.sleep(0.02)
        raise TimeoutError(f"The emulator does not listen after {START_TIMEOUT} s:\n{self.logs}")


def _free_ports(number: int) -> list[int]:
    sockets = [socket.socket() for _ in range(number)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the emulator and the function in it, gently at first."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_TIMEOUT)
    # The shell may be gone before the others of its group.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdin:
        process.stdin.close()
