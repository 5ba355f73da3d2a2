"""Mask credentials in everything that is written.

No credential is ever put into a message; this filter is a second line of defence.
"""

import re
from collections import deque
from threading import Lock
from typing import Final

MASK: Final = "[redacted]"
PIECE: Final = 8
"""A run of this many characters of a guarded value is a part of it, unless it consists of ordinary words."""
WORDY_PIECE: Final = 20
"""A run of this many characters is a part of it, also if it consists of words."""

# A key such as "local-key-for-secret", or the prefix of one, consists of words that messages use as well.
# They reveal nothing of a random key: in base64 fewer than 1 run of 8 in 10,000 consists of such words,
# which stand between two separators and have letters of one case after the first.
_SEGMENT: Final = re.compile(r"[A-Za-z0-9]+")
_WORD: Final = re.compile(r"[A-Z]?[a-z]{1,19}|[A-Z]{1,20}")
_OF_WORDS: Final = re.compile(r"[A-Za-z_./-]*[A-Za-z]{3}[A-Za-z_./-]*")

# OpenAI quotes the ends of a refused key ("sk-proj-ab****wxyz"), and a traceback may quote a header. What is
# masked is JSON by then: the n of an escaped line break is no letter of a word.
_KEY_SHAPED: Final = re.compile(
    r"(?:\b|(?<=\\[bfnrt]))sk-[A-Za-z0-9_*.\-]{6,}|(?<=Bearer )[^\s\"'\\,]{8,}", re.IGNORECASE
)

# Several are kept: after a rotation, exceptions of running requests have the old key, and some sources have
# secrets of their own.
_guarded: Final[deque[str]] = deque(maxlen=32)
_guard_lock: Final = Lock()


def guard(value: str) -> None:
    """Mask a value, and parts of it, in everything that is written from now on.

    Args:
        value: a credential. One of fewer than 8 characters is not masked. Of one that consists of
            ordinary words, the whole and long runs are masked, and not its words.
    """
    with _guard_lock:
        if len(value) >= PIECE and value not in _guarded:
            _guarded.append(value)


def redact(text: str) -> str:
    """Mask credentials, parts of guarded ones, and what has the form of a key.

    Args:
        text: what is about to be written.

    Returns:
        The text without it.
    """
    text = _KEY_SHAPED.sub(MASK, text)
    for value in tuple(_guarded):
        # Every piece of 8 contains one of these aligned quarters, so most texts need no further search.
        if any(value[i : i + PIECE // 2] in text for i in range(0, len(value) - PIECE // 2 + 1, PIECE // 2)):
            text = _mask_pieces(text.replace(value, MASK), _random_pieces(value), PIECE)
            text = _mask_pieces(text, _pieces(value, WORDY_PIECE), WORDY_PIECE)
    return text


def conceal(text: str) -> str:
    """Mask guarded values in what is sent to a caller; a caller's own words may look like a key.

    Args:
        text: what is about to be sent.

    Returns:
        The text without them.
    """
    for value in tuple(_guarded):
        text = text.replace(value, MASK)
    return text


class StreamConcealer:
    """Masks guarded values as ``conceal`` does, in a text that is sent in pieces.

    What may be the beginning of a value is held back until more of the text is known.
    """

    def __init__(self) -> None:
        self._held = ""

    def feed(self, piece: str) -> str:
        """Take the next piece, and return what may be sent."""
        text = conceal(self._held + piece)
        end = min((_start_of(value, text) for value in tuple(_guarded)), default=len(text))
        self._held = text[end:]
        return text[:end]

    def end(self) -> str:
        """Return what was held back. It may be the larger part of a value, so its pieces are masked too."""
        return redact(self._held)


def _start_of(value: str, text: str) -> int:
    """Return where the longest beginning of a value starts that a text ends with; its end for none."""
    first = max(0, len(text) - len(value) + 1)
    return next((i for i in range(first, len(text)) if value.startswith(text[i:])), len(text))


def _pieces(value: str, size: int) -> set[str]:
    return {value[i : i + size] for i in range(len(value) - size + 1)}


def _random_pieces(value: str) -> set[str]:
    """Return the pieces of a value, without those that consist of ordinary words."""
    ordinary = bytearray(len(value))
    for segment in _SEGMENT.finditer(value):
        if _WORD.fullmatch(segment[0]):
            ordinary[segment.start() : segment.end()] = b"\1" * len(segment[0])
    return {
        piece
        for i in range(len(value) - PIECE + 1)
        if not (
            _OF_WORDS.fullmatch(piece := value[i : i + PIECE])
            and all(
                known or not sign.isalpha()
                for known, sign in zip(ordinary[i : i + PIECE], piece, strict=True)
            )
        )
    }


def _mask_pieces(text: str, pieces: set[str], size: int) -> str:
    if not pieces:
        return text
    masked: list[str] = []
    at = 0
    while at < len(text):
        end = at
        while text[end : end + size] in pieces:
            end += 1
        if end > at:
            masked.append(MASK)
            at = end + size - 1
        else:
            masked.append(text[at])
            at += 1
    return "".join(masked)
