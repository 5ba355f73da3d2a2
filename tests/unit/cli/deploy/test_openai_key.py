"""Which keys deploy.sh accepts, and which it stores."""

import json

import pytest

from travel_gpt.cli.deploy.openai_key import read_exported, require_usable
from travel_gpt.cli.errors import CliError
from travel_gpt.cli.key_input import Verification, server_of
from travel_gpt.credentials.secret import Credential, Key
from travel_gpt.errors import KeyRefused, NotPermitted, UpstreamFailed
from travel_gpt.settings import Settings

KEY = "sk-proj-canary0000000000000000000000000000001"


@pytest.mark.parametrize(
    ("failure", "at_openai"),
    [(KeyRefused("401"), "platform.openai.com/api-keys"), (NotPermitted("403"), '"Models: Read"')],
)
def test_the_advice_fits_the_server(failure: KeyRefused | NotPermitted, at_openai: str) -> None:
    with pytest.raises(CliError) as at_another:
        require_usable(Verification("https://m.example:8443/v1", failure), replacing=True)
    with pytest.raises(CliError) as at_theirs:
        require_usable(Verification("https://api.openai.com/v1", failure), replacing=False)

    assert at_openai in str(at_theirs.value)
    assert "Nothing was changed" in str(at_theirs.value)
    assert "m.example:8443" in str(at_another.value)
    assert "OpenAIBaseUrl" in str(at_another.value)
    assert at_openai not in str(at_another.value)


@pytest.mark.parametrize("named", [None, "https://m.example:8443/v1"])
def test_the_server_is_the_one_that_the_secret_names_or_else_the_setting(named: str | None) -> None:
    setting = Settings.load({"OPENAI_BASE_URL": "https://other.example/v1"})

    assert server_of(Credential(Key(KEY), "given", "", base_url=named), setting) == (
        named or setting.base_url
    )


def test_an_unverified_key_is_stored_unless_it_would_replace_another() -> None:
    unknown = Verification("https://m.example/v1", UpstreamFailed("503"))

    require_usable(unknown, replacing=False)
    with pytest.raises(CliError, match="could not be verified"):
        require_usable(unknown, replacing=True)


@pytest.mark.parametrize("text", ["sk-with a-space", "sk-two\nlines", '"sk-quoted"', "{}"])
def test_what_is_not_a_key_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(CliError) as stopped:
        read_exported(text)

    assert stopped.value.status == 2
    assert "OPENAI_API_KEY" in str(stopped.value)
    assert text not in str(stopped.value)


def test_a_key_may_be_exported_with_white_space_or_in_a_json_object() -> None:
    bare, in_json = read_exported(f" {KEY}\n"), read_exported(json.dumps({"api_key": KEY, "project": "p"}))

    assert bare is not None
    assert in_json is not None
    assert (bare.key, in_json.key, in_json.credential.project) == (Key(KEY), Key(KEY), "p")
    assert read_exported(" \n") is None
