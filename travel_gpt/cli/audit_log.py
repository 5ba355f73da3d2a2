"""The command's log: audit events are added to a file, the rest is shown with --verbose only."""

import getpass
import logging
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from travel_gpt import telemetry
from travel_gpt.errors import TravelGPTError
from travel_gpt.settings import Settings

NAME: Final = "audit.jsonl"


def audit_log_path(environ: Mapping[str, str]) -> Path:
    """Return the file that audit events are added to.

    Source: the XDG Base Directory Specification, which names the folder for logs and history.

    Args:
        environ: the environment variables.
    """
    state = environ.get("XDG_STATE_HOME", "")
    folder = Path(state) if Path(state).is_absolute() else Path.home() / ".local" / "state"
    return folder / "travel-gpt" / NAME


def local_user() -> str:
    """Return who does what is done without AWS: the user of this machine."""
    try:
        return f"local:{getpass.getuser()}"
    except (OSError, KeyError):
        return f"local:{os.getuid()}"


class _AuditHandler(logging.Handler):
    """Adds each audit event to a file that only its owner can read."""

    def __init__(self, path: Path) -> None:
        super().__init__(telemetry.AUDIT)
        self._path = path

    def emit(self, record: logging.LogRecord) -> None:
        """Add the event; where that fails, show it."""
        line = self.format(record) + "\n"
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Opened anew for each event: they are rare, and two commands may run at the same time.
            file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            with os.fdopen(file, "a", encoding="utf-8") as opened:
                opened.write(line)
        except OSError:
            # An event that cannot be kept must at least be shown.
            sys.stderr.write(line)


def open_audit_log(environ: Mapping[str, str], *, verbose: bool) -> None:
    """Set up logging so that standard output has the result alone.

    Args:
        environ: the environment variables.
        verbose: whether to write the whole log, audit events included, to standard error.
    """
    shown = telemetry.configure(Settings.load(environ), stream=sys.stderr, metrics=False)
    shown.setLevel(logging.NOTSET if verbose else logging.CRITICAL * 10)
    handler = _AuditHandler(audit_log_path(environ))
    handler.setFormatter(shown.formatter)
    telemetry.logger.addHandler(handler)


@dataclass(slots=True)
class Change:
    """Details of a change for its audit event, filled in while it is made."""

    version: str = ""
    facts: dict[str, str | int | float] = field(default_factory=dict)


@contextmanager
def audited(event: str, *, who: str, source: str, **facts: str | int | float) -> Iterator[Change]:
    """Write one audit event about what is done inside, however it ends.

    Args:
        event: what is done, such as ``secret.put``.
        who: who does it.
        source: where the credential is kept.
        facts: what else belongs to it: identifiers and numbers.

    Yields:
        What the event says besides; it may be filled in until the end.
    """
    began, change = time.perf_counter(), Change()

    def record(outcome: str) -> None:
        telemetry.audit(
            event,
            outcome=outcome,
            source=source,
            version=change.version,
            began=began,
            who=who,
            **facts,
            **change.facts,
        )

    try:
        yield change
    except BaseException as failure:
        otherwise = "interrupted" if isinstance(failure, KeyboardInterrupt) else "failed"
        record(failure.code if isinstance(failure, TravelGPTError) else otherwise)
        raise
    record("success")
