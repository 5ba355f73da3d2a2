"""Every recorded answer of AWS is held against a fake, or has a written reason why no fake gives it."""

import ast

from tests.support.markdown import ROOT
from tests.support.recorded import recordings
from tests.support.recorded_unused import UNUSED

FOLDERS = (ROOT / "tests", ROOT / "testbed" / "tests")


def named() -> set[str]:
    """Every text in the files that hold fakes against recordings, put together where it is in parts."""
    found: set[str] = set()
    for path in (path for folder in FOLDERS for path in folder.rglob("test_recorded_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return found


def test_every_recorded_answer_is_tested_or_is_not_used_for_a_reason() -> None:
    lines = recordings("aws")
    texts = named()

    # A parametrized test writes the end of a name, and its beginning once.
    ends = {text for text in texts if "-" in text}
    tested = {name for name in lines if name in texts or any(name.endswith(f"/{end}") for end in ends)}

    assert (sorted(lines.keys() - tested - UNUSED.keys()), sorted(UNUSED.keys() - lines.keys())) == ([], [])
    assert sorted(UNUSED.keys() & tested) == []
