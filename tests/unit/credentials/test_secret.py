"""What a secret may hold, and how errors are reported without quoting it."""

import contextlib
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, strategies as st

from travel_gpt.credentials.secret import Credential, Key, read_secret, with_new_key
from travel_gpt.errors import InvalidSecret
from travel_gpt.redaction import MASK, redact

KEY = "sk-proj-Xq7ZkV9wJ3pYtB5mHx2RfN8dLs6GcQ4vUj"


def read(value: str) -> Credential:
    return read_secret(value, source="scripted", version="v1")


def document(**fields: Any) -> str:
    return json.dumps({"api_key": KEY, **fields})


@pytest.mark.parametrize(
    "value",
    [
        KEY,
        f"  {KEY}\n",
        f"\r\n{KEY}\r\n",
        json.dumps({"api_key": KEY}),
        json.dumps({"api_key": f" {KEY}\n"}),
        json.dumps({"api_key": KEY}, indent=4),
        f"\n\t {json.dumps({'api_key': KEY})} \n",
        json.dumps({"note": "production", "api_key": KEY, "rotated": 1795176000}),
        json.dumps({"api_key": KEY, "base_url": "", "organization": None, "api": None}),
    ],
)
def test_given_the_bare_key_or_json_then_the_key_is_read_and_nothing_else(value: str) -> None:
    assert read(value) == Credential(key=Key(KEY), source="scripted")
    assert read(value).version == "v1"


@pytest.mark.parametrize("key", ["1", "ollama", "eyJhbGciOi.eyJzdWIi.c2ln==", "a/b+c_d~e.f", "x" * 4096])
def test_a_compatible_servers_key_need_not_look_like_openais(key: str) -> None:
    assert read(key).key.reveal() == key
    assert read(json.dumps({"api_key": key})).key.reveal() == key


