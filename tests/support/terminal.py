"""A terminal with a person at it: a command on a pseudo-terminal, what it shows and what is typed."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

# The terminal must be the command's own, as it is for a person: getpass opens /dev/tty. And Ctrl-C must
# work, though the tests may run in a background that ignores it.
_TAKE_TERMINAL = """
import fcntl, os, signal, sys, termios
signal.signal(signal.SIGINT, signal.SIG_DFL)
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class Terminal:
    """A command and the terminal that it runs in.

    Attributes:
        raw: everything that the terminal showed, colours included.
    """

    def __init__(self, process: subprocess.Popen[bytes], master: int) -> None:
        self.raw = ""
        self._process, self._master = process, master
        self._read_to = 0

    @property
    def shown(self) -> str:
        """What it showed, without colours and with plain line ends."""
        return _COLOURS.sub("", self.raw).replace("\r\n", "\n")

    def expect(self, text: str, timeout: float = 60.0) -> None:
        """Wait until the terminal shows a text that it had not shown before the last one expected.

        Args:
            text: what to wait for.
            timeout: seconds.

        Raises:
            AssertionError: it was not shown.
        """
        until = time.monotonic() + timeout
        while (at := self.shown.find(text, self._read_to)) < 0:
            assert self._read(until - time.monotonic()), f"{text!r} was not shown:\n{self.shown}"
        self._read_to = at + len(text)

    def type(self, line: str) -> None:
        """Type a line and Enter."""
        os.write(self._master, f"{line}\n".encode())

    def press(self, key: bytes) -> None:
        """Press a key, such as ``\\x03`` for Ctrl-C."""
        # No person does it within the microsecond between a prompt and the reading of its answer, and
        # Python would see it only after the next line then.
        time.sleep(0.3)
        os.write(self._master, key)

    def wait(self, timeout: float = 120.0) -> int:
        """Wait for the end of the command.

        Args:
            timeout: seconds.

        Returns:
            Its exit status.
        """
        until = time.monotonic() + timeout
        while self._read(until - time.monotonic()):
            pass
        assert time.monotonic() < until, f"It goes on and on:\n{self.shown}"
        return self._process.wait(max(until - time.monotonic(), 1))

    def _read(self, seconds: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], max(seconds, 0))
        if not ready:
            return False
        try:
            content = os.read(self._master, 65536)
        except OSError:
            # What Linux says when the other end is closed.
            return False
        self.raw += content.decode(errors="replace")
        return bool(content)


@contextmanager
def at_terminal(argv: list[str], env: Mapping[str, str], cwd: Path) -> Iterator[Terminal]:
    """Run a command at a terminal; it is stopped at the end, whatever happens.

    Args:
        argv: the command.
        env: its whole environment.
        cwd: where.
    """
    master, slave = pty.openpty()
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", _TAKE_TERMINAL, *argv],
            env={"TERM": "xterm", **env},
            cwd=cwd,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
    finally:
        os.close(slave)
    try:
        yield Terminal(process, master)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        os.close(master)
