"""The deployed function, at work: its code, its variables, its role, in the real Lambda runtime."""

from __future__ import annotations

import contextlib
import io
import threading
import zipfile
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from testbed.accesslog import append
from testbed.streaming import StreamingEnvironment
from tests.support.emulator import Emulator, host_dependencies

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from testbed.fake_aws import FakeAws


class DeployedFunction:
    """A function that was deployed on the fake AWS. Started at its first event, and anew when it was changed.

    Of the deployed code, the files of travel_gpt and web are used as they are; the dependencies, which are
    for arm64, are those of the same lock built for this machine.

    Args:
        cloud: where it is deployed.
        name: its name.
        region: its region.
        folder: a place for its files.
    """

    def __init__(self, aws: FakeAws, name: str, region: str, folder: Path) -> None:
        self._aws, self._name, self._region, self._folder = aws, name, region, folder
        self._lock = threading.Lock()
        self._stack = ExitStack()
        self._emulator: Emulator | StreamingEnvironment | None = None
        self._running: dict[str, Any] = {}
        self._delivered = 0

    @property
    def configuration(self) -> dict[str, Any]:
        """Its configuration now."""
        client = self._aws.client("lambda", self._region)
        found: dict[str, Any] = client.get_function_configuration(FunctionName=self._name)
        keys = ("CodeSha256", "Environment", "Handler", "LoggingConfig", "MemorySize", "Role", "Timeout")
        return {key: found.get(key) for key in keys}

    @property
    def environment(self) -> dict[str, str]:
        """The variables of the deployed function."""
        variables: dict[str, str] = (self.configuration["Environment"] or {}).get("Variables", {})
        return variables

    @property
    def logs(self) -> str:
        """What it has written since it was started last."""
        return self._emulator.logs if self._emulator else ""

    def invoke(self, event: dict[str, Any], timeout: float = 60.0) -> dict[str, Any]:
        """Run it with an event; events wait for each other.

        Args:
            event: what API Gateway would give it.
            timeout: seconds to wait for the answer at the most.

        Raises:
            TimeoutError: no answer in time.
        """
        with self._lock:
            emulator = self._started()
            assert isinstance(emulator, Emulator), f"{self._name} streams"
            try:
                return emulator.invoke(event, timeout)
            finally:
                self._deliver_logs(emulator)

    def invoke_stream(self, event: dict[str, Any], timeout: float = 60.0) -> Generator[bytes]:
        """Run it with an event; it streams its response. It must have a runtime of its own.

        Args:
            event: as for ``invoke``.
            timeout: as for ``invoke``.

        Yields:
            What it sends, when it comes.

        Raises:
            TimeoutError: no answer in time.
            ChildProcessError: it ended without an answer.
        """
        with self._lock:
            running = self._started()
            assert isinstance(running, StreamingEnvironment), f"{self._name} has no runtime that streams"
            try:
                yield from running.invoke(event, timeout)
            finally:
                self._deliver_logs(running)

    def restart(self) -> None:
        """Start it anew at the next event: nothing it keeps in memory survives."""
        with self._lock:
            self.close()

    def close(self) -> None:
        """Stop it."""
        self._emulator = None
        self._stack.close()

    def _started(self) -> Emulator | StreamingEnvironment:
        now = self.configuration
        ended = isinstance(self._emulator, StreamingEnvironment) and self._emulator.ended
        if self._emulator is None or ended or now != self._running:
            self.close()
            self._running, self._delivered = now, 0
            code, variables = self._code(now["CodeSha256"]), self._variables(now)
            paths = [code, host_dependencies()]
            how = {"timeout": now["Timeout"], "memory": now["MemorySize"], "name": self._name}
            if wrapper := variables.get("AWS_LAMBDA_EXEC_WRAPPER"):
                # Lambda unpacks the code into /var/task.
                program = code / wrapper.removeprefix("/var/task/")
                started = StreamingEnvironment.start(variables, program, paths, **how)
                self._emulator = self._stack.enter_context(started)
            else:
                self._emulator = self._stack.enter_context(
                    Emulator.start(variables, now["Handler"], paths, **how)
                )
        return self._emulator

    def _deliver_logs(self, emulator: Emulator | StreamingEnvironment) -> None:
        """Carry what the function wrote to its log group if its role lets it; else keep quiet, as Lambda."""
        written = emulator.logs
        lines, self._delivered = written[self._delivered :].splitlines(), len(written)
        own = [each for each in lines if each and "(rapid)" not in each]
        environment = emulator.environment
        client = self._aws.client(
            "logs",
            self._region,
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=environment["AWS_SESSION_TOKEN"],
        )
        group = self._running["LoggingConfig"]["LogGroup"]
        with contextlib.suppress(ClientError):
            append(client, group, f"[$LATEST]{environment['AWS_ACCESS_KEY_ID']}", own)

    def _variables(self, configuration: dict[str, Any]) -> dict[str, str]:
        credentials = self._aws.credentials_of(configuration["Role"], self._name, self._region)
        return {
            **(configuration["Environment"] or {}).get("Variables", {}),
            **{name.upper(): value for name, value in credentials.items()},
            "AWS_REGION": self._region,
            "AWS_ENDPOINT_URL": self._aws.endpoint,
            # Whatever server the stack names: nothing leaves this machine.
            "OPENAI_BASE_URL": self._aws.openai.base_url,
            **self._aws.through_proxy,
        }

    def _code(self, digest: str) -> Path:
        content = self._aws.server.control("code", region=self._region, name=self._name)
        folder = self._folder / "".join(filter(str.isalnum, digest))
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            own = [each for each in package.namelist() if each.startswith(("travel_gpt/", "web/"))]
            if not any(each.startswith("travel_gpt/") for each in own):
                raise RuntimeError(f"The deployed package of {self._name} has no travel_gpt in it")
            package.extractall(folder, own)
            # Lambda keeps the rights that the zip has, and extractall does not.
            for name in own:
                if mode := package.getinfo(name).external_attr >> 16 & 0o777:
                    (folder / name).chmod(mode)
        return folder
