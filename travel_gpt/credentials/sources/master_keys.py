"""The master keys that a container is encrypted under, as a variable or a file lists them."""

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import Final

from travel_gpt.credentials.credential import Key
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
