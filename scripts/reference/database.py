"""The file that the reference data is in."""

import hashlib
import re
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

# Latitudes and longitudes are hundredths of a degree: SQLite stores them in 2 bytes, and fractions in 8.
# The page size is what compresses best.
SCHEMA: Final = """
PRAGMA page_size = 16384;
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE airport (code TEXT PRIMARY KEY, name TEXT NOT NULL, country TEXT NOT NULL,
    latitude INTEGER NOT NULL, longitude INTEGER NOT NULL, zone INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE airport_city (code TEXT PRIMARY KEY, name TEXT NOT NULL, country TEXT NOT NULL,
    latitude INTEGER NOT NULL, longitude INTEGER NOT NULL, zone INTEGER NOT NULL, airports TEXT NOT NULL)
    WITHOUT ROWID;
CREATE TABLE alias (first TEXT PRIMARY KEY, keys TEXT NOT NULL, places TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE country_name (key TEXT PRIMARY KEY, country TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE currency (code TEXT PRIMARY KEY, digits INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE holiday (country TEXT NOT NULL, name TEXT NOT NULL, days TEXT NOT NULL, regions TEXT NOT NULL,
    PRIMARY KEY (country, name, regions)) WITHOUT ROWID;
CREATE TABLE place (id INTEGER PRIMARY KEY, first TEXT NOT NULL, keys TEXT NOT NULL, names TEXT NOT NULL,
    numbers TEXT NOT NULL);
CREATE TABLE region (id INTEGER PRIMARY KEY, country TEXT NOT NULL, code TEXT NOT NULL,
    subdivision TEXT NOT NULL, names TEXT NOT NULL, zone INTEGER NOT NULL, latitude INTEGER NOT NULL,
    longitude INTEGER NOT NULL);
CREATE TABLE zone (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE INDEX place_first ON place (first);
CREATE INDEX region_country ON region (country);
"""


_TABLES: Final = re.findall(r"CREATE TABLE (\w+)", SCHEMA)


def write(path: Path, tables: Mapping[str, Sequence[Sequence[Any]]], about: Mapping[str, str]) -> str:
    """Write the file anew.

    Args:
        path: the file.
        tables: the rows of each table but ``about``.
        about: what is said about them; the digest of all rows is added.

    Returns:
        The digest.
    """
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    try:
        connection.executescript(SCHEMA)
        for table, rows in {**tables, "about": sorted(about.items())}.items():
            marks = ",".join("?" * len(rows[0]))
            connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608
        found = digest(connection)
        connection.execute("INSERT INTO about VALUES ('digest', ?)", (found,))
        connection.commit()
        connection.execute("VACUUM")
    finally:
        connection.close()
    return found


def digest(connection: sqlite3.Connection) -> str:
    """Return the SHA-256 of all rows but the digest itself.

    The bytes of the file depend on the version of SQLite that wrote it; the rows do not.
    """
    found = hashlib.sha256()
    for table in _TABLES:
        for row in connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2"):  # noqa: S608
            if row[0] != "digest" or table != "about":
                found.update(repr((table, *row)).encode())
    return found.hexdigest()


def locked(text: str) -> str:
    """Return the SHA-256 of what a lock file pins, whatever its comments say."""
    pinned = re.findall(r"^(?:[\w.-]+==[^ ]+|    --hash=\S+)", text, re.MULTILINE)
    return hashlib.sha256("\n".join(pinned).encode()).hexdigest()
