"""scripts/check_words.py: what it finds, what it allows, and when it fails."""

from pathlib import Path
from typing import Any

import pytest

from scripts import check_words

RULES: dict[str, Any] = {
    "instead": {"mend(?:s|ed)?": "fix", "stand in": "fallback"},
    "allowed": {"docs/*": ['"mend"', "(?s)<old>.*</old>"]},
}


@pytest.mark.parametrize(
    "text",
    ["how to mend it", "Mends", "def is_mended()", "stand_in", "stand-in", "a stand\n    # in"],
)
def test_a_word_is_found_in_prose_in_names_and_across_lines(text: str) -> None:
    (found,) = check_words.occurrences("travel_gpt/x.py", f"travel_gpt/x.py\n\n{text}", RULES)
    assert found.startswith("travel_gpt/x.py:2: ")


@pytest.mark.parametrize("text", ["recommended", "amend", "standing", "commend_"])
def test_a_longer_word_is_not_found(text: str) -> None:
    assert list(check_words.occurrences("x.py", text, RULES)) == []


def test_what_is_allowed_in_a_file_is_not_found_there() -> None:
    text = 'docs/x.md\n{"mend": 1}\n<old>\nmend\n</old>\nmend'
    assert [line.partition(": ")[0] for line in check_words.occurrences("docs/x.md", text, RULES)] == [
        "docs/x.md:5"
    ]
    assert len(list(check_words.occurrences("x.md", text, RULES))) == 3


def test_a_word_that_is_not_allowed_fails_the_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts/words.toml").write_text('[instead]\nmend = "fix"\n[allowed]\n')
    monkeypatch.setattr(check_words, "ROOT", tmp_path)
    monkeypatch.setattr(check_words, "listed_files", lambda: ["notes.md", "deleted.md"])

    (tmp_path / "notes.md").write_text("fix\n")
    assert check_words.main() == 0
    (tmp_path / "notes.md").write_text("fix\nmend\n")
    assert (check_words.main(), capsys.readouterr().out) == (1, "notes.md:2: 'mend'; write: fix\n")
