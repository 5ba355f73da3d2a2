"""The file with the master keys: read whole, and only where no other user of the machine can read it."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from travel_gpt.credentials.sources.master_keys import VARIABLE, MasterKeys
from travel_gpt.errors import Misconfigured

FILE_VARIABLE: Final = "TRAVEL_GPT_MASTER_KEYS_FILE"

_LONGEST: Final = 16_384
"""Bytes: several times what the most keys take."""


def master_keys_of(environment: Mapping[str, str], file: str) -> MasterKeys:
    """Return the master keys of the variable, or of the file where one is named.

    Args:
        environment: the environment variables, with ``TRAVEL_GPT_MASTER_KEYS``.
        file: the file; empty where none is named.

    Returns:
        The keys.

    Raises:
        Misconfigured: both are given, so that it is not known which of them counts; neither is; or they
            cannot be read.
    """
    if not file:
        return MasterKeys.parse(environment.get(VARIABLE, ""))
    if environment.get(VARIABLE, "").strip():
        says = f"{VARIABLE} and {FILE_VARIABLE} are both set: unset one of them"
        raise Misconfigured(says, message=f"{says}.")
    return read_master_keys(file)


def read_master_keys(path: str) -> MasterKeys:
    """Read the master keys of a file.

    Args:
        path: the file; ``~`` is the home folder. It holds what ``TRAVEL_GPT_MASTER_KEYS`` would, and may have
            a key on each line.

    Returns:
        The keys. They are masked from here on wherever something is written.

    Raises:
        Misconfigured: there is no such file, it may be read or written by other users (as ssh does with a
            private key, it is refused then), or it holds no keys. The text quotes nothing of it.
    """
    try:
        # Without O_NONBLOCK, a named pipe would be waited for.
        handle = os.open(Path(path).expanduser(), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise _wrong("names a file that does not exist", path) from None
    except (OSError, RuntimeError) as failed:
        # A RuntimeError is a "~" without a home folder.
        raise _wrong("names a file that cannot be read", path, failed) from None
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise _wrong("does not name a file", path)
        if stat.S_IMODE(found.st_mode) & 0o077:
            raise _wrong("names a file that other users of this machine can read or change: chmod 600", path)
        content = os.read(handle, _LONGEST + 1)
    except OSError as failed:
        raise _wrong("names a file that cannot be read", path, failed) from None
    finally:
        os.close(handle)
    if len(content) > _LONGEST:
        raise _wrong("names a file that is too long for master keys", path)
    return MasterKeys.parse(content.decode("utf-8", "replace"), origin=FILE_VARIABLE)


def _wrong(says: str, path: str, failed: Exception | None = None) -> Misconfigured:
    because = f": {failed.strerror}" if isinstance(failed, OSError) else ""
    # The path is for the log, not for a caller of the API.
    return Misconfigured(f"{FILE_VARIABLE} {says} ({path}){because}", message=f"{FILE_VARIABLE} {says}.")
