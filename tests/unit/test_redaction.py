"""The net under the rope: nothing of a guarded value is written, and ordinary words are."""

import ast
import base64
import json
import re
import secrets
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import assume, example, given, settings as hypothesis_settings, strategies as st

from travel_gpt import redaction
from travel_gpt.redaction import MASK, PIECE, WORDY_PIECE, StreamConcealer, conceal, guard, redact

# What a key may hold (see secret.py). Brackets and the mask's own word are left out here: the mask would
# bring back what it took away.
KEY_CHARACTERS = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in "[]\"'\\")
anything = st.text(KEY_CHARACTERS, min_size=PIECE, max_size=60).filter(lambda key: "redacted" not in key)
# Words between separators are ordinary: they have tests of their own.
WORD = re.compile(r"(?<![A-Za-z0-9])(?:[A-Z]?[a-z]{2,19}|[A-Z]{3,20})(?![A-Za-z0-9])")
keys = anything.filter(lambda key: not WORD.search(key))
# No Latin letters and no digits: nothing here can be a piece of a key, or complete one.
foreign = st.text("åβжあ🏖 \n", max_size=30)


def pieces(value: str) -> set[str]:
    return {value[at : at + PIECE] for at in range(len(value) - PIECE + 1)}


def leaks(text: str, key: str) -> set[str]:
    return {piece for piece in pieces(key) if piece in text}


@given(before=foreign, key=keys, after=foreign)
def test_given_a_guarded_value_in_a_text_then_no_piece_of_it_survives(
    before: str, key: str, after: str
) -> None:
    guard(key)

    assert not leaks(redact(before + key + after), key)


@given(key=keys, words=st.lists(foreign, min_size=1, max_size=5), data=st.data())
def test_given_pieces_of_a_guarded_value_in_a_text_then_none_of_them_survives(
    key: str, words: list[str], data: st.DataObject
) -> None:
    redaction._guarded.clear()
    guard(key)
    text = ""
    for word in words:
        start = data.draw(st.integers(0, len(key) - 1))
        end = data.draw(st.integers(start, len(key)))
        text += word + key[start:end]

    assert not leaks(redact(text), key)


@given(key=keys, data=st.data())
@example(key="0123456789abcdef", data=None)
def test_every_piece_of_exactly_eight_characters_is_masked(key: str, data: st.DataObject | None) -> None:
    guard(key)
    start = data.draw(st.integers(0, len(key) - PIECE)) if data else 5

    assert redact(f"¿{key[start : start + PIECE]}¿") == f"¿{MASK}¿"


@given(key=keys, text=foreign)
def test_given_a_text_without_a_piece_then_it_is_unchanged(key: str, text: str) -> None:
    guard(key)

    assert redact(text) == text


@given(key=st.text("ABCDEFGHIJKLM0123456789", min_size=PIECE, max_size=40), data=st.data())
def test_given_fewer_characters_than_a_piece_then_they_are_no_secret(key: str, data: st.DataObject) -> None:
    redaction._guarded.clear()
    guard(key)
    start = data.draw(st.integers(0, len(key) - PIECE + 1))
    text = f"on {key[start : start + PIECE - 1]} of May"

    assert redact(text) == text


@given(keys, foreign, foreign)
def test_what_was_masked_once_stays_as_it_is(key: str, before: str, after: str) -> None:
    guard(key)
    once = redact(before + key + after)

    assert redact(once) == once


@given(keys)
def test_given_a_guarded_value_inside_json_then_no_reader_of_it_finds_a_piece(key: str) -> None:
    guard(key)
    line = redact(json.dumps({"message": f"sent {key} away"}))

    assert not leaks(line, key)
    assert not leaks(str(json.loads(line)), key)


