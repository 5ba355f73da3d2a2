"""The master keys, as TRAVEL_GPT_MASTER_KEYS lists them, or a file that is for its owner alone."""

import base64
import os
import secrets
import traceback
from pathlib import Path

import pytest
from hypothesis import given, strategies as some

from travel_gpt.credentials.sources.encrypted_file import EncryptedFileSource, encrypt
from travel_gpt.credentials.sources.master_keys import (
    FILE_VARIABLE,
    MOST,
    VARIABLE,
    MasterKeys,
    master_keys_of,
    read_master_keys,
)
from travel_gpt.credentials.sources.selection import source_of
from travel_gpt.errors import AccessDenied, Misconfigured
from travel_gpt.redaction import MASK, guard, redact
from travel_gpt.security_summary import summarize_security
from travel_gpt.settings import Settings

KEY = base64.urlsafe_b64encode(bytes(range(7, 231, 7))).decode().rstrip("=")
OTHER = base64.urlsafe_b64encode(bytes(range(5, 165, 5))).decode().rstrip("=")


@pytest.mark.parametrize(
    "text", [f"{KEY},{OTHER}", f" {KEY}\n{OTHER}\n", f"{KEY}, {OTHER},", f"{KEY}=\t{OTHER}="]
)
def test_several_are_separated_by_commas_or_white_space_padded_or_not(text: str) -> None:
    keys = MasterKeys.parse(text)

    assert [key.key.reveal() for key in keys.for_jwe] == [KEY, OTHER]
    assert keys.first.raw() == base64.urlsafe_b64decode(KEY + "=")


def test_a_key_without_a_name_has_the_beginning_of_its_thumbprint() -> None:
    from joserfc.jwk import OctKey

    (kid,) = MasterKeys.parse(KEY).kids

    assert len(kid) == 12
    assert OctKey.import_key({"kty": "oct", "k": KEY}).thumbprint().startswith(kid)


def test_a_name_is_given_before_a_colon_and_fernets_keys_are_marked_so() -> None:
    keys = MasterKeys.parse(f"2026-11:{KEY} fernet:{OTHER}=")

    assert (keys.kids[0], [key.kid for key in keys.for_jwe]) == ("2026-11", ["2026-11"])
    assert [key.encoded() for key in keys.for_fernet] == [OTHER + "="]


@pytest.mark.parametrize("text", ["", "  \n", ",,"])
def test_given_none_then_the_variable_is_named(text: str) -> None:
    with pytest.raises(Misconfigured, match="TRAVEL_GPT_MASTER_KEYS is not set"):
        MasterKeys.parse(text)


@pytest.mark.parametrize(
    "wrong",
    [
        KEY[:-1],
        KEY + "A",
        KEY + "==",
        KEY[:-1] + "Z",
        KEY[:-1] + "+",
        f":{KEY}",
        f"a:b:{KEY}",
        f"na/me:{KEY}",
        f"{'n' * 65}:{KEY}",
        f"{KEY};{OTHER}",
        "sk-proj-anApiKeyInTheWrongPlace0000000000000",
        f'{{"k":"{KEY}"}}',
    ],
)
def test_given_one_that_is_not_readable_then_it_is_counted_and_not_quoted(wrong: str) -> None:
    with pytest.raises(Misconfigured) as failed:
        MasterKeys.parse(f"{OTHER} {wrong}")

    assert "TRAVEL_GPT_MASTER_KEYS key 2 of 2 is not 32 bytes in base64url" in failed.value.message
    shown = "".join(traceback.format_exception(failed.value)) + failed.value.message
    assert not [piece for piece in (KEY[:12], OTHER[:12], "anApiKey") if piece in shown]


def test_given_one_that_is_not_readable_then_the_log_is_kept_from_it_too() -> None:
    with pytest.raises(Misconfigured):
        MasterKeys.parse(f"name:{KEY[:-3]}")

    assert redact(f"somewhere: {KEY[:-3]}") == f"somewhere: {MASK}"


@pytest.mark.parametrize("twice", [f"{KEY},{KEY}", f"a:{KEY} a:{OTHER}", f"fernet:{KEY} fernet:{KEY}"])
def test_given_two_of_one_name_then_they_are_refused(twice: str) -> None:
    with pytest.raises(Misconfigured, match="key 2 of 2 has the name of another"):
        MasterKeys.parse(twice)


def test_given_more_than_anybody_rotates_then_they_are_refused() -> None:
    many = [secrets.token_urlsafe(32) for _ in range(MOST + 1)]

    assert len(MasterKeys.parse(",".join(many[1:])).kids) == MOST
    with pytest.raises(Misconfigured, match=f"more than {MOST}"):
        MasterKeys.parse(",".join(many))


def test_as_many_as_there_may_be_are_masked_all_at_once() -> None:
    many = [secrets.token_urlsafe(32) for _ in range(MOST)]
    MasterKeys.parse(",".join(many))
    guard(secrets.token_urlsafe(32))

    assert redact(" ".join(many)) == " ".join([MASK] * MOST)


