"""What is around every command: the file .env, the exit status, and no traceback."""

import os

import pytest

from tests.unit.cli.conftest import KEY, SECRET, Person
from travel_gpt.cli.errors import FAILED, USAGE
from travel_gpt.cli.secret import change


def test_help_is_printed_without_a_command(person: Person) -> None:
    assert "travel-gpt --help" in person.run().err
    assert person.run("--help").status == 0


def test_variables_come_from_the_file_and_their_names_are_printed(person: Person) -> None:
    (person.here / ".env").write_text(f"OPENAI_SECRET_NAME=mine/key\nOPENAI_API_KEY={KEY}\nDATABASE_URL=x\n")

    done = person.run("secret", "put", given=KEY)

    assert done.status == 0, done.err
    assert "Read .env of this folder: OPENAI_SECRET_NAME, OPENAI_API_KEY." in done.err
    assert KEY not in done.out + done.err
    assert "DATABASE_URL" not in os.environ
    assert person.stored(name="mine/key") == {"api_key": KEY}


def test_a_file_that_cannot_be_read_is_said(person: Person) -> None:
    (person.here / ".env").write_bytes(b"OPENAI_MODEL=\xff\n")

    done = person.run("doctor")

    assert (done.status, done.out) == (USAGE, "")
    assert "is not text in UTF-8" in done.err


def test_a_bug_is_a_sentence_and_no_traceback(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError(f"could not store {KEY}")

    monkeypatch.setattr(change, "put", broken)
    done = person.run("secret", "put", given=KEY)

    assert done.status == FAILED
    assert "Internal error (builtins.RuntimeError)" in done.err
    assert KEY not in done.out + done.err
    assert "Traceback" not in done.err


def test_ctrl_c_is_a_status_of_its_own(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(change, "put", interrupted)
    done = person.run("secret", "put", given=KEY)

    assert done.status == 130
    assert "Traceback" not in done.err


def test_a_package_that_is_missing_is_said_with_what_to_do(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object) -> None:
        raise ModuleNotFoundError("No module named 'rich'", name="rich")

    monkeypatch.setattr(change, "put", missing)
    done = person.run("secret", "put", given=KEY)

    assert done.status == USAGE
    assert "rich is not installed here. `make command` sets everything up." in done.err


def test_every_wrong_setting_is_named_at_once(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API", "smoke")
    monkeypatch.setenv("CREDENTIAL_TTL_SECONDS", "soon")

    done = person.run("secret", "show")

    assert done.status == USAGE
    assert "OPENAI_API must be one of" in done.err
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
    done = person.run("secret", "put", given=given)

    assert done.status == USAGE
    assert says in done.err
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
    done = person.run("secret", "put", "--env", "dev", "--secret", "mine", given=KEY)

    assert done.status == USAGE
    assert "not both" in done.err


def test_deploy_has_all_arguments_and_the_key_and_no_env_file(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    (person.here / ".env").write_text("AWS_PROFILE=other\n")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    calls: list[tuple[list[str], str, str | None, str | None]] = []

    def run(arguments: list[str], exported: str) -> int:
        calls.append((arguments, exported, os.environ.get("OPENAI_API_KEY"), os.environ.get("AWS_PROFILE")))
        return 130

    monkeypatch.setattr("travel_gpt.cli.deploy.main.main", run)
    options = ["--env", "dev", "--identity-provider", "idp_Ab1Cd2Ef3Gh4Ij5Kl6Mn7Op8", "--dry-run", "--help"]

    done = person.run("deploy", *options)

    assert (calls, done.status, done.out, done.err) == ([(options, KEY, None, None)], 130, "", "")
