"""The encrypted container: what goes in comes out, under the right master key and no other."""

import base64
import json
import secrets
import string
import traceback
import zlib
from typing import Any

import pytest
from cryptography.fernet import Fernet
from hypothesis import given, strategies as some
from joserfc import jwe
from joserfc.jwk import OctKey

from travel_gpt.credentials.sources.encrypted_file import LONGEST_PLAINTEXT, decrypt, encrypt, rekey
from travel_gpt.credentials.sources.master_keys import MasterKeys
from travel_gpt.errors import AccessDenied, InvalidSecret, Misconfigured, TravelGPTError

SECRET = '{"api_key": "sk-proj-inTheContainer0000000001"}'
RAW = bytes(range(32))
KEY = base64.urlsafe_b64encode(RAW).decode().rstrip("=")
OTHER = base64.urlsafe_b64encode(bytes(range(32, 64))).decode().rstrip("=")
FERNET = base64.urlsafe_b64encode(bytes(range(64, 96))).decode()
KEYS = MasterKeys.parse(f"old:{KEY}")
MADE = encrypt(SECRET, KEYS)
OTHER_CHARACTERS = some.sampled_from(string.ascii_letters + string.digits + "-_=.+/ ") | some.characters()


def container(**header: Any) -> str:
    """A JWE as another program would make it, under the key and with this header."""
    protected = {"alg": "dir", "enc": "A256GCM", **header}
    registry = jwe.JWERegistry(algorithms=["dir", "A256GCM", "DEF"], strict_check_header=False)
    return jwe.encrypt_compact(protected, SECRET, OctKey.import_key(RAW), registry=registry)


def header_of(text: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(text.partition(".")[0] + "=="))


def failure_of(text: str, keys: MasterKeys) -> TravelGPTError:
    with pytest.raises(TravelGPTError) as failed:
        decrypt(text, keys)
    shown = "".join(traceback.format_exception(failed.value)) + failed.value.message
    assert "inTheContainer" not in shown
    assert KEY not in shown
    return failed.value


@given(some.text(max_size=2000), some.integers(0, 2**40))
def test_whatever_goes_in_comes_out(secret: str, made_at: int) -> None:
    opened = decrypt(encrypt(secret, KEYS, made_at=made_at), KEYS)

    assert (opened.plaintext, opened.kid, opened.made_at) == (secret, "old", made_at)


def test_it_is_a_standard_jwe_that_names_its_key_and_shows_nothing_else() -> None:
    made = encrypt(SECRET, KEYS, made_at=1_795_176_000.4)

    assert header_of(made) == {"alg": "dir", "enc": "A256GCM", "kid": "old", "iat": 1_795_176_000}
    assert made.count(".") == 4
    assert made.isascii()
    assert "\n" not in made


def test_the_same_secret_never_looks_the_same() -> None:
    assert len({encrypt(SECRET, KEYS).split(".")[2] for _ in range(20)}) == 20


def test_an_example_made_with_another_library_is_read() -> None:
    # Given AES-256-GCM as cryptography does it, put together by hand after RFC 7516, appendix A.1
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    def b64(raw: bytes) -> str:
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")

    head, nonce = b64(b'{"alg":"dir","enc":"A256GCM"}'), secrets.token_bytes(12)
    sealed = AESGCM(RAW).encrypt(nonce, SECRET.encode(), head.encode())

    made = f"{head}..{b64(nonce)}.{b64(sealed[:-16])}.{b64(sealed[-16:])}"

    # Then it is opened, although it does not name its key
    assert decrypt(f"\n {made}\n", MasterKeys.parse(f"{OTHER} {KEY}")).plaintext == SECRET


@given(some.data())
def test_given_any_character_changed_then_it_is_refused(data: some.DataObject) -> None:
    at = data.draw(some.integers(0, len(MADE) - 1))
    other = data.draw(OTHER_CHARACTERS.filter(lambda drawn: drawn != MADE[at]))

    assert isinstance(failure_of(MADE[:at] + other + MADE[at + 1 :], KEYS), InvalidSecret | AccessDenied)


@given(some.data())
def test_given_any_part_cut_out_or_doubled_then_it_is_refused(data: some.DataObject) -> None:
    begins = data.draw(some.integers(0, len(MADE) - 1))
    ends = data.draw(some.integers(begins + 1, len(MADE)))

    for damaged in (MADE[:begins] + MADE[ends:], MADE[:ends] + MADE[begins:]):
        assert isinstance(failure_of(damaged, KEYS), InvalidSecret | AccessDenied)