@given(first=keys, second=keys)
def test_given_two_guarded_values_side_by_side_then_both_go(first: str, second: str) -> None:
    redaction._guarded.clear()
    guard(first)
    guard(second)
    shown = redact(f"{first}é{second}")

    assert not leaks(shown, first)
    assert not leaks(shown, second)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Three days in Lisbon in May for two, on a budget of $900?",
        "A task-list, a risk-free desk-top and an ask-me-anything",
        "sk- and SK-1 and sk-short",
        "Bearer",
        "東京で三日間、予算は十万円です。",
        "Kraków → Zürich, 07:45–12:10; 120 € p.p. (Sparschiene)",
        "the bearer of this letter, and Bearer tokens",
        '{"level":"INFO","message":"Answered a request","status":200}',
        "[redacted]",
    ],
)
def test_given_ordinary_text_and_a_guarded_key_then_it_is_unchanged(text: str) -> None:
    guard("sk-proj-abcdefghijklmnopqrstuvwxyz0123456789")

    assert redact(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Incorrect API key provided: sk-proj-ab****wxyz.", "Incorrect API key provided: [redacted]"),
        ("key sk-0123456789abcdef, please", "key [redacted], please"),
        ("'sk-svcacct-A_b-C.d*e'", "'[redacted]'"),
        ("SK-PROJ-UPPERCASE0", "[redacted]"),
        ("Authorization: Bearer abc.def/ghi+jkl==", "Authorization: Bearer [redacted]"),
        ('{"authorization": "Bearer eyJhbGciOi.x"}', '{"authorization": "Bearer [redacted]"}'),
        ("authorization: bearer xyz01234\\nnext", "authorization: bearer [redacted]\\nnext"),
        (json.dumps({"text": "refused:\nsk-proj-ab****wxyz"}), '{"text": "refused:\\n[redacted]"}'),
        (json.dumps({"text": "refused:\tsk-proj-ab****wxyz"}), '{"text": "refused:\\t[redacted]"}'),
    ],
)
def test_given_what_is_shaped_like_a_credential_then_it_is_masked_without_being_guarded(
    text: str, shown: str
) -> None:
    assert redact(text) == shown


@pytest.mark.parametrize("value", ["", "a", "seven77"])
def test_given_a_value_without_a_piece_then_it_is_not_guarded(value: str) -> None:
    guard(value)

    assert redact(f"travel {value} to Rome") == f"travel {value} to Rome"


def test_given_a_value_that_is_guarded_again_and_again_then_the_others_are_not_forgotten() -> None:
    guard("FIRST-key-0001")
    for _ in range(20):
        guard("OTHER-KEY-0002")

    assert redact("FIRST-key-0001 and OTHER-KEY-0002") == f"{MASK} and {MASK}"


def test_the_keys_of_the_last_rotations_stay_guarded() -> None:
    rotated = [f"key{turn}" * 3 for turn in range(8)]
    for key in rotated:
        guard(key)

    assert redact(" ".join(rotated)) == " ".join([MASK] * 8)


def test_given_a_guarded_value_in_an_answer_then_it_is_concealed_and_the_callers_words_are_not() -> None:
    guard("a-guarded-KEY-0001")

    shown = conceal("Is sk-proj-0123456789 a key? Bearer of a-guarded-KEY-0001, a-guarded too")

    assert shown == f"Is sk-proj-0123456789 a key? Bearer of {MASK}, a-guarded too"


@given(st.text(max_size=200))
def test_given_nothing_is_guarded_then_an_answer_is_unchanged(text: str) -> None:
    redaction._guarded.clear()
    assume("sk-" not in text)

    assert conceal(text) == text


@given(
    st.lists(st.sampled_from(["a-guarded-KEY-0001", "a-guarded-KEY-", "a-g", "a-", "0001", " "]), max_size=6),
    st.lists(st.integers(0, 60), max_size=8),
)
def test_a_guarded_value_in_a_text_in_pieces_is_concealed_wherever_it_is_cut(
    parts: list[str], cuts: list[int]
) -> None:
    guard("a-guarded-KEY-0001")
    text, edges = "".join(parts), [0, *sorted(cuts), 200]
    concealer = StreamConcealer()

    sent = [concealer.feed(text[start:end]) for start, end in pairwise(edges)]

    assert "".join(sent) + concealer._held == conceal(text)
    assert redact(concealer._held) == concealer.end()


