"""Public holidays, from the package of that name."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any


@dataclass(frozen=True, slots=True)
class Subdivision:
    """A region that has holidays of its own: its code in its country, and its names."""

    code: str
    names: tuple[str, ...]


def subdivisions() -> dict[str, list[Subdivision]]:
    """Return the regions that are known, by country."""
    return {
        country: [
            Subdivision(code, tuple(known.get_subdivision_aliases()[code])) for code in known.subdivisions
        ]
        for country, known in _countries()
    }


def holiday_rows(years: Sequence[int]) -> list[tuple[str, str, str, str]]:
    """Return each holiday: country, name, its days, and the regions that alone have it.

    Args:
        years: the years to cover.
    """
    rows = []
    for country, known in _countries():
        national = _days(known, years, None)
        regional: dict[tuple[str, date], set[str]] = defaultdict(set)
        for code in known.subdivisions:
            for name, day in _days(known, years, code) - national:
                regional[name, day].add(code)
        together = defaultdict(list)
        for name, day in national:
            together[name, ""].append(day)
        for (name, day), codes in regional.items():
            together[name, " ".join(sorted(codes))].append(day)
        rows += [
            (country, name, " ".join(f"{day:%Y%m%d}" for day in sorted(days)), codes)
            for (name, codes), days in together.items()
        ]
    return sorted(rows)


def _days(known: Any, years: Sequence[int], subdivision: str | None) -> set[tuple[str, date]]:
    language = "en_US" if "en_US" in known.supported_languages else None
    found = known(years=years, subdiv=subdivision, language=language)
    return {(name, day) for day in found for name in found.get_list(day)}


def _countries() -> Iterator[tuple[str, Any]]:
    import holidays

    for country in sorted(holidays.list_supported_countries(include_aliases=False)):
        yield country, getattr(holidays, country)
