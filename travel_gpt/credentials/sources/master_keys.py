"""The master keys that a container is encrypted under, as a variable or a file lists them.

A file is read whole, and only where no other user of the machine can read it.
"""

import base64
import hashlib
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from travel_gpt.credentials.secret import Key
from travel_gpt.errors import Misconfigured
from travel_gpt.redaction import guard

VARIABLE: Final = "TRAVEL_GPT_MASTER_KEYS"
MOST: Final = 8
"""Master keys at once; during a rotation there are two."""

_FERNET: Final = "fernet"
_ENTRY: Final = re.compile(r"(?:(?P<kid>[A-Za-z0-9._-]{1,64}):)?(?P<key>[A-Za-z0-9_-]{43})=?")


@dataclass(frozen=True, slots=True)
class MasterKey:
    """One master key: 256 bits, and the name that a container calls it by."""

    kid: str
    key: Key
    """In base64url without padding, as a JWK has it."""
    is_fernet: bool = False
    """Whether it is a key of Fernet's, which is two of 128 bits and serves nothing else."""

    def encoded(self) -> str:
        """Return the key in base64url with padding, as Fernet takes it."""
        return self.key.reveal() + "="

    def raw(self) -> bytes:
        """Return the 32 bytes of the key."""
        return base64.urlsafe_b64decode(self.encoded())


class MasterKeys:
    """Several master keys: the first encrypts, all of them decrypt.

    Args:
        keys: the keys, each with a kid of its own.
        origin: the variable that they come from, or that names their file.
    """

    __slots__ = ("_keys", "origin")

    def __init__(self, *keys: MasterKey, origin: str = VARIABLE) -> None:
        self._keys = keys
        self.origin = origin

    @classmethod
    def parse(cls, text: str, origin: str = VARIABLE) -> "MasterKeys":
        """Read the keys of ``TRAVEL_GPT_MASTER_KEYS``, or of a file.

        Args:
            text: keys of 32 bytes in base64url, separated by commas or white space. ``kid:KEY`` gives a key
                a name; by default that is the beginning of its thumbprint. ``fernet:KEY`` marks a key of
                Fernet's, which looks the same and reads Fernet tokens only.
            origin: the variable that they come from, or that names their file.

        Returns:
            The keys. They are masked from here on wherever something is written.

        Raises:
            Misconfigured: there is none, or one is not readable. The text says which, and quotes nothing.
        """
        entries = [entry for entry in re.split(r"[\s,]+", text) if entry]
        if not entries:
            raise _wrong(
                origin,
                "is not set: it holds the master keys" if origin == VARIABLE else "names a file without keys",
            )
        if len(entries) > MOST:
            raise _wrong(origin, f"holds more than {MOST} keys")
        for entry in entries:
            # Before anything can go wrong: what is no key may be one with a letter missing.
            guard(entry.partition(":")[2] or entry)
        keys: list[MasterKey] = []
        for number, entry in enumerate(entries, start=1):
            which = f"key {number} of {len(entries)}"
            keys.append(_read(entry, which, origin))
            if keys[-1].kid in [key.kid for key in keys[:-1]]:
                raise _wrong(origin, f"{which} has the name of another, or is the same")
        return cls(*keys, origin=origin)

    @property
    def first(self) -> MasterKey:
        """The key that encrypts.

        Raises:
            Misconfigured: there are Fernet keys only.
        """
        if not self.for_jwe:
            raise _wrong(
                self.origin, "holds Fernet keys only, and those only decrypt: put a master key before them"
            )
        return self.for_jwe[0]

    @property
    def for_jwe(self) -> tuple[MasterKey, ...]:
        """The keys that containers are encrypted under."""
        return tuple(key for key in self._keys if not key.is_fernet)

    @property
    def for_fernet(self) -> tuple[MasterKey, ...]:
        """The keys that Fernet tokens made elsewhere are encrypted under."""
        return tuple(key for key in self._keys if key.is_fernet)

    @property
    def kids(self) -> tuple[str, ...]:
        """The names of the keys, in their order. They are no secrets."""
        return tuple(key.kid for key in self._keys)

    def __repr__(self) -> str:
        return f"MasterKeys({', '.join(self.kids)})"


def _read(entry: str, which: str, origin: str) -> MasterKey:
    found = _ENTRY.fullmatch(entry)
    # A last character with bits that no byte has is a slip of the hand.
    if found is None or found["key"][-1] not in "AEIMQUYcgkosw048":
        raise _wrong(
            origin, f"{which} is not 32 bytes in base64url, with or without a name and a colon before it"
        )
    kid = found["kid"]
    if kid == _FERNET:
        return MasterKey(f"{_FERNET}-{_thumbprint(found['key'])}", Key(found["key"]), is_fernet=True)
    return MasterKey(kid or _thumbprint(found["key"]), Key(found["key"]))


def _thumbprint(key: str) -> str:
    """Return the beginning of the key's RFC 7638 thumbprint.

    It reveals nothing of a random key of 256 bits (section 7 of the RFC is about keys that can be guessed).
    """
    digest = hashlib.sha256(f'{{"k":"{key}","kty":"oct"}}'.encode()).digest()
    return base64.urlsafe_b64encode(digest)[:12].decode()


def _wrong(origin: str, says: str) -> Misconfigured:
    return Misconfigured(f"{origin} {says}", message=f"{origin} {says}.")


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
        raise _unusable_file("names a file that does not exist", path) from None
    except (OSError, RuntimeError) as failed:
        # A RuntimeError is a "~" without a home folder.
        raise _unusable_file("names a file that cannot be read", path, failed) from None
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise _unusable_file("does not name a file", path)
        if stat.S_IMODE(found.st_mode) & 0o077:
            raise _unusable_file(
                "names a file that other users of this machine can read or change: chmod 600", path
            )
        content = os.read(handle, _LONGEST + 1)
    except OSError as failed:
        raise _unusable_file("names a file that cannot be read", path, failed) from None
    finally:
        os.close(handle)
    if len(content) > _LONGEST:
        raise _unusable_file("names a file that is too long for master keys", path)
    return MasterKeys.parse(content.decode("utf-8", "replace"), origin=FILE_VARIABLE)


def _unusable_file(says: str, path: str, failed: Exception | None = None) -> Misconfigured:
    because = f": {failed.strerror}" if isinstance(failed, OSError) else ""
    # The path is for the log, not for a caller of the API.
    return Misconfigured(f"{FILE_VARIABLE} {says} ({path}){because}", message=f"{FILE_VARIABLE} {says}.")