def test_only_what_may_be_the_start_of_a_guarded_value_is_held_back() -> None:
    guard("a-guarded-KEY-0001")
    concealer = StreamConcealer()

    assert (concealer.feed("Take a"), concealer.feed(" tram a-gu")) == ("Take ", "a tram ")
    assert concealer.feed("ide.") == "a-guide."


@cache
def our_texts() -> tuple[str, ...]:
    """Every text in the code that could be a message."""
    found = {
        node.value
        for file in Path(redaction.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value
    }
    return tuple(sorted(found))


@cache
def our_words() -> tuple[str, ...]:
    """The words of them that a run of eight characters could be taken from."""
    return tuple(sorted({word for text in our_texts() for word in re.findall(r"[A-Za-z]{3,19}", text)}))


@cache
def our_text() -> str:
    """All of them but for those with what is shaped like a key, which is masked though nothing is guarded."""
    redaction._guarded.clear()
    return "\n".join(each for each in our_texts() if redact(each) == each)


@hypothesis_settings(max_examples=8)
@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=4), st.sampled_from("-_."))
@example([0, 1, 2, 3], "-")
def test_a_key_of_words_takes_no_words_out_of_our_messages(numbers: list[int], joined_by: str) -> None:
    text = our_text()
    redaction._guarded.clear()
    key = joined_by.join(our_words()[number % len(our_words())].lower() for number in numbers)
    runs = {key[at : at + WORDY_PIECE] for at in range(len(key) - WORDY_PIECE + 1)} | {key}
    assume(not any(run in text for run in runs))
    guard(key)

    assert redact(text) == text


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (
            "local-key-for-secret",
            "Create it with: travel-gpt secret put, or check the key for the secret",
        ),
        ("my-credential-key", "credential_rejected: the credential is refused"),
        ("MY_API_KEY", "Set OPENAI_API_KEY, and start it again"),
        ("travel-gpt-demo-4f9a8c71", "travel-gpt doctor, and the stack travel-gpt-backend"),
        ("secrets-manager-token", "secrets-manager gives the key"),
    ],
)
def test_the_whole_of_a_key_of_words_is_masked_and_its_words_are_not(key: str, text: str) -> None:
    guard(key)

    assert redact(text) == text
    assert redact(f"Bearer? {key}!") == f"Bearer? {MASK}!"
    if len(key) > WORDY_PIECE:
        assert MASK in redact(key[:-1])


@given(st.sampled_from(["sk-proj-", "sk-svcacct-", "travel-gpt-demo-", "gsk_", "key-", ""]), st.data())
def test_of_a_random_key_every_piece_is_masked_whatever_it_begins_with(
    prefix: str, data: st.DataObject
) -> None:
    redaction._guarded.clear()
    # As keys are made: 32 random bytes in base64url, or in hexadecimal digits.
    raw = data.draw(st.binary(min_size=32, max_size=32))
    body = base64.urlsafe_b64encode(raw).decode().rstrip("=") if data.draw(st.booleans()) else raw.hex()
    assume(not WORD.search(body))
    guard(prefix + body)
    start = data.draw(st.integers(0, len(body) - PIECE))

    assert redact(f"¿{body[start : start + PIECE]}¿") == f"¿{MASK}¿"
    assert redact(f"¿{prefix}{body}¿") in (f"¿{MASK}¿", f"¿{MASK}{MASK}¿")


def test_a_random_key_has_next_to_no_piece_that_is_taken_for_words() -> None:
    taken = total = 0
    for _ in range(300):
        key = secrets.token_urlsafe(48)
        every = pieces(key)
        total += len(every)
        taken += len(every - redaction._random_pieces(key))
    assert taken < total / 1000
