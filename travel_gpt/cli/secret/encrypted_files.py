"""``travel-gpt secret encrypt``, ``decrypt`` and ``rekey``: the encrypted file."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from travel_gpt.cli.audit_log import audited, local_user
from travel_gpt.cli.console import Console
from travel_gpt.cli.errors import USAGE, CliError, sentence
from travel_gpt.cli.key_input import fingerprint, object_of, take_key
from travel_gpt.cli.secret.migrate import replace_file
from travel_gpt.cli.target import before_encrypted_file, checked_settings
from travel_gpt.credentials.sources import encrypted_file
from travel_gpt.credentials.sources.master_keys import FILE_VARIABLE, VARIABLE, MasterKeys, master_keys_of
from travel_gpt.errors import AccessDenied, InvalidSecret, Misconfigured

SOURCE: Final = "encrypted-file"
STANDARD_OUTPUT: Final = "-"
_LONGEST: Final = 65_537


def encrypt(path: Path, console: Console, *, replace: bool, environ: Mapping[str, str] = os.environ) -> None:
    """Put a key into an encrypted file.

    Args:
        path: the file.
        console: where to say what is done.
        replace: whether the key of a file that is there is replaced.
        environ: the environment variables, with the master keys.

    Raises:
        CliError: it cannot be done; the text says what to do.
        CredentialError: the master keys or the file are invalid.
        NotAllowed: a file .env has the master keys, and the person does not allow it.
    """
    masters = _master_keys(environ)
    kept = {}
    if path.exists():
        if not replace:
            raise CliError(f"{path} is there already. To replace the key in it, add --replace.", USAGE)
        kept = object_of(_open(path, masters).plaintext) if path.stat().st_size else {}
    before_encrypted_file(str(path))
    key_input = take_key("OpenAI API key")
    with audited("secret.encrypt", who=local_user(), source=SOURCE, file=path.name) as change:
        change.version = masters.first.kid
        _write(path, encrypted_file.encrypt(key_input.value(kept), masters))
    console.good(
        f"{path} has the key, encrypted with {masters.first.kid}; fingerprint {fingerprint(key_input.key)}."
    )
    console.say(f"The file and the master key ({masters.origin}) together give the key: keep them apart.")
    file = "" if path == default_file({}) else f" CREDENTIAL_FILE={path}"
    console.next(f"CREDENTIAL_SOURCE={SOURCE}{file} travel-gpt doctor --verify")


def decrypt(path: Path, output: str, console: Console, *, environ: Mapping[str, str] = os.environ) -> None:
    """Write what an encrypted file holds to another file, or into a pipe; never to a terminal.

    Args:
        path: the encrypted file.
        output: a file that is not there yet, or ``-`` for standard output.
        console: where to say what is done.
        environ: the environment variables, with the master keys.

    Raises:
        CliError: it cannot be done; the text says what to do.
        CredentialError: the master keys or the file are invalid.
    """
    if output == STANDARD_OUTPUT and sys.stdout.isatty():
        raise CliError(
            "A terminal would show the key and keep it in its scrollback. Name a file with --output, or pipe "
            "it into the program that needs it.",
            USAGE,
        )
    with audited("secret.decrypt", who=local_user(), source=SOURCE, file=path.name) as change:
        opened = _open(path, _master_keys(environ))
        change.version = opened.kid
        if output == STANDARD_OUTPUT:
            sys.stdout.write(opened.plaintext + "\n")
            sys.stdout.flush()
            return
        try:
            file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as failed:
            raise CliError(
                f"{output} cannot be made: {failed.strerror}. Nothing was written.", USAGE
            ) from None
        with os.fdopen(file, "w", encoding="utf-8") as written:
            written.write(opened.plaintext + "\n")
    console.good(f"{output} holds the key in plain text, readable by you alone. Delete it after use.")


def rekey(path: Path, console: Console, *, environ: Mapping[str, str] = os.environ) -> None:
    """Encrypt what a file holds again, under the first of the master keys.

    Args:
        path: the encrypted file.
        console: where to say what is done.
        environ: the environment variables, with the new master key and the old one.

    Raises:
        CliError: it cannot be done; the text says what to do.
        CredentialError: the master keys or the file are invalid.
    """
    masters = _master_keys(environ)
    before = _open(path, masters)
    with audited("secret.rekey", who=local_user(), source=SOURCE, file=path.name) as change:
        change.version = masters.first.kid
        change.facts["replaced"] = before.kid
        _write(path, encrypted_file.rekey(_text(path), masters))
        if _open(path, masters).plaintext != before.plaintext:
            raise CliError(f"{path} was changed by another process meanwhile: check it, then repeat.")
    console.good(f"{path} is encrypted under {masters.first.kid} now; until now under {before.kid}.")
    console.say(
        f"When every file is, remove the old key from {masters.origin}. Copies of the old file can still be "
        "decrypted with it."
    )
    console.next("travel-gpt doctor", "check it")


def default_file(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the file to use where --file is not given: CREDENTIAL_FILE."""
    return Path(checked_settings(environ).credential_file).expanduser()


def _master_keys(environ: Mapping[str, str]) -> MasterKeys:
    file = checked_settings(environ).master_keys_file
    if not file and not environ.get(VARIABLE, "").strip():
        raise CliError(
            f"{VARIABLE} is not set: it holds the master keys. Make one, keep it where you keep passwords, "
            f"and export it, such as with:\n"
            f"  export {VARIABLE}=\"$(openssl rand -base64 32 | tr '+/' '-_')\"\n"
            f"or put it into a file that only you can read (chmod 600), and name that in {FILE_VARIABLE}.",
            USAGE,
        )
    try:
        return master_keys_of(environ, file)
    except Misconfigured as wrong:
        raise CliError(sentence(wrong.detail), USAGE) from None


def _open(path: Path, masters: MasterKeys) -> encrypted_file.Opened:
    try:
        return encrypted_file.decrypt(_text(path), masters)
    except AccessDenied as refused:
        raise CliError(
            f"{path} stays closed: {refused.detail}. Put its master key into {masters.origin}."
        ) from None
    except InvalidSecret as invalid:
        raise CliError(
            f"{path} cannot be read: {invalid.detail}. If there is no whole copy, encrypt the key again: "
            "travel-gpt secret encrypt --replace"
        ) from None


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_LONGEST).decode("utf-8", "replace")
    except OSError as failed:
        raise CliError(
            f"{path} cannot be read: {failed.strerror}. Name the file with --file.", USAGE
        ) from None


def _write(path: Path, text: str) -> None:
    try:
        replace_file(path.resolve(), text + "\n")
    except OSError as failed:
        raise CliError(f"{path} cannot be written: {failed.strerror}. Nothing was changed.") from None
