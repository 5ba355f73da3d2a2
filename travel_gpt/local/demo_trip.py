"""Extract a trip from a query: places, days, dates, people, budget, wishes."""

import re
from dataclasses import dataclass
from typing import Final

from travel_gpt.local.demo_places import MONTHS, find_places

_NUMBERS: Final = {
    "one": 1,
    "single": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
}
_NUMBER: Final = rf"(\d{{1,3}}|{'|'.join(_NUMBERS)})"
_DAY_WORDS: Final = r"(?:days?|tage|tagen|jours?|días?|dias|giorni|dagen|dni)\b|日間|日|天"
_DAYS: Final = re.compile(rf"(?<!\w){_NUMBER}[\s-]*(?:{_DAY_WORDS})", re.IGNORECASE)
_NIGHTS: Final = re.compile(rf"\b{_NUMBER}[\s-]*nights?\b", re.IGNORECASE)
_WEEKS: Final = re.compile(rf"\b(?:{_NUMBER}|an?)[\s-]+weeks?\b|\bweek-?long\b", re.IGNORECASE)
_CITIES: Final = re.compile(rf"\b{_NUMBER}\s+(?:\w+\s+){{0,2}}(?:cities|towns|places)\b", re.IGNORECASE)
_PEOPLE: Final = (
    re.compile(rf"\b(?:group|party|family)\s+of\s+{_NUMBER}\b", re.IGNORECASE),
    re.compile(
        rf"\b{_NUMBER}[\s-]+(?:people|persons?|adults?|individuals?|travell?ers?|friends)\b", re.IGNORECASE
    ),
    re.compile(rf"\bfor\s+{_NUMBER}\b(?![\s-]*(?:\w+\s+)?(?:day|night|week|month|trip))", re.IGNORECASE),
)
_ALONE: Final = re.compile(r"\b(?:solo|alone|by myself|on my own)\b", re.IGNORECASE)
_PAIR: Final = re.compile(r"\b(?:couple|pair|honeymoon|for us two)\b", re.IGNORECASE)

_AMOUNT: Final = r"\d(?:[\d.,]*\d)?"
_BUDGET: Final = re.compile(
    rf"[$€£¥₹]\s?{_AMOUNT}k?\b|\b{_AMOUNT}k?\s?(?:[€£¥₹]|(?:USD|EUR|GBP|euros?|dollars?|pounds?|yen)\b)",
    re.IGNORECASE,
)

_MONTH: Final = rf"(?:{'|'.join(name.capitalize() for name in MONTHS.split())})\b\.?"
_NTH: Final = r"\d{1,2}(?:st|nd|rd|th)\b"
_YEAR: Final = r"(?:,?\s+\d{4}\b)?"
_DATE: Final = re.compile(
    rf"\d{{4}}-\d\d-\d\d|{_NTH}\s+(?:of\s+)?{_MONTH}{_YEAR}|\b\d{{1,2}}\s+{_MONTH}{_YEAR}"
    rf"|\b{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?\b(?!\d){_YEAR}|{_NTH}{_YEAR}|\b{_MONTH}{_YEAR}"
)

_WISHES: Final = (
    (
        r"\b(?:child|children|kids?|toddlers?|bab(?:y|ies))\b",
        "children: ask about age rules and beds",
    ),
    (r"\b(?:pets?|pet-friendly|dogs?|cats?)\b", "pets: ask each carrier and host, in writing"),
    (r"\b(?:wheelchair|accessib\w+|mobility)\b", "step-free access: ask about lifts, doors and transfers"),
    (
        r"\b(?:vegetarian|vegan|halal|kosher|gluten|allerg\w+)\b",
        "the diet you named: ask before you book",
    ),
    (r"\b(?:smok\w+)\b", "smoking: ask the host whether it is allowed"),
    (r"\bpart(?:y|ies)\b(?!\s+of)", "parties: ask the host whether they are allowed"),
    (r"\bentire\s+(?:rooms?|homes?|places?)\b", "an entire place to yourselves"),
    (r"\bprivate\s+rooms?\b", "private rooms"),
    (
        r"\b(?:no|not|non|avoid|without)\b[^.]{0,60}\b(?:fly|flying|flights?)\b",
        "no flights: train, coach or car",
    ),
    (r"\b(?:no|not|non)\b[^.]{0,40}\b(?:self-driv\w+|drive|driving)\b", "no driving yourselves"),
)
_CUISINE: Final = re.compile(
    r"\b(?:American|Chinese|French|Greek|Indian|Italian|Japanese|Korean|Mediterranean|Mexican|Spanish|Thai|Turkish|"
    r"Vietnamese)\b"
)
_FOOD: Final = re.compile(r"\b(?:cuisines?|food|meals?|restaurants?)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Trip:
    """The trip of a query; what the query does not have is None or empty."""

    origin: str | None
    destinations: tuple[str, ...]
    cities: int | None
    """How many towns of the destination the trip has."""
    days: int | None
    dates: str | None
    people: int | None
    budget: str | None
    wishes: tuple[str, ...]


def read_trip(query: str) -> Trip:
    """Extract the trip from a query."""
    places = find_places(query)
    cities = _first(_CITIES, query)
    return Trip(
        origin=places.origin,
        destinations=places.destinations,
        cities=cities if cities and cities > 1 else None,
        days=_days(query),
        dates=_dates(query),
        people=_people(query),
        budget=match.group() if (match := _BUDGET.search(query)) else None,
        wishes=_wishes(query),
    )


def _number(text: str) -> int:
    return int(text) if text.isdigit() else _NUMBERS[text.lower()]


def _first(pattern: re.Pattern[str], query: str) -> int | None:
    match = pattern.search(query)
    return (_number(match.group(1)) or None) if match else None


def _days(query: str) -> int | None:
    if days := _first(_DAYS, query):
        return days
    if nights := _first(_NIGHTS, query):
        return nights + 1
    if match := _WEEKS.search(query):
        return 7 * (_number(match.group(1)) if match.group(1) else 1)
    if re.search(r"\bweekend\b", query, re.IGNORECASE):
        return 2
    nth = [int(day) for day in re.findall(r"\b(\d{1,2})(?:st|nd|rd|th)\b", _dates(query) or "")]
    return nth[1] - nth[0] + 1 if len(nth) == 2 and nth[0] < nth[1] else None


def _dates(query: str) -> str | None:
    found = list(_DATE.finditer(query))
    if not found:
        return None
    first, last = found[0], found[-1]
    # Two dates with a few words between them are a span; others are listed.
    if last.start() - first.end() <= 40:
        return query[first.start() : last.end()]
    return ", ".join(dict.fromkeys(match.group() for match in found[:4]))


def _people(query: str) -> int | None:
    for pattern in _PEOPLE:
        if people := _first(pattern, query):
            return people
    if _ALONE.search(query):
        return 1
    return 2 if _PAIR.search(query) else None


def _wishes(query: str) -> tuple[str, ...]:
    found = [wish for pattern, wish in _WISHES if re.search(pattern, query, re.IGNORECASE)]
    about_food = " ".join(sentence for sentence in query.split(". ") if _FOOD.search(sentence))
    if cuisines := dict.fromkeys(_CUISINE.findall(about_food)):
        found.append(f"food: {', '.join(cuisines)}")
    return tuple(found)
