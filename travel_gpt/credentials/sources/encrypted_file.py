"""The credential in an encrypted file: for machines without a store of secrets."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from travel_gpt.credentials.credential import Credential
from travel_gpt.credentials.jwe import decrypt
from travel_gpt.credentials.secret import read_secret
from travel_gpt.credentials.sources.master_keys import master_keys_of
from travel_gpt.errors import (
    AccessDenied,
    CredentialsUnavailable,
    InvalidSecret,
    Misconfigured,
    SecretNotFound,
)

# Longer than any container: one byte more is enough to have it refused.
_LONGEST: Final = 65_537

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
                content = file.read(_LONGEST)
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
