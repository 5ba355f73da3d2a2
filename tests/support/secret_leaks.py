"""Looking for a secret where it must not be: in arguments, environments and files."""

import threading
from collections.abc import Iterable
from pathlib import Path

PIECE = 8


def pieces(secret: str) -> list[bytes]:
    """Every run of eight characters of a secret, its public prefix apart."""
    own = secret.removeprefix("sk-proj-")
    return [own[at : at + PIECE].encode() for at in range(len(own) - PIECE + 1)]


def holds(content: bytes | str, secret: str) -> bool:
    """Whether a piece of a secret is in a content."""
    raw = content.encode() if isinstance(content, str) else content
    return any(piece in raw for piece in pieces(secret))


def record_tools(tools: Path, names: Iterable[str], into: Path) -> None:
    """Have tools write down their arguments and environment before they run.

    Args:
        tools: a folder of links to tools.
        names: which of them.
        into: the folder for the records.
    """
    into.mkdir()
    for name in names:
        link = tools / name
        real = link.resolve()
        link.unlink()
        link.write_text(
            f'#!/bin/sh\n{{ printf "%s\\n" "$0" "$@"; env; }} >"{into}/{name}.$$"\nexec "{real}" "$@"\n'
        )
        link.chmod(0o755)


def files_with(secret: str, *folders: Path) -> list[Path]:
    """The files under folders that hold a piece of a secret."""
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return [path for path in files if not path.is_symlink() and holds(path.read_bytes(), secret)]


class ProcessWatch:
    """Watches every process of this machine, while it is used as a context, for a secret.

    Linux only: it reads /proc. A process that is gone within a few milliseconds may be missed; a
    shell that was itself started with the secret in its environment is not counted.

    Attributes:
        seen: the command lines in which a secret was found, or whose environment held it.
        looked_at: the names of all programs that were seen running.
    """

    def __init__(self, secret: str) -> None:
        self.seen: set[str] = set()
        self.looked_at: set[str] = set()
        self._secret = secret
        self._old = {entry.name for entry in Path("/proc").iterdir()}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "ProcessWatch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stopping.wait(0.02):
            for entry in Path("/proc").iterdir():
                if entry.name.isdigit() and entry.name not in self._old:
                    self._look_at(entry)

    def _look_at(self, process: Path) -> None:
        try:
            program = (process / "comm").read_text().strip()
            line = (process / "cmdline").read_bytes()
            environment = (process / "environ").read_bytes()
        except OSError:
            return
        self.looked_at.add(program)
        shell_of_the_owner = program in ("bash", "deploy.sh")
        if holds(line, self._secret) or (holds(environment, self._secret) and not shell_of_the_owner):
            self.seen.add(f"{program}: {line.decode(errors='replace')}")