@given(some.binary(min_size=32, max_size=32).filter(lambda raw: raw != RAW))
def test_given_any_other_key_of_the_same_name_then_it_is_refused(raw: bytes) -> None:
    other = MasterKeys.parse("old:" + base64.urlsafe_b64encode(raw).decode())

    failure = failure_of(encrypt(SECRET, KEYS), other)

    assert isinstance(failure, InvalidSecret)
    assert "'old' is not the one" in failure.detail


@given(some.text(max_size=300))
def test_given_anything_else_then_it_is_no_container(text: str) -> None:
    assert isinstance(failure_of(text, KEYS), InvalidSecret)


@pytest.mark.parametrize(
    "text", ["", "a" * 100_000, SECRET, "e30.....", "W10....", "bnVsbA....", "W1tb" * 250 + "....", "é"]
)
def test_given_what_is_no_container_then_that_is_said(text: str) -> None:
    assert failure_of(text, KEYS).code == "invalid_secret"


def test_given_a_key_that_is_not_here_then_its_name_and_those_here_are_listed() -> None:
    failure = failure_of(encrypt(SECRET, KEYS), MasterKeys.parse(f"new:{OTHER}"))

    assert isinstance(failure, AccessDenied)
    assert "under the master key 'old'" in failure.detail
    assert "holds: new" in failure.detail
    assert "TRAVEL_GPT_MASTER_KEYS" in failure.message


@pytest.mark.parametrize(
    "header",
    [
        {"enc": "A256GCM", "alg": "A256KW"},
        {"enc": "A256GCM", "alg": "A256GCMKW"},
        {"enc": "A256GCM", "alg": "PBES2-HS256+A128KW", "p2c": 2**31, "p2s": "AAAA"},
        {"enc": "A256GCM", "alg": "RSA1_5"},
        {"enc": "A256GCM", "alg": "none"},
        {"enc": "A128CBC-HS256", "alg": "dir"},
        {"enc": "A128GCM", "alg": "dir"},
        {"enc": None, "alg": "dir"},
        {"alg": "dir"},
        {"enc": "A256GCM"},
    ],
    ids=lambda header: f"{header.get('alg')}/{header.get('enc')}",
)
def test_given_another_algorithm_then_it_is_refused_before_anything_is_decrypted(
    header: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jwe, "decrypt_compact", lambda *_, **__: pytest.fail("it was decrypted"))
    head = base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")

    failure = failure_of(".".join([head, *container().split(".")[1:]]), KEYS)

    assert isinstance(failure, InvalidSecret)
    assert "not of the algorithms" in failure.detail


def test_given_an_encrypted_key_beside_the_direct_one_then_it_is_refused() -> None:
    head, _, *rest = container().split(".")

    assert "not of the algorithms" in failure_of(".".join([head, "AAAA", *rest]), KEYS).detail


def test_given_a_compressed_container_then_it_is_refused_before_it_is_inflated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = container(zip="DEF")
    monkeypatch.setattr(zlib, "decompressobj", lambda *_: pytest.fail("it was inflated"))

    assert "compression" in failure_of(made, KEYS).detail


@pytest.mark.parametrize(
    "header",
    [
        {"crit": ["exp"], "exp": 1},
        {"jku": "https://example.com/keys"},
        {"iat": True},
        {"iat": -1},
        {"iat": 10**300},
        {"iat": "now"},
        {"kid": 7},
        {"kid": None},
    ],
    ids=str,
)
def test_given_a_header_with_more_or_other_than_is_understood_then_it_is_refused(
    header: dict[str, object],
) -> None:
    head, *rest = container().split(".")
    more = {"alg": "dir", "enc": "A256GCM", **header}
    head = base64.urlsafe_b64encode(json.dumps(more).encode()).decode().rstrip("=")

    assert "header parameters" in (said := failure_of(".".join([head, *rest]), KEYS).detail) or "kid" in said


def test_given_a_container_that_does_not_name_its_key_and_none_fits_then_that_is_said() -> None:
    failure = failure_of(container(), MasterKeys.parse(OTHER))

    assert isinstance(failure, AccessDenied)
    assert "names no master key" in failure.detail


def test_given_a_content_that_is_no_text_then_nothing_of_it_is_reported() -> None:
    content = b"sk-proj-inTheContainer\xff"
    made = jwe.encrypt_compact({"alg": "dir", "enc": "A256GCM"}, content, OctKey.import_key(RAW))

    failure = failure_of(made, KEYS)

    assert "UTF-8" in failure.detail
    assert failure.__suppress_context__


