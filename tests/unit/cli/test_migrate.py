"""migrate: into the store, read back, and only then out of the file."""

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest

from tests.support.secret_leaks import holds
from tests.unit.cli.conftest import BAD_KEY, KEY, NEW_KEY, SECRET, Person
from travel_gpt.aws.secret_versions import SecretVersions, StoredVersion
from travel_gpt.cli.errors import FAILED, USAGE

FILE = f"""\
# The settings of my laptop
DATABASE_URL=postgres://me:secret@localhost/x

export OPENAI_API_KEY='{KEY}'   # from the dashboard
OPENAI_MODEL=gpt-6-luna
"""


def write(person: Person, text: str = FILE, name: str = ".env") -> Path:
    path = person.here / name
    path.write_bytes(text.encode())
    path.chmod(0o640)
    return path


def test_a_key_moves_and_only_its_line_changes(person: Person) -> None:
    path = write(person)

    person.run("secret", "migrate", "--yes", says=f"OPENAI_API_KEY (line 4) -> {SECRET}, which is new")

    assert person.stored() == {"api_key": KEY}
    before, after = FILE.splitlines(), path.read_text().splitlines()
    assert [number for number in range(5) if before[number] != after[number]] == [3]
    assert after[3] == f"# OPENAI_API_KEY moved to Secrets Manager, {SECRET} (travel-gpt secret migrate)"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [each.name for each in person.here.iterdir()] == [".env"]
    assert [event["event"] for event in person.audited()] == ["secret.put", "secret.migrate"]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"OPENAI_API_KEY={KEY}", "# {}"),
        (f"OPENAI_API_KEY={KEY}\r\nB=1\r\n", "# {}\r\nB=1\r\n"),
        (f"\n\n  OPENAI_API_KEY={KEY}\n\nB=1\n", "\n\n  # {}\n\nB=1\n"),
        (f"\ufeffOPENAI_API_KEY={KEY}\n", "\ufeff# {}\n"),
        (f'OPENAI_API_KEY="\n{KEY}\n"\nB=1\n', "# {}\nB=1\n"),
        (f"OPENAI_API_KEY={KEY}\nB=1\nOPENAI_API_KEY={KEY}\n", "# {}\nB=1\n# {}\n"),
        (f"B='half\nOPENAI_API_KEY={KEY}\n", "B='half\n# {}\n"),
    ],
    ids=["alone", "windows", "blank-lines", "mark", "several-lines", "twice", "beside-a-wrong-line"],
)
def test_whatever_its_form_nothing_else_changes(person: Person, text: str, left: str) -> None:
    path = write(person, text)

    person.run("secret", "migrate", "--yes")

    comment = f"OPENAI_API_KEY moved to Secrets Manager, {SECRET} (travel-gpt secret migrate)"
    assert path.read_bytes().decode() == left.replace("{}", comment)


def test_each_environments_variable_goes_to_its_own_secret(person: Person) -> None:
    write(
        person,
        f"SECRET_TRAVEL_GPT_OPENAI_API_KEY={KEY}\n"
        f"""SECRET_TRAVEL_GPT_DEV_OPENAI_API_KEY={{"api_key": "{NEW_KEY}", "model": "m"}}\n"""
        "SECRET_OTHER=1\n",
    )

    person.run("secret", "migrate", "--yes")

    assert person.stored() == {"api_key": KEY}
    assert person.stored(name="travel-gpt-dev/openai-api-key") == {"api_key": NEW_KEY, "model": "m"}
    assert "SECRET_OTHER=1" in (person.here / ".env").read_text()


def test_another_file_and_another_secret_can_be_named(person: Person) -> None:
    write(person, name="prod.env")

    person.run("secret", "migrate", "--yes", "--file", "prod.env", "--secret", "mine")
    assert person.stored(name="mine") == {"api_key": KEY}


def test_of_a_link_the_file_is_changed_and_the_link_stays(person: Person) -> None:
    real = write(person, name="real")
    (person.here / ".env").symlink_to(real)

    person.run("secret", "migrate", "--yes")
    assert (person.here / ".env").is_symlink()
    assert not holds(real.read_text(), KEY)


