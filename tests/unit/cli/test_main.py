"""What is around every command: the file .env, the exit status, and no traceback."""

import os

import pytest

from tests.unit.cli.conftest import KEY, SECRET, Person
from travel_gpt.cli.errors import FAILED, USAGE
from travel_gpt.cli.secret import change


def test_help_is_printed_without_a_command(person: Person) -> None:
    person.run(status=USAGE, says="travel-gpt --help")
    person.run("--help")


def test_variables_come_from_the_file_and_their_names_are_printed(person: Person) -> None:
    (person.here / ".env").write_text(f"OPENAI_SECRET_NAME=mine/key\nOPENAI_API_KEY={KEY}\nDATABASE_URL=x\n")

    done = person.run("secret", "put", given=KEY)

    assert "Read .env of this folder: OPENAI_SECRET_NAME, OPENAI_API_KEY." in done.err
    assert "DATABASE_URL" not in os.environ
    assert person.stored(name="mine/key") == {"api_key": KEY}


def test_a_file_that_cannot_be_read_is_said(person: Person) -> None:
    (person.here / ".env").write_bytes(b"OPENAI_MODEL=\xff\n")

    assert not person.run("doctor", status=USAGE, says="is not text in UTF-8").out


@pytest.mark.parametrize(
    ("raised", "status", "says"),
    [
        (RuntimeError(f"could not store {KEY}"), FAILED, "Internal error (builtins.RuntimeError)"),
        (KeyboardInterrupt(), 130, "Interrupted."),
        (
            ModuleNotFoundError("No module named 'rich'", name="rich"),
            USAGE,
            "rich is not installed here. `make command` sets everything up.",
        ),
    ],
    ids=["a-bug", "ctrl-c", "a-package-that-is-missing"],
)
def test_what_stops_a_command_is_a_sentence_and_a_status(
    person: Person, monkeypatch: pytest.MonkeyPatch, raised: BaseException, status: int, says: str
) -> None:
    def stopped(*_: object) -> None:
        raise raised

    monkeypatch.setattr(change, "put", stopped)
    person.run("secret", "put", given=KEY, status=status, says=says)


def test_every_wrong_setting_is_named_at_once(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API", "smoke")
    monkeypatch.setenv("CREDENTIAL_TTL_SECONDS", "soon")

    done = person.run("secret", "show", status=USAGE, says="OPENAI_API must be one of")

    assert "CREDENTIAL_TTL_SECONDS must be a whole number" in done.err


@pytest.mark.parametrize("name", ["OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_ADMIN_KEY"])
def test_the_sdk_reads_nothing_by_itself(person: Person, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "mine")

    person.run("doctor")

    assert name not in os.environ


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("", "No key was given"),
        ("two words", "What was given cannot be used"),
        (b"\xff\xfe", "not text in UTF-8"),
        ("x" * 70_000, "longer than"),
        ('{"api_key": 7}', "What was given cannot be used"),
    ],
)
def test_what_is_no_key_is_refused_before_anything_is_changed(
    person: Person, given: str | bytes, says: str
) -> None:
    person.run("secret", "put", given=given, status=USAGE, says=says)

    assert person.stored() is None
    assert not person.audited()


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (("--env", "prod"), "travel-gpt/openai-api-key"),
        (("--env", "staging"), "travel-gpt-staging/openai-api-key"),
        (("--env", "dev"), "travel-gpt-dev/openai-api-key"),
        (("--secret", "mine"), "mine"),
        ((), SECRET),
    ],
)
def test_the_secret_is_that_of_the_environment_or_the_name(
    person: Person, arguments: tuple[str, ...], name: str
) -> None:
    done = person.run("secret", "put", *arguments, given=KEY)

    assert person.stored(name=name) == {"api_key": KEY}
    option = f" {' '.join(arguments)}" if arguments else ""
    assert done.out.rstrip().endswith(f"travel-gpt doctor{option} --verify")


def test_two_ways_to_name_a_secret_are_one_too_many(person: Person) -> None:
    person.run("secret", "put", "--env", "dev", "--secret", "mine", given=KEY, status=USAGE, says="not both")
