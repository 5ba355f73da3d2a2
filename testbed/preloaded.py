"""``aws`` and ``sam`` without their start: each call runs in a fork of a process that has imported them.

Their imports take most of a second of the processor, and one deployment calls ``aws`` some twenty times. The
commands are the unmodified ones, but for sam's YAML loader (``_read_yaml_by_libyaml``). What a test finds
in their place is a short program of the same name: it hands its arguments, environment, folder and standard
streams to the fork, waits for it and ends as it ended. Whatever starts ``aws`` or reads its arguments and
environment in /proc sees what there is to see.

    python -m testbed.preloaded SOCKET aws|sam      (in .venv/cloud)
"""

import atexit
import contextlib
import functools
import gc
import importlib
import io
import logging
import marshal
import os
import random
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
START_TIMEOUT = 60.0
# What a deployment comes to import.
MODULES = {
    "aws": ("awscli.clidriver", "awscli.handlers", "botocore.httpsession", "botocore.parsers"),
    "sam": (
        "samcli.cli.main",
        "samcli.commands.build.command",
        "samcli.commands.build.build_context",
        "samcli.commands.deploy.command",
        "samcli.commands.deploy.deploy_context",
        "samcli.commands.deploy.guided_context",
        "samcli.commands.package.package_context",
        "samtranslator.translator.translator",
    ),
}
# The program that stands for a command. It imports nothing that is not built into the interpreter, so that it
# starts in a hundredth of a second.
LAUNCHER = """\
#!{python} -IS
import _socket, marshal, posix, sys
there = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
there.connect({address!r})
streams = b"".join(each.to_bytes(4, sys.byteorder) for each in (0, 1, 2))
there.sendmsg([b"x"], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, streams)])
given = marshal.dumps((sys.argv[1:], dict(posix.environ), posix.getcwd()))
there.sendall(len(given).to_bytes(8, "big") + given)
try:
    posix._exit((there.recv(1) or b"\\x01")[0])
except KeyboardInterrupt:
    posix._exit(130)
"""


@functools.cache
def programs() -> dict[str, Path]:
    """Start a process for each command, once; they end with this one.

    Returns:
        The program that stands for each command.
    """
    # A socket's path may have a hundred characters: too few for a folder of pytest's.
    folder = Path(tempfile.mkdtemp(prefix="preloaded-"))
    environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": str(folder), "SAM_CLI_TELEMETRY": "0"}
    started = {name: _start(folder / f"{name}.socket", name, environment) for name in MODULES}
    atexit.register(_stop, list(started.values()), folder)
    for name, process in started.items():
        _wait_for(folder / f"{name}.socket", process)
        program = LAUNCHER.format(python=sys.executable, address=str(folder / f"{name}.socket"))
        (folder / name).write_text(program)
        (folder / name).chmod(0o755)
    return {name: folder / name for name in MODULES}


def _start(address: Path, name: str, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "testbed.preloaded", str(address), name]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.PIPE)


def _stop(started: list[subprocess.Popen[bytes]], folder: Path) -> None:
    for process in started:
        process.kill()
        process.wait()
        if process.stdin:
            process.stdin.close()
    shutil.rmtree(folder)


def _wait_for(address: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while not address.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{address.stem} could not be preloaded")
        time.sleep(0.02)


def serve(address: str, name: str) -> None:
    """Import a command and run it in a fork for every connection, until stdin ends.

    Args:
        address: the path of the socket.
        name: ``aws`` or ``sam``.
    """
    for module in MODULES[name]:
        importlib.import_module(module)
    if name == "sam":
        _read_yaml_by_libyaml()
    # To look for garbage in a fork would copy every page of what was imported; it ends before there is much.
    gc.freeze()
    gc.disable()
    listener = socket.socket(socket.AF_UNIX)
    # Complete under its name: who finds it can connect.
    listener.bind(f"{address}.new")
    listener.listen(64)
    Path(f"{address}.new").rename(address)
    kept = os.environ.get("AWS_DATA_PATH")
    # When stdin ends, whatever this was started for is gone. No thread waits for it: this process forks.
    while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            _run(connection, name, kept)
        connection.close()
        _collect()


def _read_yaml_by_libyaml() -> None:
    """Have ``yaml.safe_load`` use PyYAML's own loader in C, which takes the same tags and constructors.

    One ``sam deploy`` reads the template seven times: half of its time with the loader in Python.
    """
    yaml: Any = importlib.import_module("yaml")
    yaml.SafeLoader = yaml.CSafeLoader


def _collect() -> None:
    """Take notice of the forks that have ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _run(connection: socket.socket, name: str, data_path: str | None) -> None:
    """Be the command: take over what its program was started with, run, and end as it ends."""
    _, streams, _, _ = socket.recv_fds(connection, 1, 3)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    arguments, environment, folder = _given(connection)
    os.environ.clear()
    os.environ.update(environment)
    if data_path:
        # awscli sets it for itself when it is imported.
        os.environ.setdefault("AWS_DATA_PATH", data_path)
    os.chdir(folder)
    # What the imports have settled for the whole process.
    random.seed()
    tempfile.tempdir = None
    sys.argv = [name, *arguments]
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115
    # The program is gone, as after Ctrl-C: so is the command.
    threading.Thread(target=lambda: (connection.recv(1), os._exit(130)), daemon=True).start()
    status = _status(name)
    atexit._run_exitfuncs()
    logging.shutdown()
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.flush()
    with contextlib.suppress(OSError):
        connection.sendall(bytes([status & 0xFF]))
    os._exit(status & 0xFF)


def _status(name: str) -> int:
    try:
        if name == "aws":
            ended = importlib.import_module("awscli.clidriver").main()
        else:
            ended = importlib.import_module("samcli.cli.main").cli(prog_name="sam")
    except SystemExit as done:
        if isinstance(done.code, str):
            print(done.code, file=sys.stderr)
            return 1
        return int(done.code or 0)
    except BaseException:  # noqa: BLE001 - as the interpreter does at the end of a program
        sys.excepthook(*sys.exc_info())
        return 1
    return int(ended or 0)


def _given(connection: socket.socket) -> tuple[list[str], dict[str, str], str]:
    reader = connection.makefile("rb")
    length = int.from_bytes(reader.read(8), "big")
    arguments, environment, folder = marshal.load(io.BytesIO(reader.read(length)))
    decoded = {os.fsdecode(key): os.fsdecode(value) for key, value in environment.items()}
    return arguments, decoded, folder


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2])
