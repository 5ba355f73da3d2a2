"""Which places a query names, and which of them it starts from. Rules, not knowledge."""

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
