"""Texts of models and callers as parts of a Markdown document, where they are text and nothing else."""

import re
from typing import Final

_MARKUP: Final = re.compile(r"[\\`*_\[\]<>~|]|&(?=#?\w+;)|(?<=:)/(?=/)|(?<=www)\.", re.IGNORECASE)
"""What begins code, emphasis, a link, an image, HTML, a cell or a character reference (CommonMark 0.31
and GitHub Flavored Markdown 0.29, chapter 6), or makes a link of a bare address (the latter, "Autolinks")."""

_FIRST: Final = re.compile(r"^(\d*)(?=[#+=.)-])")
"""What begins a heading, a list or a rule at the beginning of a line (CommonMark 0.31, chapter 4)."""


def escaped(text: str) -> str:
    """Return one line of text so that Markdown shows it as it is.

    A backslash before a punctuation character is shown as that character (CommonMark 0.31, section 2.4).
    """
    return _FIRST.sub(r"\1\\", _MARKUP.sub(r"\\\g<0>", text))
