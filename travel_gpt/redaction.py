"""Keep credentials out of whatever is written.

Nothing here is meant to be needed: no credential is ever put into a message. It is the net under the rope.
"""

import re
from collections import deque
from threading import Lock
from typing import Final

MASK: Final = "[redacted]"
PIECE: Final = 8
"""A run of this many characters of a guarded value is a piece of it."""

# OpenAI quotes a refused key by its ends ("sk-proj-ab****wxyz"), and a traceback may quote a header. What is
# masked is JSON by then: the n of an escaped line break is no letter of a word.
_KEY_SHAPED: Final = re.compile(
    r"(?:\b|(?<=\\[bfnrt]))sk-[A-Za-z0-9_*.\-]{6,}|(?<=Bearer )[^\s\"'\\,]{8,}", re.IGNORECASE
)

# Several are kept: a rotation leaves the old key in the exceptions of requests under way, and some sources
# have secrets of their own.
_guarded: Final[deque[str]] = deque(maxlen=32)
_guard_lock: Final = Lock()


def guard(value: str) -> None:
    """Have a value masked wherever it, or a piece of it, is about to be written.

    Args:
        value: a credential. One of fewer than 8 characters has no pieces and is left alone.
    """
    with _guard_lock:
        if len(value) >= PIECE and value not in _guarded:
            _guarded.append(value)


def redact(text: str) -> str:
    """Mask what is a credential, a piece of a guarded one, or shaped like one.

    Args:
        text: what is about to be written.

    Returns:
        The text without it.
    """
    text = _KEY_SHAPED.sub(MASK, text)
    for value in tuple(_guarded):
        # Every piece of 8 contains one of these aligned quarters, so most texts are let through cheaply.
        if any(value[i : i + PIECE // 2] in text for i in range(0, len(value) - PIECE // 2 + 1, PIECE // 2)):
            text = _mask_pieces(text, value)
    return text


def conceal(text: str) -> str:
    """Mask guarded values in what goes to a caller, whose own words are left alone otherwise.

    Args:
        text: what is about to be sent.

    Returns:
        The text without them.
    """
    for value in tuple(_guarded):
        text = text.replace(value, MASK)
    return text


def _mask_pieces(text: str, value: str) -> str:
    pieces = {value[i : i + PIECE] for i in range(len(value) - PIECE + 1)}
    masked: list[str] = []
    at = 0
    while at < len(text):
        end = at
        while text[end : end + PIECE] in pieces:
            end += 1
        if end > at:
            masked.append(MASK)
            at = end + PIECE - 1
        else:
            masked.append(text[at])
            at += 1
    return "".join(masked)
