"""The file .env, as the local server and the command read it, and which of its variables they take."""

import io
import os
import sys
from pathlib import Path

import pytest

from travel_gpt.env_file import LONGEST, OF_AWS, UnreadableEnvFile, load_env_file, parse
from travel_gpt.env_trust import GIVEN, Consent, EnvTrust, NotAllowed, Transfer
from travel_gpt.settings import Settings

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


FAR = "https://llm.example.com/v1"
AWS = {"AWS_ACCESS_KEY_ID": "AKIAFILE", "AWS_SECRET_ACCESS_KEY": "file"}
ENDPOINT = {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"}


def trust(file: dict[str, str], exported: dict[str, str] | None = None) -> EnvTrust:
    taken = {name: value for name, value in file.items() if name not in (exported or {})}
    return EnvTrust(taken, {**(exported or {}), **taken})


def model(file: dict[str, str], exported: dict[str, str], source: str = "OPENAI_API_KEY") -> list[Transfer]:
    found = trust(file, exported)
    return list(found.to_model(found.environ.get("OPENAI_BASE_URL", "https://api.openai.com/v1"), source))


def sources(file: dict[str, str], exported: dict[str, str] | None = None) -> list[Transfer]:
    found = trust(file, exported)
    return list(found.to_sources(Settings.load(found.environ), ("secrets-manager",)))


def test_an_exported_key_does_not_go_to_a_server_that_the_file_names() -> None:
    for url, host in ((FAR, "llm.example.com"), ("http://localhost:11434/v1", "localhost:11434")):
        (found,) = model({"OPENAI_BASE_URL": url}, {"OPENAI_API_KEY": KEY})
        assert found == Transfer("OPENAI_BASE_URL", host, "the exported OPENAI_API_KEY")


@pytest.mark.parametrize(
    ("file", "exported"),
    [
        ({"OPENAI_BASE_URL": FAR, "OPENAI_API_KEY": KEY}, {}),
        ({"OPENAI_BASE_URL": "http://localhost:11434/v1"}, {}),
        ({"OPENAI_BASE_URL": "https://eu.api.openai.com/v1"}, {"OPENAI_API_KEY": KEY}),
        ({"OPENAI_BASE_URL": FAR}, {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": FAR}),
        ({}, {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": FAR}),
    ],
    ids=["both of the file", "no key", "OpenAI itself", "exported too", "not of the file"],
)
def test_what_goes_where_the_same_hand_wrote_it_is_not_asked(
    file: dict[str, str], exported: dict[str, str]
) -> None:
    assert model(file, exported) == []


@pytest.mark.parametrize("source", ["secrets-manager", "vault", "encrypted-file", "workload-identity", GIVEN])
def test_a_stored_or_typed_key_does_not_go_to_a_server_that_the_file_names(source: str) -> None:
    exported = {"VAULT_TOKEN": "hvs.mine", "TRAVEL_GPT_MASTER_KEYS": "mine"}
    (found,) = model({"OPENAI_BASE_URL": FAR}, exported, source)
    assert (found.variable, found.destination) == ("OPENAI_BASE_URL", "llm.example.com")
    assert "mine" not in found.credential


@pytest.mark.parametrize(
    ("source", "opens"),
    [
        ("secrets-manager", AWS),
        ("workload-identity", AWS),
        ("vault", {"VAULT_TOKEN": "hvs.file"}),
        ("vault", {**AWS, "VAULT_AUTH": "aws"}),
        ("encrypted-file", {"TRAVEL_GPT_MASTER_KEYS": "file"}),
    ],
)
def test_what_the_file_itself_opens_is_the_files(source: str, opens: dict[str, str]) -> None:
    assert model({"OPENAI_BASE_URL": FAR, **opens}, {}, source) == []


@pytest.mark.parametrize(
    "exported",
    [{}, {"AWS_ACCESS_KEY_ID": "AKIAMINE"}, {"AWS_SECRET_ACCESS_KEY": "m"}, {"AWS_SESSION_TOKEN": "m"}],
)
def test_an_endpoint_of_the_file_needs_the_whole_aws_credentials_of_the_file(
    exported: dict[str, str],
) -> None:
    found = list(trust({**ENDPOINT, **AWS}, exported).to_aws())
    assert bool(found) == bool(exported)
    assert all(each.destination == "127.0.0.1:4566" for each in found)
    assert list(trust(ENDPOINT, {}).to_aws()), "boto3 would look into the home folder and ask the role"


@pytest.mark.parametrize(
    "file",
    [
        {**ENDPOINT, **AWS},
        AWS,
        {"AWS_PROFILE": "theirs"},
        {"OPENAI_SECRET_NAME": "arn:aws:secretsmanager:us-east-1:123456789012:secret:k-AbCdEf"},
    ],
    ids=["endpoint", "credentials", "profile", "secret of another account"],
)
def test_a_key_that_is_typed_is_not_stored_where_the_file_says(file: dict[str, str]) -> None:
    found = trust(file, {})
    assert {each.variable for each in found.to_aws(key="the key")} <= set(file)
    assert any(each.credential == "the key" for each in found.to_aws(key="the key"))
    assert list(found.to_aws()) == [], "to look at it gives nothing away"


def test_a_profile_of_the_command_line_replaces_what_the_file_says() -> None:
    # What choose_account does with --profile.
    assert list(EnvTrust(AWS, {"AWS_PROFILE": "mine"}).to_aws(key="the key")) == []


@pytest.mark.parametrize(
    ("file", "exported", "variables"),
    [
        ({"VAULT_ADDR": FAR}, {"CREDENTIAL_SOURCE": "vault", "VAULT_TOKEN": "m"}, ["VAULT_ADDR"]),
        ({"VAULT_ADDR": FAR}, {"CREDENTIAL_SOURCE": "vault", "VAULT_AUTH": "aws"}, ["VAULT_ADDR"]),
        ({"VAULT_ADDR": FAR, "VAULT_TOKEN": "f"}, {"CREDENTIAL_SOURCE": "vault"}, []),
        ({"CREDENTIAL_SOURCE": "vault"}, {"VAULT_TOKEN": "m"}, ["CREDENTIAL_SOURCE"]),
        ({"CREDENTIAL_SOURCE": "environment"}, {"OPENAI_API_KEY": KEY}, ["CREDENTIAL_SOURCE"]),
        ({"CREDENTIAL_SOURCE": "environment", "OPENAI_API_KEY": KEY}, {}, []),
        ({"CREDENTIAL_SOURCE": "encrypted-file"}, {"TRAVEL_GPT_MASTER_KEYS": "m"}, ["CREDENTIAL_SOURCE"]),
        (
            {"CREDENTIAL_SOURCE": "encrypted-file"},
            {"TRAVEL_GPT_MASTER_KEYS_FILE": "~/keys"},
            ["CREDENTIAL_SOURCE"],
        ),
        ({"CREDENTIAL_SOURCE": "secrets-manager"}, {}, []),
        (ENDPOINT, {}, ["AWS_ENDPOINT_URL"]),
        (
            {"OPENAI_IDENTITY_PROVIDER_ID": "wip_1", "OPENAI_SERVICE_ACCOUNT_ID": "sa_1"},
            {"CREDENTIAL_SOURCE": "workload-identity"},
            ["OPENAI_IDENTITY_PROVIDER_ID", "OPENAI_SERVICE_ACCOUNT_ID"],
        ),
    ],
)
def test_a_source_that_the_file_chooses_or_places_gets_what_is_of_the_file(
    file: dict[str, str], exported: dict[str, str], variables: list[str]
) -> None:
    assert [each.variable for each in sources(file, exported)] == variables


@pytest.mark.parametrize(
    ("file", "exported", "host", "access", "asked"),
    [
        ({"HOST": "0.0.0.0"}, {"OPENAI_API_KEY": KEY}, "0.0.0.0", "open", True),
        ({"HOST": "0.0.0.0"}, {"OPENAI_API_KEY": KEY}, "0.0.0.0", "api-key", False),
        ({"HOST": "0.0.0.0"}, {"OPENAI_API_KEY": KEY}, "192.0.2.7", "open", False),
        ({"HOST": "::1"}, {"OPENAI_API_KEY": KEY}, "::1", "open", False),
        ({"HOST": "0.0.0.0", "OPENAI_API_KEY": KEY}, {}, "0.0.0.0", "open", False),
        ({"HOST": "0.0.0.0"}, {}, "0.0.0.0", "open", False),
        ({}, {"HOST": "0.0.0.0", "OPENAI_API_KEY": KEY}, "0.0.0.0", "open", False),
    ],
    ids=["exported key", "with an API key", "command line", "this machine", "key of the file", "demo", "own"],
)
def test_other_machines_are_not_served_with_the_persons_key_because_the_file_says_so(
    file: dict[str, str], exported: dict[str, str], host: str, access: str, asked: bool
) -> None:
    transfers = list(trust(file, exported).to_network(host, access, "OPENAI_API_KEY"))
    expected = Transfer(
        "HOST", "other machines (0.0.0.0)", "answers at your cost (the exported OPENAI_API_KEY)"
    )
    assert transfers == ([expected] if asked else [])


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


ONE = [Transfer("OPENAI_BASE_URL", "llm.example.com", "the exported OPENAI_API_KEY")]


@pytest.mark.parametrize("answer", ["", "\n", "n\n", "yes please\n"])
def test_at_a_terminal_anything_but_yes_is_no(answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Tty(answer))
    monkeypatch.setattr("sys.stderr", shown := Tty())
    with pytest.raises(NotAllowed, match="Nothing was sent"):
        Consent(Path("here/.env"), trust({})).require(ONE)
    assert "here/.env" in shown.getvalue()
    assert "OPENAI_BASE_URL: llm.example.com would receive the exported OPENAI_API_KEY." in shown.getvalue()


def test_at_a_terminal_yes_is_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Tty("y\n"))
    monkeypatch.setattr("sys.stderr", shown := Tty())
    consent = Consent(Path(".env"), trust({}))
    consent.require(ONE)
    consent.require(ONE)
    assert shown.getvalue().count("Go on?") == 1


def test_without_a_terminal_it_is_refused_with_file_host_and_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    with pytest.raises(NotAllowed) as refused:
        Consent(Path("here/.env"), trust({})).require(ONE)
    assert "here/.env" in str(refused.value)
    assert "llm.example.com" in str(refused.value)
    assert "export OPENAI_BASE_URL yourself" in str(refused.value)


def test_a_value_of_the_file_cannot_write_over_the_question(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Tty("n\n"))
    monkeypatch.setattr("sys.stderr", shown := Tty())
    with pytest.raises(NotAllowed):
        Consent(Path(".env"), trust({})).require([Transfer("AWS_PROFILE", "a\x1b[2J\rb", "the key")])
    assert "\x1b" not in shown.getvalue()
    assert "\r" not in shown.getvalue()