@pytest.mark.parametrize(
    ("fields", "read_as"),
    [
        ({"base_url": "https://example.com/v1/"}, {"base_url": "https://example.com/v1"}),
        ({"url": "https://example.com/v1"}, {"base_url": "https://example.com/v1"}),
        ({"base_url": "https://a.example", "url": "https://b.example"}, {"base_url": "https://a.example"}),
        ({"base_url": "", "url": "https://b.example"}, {"base_url": "https://b.example"}),
        ({"base_url": "http://127.0.0.1:11434/v1"}, {"base_url": "http://127.0.0.1:11434/v1"}),
        ({"organization": "org-1"}, {"organization": "org-1"}),
        ({"org_id": "org-2"}, {"organization": "org-2"}),
        ({"organization": "org-1", "org_id": "org-2"}, {"organization": "org-1"}),
        ({"project": "proj_1"}, {"project": "proj_1"}),
        ({"model": "llama3.3:70b"}, {"model": "llama3.3:70b"}),
        ({"api": "chat"}, {"api": "chat"}),
        ({"api": "responses"}, {"api": "responses"}),
        ({"unknown": "field", "Model": "x"}, {}),
    ],
    ids=str,
)
def test_given_what_belongs_to_the_key_then_it_is_read_by_either_name(
    fields: dict[str, str], read_as: dict[str, str]
) -> None:
    plain: Any = Credential(key=Key(KEY), source="scripted")
    assert read(document(**fields)) == replace(plain, **read_as)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("", "the key is empty"),
        (" \n", "the key is empty"),
        (f"{KEY} {KEY}", "has spaces"),
        (f"{KEY}\n{KEY}", "has spaces, line breaks"),
        (f"OPENAI_API_KEY = {KEY}", "has spaces"),
        (f"{KEY}é", "characters no key has"),
        (f"\ufeff{KEY}", "characters no key has"),
        (f"{KEY}\x00", "characters no key has"),
        (f"'{KEY}'", "characters no key has"),
        (f"{KEY}\\", "characters no key has"),
        ("x" * 4097, "characters no key has"),
        (json.dumps({"api_key": f"{KEY} x"}), "has spaces"),
        (json.dumps({"api_key": f'"{KEY}"'}), "characters no key has"),
        ("{", "not valid JSON"),
        (f'{{"api_key": "{KEY}"', "not valid JSON"),
        (f"{{'api_key': '{KEY}'}}", "not valid JSON"),
        (f'{{"api_key": "{KEY}",}}', "not valid JSON"),
        (f'{{"api_key": {KEY}}}', "not valid JSON"),
        (f'["{KEY}', "not valid JSON"),
        (f'"{KEY}', "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        (f'["{KEY}"]', "not an object"),
        (f'"{KEY}"', "not an object"),
        ("{}", 'without a text "api_key"'),
        (json.dumps({"API_KEY": KEY}), 'without a text "api_key"'),
        (json.dumps({"apikey": KEY}), 'without a text "api_key"'),
        (json.dumps({"api_key": None}), 'without a text "api_key"'),
        (json.dumps({"api_key": 7}), 'without a text "api_key"'),
        (json.dumps({"api_key": True}), 'without a text "api_key"'),
        (json.dumps({"api_key": [KEY]}), 'without a text "api_key"'),
        (json.dumps({"api_key": {"value": KEY}}), 'without a text "api_key"'),
        (json.dumps({"api_key": ""}), 'without a text "api_key"'),
        (json.dumps({"api_key": " \t"}), 'without a text "api_key"'),
        (document(base_url="http://example.com/v1"), '"base_url" in the secret must be an https:// URL'),
        (document(url="http://example.com/v1"), '"base_url" in the secret must be an https:// URL'),
        (document(base_url="https://u:p@example.com"), '"base_url" in the secret must be an https:// URL'),
        (document(base_url="https://exam ple.com"), '"base_url" in the secret must be a text without spaces'),
        (document(base_url=1), '"base_url" in the secret must be a text'),
        (document(organization=["org"]), '"organization" in the secret must be a text'),
        (document(org_id="o r g"), '"organization" in the secret must be a text without spaces'),
        (document(project={}), '"project" in the secret must be a text'),
        (document(model=False), '"model" in the secret must be a text'),
        (document(model="a model"), '"model" in the secret must be a text without spaces'),
        (document(api="soap"), '"api" in the secret must be "responses" or "chat"'),
        (document(api=0), '"api" in the secret must be a text'),
        (document(model=KEY), '"model" in the secret looks like a key'),
        (document(project=KEY), '"project" in the secret looks like a key'),
        (document(base_url=KEY), '"base_url" in the secret looks like a key'),
    ],
)
def test_given_a_secret_that_cannot_be_used_then_what_is_wrong_is_said_and_nothing_quoted(
    value: str, says: str
) -> None:
    with pytest.raises(InvalidSecret) as refused:
        read(value)

    failure = refused.value
    assert says in failure.detail
    everything = f"{failure} {failure!r} {failure.args} {failure.message} {failure.detail}"
    assert not {KEY[at : at + 4] for at in range(8, len(KEY) - 3)} & {
        everything[at : at + 4] for at in range(len(everything))
    }
    # A parser's exception carries the whole document.
    assert failure.__cause__ is None
    assert failure.__suppress_context__ or failure.__context__ is None


@pytest.mark.parametrize(
    "value", [KEY, document(), document(api="soap"), document(base_url="http://x.example")]
)
def test_once_a_key_was_read_it_is_masked_wherever_something_is_written(value: str) -> None:
    piece = KEY[12:24]
    assert redact(piece) == piece

    # A field beside the key may be wrong: the key is a key all the same.
    with contextlib.suppress(InvalidSecret):
        read(value)

    assert redact(piece) == MASK


@given(st.text(max_size=60))
@example('{"api_key": "\\ud800"}')
@example('{"api_key": "x", "model": "\\ud800"}')
@example("{" * 5000)
@example('{"api_key": ' + "9" * 5000 + "}")
def test_whatever_a_secret_holds_it_is_read_or_refused(value: str) -> None:
    try:
        credential = read(value)
    except InvalidSecret:
        return
    # What goes into a header.
    assert credential.key.reveal().isascii()
    assert credential.key.reveal().isprintable()
    assert " " not in credential.key.reveal()


