"""The file .env, as the local server and the command read it."""

import os
import sys
from pathlib import Path

import pytest

from travel_gpt.env_file import LONGEST, OF_AWS, UnreadableEnvFile, load_env_file, parse

KEY = "sk-canary-0123456789abcdefghij"


def take(folder: Path, text: str, environ: dict[str, str] | None = None) -> dict[str, str]:
    (folder / ".env").write_text(text, encoding="utf-8")
    environ = {} if environ is None else environ
    load_env_file(folder, environ, also=OF_AWS)
    return environ


def test_without_the_file_nothing_happens(tmp_path: Path) -> None:
    environ: dict[str, str] = {}
    assert load_env_file(tmp_path, environ) is None
    assert not environ


@pytest.mark.parametrize(
    "line",
    [
        f"OPENAI_API_KEY={KEY}",
        f"export OPENAI_API_KEY='{KEY}'",
        f'  OPENAI_API_KEY = "{KEY}"   # mine',
        f"\ufeffOPENAI_API_KEY={KEY}",
        f"OPENAI_API_KEY={KEY}\r\nA=b\r\n",
    ],
)
def test_the_usual_forms_are_read(tmp_path: Path, line: str) -> None:
    assert take(tmp_path, line) == {"OPENAI_API_KEY": KEY}


def test_a_variable_that_is_set_wins_and_one_that_is_empty_does_not(tmp_path: Path) -> None:
    environ = take(tmp_path, "OPENAI_MODEL=a\nOPENAI_API=chat\n", {"OPENAI_MODEL": "b", "OPENAI_API": ""})
    assert environ == {"OPENAI_MODEL": "b", "OPENAI_API": "chat"}


def test_only_what_travel_gpt_knows_is_taken(tmp_path: Path) -> None:
    environ = take(
        tmp_path,
        "PATH=/evil\nLD_PRELOAD=/evil.so\nHTTPS_PROXY=http://evil\nPYTHONPATH=/evil\nSECRET_KEY_BASE=django\n"
        "AWS_CONFIG_FILE=evil\nAWS_SHARED_CREDENTIALS_FILE=evil\nAWS_CA_BUNDLE=evil\nAWS_REGION=eu-west-1\n"
        "SSL_CERT_FILE=evil\nTRAVEL_GPT_MASTER_KEYS=m\nOPENAI_LOG=debug\n",
    )
    assert environ == {"AWS_REGION": "eu-west-1", "TRAVEL_GPT_MASTER_KEYS": "m"}


@pytest.mark.parametrize(
    ("endpoint", "taken"),
    [
        ("http://127.0.0.1:4566", True),
        ("http://localhost:5000", True),
        ("http://collects.example.com", False),
        ("https://collects.example.com", False),
        ("http://[", False),
    ],
)
def test_no_file_sends_a_key_elsewhere_in_the_place_of_aws(
    tmp_path: Path, endpoint: str, taken: bool
) -> None:
    environ = take(tmp_path, f"AWS_ENDPOINT_URL={endpoint}\n")

    assert environ == ({"AWS_ENDPOINT_URL": endpoint} if taken else {})


def test_the_variable_of_the_secret_goes_by_its_name_wherever_that_is_given(tmp_path: Path) -> None:
    text = "SECRET_TRAVEL_GPT_OPENAI_API_KEY=a\nSECRET_MINE_KEY=b\n"
    assert take(tmp_path, text) == {"SECRET_TRAVEL_GPT_OPENAI_API_KEY": "a"}
    named = {"OPENAI_SECRET_NAME": "mine/key"}
    assert take(tmp_path, text, dict(named)) == {**named, "SECRET_MINE_KEY": "b"}
    assert take(tmp_path, f"{text}OPENAI_SECRET_NAME=mine/key\n") == {**named, "SECRET_MINE_KEY": "b"}


def test_the_variable_of_the_secret_may_have_the_name_as_it_is_given(tmp_path: Path) -> None:
    text = "SECRET_travel-gpt/openai-api-key=a\nSECRET_other/key=b\n"

    assert take(tmp_path, text) == {"SECRET_travel-gpt/openai-api-key": "a"}


def test_values_are_taken_as_they_stand(tmp_path: Path) -> None:
    assert take(tmp_path, "OPENAI_MODEL=${HOME}$(id)\n") == {"OPENAI_MODEL": "${HOME}$(id)"}


def test_it_tells_names_and_wrong_lines_and_no_value(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"OPENAI_API_KEY={KEY}\nOPENAI_MODEL='half\nOPENAI_API=chat\n")
    taken = load_env_file(tmp_path, {})

    assert taken is not None
    assert taken.names == ("OPENAI_API_KEY", "OPENAI_API")
    assert taken.wrong_lines == (2,)
    assert KEY not in repr(taken)


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"A=\xff" + KEY.encode(), "UTF-8"), (b"x" * (LONGEST + 1), "longer than")],
)
def test_what_is_no_such_file_is_reported_without_quoting_it(
    tmp_path: Path, content: bytes, says: str
) -> None:
    (tmp_path / ".env").write_bytes(content)
    with pytest.raises(UnreadableEnvFile, match=says) as wrong:
        load_env_file(tmp_path, {})
    assert KEY not in str(wrong.value)
    assert wrong.value.__cause__ is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_reported(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=b")
    (tmp_path / ".env").chmod(0)
    with pytest.raises(UnreadableEnvFile, match="cannot be read"):
        load_env_file(tmp_path, {})


def test_a_missing_reader_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dotenv.parser", None)
    with pytest.raises(UnreadableEnvFile, match="python-dotenv"):
        parse("A=b")


def test_it_tells_what_is_never_taken_although_a_person_may_expect_it(tmp_path: Path) -> None:
    text = (
        "HTTPS_PROXY=http://there\nAWS_ENDPOINT_URL=https://there.example\nSSL_CERT_FILE=x\nDATABASE_URL=y\n"
    )
    (tmp_path / ".env").write_text(text)
    taken = load_env_file(tmp_path, {}, also=OF_AWS)

    assert taken is not None
    assert "export them if you want them: HTTPS_PROXY, AWS_ENDPOINT_URL, SSL_CERT_FILE." in taken.summary()
    assert "DATABASE_URL" not in taken.summary()


@pytest.mark.parametrize(
    ("text", "environ"), [("# PORT=1\n", {}), ("OPENAI_MODEL=x\n", {"OPENAI_MODEL": "y"})]
)
def test_it_tells_that_nothing_was_taken(tmp_path: Path, text: str, environ: dict[str, str]) -> None:
    (tmp_path / ".env").write_text(text)
    taken = load_env_file(tmp_path, environ)

    assert taken is not None
    assert taken.summary() == "Read .env of this folder: no variable that is known and not set already."
