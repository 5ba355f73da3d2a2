"""How names of places are compared: without case, accents, punctuation and spelled-out saints.

The data was made with these keys: after a change here, build it again (``make reference``).
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

# Letters that Unicode does not decompose, and Arabic ones that differ by language only.
_LETTERS: Final = str.maketrans(
    {
        "ø": "o",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "ł": "l",
        "æ": "ae",
        "œ": "oe",
        "ı": "i",
        "ə": "e",
        "ħ": "h",
        "ŋ": "n",
        "ی": "ي",
        "ى": "ي",
        "ک": "ك",
        "ة": "ه",
        "_": " ",
    }
)
# Accents, Hebrew points, Arabic vowels and tatweel, marks of direction; apostrophes and full stops.
_DROPPED: Final = re.compile("[\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670\u0640\u200b-\u200f'’‘`´.ʹ-ʿ]")
# Vowel signs of Indic and south-east Asian scripts and sound marks of kana are no letters to ``\w``.
_NOT_A_WORD: Final = re.compile("[^\\w\u0900-\u109f\u1780-\u17ff\u3099\u309a]+")
_ABBREVIATED: Final = {
    "saint": "st",
    "sankt": "st",
    "sint": "st",
    "sainte": "ste",
    "mount": "mt",
    "fort": "ft",
}
# What people add to a name, or leave out.
_BEFORE: Final = ("the ", "city of ", "town of ", "greater ", "downtown ", "island of ")
_AFTER: Final = (" city", " town", " island", " old town", " city centre", " city center", "市", "都", "시")


def search_key(name: str) -> str:
    """Return what is the same for all spellings of a name.

    Args:
        name: in any script.

    Returns:
        Words in small letters with one space between them; empty where the name has no letter or digit.
    """
    text = _DROPPED.sub("", unicodedata.normalize("NFKD", name).casefold().translate(_LETTERS))
    words = _NOT_A_WORD.sub(" ", text).split()
    return unicodedata.normalize("NFC", " ".join(_ABBREVIATED.get(word, word) for word in words))


town_key: Final = lru_cache(maxsize=1024)(search_key)
"""What is the same for all names of one town: they differ in case, accents or punctuation."""


def search_keys(name: str) -> Iterator[str]:
    """Yield the keys under which a name may be found, the most exact first.

    Args:
        name: as a traveller writes it: ``The Hague``, ``Quebec City``, ``Bolzano/Bozen``, ``Chania (Crete)``.
    """
    whole = search_key(name)
    yield whole
    for part in re.split(r"[/(（]", name)[:2]:
        if (key := search_key(part)) != whole:
            yield key
    for word in _BEFORE:
        if whole.startswith(word):
            yield whole.removeprefix(word)
    for word in _AFTER:
        if whole.endswith(word):
            yield whole.removesuffix(word)
    if not whole.endswith(" city"):
        yield f"{whole} city"
