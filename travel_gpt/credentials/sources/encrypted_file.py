"""The credential in a file that is encrypted under one of the owner's master keys, as a JWE.

JWE in its compact form (RFC 7516) with ``alg`` ``dir`` and ``enc`` ``A256GCM`` (RFC 7518, sections 4.5 and
5.3), ``kid`` in the protected header, and nothing else: no other algorithm, no compression, no second
recipient. Fernet tokens made elsewhere are read too, and never made here.
"""

import base64
import binascii
import hashlib
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cryptography.fernet import Fernet, InvalidToken
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from joserfc.registry import HeaderParameter

from travel_gpt.credentials.secret import Credential, read_secret
from travel_gpt.credentials.sources.master_keys import MasterKeys, master_keys_of
from travel_gpt.errors import (
    AccessDenied,
    CredentialsUnavailable,
    InvalidSecret,
    Misconfigured,
    SecretNotFound,
)

LONGEST_PLAINTEXT: Final = 32_768
"""Bytes of the longest secret that fits, which is half of Secrets Manager's."""

_LONGEST: Final = 65_536
_HEADER: Final = {"alg": "dir", "enc": "A256GCM"}
_KNOWN: Final = {*_HEADER, "kid", "iat", "typ", "cty"}
_REGISTRY: Final = jwe.JWERegistry(
    algorithms=list(_HEADER.values()), header_registry={"iat": HeaderParameter("Issued at", "int")}
)
# Version 0x80, and a time of this age.
_FERNET_BEGINS: Final = "gAAAA"

_NO_CONTAINER: Final = "it is no container: neither a JWE in its compact form nor a Fernet token"
_NOT_READABLE: Final = (
    "The encrypted OpenAI key is damaged, or no container of Travel GPT. Its owner can encrypt it again."
)


@dataclass(frozen=True, slots=True)
class Opened:
    """What a container held."""

    plaintext: str = field(repr=False)
    kid: str
    """Which master key opened it."""
    made_at: float | None
    """When the secret was first encrypted, in seconds since the epoch; None where nothing says so."""


def encrypt(plaintext: str, keys: MasterKeys, *, made_at: float | None = None) -> str:
    """Put a secret into a container, under the first master key.

    Args:
        plaintext: the secret, of at most ``LONGEST_PLAINTEXT`` bytes.
        keys: the master keys.
        made_at: when the secret was made, in seconds since the epoch; now if it is not given.

    Returns:
        The container: one line of ASCII.

    Raises:
        InvalidSecret: the secret is too long.
        Misconfigured: there are Fernet keys only, and those only read.
    """
    content = plaintext.encode("utf-8")
    if len(content) > LONGEST_PLAINTEXT:
        raise InvalidSecret(f"the secret has more than {LONGEST_PLAINTEXT:,} bytes")
    first = keys.first
    header = {**_HEADER, "kid": first.kid, "iat": round(time.time() if made_at is None else made_at)}
    return jwe.encrypt_compact(header, content, OctKey.import_key(first.raw()), registry=_REGISTRY)


def decrypt(container: str, keys: MasterKeys) -> Opened:
    """Take the secret out of a container.

    Args:
        container: a JWE or a Fernet token; white space around it does not matter.
        keys: the master keys.

    Returns:
        The secret, and the header of the container.

    Raises:
        AccessDenied: no master key here opens it.
        InvalidSecret: it is no container, of an algorithm that is not taken, or damaged.
    """
    text = container.strip()
    if not text or len(text) > _LONGEST or not text.isascii():
        raise _unreadable(_NO_CONTAINER)
    opened = _open_fernet(text, keys) if text.startswith(_FERNET_BEGINS) else _open_jwe(text, keys)
    try:
        return Opened(opened[0].decode("utf-8"), opened[1], opened[2])
    except UnicodeDecodeError:
        # The original carries the secret.
        raise _unreadable("what it holds is not text in UTF-8") from None


def rekey(container: str, keys: MasterKeys) -> str:
    """Put the secret of a container into a new one, under the first master key.

    Args:
        container: the container, under any of the master keys.
        keys: the master keys.

    Returns:
        The new container. It keeps the time at which the secret was made.

    Raises:
        AccessDenied: no master key here opens it.
        InvalidSecret: it cannot be read.
        Misconfigured: there are Fernet keys only.
    """
    opened = decrypt(container, keys)
    return encrypt(opened.plaintext, keys, made_at=opened.made_at)


def _open_jwe(text: str, keys: MasterKeys) -> tuple[bytes, str, float | None]:
    header = _header_of(text)
    kid = header.get("kid")
    candidates = [key for key in keys.for_jwe if kid in (None, key.kid)]
    for key in candidates:
        try:
            opened = jwe.decrypt_compact(text, OctKey.import_key(key.raw()), registry=_REGISTRY)
        except (JoseError, ValueError):
            continue
        return opened.plaintext or b"", key.kid, header.get("iat")
    if kid is None:
        raise _refused(f"it names no master key, and none of {keys.origin} opens it", keys)
    if not candidates:
        raise _refused(
            f"it is encrypted under the master key {kid!r}, which {keys.origin} does not hold", keys
        )
    raise _unreadable(f"it is damaged, or the master key {kid!r} is not the one that it was encrypted with")