def test_the_longest_secret_fits_and_a_longer_one_is_refused_when_it_is_encrypted() -> None:
    longest = "é" * (LONGEST_PLAINTEXT // 2)
    assert decrypt(encrypt(longest, KEYS), KEYS).plaintext == longest

    with pytest.raises(InvalidSecret, match="more than 32,768 bytes"):
        encrypt(longest + "x", KEYS)


class TestRotatingTheMasterKey:
    """Both keys are there, the new one first; everything is rekeyed; the old one goes."""

    def test_the_first_encrypts_and_every_one_decrypts(self) -> None:
        both = MasterKeys.parse(f"new:{OTHER}, old:{KEY}")

        assert decrypt(encrypt(SECRET, KEYS), both).kid == "old"
        assert header_of(encrypt(SECRET, both))["kid"] == "new"

    def test_what_was_rekeyed_needs_the_new_one_only_and_keeps_its_age(self) -> None:
        both = MasterKeys.parse(f"new:{OTHER}, old:{KEY}")

        moved = rekey(encrypt(SECRET, KEYS, made_at=1_700_000_000), both)

        opened = decrypt(moved, MasterKeys.parse(f"new:{OTHER}"))
        assert (opened.plaintext, opened.made_at) == (SECRET, 1_700_000_000)
        assert isinstance(failure_of(moved, KEYS), AccessDenied)

    def test_given_a_container_that_no_key_opens_then_it_is_not_rekeyed(self) -> None:
        with pytest.raises(AccessDenied):
            rekey(encrypt(SECRET, KEYS), MasterKeys.parse(OTHER))


class TestFernet:
    """Tokens of Fernet's, made elsewhere: read, moved to a JWE, never made."""

    TOKEN = Fernet(FERNET).encrypt_at_time(SECRET.encode(), 1_700_000_000).decode()

    def test_given_its_key_then_it_is_read_with_its_time(self) -> None:
        opened = decrypt(f"{self.TOKEN}\n", MasterKeys.parse(f"{KEY},fernet:{FERNET}"))

        assert (opened.plaintext, opened.made_at) == (SECRET, 1_700_000_000)
        assert opened.kid.startswith("fernet-")

    def test_given_several_fernet_keys_then_the_right_one_is_found(self) -> None:
        keys = MasterKeys.parse(f"fernet:{Fernet.generate_key().decode()} fernet:{FERNET}")

        assert decrypt(self.TOKEN, keys).plaintext == SECRET

    def test_given_its_key_without_the_mark_then_how_to_write_it_is_reported(self) -> None:
        failure = failure_of(self.TOKEN, MasterKeys.parse(FERNET))

        assert isinstance(failure, AccessDenied)
        assert "as fernet:KEY" in failure.detail

    def test_given_no_key_that_fits_then_it_is_refused(self) -> None:
        assert isinstance(failure_of(self.TOKEN, MasterKeys.parse(f"fernet:{KEY}")), AccessDenied)

    @given(some.data())
    def test_given_any_character_changed_or_put_in_then_it_is_refused(self, data: some.DataObject) -> None:
        at = data.draw(some.integers(0, len(self.TOKEN) - 1))
        other = data.draw(OTHER_CHARACTERS.filter(lambda drawn: drawn != self.TOKEN[at]))
        before, here, after = self.TOKEN[:at], self.TOKEN[at], self.TOKEN[at + 1 :]

        for damaged in (before + other + after, before + here + other + after):
            if damaged.strip() != self.TOKEN:
                failure = failure_of(damaged, MasterKeys.parse(f"fernet:{FERNET}"))
                assert isinstance(failure, InvalidSecret | AccessDenied)

    def test_it_is_rekeyed_to_a_jwe_that_keeps_its_time(self) -> None:
        opened = decrypt(rekey(self.TOKEN, MasterKeys.parse(f"old:{KEY} fernet:{FERNET}")), KEYS)
        assert (opened.plaintext, opened.made_at) == (SECRET, 1_700_000_000)

    def test_given_fernet_keys_only_then_nothing_is_encrypted(self) -> None:
        with pytest.raises(Misconfigured, match="only decrypt"):
            encrypt(SECRET, MasterKeys.parse(f"fernet:{FERNET}"))


def test_what_was_opened_does_not_print_the_secret() -> None:
    assert "inTheContainer" not in repr(decrypt(encrypt(SECRET, KEYS), KEYS))
