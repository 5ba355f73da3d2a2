"""encrypt, decrypt and rekey: the encrypted file, and where its key may go."""

import io
import json
import secrets
import stat
from pathlib import Path

import pytest

from tests.support.secret_leaks import holds
from tests.unit.cli.conftest import KEY, NEW_KEY, Person
from travel_gpt.cli.audit_log import local_user
from travel_gpt.cli.console import Console
from travel_gpt.cli.errors import FAILED, USAGE, CliError
from travel_gpt.cli.secret import encrypted_files as containers
from travel_gpt.credentials.sources.encrypted_file import decrypt
from travel_gpt.credentials.sources.master_keys import FILE_VARIABLE, VARIABLE, MasterKeys

FILE = "travel-gpt.key.jwe"


@pytest.fixture
def masters(monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """Two master keys, the first of which is in the environment."""
    first, second = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    monkeypatch.setenv(VARIABLE, f"one:{first}")
    return first, second


def opened(path: Path, *masters: str) -> object:
    return json.loads(decrypt(path.read_text(), MasterKeys.parse(",".join(masters))).plaintext)


def test_a_key_is_encrypted_into_a_file_of_its_owner_alone(person: Person, masters: tuple[str, str]) -> None:
    done = person.run("secret", "encrypt", given=KEY)

    path = person.here / FILE
    assert opened(path, f"one:{masters[0]}") == {"api_key": KEY}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in person.here.iterdir()] == [FILE]
    assert not holds(path.read_text() + done.out + done.err, KEY)
    (event,) = person.audited()
    assert (event["event"], event["source"], event["version"]) == ("secret.encrypt", "encrypted-file", "one")
    assert event["who"].startswith("local:")


def test_a_file_that_is_there_is_replaced_only_on_demand(person: Person, masters: tuple[str, str]) -> None:
    person.run("secret", "encrypt", given=json.dumps({"api_key": KEY, "model": "m"}))
    path = person.here / FILE

    person.run("secret", "encrypt", given=NEW_KEY, status=USAGE)
    assert opened(path, f"one:{masters[0]}") == {"api_key": KEY, "model": "m"}

    person.run("secret", "encrypt", "--replace", given=NEW_KEY)
    assert opened(path, f"one:{masters[0]}") == {"api_key": NEW_KEY, "model": "m"}


@pytest.mark.usefixtures("masters")
def test_the_file_is_that_of_the_source(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIAL_FILE", "mine.jwe")
    person.run("secret", "encrypt", given=KEY)
    person.run("secret", "encrypt", "--file", "other.jwe", given=KEY)

    assert {each.name for each in person.here.iterdir()} == {"mine.jwe", "other.jwe"}


def test_without_master_keys_it_says_how_to_make_one(person: Person) -> None:
    person.run("secret", "encrypt", given=KEY, status=USAGE, says=f"export {VARIABLE}=")


def test_wrong_master_keys_are_said_without_quoting_them(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "hunter2hunter2")
    done = person.run(
        "secret",
        "encrypt",
        given=KEY,
        status=USAGE,
        says=f"{VARIABLE} key 1 of 1 is not 32 bytes in base64url",
    )

    assert "hunter2" not in done.err


@pytest.mark.usefixtures("masters")
def test_decrypt_writes_a_new_file_of_its_owner_alone(person: Person) -> None:
    person.run("secret", "encrypt", given=KEY)

    person.run("secret", "decrypt", "--output", "plain")

    assert json.loads((person.here / "plain").read_text()) == {"api_key": KEY}
    assert stat.S_IMODE((person.here / "plain").stat().st_mode) == 0o600
    assert person.audited()[-1]["event"] == "secret.decrypt"
    person.run("secret", "decrypt", "--output", "plain", status=USAGE)
    assert person.audited()[-1]["outcome"] == "failed"


@pytest.mark.usefixtures("masters")
def test_decrypt_pipes_on_demand_and_never_to_a_terminal(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    person.run("secret", "encrypt", given=KEY)
    person.run("secret", "decrypt", status=USAGE, says="Missing option '--output'")

    done = person.run("secret", "decrypt", "--output", "-")
    assert json.loads(done.out) == {"api_key": KEY}

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    shown = Terminal()
    monkeypatch.setattr("sys.stdout", shown)
    with pytest.raises(CliError, match="A terminal would show the key"):
        containers.decrypt(person.here / FILE, "-", Console())
    assert shown.getvalue() == ""


def test_rekey_moves_to_the_first_master_key(
    person: Person, masters: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    person.run("secret", "encrypt", given=KEY)
    monkeypatch.setenv(VARIABLE, f"two:{masters[1]},one:{masters[0]}")

    person.run("secret", "rekey")

    assert opened(person.here / FILE, f"two:{masters[1]}") == {"api_key": KEY}
    event = person.audited()[-1]
    assert (event["event"], event["version"], event["replaced"]) == ("secret.rekey", "two", "one")
    assert [each.name for each in person.here.iterdir()] == [FILE]


@pytest.mark.parametrize("command", [("rekey",), ("decrypt", "--output", "plain"), ("encrypt", "--replace")])
def test_a_file_that_stays_closed_is_left_as_it_is(
    person: Person, masters: tuple[str, str], monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    person.run("secret", "encrypt", given=KEY)
    path = person.here / FILE
    before = path.read_text()
    monkeypatch.setenv(VARIABLE, f"two:{masters[1]}")

    person.run("secret", *command, given=NEW_KEY, status=FAILED, says=f"Put its master key into {VARIABLE}")

    assert path.read_text() == before
    assert [each.name for each in person.here.iterdir()] == [FILE]


@pytest.mark.parametrize("content", ["", "nonsense", KEY])
@pytest.mark.usefixtures("masters")
def test_what_is_no_container_is_said(person: Person, content: str) -> None:
    (person.here / FILE).write_text(content)

    person.run("secret", "rekey", status=FAILED, says="it is no container")


@pytest.mark.usefixtures("masters")
def test_a_missing_file_and_a_full_disk_are_said(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    person.run("secret", "rekey", status=USAGE)

    def full(_file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("travel_gpt.cli.secret.encrypted_files.os.fsync", full)
    person.run(
        "secret", "encrypt", given=KEY, status=FAILED, says="No space left on device. Nothing was changed."
    )

    assert not list(person.here.iterdir())


def test_the_master_keys_may_be_in_a_file_of_their_own(
    person: Person, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    keys = tmp_path_factory.mktemp("elsewhere") / "master-keys"
    keys.write_text(f"one:{first}\n")
    keys.chmod(0o600)
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv(FILE_VARIABLE, str(keys))

    person.run("secret", "encrypt", given=KEY, says=FILE_VARIABLE)
    assert opened(person.here / FILE, f"one:{first}") == {"api_key": KEY}

    keys.write_text(f"two:{second}\none:{first}\n")
    person.run("secret", "rekey")
    assert opened(person.here / FILE, f"two:{second}") == {"api_key": KEY}
    assert json.loads(person.run("secret", "decrypt", "--output", "-").out) == {"api_key": KEY}

    keys.chmod(0o644)
    refused = person.run("secret", "rekey", status=USAGE, says="chmod 600")
    assert not holds(refused.out + refused.err, first)


def test_without_a_user_name_the_audit_event_has_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "ada")
    assert local_user() == "local:ada"

    def unnamed() -> str:
        raise OSError

    monkeypatch.setattr("getpass.getuser", unnamed)
    assert local_user().removeprefix("local:").isdigit()
