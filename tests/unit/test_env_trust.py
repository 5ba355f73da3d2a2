"""The rule about .env: what it names receives only credentials of the same file."""

import io
from pathlib import Path

import pytest

from travel_gpt.env_trust import GIVEN, Consent, EnvTrust, NotAllowed, Transfer
from travel_gpt.settings import Settings

KEY = "sk-canary-0123456789abcdefghij"
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
