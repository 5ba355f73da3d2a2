"""A deployed function with a runtime of its own, which streams: its process, and Lambda's Runtime API."""

import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.fakes.runtime_api import RuntimeApi
from tests.support.emulator import lambda_variables, python


class StreamingEnvironment:
    """One execution environment. AWS's emulator would hand out a response when it is complete, so it is none.

    Attributes:
        environment: what the function's process was given.
    """

    def __init__(
        self,
        process: "subprocess.Popen[bytes]",
        api: RuntimeApi,
        log: Path,
        environment: Mapping[str, str],
        timeout: int,
    ) -> None:
        self.environment = dict(environment)
        self._process, self._api, self._log, self._timeout = process, api, log, timeout

    @classmethod
    @contextmanager
    def start(
        cls,
        environment: Mapping[str, str],
        wrapper: Path,
        paths: Sequence[Path],
        *,
        timeout: int,
        memory: int,
        name: str,
    ) -> Iterator["StreamingEnvironment"]:
        """Start the runtime; it is stopped at the end, whatever happens.

        Args:
            environment: the function's variables, credentials included. Nothing is inherited.
            wrapper: the program of ``AWS_LAMBDA_EXEC_WRAPPER``.
            paths: where the function's code is, first things first.
            timeout: the function's, in seconds.
            memory: the function's, in MB.
            name: the function's.
        """
        given = lambda_variables(environment, paths, name=name, timeout=timeout, memory=memory)
        with RuntimeApi() as api, tempfile.TemporaryDirectory() as folder:
            log = Path(folder) / "log"
            given["AWS_LAMBDA_RUNTIME_API"] = api.address
            with log.open("wb") as output:
                # Lambda developer guide, "Modifying the runtime environment": a wrapper gets the interpreter
                # and the runtime's own program as its arguments.
                process = subprocess.Popen(
                    [str(wrapper), python(), "/var/runtime/bootstrap.py"],
                    env=given,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    cwd=folder,
                )
            try:
                yield cls(process, api, log, given, timeout)
            finally:
                process.kill()
                process.wait()

    @property
    def ended(self) -> bool:
        """Whether its process has ended: Lambda starts another one then."""
        return self._process.poll() is not None

    @property
    def logs(self) -> str:
        """Everything that the function has written."""
        return self._log.read_text(errors="replace")

    def invoke(self, event: Mapping[str, Any], seconds: float) -> Iterator[bytes]:
        """Invoke the function, and yield what it sends when it comes.

        Args:
            event: what it is given.
            seconds: how long all of it may take.

        Raises:
            TimeoutError: it was not complete in time.
            ChildProcessError: the process ended without a response.
        """
        request_id = self._api.invoke(event, deadline=self._timeout)
        return self._api.response(request_id, seconds, lambda: not self.ended)
