"""Extract a trip from a query: places, days, dates, people, budget, wishes."""

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Final


def _words(said: str) -> frozenset[str]:
    return frozenset(said.split())


# Words before a place, in the languages that write like English.
_FROM: Final = _words("from departing leaving von ab aus depuis desde de da dal")
_STARTING: Final = _words("start starts starting begin begins beginning based live living")
_TO: Final = _words(
    "to in into at visit visiting towards toward around across through via explore exploring tour touring "
    "see near over between nach bis à a en em para hasta vers naar au aux"
)
_LIKE_THE_ONE_BEFORE: Final = _words("and or & , / then und et y e en plus")
# What follows a name that begins a query; any other word means that the sentence just begins so.
_AFTER_A_NAME: Final = _TO | _words(", . for from with")
_INSIDE_A_NAME: Final = _words("de do da dos del della di la le les los las of am an der den het upon")
_ARTICLES: Final = _words("the der die das den la le les el los las os as il lo gli")
_SHORTENED: Final = _words("st ste ft mt pt")

# Capitalised words that are no places.
MONTHS: Final = (
    "january february march april may june july august september october november december "
    "jan feb mar apr jun jul aug sep sept oct nov dec"
)
_NO_PLACE: Final = _words(
    MONTHS + " monday tuesday wednesday thursday friday saturday sunday spring summer autumn fall winter "
    "easter christmas i i'm i'd i'll i've we we're we'd us my our me you your it this that these there the a "
    "an usd eur gbp dollars euros pounds day days night nights week weeks weekend month trip trips travel "
    "itinerary plan budget one two three four five six seven eight nine ten please can could would should "
    "help what where when which who how why is are do does and or but if so also no not yes hi hello dear "
    "thanks thank as for from to in on at by with of regarding all any some mr mrs ms dr openai gpt ai"
)
_VERBS: Final = _words(
    "visit visiting plan planning explore exploring see show tell give suggest recommend design craft create "
    "find book need want compare describe tour touring traveling travelling going go fly flying drive leave "
    "leaving departing starting romantic family solo cheap best weekend honeymoon transportation"
)

_TOKEN: Final = re.compile(r"[^\W\d_](?:[\w'\u2019-]*\w)?\.?|\d[\d.,]*|[^\w\s]")


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    opens: bool
    """Whether it begins a sentence."""

    @property
    def low(self) -> str:
        return self.text.lower()

    @property
    def is_name(self) -> bool:
        return self.text[0].isupper() and self.low.rstrip(".") not in _NO_PLACE


@dataclass(frozen=True, slots=True)
class Places:
    """The places of a query."""

    origin: str | None
    destinations: tuple[str, ...]


def find_places(query: str) -> Places:
    """Find the places that a query names.

    Args:
        query: what a traveller wrote.

    Returns:
        The place that the trip starts from, if it is named, and the others in the order of the query.
    """
    tokens = _tokens(query)
    found = _capitalised(tokens) or _uncapitalised(tokens) or _by_themselves(tokens)
    origin = next((place for place, is_origin in found if is_origin), None)
    others = dict.fromkeys(place for place, is_origin in found if not is_origin and place != origin)
    return Places(origin, tuple(others)[:8])


def _tokens(query: str) -> list[_Token]:
    tokens: list[_Token] = []
    opens = True
    for match in _TOKEN.finditer(query):
        text = match.group()
        ends = text in {".", "!", "?", ":", ";"}
        if text.endswith(".") and text[0].isalpha():
            # The dot of an abbreviation belongs to the word; others end the sentence.
            ends = text[:-1].lower() not in _SHORTENED
            text = text[:-1] if ends else text
        tokens.append(_Token(text, opens))
        opens = ends
    return tokens


def _capitalised(tokens: list[_Token]) -> list[tuple[str, bool]]:
    found: list[tuple[str, bool]] = []
    ended = 0
    names = _names(tokens)
    # “Lisbon, Porto and Seville” has no preposition, and what follows depends on one.
    if len(names) > 1 and names[0][0] == 0 and tokens[names[0][1]].low in {",", "and", "to"}:
        ended = names[0][1]
        found.append((_text(tokens, 0, ended), tokens[ended].low == "to"))
    for at, end in names:
        is_origin = _role(tokens, at)
        between = tokens[ended:at]
        if is_origin is None and found and all(token.low in _LIKE_THE_ONE_BEFORE for token in between):
            is_origin = found[-1][1] and at < ended
        if is_origin is not None:
            found.append((_text(tokens, at, end), is_origin))
            ended = end
    return found


def _names(tokens: list[_Token]) -> list[tuple[int, int]]:
    """Return where each run of capitalised words begins and ends."""
    names: list[tuple[int, int]] = []
    at = 0
    while at < len(tokens):
        end = _name_end(tokens, at)
        if end > at:
            names.append((at, end))
        at = max(end, at + 1)
    return names


def _text(tokens: list[_Token], at: int, end: int) -> str:
    return " ".join(token.text for token in tokens[at:end])


def _name_end(tokens: list[_Token], at: int) -> int:
    """Return where the name that begins at a token ends; the same place where none does."""
    if not tokens[at].is_name or (tokens[at].opens and tokens[at].low in _VERBS):
        return at
    end = at + 1
    while end < len(tokens) and not tokens[end].opens:
        if tokens[end].is_name:
            end += 1
        elif tokens[end].low in _INSIDE_A_NAME and end + 1 < len(tokens) and tokens[end + 1].is_name:
            end += 2
        else:
            break
    return end


def _role(tokens: list[_Token], at: int) -> bool | None:
    """Return whether a trip starts at a place; None if it is not clear that it is a place."""
    before = at - 1
    if before >= 0 and tokens[before].low in _ARTICLES and not tokens[before].opens:
        before -= 1
    if before < 0:
        return None
    word = tokens[before].low
    if word in _FROM:
        return True
    if word not in _TO:
        return None
    return before > 0 and tokens[before - 1].low in _STARTING


def _uncapitalised(tokens: list[_Token]) -> list[tuple[str, bool]]:
    """Take the word after a preposition for a place, in a query without capitals."""
    found: list[tuple[str, bool]] = []
    for before, token in pairwise(tokens):
        if len(token.text) > 2 and token.text.isalpha() and token.low not in _NO_PLACE | _VERBS:
            if before.low == "from":
                found.append((token.text, True))
            elif before.low in {"to", "in", "visit", "visiting"}:
                found.append((token.text, False))
    return found


def _by_themselves(tokens: list[_Token]) -> list[tuple[str, bool]]:
    """Treat names as places if nothing else was found: “Kyoto, four days”, “Plan Paris”."""
    return [
        (_text(tokens, at, end), False)
        for at, end in _names(tokens)
        if at > 0 or end == len(tokens) or tokens[end].low in _AFTER_A_NAME
    ]


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
