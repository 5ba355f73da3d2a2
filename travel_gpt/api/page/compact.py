"""JavaScript and CSS without what only their authors read: comments, indentation, and spaces between signs.

Half of the script's text is for its type checker and its readers. Line breaks between statements stay, so
that no statement depends on where it ends. This is no parser: it relies on the rules for modules that
``assets`` names, and on tests/unit/api/page/test_compact.py, which runs the tests of the modules on what it
makes of them.
"""

import re
from typing import Final

_TEXT: Final = r'"(?:[^"\\\n]|\\.)*"|`(?:[^`\\\n]|\\.)*`'
# A slash divides, unless something stands before it that cannot be divided.
_BEFORE: Final = r"[=(,:!&|?\[;{}>]|\breturn\b"
_REGULAR: Final = r"/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\[\n])+/[a-z]*"
_COMMENT: Final = r"//[^\n]*|/\*(?:(?!\*/).)*\*/[ \t]*"

_SCRIPT: Final = re.compile(
    rf"(?P<kept>{_TEXT})|[ \t]*(?P<before>{_BEFORE})\s*(?P<regular>{_REGULAR})|{_COMMENT}"
    # The last comma of a list, and the semicolon at the end of a block, are not needed.
    r"|,\s*(?=[)\]}])|;\s*(?=\})|[ \t]*(?P<open>[,(\[{])\s*"
    r"|[ \t]*(?P<sign>[=<>!&|?:;)}\]*])[ \t]*",
    re.DOTALL,
)
_STYLE: Final = re.compile(
    r'(?P<kept>"[^"\n]*")|/\*(?:(?!\*/).)*\*/|;\s*(?=\})|\s*(?P<sign>[{};,])\s*|(?P<colon>:)[ \t]+', re.DOTALL
)
_LINE_START: Final = re.compile(r"^\s+|[ \t]+$", re.MULTILINE)


def compact_script(text: str) -> str:
    """Return a script that does the same.

    Args:
        text: one whose texts each begin and end in one line, and have no other text in ``${…}``.
    """
    return _LINE_START.sub("", _SCRIPT.sub(_of_script, text))


def _of_script(found: re.Match[str]) -> str:
    if found["regular"]:
        return f"{found['before']}{' ' * (found['before'] == 'return')}{found['regular']}"
    return found["kept"] or found["open"] or found["sign"] or ""


def compact_style(text: str) -> str:
    """Return a style sheet that means the same."""
    return (
        _STYLE.sub(lambda found: found["kept"] or found["sign"] or found["colon"] or "", text).strip() + "\n"
    )
