"""The master keys, as TRAVEL_GPT_MASTER_KEYS lists them."""

import base64
import secrets
import traceback

import pytest
from hypothesis import given, strategies as some

from travel_gpt.credentials.sources.master_keys import MOST, MasterKeys
from travel_gpt.errors import Misconfigured
from travel_gpt.redaction import MASK, guard, redact

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