def _header_of(text: str) -> dict[str, Any]:
    """Return the protected header, if it is one of those that are made here."""
    parts = text.split(".")
    if len(parts) != 5:
        raise _unreadable(_NO_CONTAINER)
    try:
        header = json.loads(base64.urlsafe_b64decode(parts[0] + "=="))
    except (ValueError, RecursionError):
        raise _unreadable(_NO_CONTAINER) from None
    if not isinstance(header, dict):
        raise _unreadable(_NO_CONTAINER)
    if {name: header.get(name) for name in _HEADER} != _HEADER or parts[1]:
        # A container does not choose how it is read: that is how one algorithm is passed off as another.
        raise _unreadable("it is a JWE, but not of the algorithms dir and A256GCM")
    if not header.keys() <= _KNOWN:
        raise _unreadable("it is a JWE with header parameters that are not taken, such as compression")
    made_at = header.get("iat", 0)
    if not isinstance(header.get("kid", ""), str) or type(made_at) is not int or not 0 <= made_at < 2**53:
        raise _unreadable("it is a JWE whose kid is no text or whose iat is no time")
    return header


def _open_fernet(text: str, keys: MasterKeys) -> tuple[bytes, str, float | None]:
    try:
        # cryptography skips what is no base64: a token with something between would count as whole.
        canonical = base64.urlsafe_b64encode(base64.b64decode(text, b"-_", validate=True)).decode()
    except binascii.Error:
        canonical = ""
    if canonical != text:
        raise _unreadable("it begins like a Fernet token and is none, or is damaged")
    if not keys.for_fernet:
        raise _refused(f"it is a Fernet token, whose key {keys.origin} has to hold as fernet:KEY", keys)
    for key in keys.for_fernet:
        reader = Fernet(key.encoded())
        try:
            return reader.decrypt(text), key.kid, float(reader.extract_timestamp(text))
        except InvalidToken:
            continue
    raise _refused(f"it is a Fernet token that no Fernet key of {keys.origin} opens, or is damaged", keys)


def _refused(detail: str, keys: MasterKeys) -> AccessDenied:
    return AccessDenied(
        f"{detail} (it holds: {', '.join(keys.kids)})",
        message=f"The encrypted OpenAI key cannot be decrypted. Its owner should check {keys.origin}.",
    )


def _unreadable(detail: str) -> InvalidSecret:
    return InvalidSecret(detail, message=_NOT_READABLE)


_NO_KEY: Final = (
    "The encrypted file holds no usable OpenAI key. "
    "Its owner can replace it with: travel-gpt secret encrypt --replace"
)


class EncryptedFileSource:
    """A container in a file, under a master key from the environment or from a file of its own.

    Args:
        path: the file.
        environment: the environment variables, with ``TRAVEL_GPT_MASTER_KEYS``.
        master_keys_file: the file with the master keys; empty where the variable has them.
    """

    name: Final = "encrypted-file"

    def __init__(
        self, path: str, environment: Mapping[str, str] = os.environ, *, master_keys_file: str = ""
    ) -> None:
        self._path = path
        self._environment = environment
        self._master_keys_file = master_keys_file

    def fetch(self) -> Credential:
        """Read the file and decrypt it.

        Returns:
            The credential. It was made when the container says so, else when the file was written.

        Raises:
            SecretNotFound: there is no such file.
            AccessDenied: it may not be read, or no master key here opens it.
            InvalidSecret: it is damaged, no container, or holds no usable key.
            Misconfigured: the master keys are missing or not readable, or the path is a folder's.
            CredentialsUnavailable: the disk fails.
        """
        container, written_at = self._read()
        opened = decrypt(container, master_keys_of(self._environment, self._master_keys_file))
        # What is encrypted again is another version: of the value itself nothing may be derived.
        version = f"{opened.kid}-{hashlib.sha256(container.strip().encode()).hexdigest()[:12]}"
        made_at = written_at if opened.made_at is None else opened.made_at
        try:
            return read_secret(opened.plaintext, source=self.name, version=version, created_at=made_at)
        except InvalidSecret as invalid:
            raise InvalidSecret(invalid.detail, message=_NO_KEY) from None

    def previous(self) -> None:
        """Return nothing: a file keeps no versions."""
        return

    def _read(self) -> tuple[str, float]:
        try:
            with Path(self._path).expanduser().open("rb") as file:
                content = file.read(_LONGEST + 1)
                written_at = os.fstat(file.fileno()).st_mtime
        except (FileNotFoundError, NotADirectoryError):
            raise SecretNotFound(
                f"there is no file {self._path} (CREDENTIAL_FILE)",
                message="The encrypted file with the OpenAI key does not exist. "
                "Its owner can make it with: travel-gpt secret encrypt",
            ) from None
        except PermissionError:
            raise AccessDenied(
                f"the file {self._path} may not be read by the user that this runs as",
                message="The encrypted file with the OpenAI key may not be read. "
                "Its owner should check its permissions.",
            ) from None
        except (IsADirectoryError, RuntimeError):
            # A RuntimeError is a "~" without a home folder.
            raise Misconfigured(
                f"CREDENTIAL_FILE is {self._path}, which is no file",
                message="CREDENTIAL_FILE is not a file's path.",
            ) from None
        except OSError as failed:
            raise CredentialsUnavailable(
                f"the file {self._path} cannot be read now: {failed.strerror}"
            ) from None
        return content.decode("utf-8", "replace"), written_at