def test_it_can_be_repeated(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(person)
    with monkeypatch.context() as patch:
        patch.setattr("travel_gpt.cli.secret.migrate.os.fsync", _full)
        person.run("secret", "migrate", "--yes", status=FAILED, says="No space left")
    assert (path.read_text(), [each.name for each in person.here.iterdir()]) == (FILE, [".env"])
    assert person.audited()[-1]["outcome"] == "failed"

    person.run("secret", "migrate", "--yes", says="already has this key: nothing was changed")

    assert not holds(path.read_text(), KEY)


def _full(_file: int) -> None:
    raise OSError(28, "No space left on device")


def _reads(text: str | None) -> object:
    def read(_self: SecretVersions, **_: str) -> StoredVersion | None:
        return (
            None if text is None else StoredVersion(_self.describe().current or "", text, frozenset(), None)
        )

    return read


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "cannot be read back yet"),
        (json.dumps({"api_key": BAD_KEY}), "something else"),
        ("{", "something else"),
    ],
)
def test_what_is_not_read_back_stays_in_the_file(
    person: Person, monkeypatch: pytest.MonkeyPatch, text: str | None, says: str
) -> None:
    path = write(person)
    monkeypatch.setattr("travel_gpt.cli.secret.migrate.READ_BACK_FOR", 0)
    monkeypatch.setattr("travel_gpt.cli.secret.migrate.SecretVersions.read", _reads(text))

    person.run("secret", "migrate", "--yes", status=FAILED, says=says)

    assert path.read_text() == FILE


def test_a_file_that_somebody_writes_meanwhile_is_left_alone(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(person)

    def meanwhile(_self: object) -> None:
        path.write_text(FILE + "C=1\n")

    monkeypatch.setattr("travel_gpt.cli.secret.migrate._read_back", lambda *_: meanwhile(None))
    person.run("secret", "migrate", "--yes", status=FAILED, says="changed by another process")

    assert path.read_text() == FILE + "C=1\n"
    assert [each.name for each in person.here.iterdir()] == [".env"]


@pytest.mark.parametrize(
    ("text", "status", "says"),
    [
        ("A=1\n", USAGE, "holds no key to move"),
        (f"OPENAI_API_KEY={KEY}\nOPENAI_API_KEY={NEW_KEY}\n", FAILED, "more than once"),
        (f"OPENAI_API_KEY={KEY}\nSECRET_TRAVEL_GPT_OPENAI_API_KEY={NEW_KEY}\n", FAILED, "differ"),
        ("OPENAI_API_KEY=two words\n", USAGE, "OPENAI_API_KEY in .env cannot be used"),
    ],
)
def test_what_cannot_be_moved_changes_nothing(person: Person, text: str, status: int, says: str) -> None:
    path = write(person, text)

    person.run("secret", "migrate", "--yes", status=status, says=says)

    assert (path.read_text(), person.stored()) == (text, None)


def test_a_different_key_in_the_store_is_replaced_only_on_demand(person: Person) -> None:
    path = write(person)
    person.store({"api_key": NEW_KEY, "model": "m"})

    person.run("secret", "migrate", "--yes", status=FAILED, says="add --replace")
    assert (path.read_text(), person.stored()["api_key"]) == (FILE, NEW_KEY)

    person.run("secret", "migrate", "--yes", "--replace")
    assert person.stored() == {"api_key": KEY, "model": "m"}


def test_without_a_terminal_it_goes_on_only_with_yes(person: Person) -> None:
    path = write(person)

    person.run("secret", "migrate", given="y\n", status=USAGE, says="--yes")

    assert (path.read_text(), person.stored()) == (FILE, None)


def test_what_remains_is_said(person: Person) -> None:
    path = write(person, f"{FILE}# before: {KEY}\nCOPY=${{OPENAI_API_KEY}}{KEY}\n")
    for name in (".env.bak", "#.env#"):
        (person.here / name).write_text(KEY)
    (person.here / ".env.example").write_text("OPENAI_API_KEY=\n")
    git = ["git", "-C", str(person.here), "-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", ".env"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "all"], check=True)

    done = person.run("secret", "migrate", "--yes", says=".env still holds a key in line 6, 7")

    assert "#.env#, .env.bak" in done.out
    assert ".env.example" not in done.out
    assert "was committed to git" in done.out
    assert "git rm --cached .env" in done.out
    assert path.exists()


def test_git_is_started_without_the_key(
    person: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(person)
    tools, log = tmp_path / "tools", tmp_path / "log"
    tools.mkdir()
    (tools / "git").write_text(f'#!/bin/sh\n{{ echo "$@"; env; }} >>{log}\n')
    (tools / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    person.run("secret", "migrate", "--yes")
    assert "ls-files" in log.read_text()
    assert not holds(log.read_text(), KEY)
    assert "AWS_SECRET_ACCESS_KEY" not in log.read_text()


def test_a_missing_file_is_said(person: Person) -> None:
    person.run(
        "secret", "migrate", "--yes", "--file", "nowhere", status=USAGE, says="There is no file nowhere here"
    )