@given(some.lists(some.binary(min_size=32, max_size=32), min_size=1, max_size=MOST, unique=True))
def test_any_32_bytes_are_a_key(raws: list[bytes]) -> None:
    keys = MasterKeys.parse(",".join(base64.urlsafe_b64encode(raw).decode() for raw in raws))

    assert [key.raw() for key in keys.for_jwe] == raws


def test_they_do_not_print_themselves() -> None:
    keys = MasterKeys.parse(f"name:{KEY} fernet:{OTHER}")

    for shown in (repr(keys), str(keys), f"{keys}", f"{keys.first}", f"{keys.for_fernet!r}"):
        assert KEY not in shown
        assert OTHER not in shown
    assert "name" in repr(keys)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with two master keys, which its owner alone may read."""
    path = tmp_path / "master-keys"
    path.write_text(f"new:{KEY}\nold:{OTHER}=\n")
    path.chmod(0o600)
    return path


def failure_of(path: Path | str) -> Misconfigured:
    with pytest.raises(Misconfigured) as failed:
        read_master_keys(str(path))
    shown = "".join(traceback.format_exception(failed.value)) + failed.value.message
    assert not [secret for secret in (KEY, OTHER) if secret[4:12] in shown]
    assert FILE_VARIABLE in failed.value.message
    assert str(path) not in failed.value.message, "a path is not for a caller of the API"
    return failed.value


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_file_of_its_owner_alone_is_read(file: Path, mode: int) -> None:
    file.chmod(mode)

    keys = read_master_keys(str(file))

    assert keys.kids == ("new", "old")
    assert (keys.origin, redact(f"{KEY} {OTHER}")) == (FILE_VARIABLE, f"{MASK} {MASK}")


def test_the_home_folder_may_be_written_as_a_tilde(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(file.parent))

    assert read_master_keys("~/master-keys").kids == ("new", "old")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644, 0o601])
def test_a_file_that_other_users_may_read_or_change_is_refused(file: Path, mode: int) -> None:
    file.chmod(mode)

    failure = failure_of(file)

    assert "other users" in failure.message
    assert "chmod 600" in failure.message
    assert str(file) in failure.detail


def test_a_link_counts_as_what_it_leads_to(file: Path) -> None:
    link = file.parent / "link"
    link.symlink_to(file)
    assert read_master_keys(str(link)).kids == ("new", "old")

    file.chmod(0o644)
    failure_of(link)


def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)

    assert "does not name a file" in failure_of(pipe).message
    assert "does not name a file" in failure_of(tmp_path).message
    assert "does not exist" in failure_of(tmp_path / "nowhere").message
    assert "cannot be read" in failure_of(tmp_path / ("n" * 300)).message


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "without keys"),
        (b" \n", "without keys"),
        (f"{KEY[:-1]}\n".encode(), "key 1 of 1 is not 32 bytes"),
        (f"{KEY}\n{KEY}\n".encode(), "is the same"),
        (b"\xff\xfe\x00", "is not 32 bytes"),
        (b"A" * 20_000, "too long"),
    ],
)
def test_a_file_without_readable_keys_is_named_and_not_quoted(file: Path, content: bytes, says: str) -> None:
    file.write_bytes(content)

    assert says in failure_of(file).message


def test_the_variable_and_the_file_at_once_are_refused(file: Path) -> None:
    assert master_keys_of({VARIABLE: KEY}, "").origin == VARIABLE
    assert master_keys_of({VARIABLE: " "}, str(file)).origin == FILE_VARIABLE
    with pytest.raises(Misconfigured, match="both set"):
        master_keys_of({VARIABLE: KEY}, str(file))
    with pytest.raises(Misconfigured, match=f"{VARIABLE} is not set"):
        master_keys_of({}, "")


def test_the_source_opens_its_file_with_them_and_notices_new_ones(file: Path, tmp_path: Path) -> None:
    container = tmp_path / "key.jwe"
    container.write_text(encrypt("sk-proj-inTheContainer00001", MasterKeys.parse(f"old:{OTHER}")))
    settings = Settings.load(
        {
            "CREDENTIAL_SOURCE": "encrypted-file",
            "CREDENTIAL_FILE": str(container),
            FILE_VARIABLE: str(file),
        }
    )
    source = source_of(settings)
    assert isinstance(source, EncryptedFileSource)
    assert source.fetch().key.reveal() == "sk-proj-inTheContainer00001"

    file.write_text(f"new:{KEY}\n")
    with pytest.raises(AccessDenied) as refused:
        source.fetch()
    assert FILE_VARIABLE in refused.value.message
    assert FILE_VARIABLE in refused.value.detail

    assert not [line for line in summarize_security(settings).off if "master key" in line]
    assert any("file for its owner alone" in line for line in summarize_security(settings).protects)