class TestReplacingTheKey:
    NEW = "sk-proj-newKEY0000000000000000000000000001"

    def test_what_else_the_secret_holds_stays(self) -> None:
        old = document(base_url="https://llm.example.com/v1", model="gemma4", note="ours")

        new = with_new_key(old, Key(self.NEW))

        assert json.loads(new) == {**json.loads(old), "api_key": self.NEW}

    @pytest.mark.parametrize("old", [KEY, "", None, '"text"', "[1]", '{"api_key": "broken'])
    def test_given_no_object_then_the_key_is_all_there_is(self, old: str | None) -> None:
        assert json.loads(with_new_key(old, Key(self.NEW))) == {"api_key": self.NEW}

    def test_the_old_keys_end_is_not_the_new_keys(self) -> None:
        old = document(expires_at="2027-01-31T00:00:00Z")

        assert "expires_at" not in json.loads(with_new_key(old, Key(self.NEW)))

    def test_fields_are_added_replaced_and_taken_out(self) -> None:
        new = with_new_key(document(model="gemma4", api="chat"), Key(self.NEW), model=None, api="responses")

        assert json.loads(new) == {"api_key": self.NEW, "api": "responses"}
        assert read(with_new_key(KEY, Key(self.NEW), expires_at=1_795_176_000)).expires_at == 1_795_176_000

    def test_given_a_field_that_could_not_be_read_then_nothing_is_written(self) -> None:
        with pytest.raises(InvalidSecret, match='"api" in the secret must be'):
            with_new_key(document(api="soap"), Key(self.NEW))

    def test_the_new_key_is_masked_from_then_on(self) -> None:
        with_new_key(None, Key(self.NEW))

        assert redact(self.NEW[8:24]) == MASK


class TestTheOtherNameOfTheKey:
    """``openai_api_key``, as other projects call it."""

    OTHER = "sk-proj-0therKey000000000000000000000000"

    @pytest.mark.parametrize(
        "fields",
        [
            {"openai_api_key": KEY},
            {"openai_api_key": f" {KEY}\n", "api_key": ""},
            {"openai_api_key": None, "api_key": KEY},
            {"openai_api_key": KEY, "api_key": KEY},
            {"openai_api_key": f"{KEY} ", "api_key": KEY},
        ],
    )
    def test_is_read(self, fields: dict[str, Any]) -> None:
        assert read(json.dumps({**fields, "model": "m"})) == replace(read(KEY), model="m")

    def test_given_two_different_keys_then_neither_is_used_and_neither_quoted(self) -> None:
        with pytest.raises(InvalidSecret, match="two different keys") as failed:
            read(json.dumps({"api_key": KEY, "openai_api_key": self.OTHER}))

        assert KEY not in str(failed.value)
        assert redact(f"{KEY} {self.OTHER}") == f"{MASK} {MASK}"

    @pytest.mark.parametrize("wrong", [7, True, ["sk-1"], {"key": "sk-1"}, " "])
    @pytest.mark.parametrize("beside", [{}, {"api_key": KEY}])
    def test_given_no_text_then_it_is_refused(self, wrong: object, beside: dict[str, str]) -> None:
        with pytest.raises(InvalidSecret):
            read(json.dumps({**beside, "openai_api_key": wrong}))

    @pytest.mark.parametrize("names", [("openai_api_key",), ("api_key", "openai_api_key"), ("api_key",)])
    def test_stays_when_another_key_is_written(self, names: tuple[str, ...]) -> None:
        new = json.loads(
            with_new_key(json.dumps({**dict.fromkeys(names, KEY), "model": "m"}), Key(self.OTHER))
        )

        assert new == {**dict.fromkeys(names, self.OTHER), "model": "m"}
