"""The key in an encrypted file."""

import base64
import errno
import json
import os
import pathlib
import traceback
from pathlib import Path
from typing import Any

import pytest

from tests.unit.doubles import SECOND, ScriptedSource
from travel_gpt.credentials.sources.encrypted_file import EncryptedFileSource, encrypt
from travel_gpt.credentials.sources.master_keys import MasterKeys
from travel_gpt.credentials.sources.selection import Source, SourceChain
from travel_gpt.errors import (
    AccessDenied,
    CredentialError,
    CredentialsUnavailable,
    InvalidSecret,
    Misconfigured,
    SecretNotFound,
)

CANARY = "Xq7ZkV9wJ3pYtB5mHx2RfN8dLs6GcQ4vUj"
KEY = f"sk-proj-{CANARY}"
MASTER = base64.urlsafe_b64encode(bytes(range(100, 132))).decode().rstrip("=")
OTHER = base64.urlsafe_b64encode(bytes(range(132, 164))).decode().rstrip("=")
KEYS = MasterKeys.parse(f"old:{MASTER}")
MADE_AT = 1_795_000_000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with the key in it."""
    path = tmp_path / "key.jwe"
    path.write_text(encrypt(KEY, KEYS, made_at=MADE_AT) + "\n")
    return path


def source(path: Path, master_keys: str | None = f"old:{MASTER}") -> EncryptedFileSource:
    environment = {} if master_keys is None else {"TRAVEL_GPT_MASTER_KEYS": master_keys}
    return EncryptedFileSource(str(path), environment)


def failure_of(asked: EncryptedFileSource) -> CredentialError:
    """Why it fails; nothing of it says a key, and no other source is asked unless it has none or is away."""
    with pytest.raises(CredentialError) as failed:
        asked.fetch()
    shown = "".join(traceback.format_exception(failed.value)) + failed.value.message + repr(failed.value)
    assert not [secret for secret in (CANARY, MASTER, OTHER) if secret[4:12] in shown]
    second = ScriptedSource(SECOND)
    if isinstance(failed.value, SecretNotFound | CredentialsUnavailable):
        found = SourceChain([asked, second]).fetch()
        assert (found, found.skipped_sources) == (SECOND, (f"encrypted-file: {failed.value.code}",))
    else:
        with pytest.raises(type(failed.value)):
            SourceChain([asked, second]).fetch()
        assert second.fetches == 0
    return failed.value


@pytest.mark.parametrize("secret", [KEY, json.dumps({"api_key": KEY, "base_url": "https://example.com/v1"})])
def test_given_a_key_bare_or_json_then_it_is_read_with_its_age(file: Path, secret: str) -> None:
    file.write_text(encrypt(secret, KEYS, made_at=MADE_AT))

    credential = source(file).fetch()

    assert credential.key.reveal() == KEY
    assert (credential.source, credential.created_at) == ("encrypted-file", MADE_AT)
    assert credential.base_url == (None if secret == KEY else "https://example.com/v1")


def test_the_version_names_the_master_key_and_this_writing_of_the_file(file: Path) -> None:
    first = source(file).fetch()
    again = source(file).fetch()
    file.write_text(encrypt(KEY, KEYS))
    second = source(file).fetch()

    assert first.version.startswith("old-")
    assert first.version == again.version != second.version
    assert first == second, "the same key is the same credential"


def test_given_a_file_that_is_replaced_then_the_next_fetch_has_the_new_key(file: Path) -> None:
    asked: Source = source(file)
    asked.fetch()

    file.write_text(encrypt("sk-proj-theNextOne", KEYS))

    assert (asked.fetch().key.reveal(), asked.previous()) == ("sk-proj-theNextOne", None)


def test_given_a_container_that_does_not_say_when_then_the_files_time_counts(file: Path) -> None:
    from joserfc import jwe
    from joserfc.jwk import OctKey

    foreign = jwe.encrypt_compact({"alg": "dir", "enc": "A256GCM"}, KEY, OctKey.import_key(KEYS.first.raw()))
    file.write_text(foreign)
    os.utime(file, (MADE_AT + 5, MADE_AT + 5))

    assert source(file).fetch().created_at == MADE_AT + 5


def test_given_a_home_folder_then_it_is_found(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(file.parent))

    environment = {"TRAVEL_GPT_MASTER_KEYS": MASTER + ",old:" + MASTER}
    assert EncryptedFileSource("~/key.jwe", environment).fetch().key.reveal() == KEY


@pytest.mark.parametrize("missing", ["nothing", "nowhere/nothing", "key.jwe/nothing"])
def test_given_no_file_then_there_is_no_entry_with_or_without_master_keys(file: Path, missing: str) -> None:
    for master_keys in (None, MASTER):
        failure = failure_of(source(file.parent / missing, master_keys))
        assert type(failure) is SecretNotFound
        assert "travel-gpt secret encrypt" in failure.message


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_given_a_file_that_may_not_be_read_then_access_is_denied(file: Path) -> None:
    file.chmod(0)

    assert type(failure_of(source(file))) is AccessDenied


FAULTS: list[tuple[OSError, type[CredentialError], str]] = [
    (PermissionError(errno.EACCES, "Permission denied"), AccessDenied, "may not be read"),
    (OSError(errno.EIO, "Input/output error"), CredentialsUnavailable, "Input/output error"),
    (OSError(errno.ESTALE, "Stale file handle"), CredentialsUnavailable, "Stale file handle"),
]


@pytest.mark.parametrize(("fault", "kind", "says"), FAULTS, ids=lambda value: type(value).__name__)
def test_given_a_fault_of_the_disk_then_it_is_another_error(
    file: Path, monkeypatch: pytest.MonkeyPatch, fault: OSError, kind: type[CredentialError], says: str
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise fault

    monkeypatch.setattr(pathlib.Path, "open", fails)

    failure = failure_of(source(file))

    assert type(failure) is kind
    assert says in failure.detail


def test_given_a_folder_then_the_setting_is_named(file: Path) -> None:
    failure = failure_of(source(file.parent))

    assert type(failure) is Misconfigured
    assert "CREDENTIAL_FILE" in failure.message


def test_given_no_home_folder_then_the_setting_is_named() -> None:
    assert type(failure_of(EncryptedFileSource("~no-user-of-this-name/key", {}))) is Misconfigured


@pytest.mark.parametrize("master_keys", [None, "", " ", MASTER[:-4], "two words", f"{MASTER},{MASTER}"])
def test_given_no_readable_master_keys_then_the_variable_is_named(
    file: Path, master_keys: str | None
) -> None:
    failure = failure_of(source(file, master_keys))

    assert type(failure) is Misconfigured
    assert "TRAVEL_GPT_MASTER_KEYS" in failure.message


CONTAINER = encrypt(KEY, KEYS)


@pytest.mark.parametrize(
    "damaged",
    [
        CONTAINER[:-6],
        CONTAINER[:-9] + ("A" if CONTAINER[-9] != "A" else "B") + CONTAINER[-8:],
        CONTAINER.replace(".", ",", 1),
        "x" * 200_000,
        "",
        KEY,
        b"\xff\xfe\x00" * 50,
    ],
    ids=["cut", "changed", "no-jwe", "huge", "empty", "the bare key", "no text"],
)
def test_given_a_damaged_file_then_it_is_invalid(file: Path, damaged: str | bytes) -> None:
    file.write_bytes(damaged if isinstance(damaged, bytes) else damaged.encode())

    assert type(failure_of(source(file))) is InvalidSecret


@pytest.mark.parametrize("secret", ["", "two words", "{", '{"api_key": 7}', '{"key": "' + KEY + '"}'])
def test_given_a_container_without_a_usable_key_then_it_is_invalid(file: Path, secret: str) -> None:
    file.write_text(encrypt(secret, KEYS))

    failure = failure_of(source(file))

    assert type(failure) is InvalidSecret
    assert "travel-gpt secret encrypt --replace" in failure.message
