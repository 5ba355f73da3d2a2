"""The fake AWS seen from a test: its process, and what only tests may ask of it."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[1]
START_TIMEOUT = 60.0
STOP_TIMEOUT = 5.0


@dataclass(frozen=True)
class Call:
    """One request to the fake AWS.

    Attributes:
        service: as IAM calls it, such as ``secretsmanager``.
        action: such as ``GetSecretValue``.
        parameters: what was sent.
        caller: ``owner``, ``cloudformation``, or the name of the role whose credentials were used.
        mutating: whether it may have changed something.
    """

    service: str
    action: str
    parameters: dict[str, Any]
    caller: str
    mutating: bool

    @property
    def name(self) -> str:
        """``service:Action``, as a policy names it."""
        return f"{self.service}:{self.action}"


class AwsServer:
    """A server process. One test after another may use it, with a reset between them.

    Attributes:
        endpoint: its address, for ``AWS_ENDPOINT_URL``.
    """

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint

    @classmethod
    @contextmanager
    def start(cls, log: Path) -> Iterator["AwsServer"]:
        """Start the server; it is stopped at the end, whatever happens.

        Args:
            log: where its complaints go.
        """
        environment = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
        command = [sys.executable, "-m", "testbed.server", "--port", "0", "--guarded"]
        with log.open("wb") as errors:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=ROOT,
                env=environment,
                text=True,
            )
        try:
            yield cls(_first_line(process, log))
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(STOP_TIMEOUT)
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    pipe.close()

    def control(self, what: str, **given: Any) -> Any:
        """Ask for something under /fake-aws; JSON comes parsed, a function's code as bytes."""
        connection = http.client.HTTPConnection(urlsplit(self.endpoint).netloc, timeout=30)
        try:
            connection.request("POST", f"/fake-aws/{what}", json.dumps(given))
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        if response.status != http.HTTPStatus.OK:
            raise RuntimeError(f"The fake AWS did not take {what} {given}: {content!r}")
        return content if content[:2] == b"PK" else json.loads(content)


def _first_line(process: subprocess.Popen[str], log: Path) -> str:
    """The server's address, which it prints when it answers."""
    lines: list[str] = []
    pipe = process.stdout
    if pipe is None:
        raise RuntimeError("The server has no output to read")
    reader = threading.Thread(target=lambda: lines.append(pipe.readline()), daemon=True)
    reader.start()
    reader.join(START_TIMEOUT)
    if not lines or not lines[0].startswith("http://"):
        raise RuntimeError(f"The fake AWS did not start:\n{log.read_text(errors='replace')}")
    return lines[0].strip()
