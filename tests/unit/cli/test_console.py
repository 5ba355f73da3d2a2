"""What the terminal shows, and the questions asked at it."""

import io

import pytest

from travel_gpt.cli.console import Console
from travel_gpt.cli.errors import USAGE, CliError
from travel_gpt.redaction import guard

KEY = "sk-proj-Qm3vT8xLw2Rk7Yb4Nd6H"
LONG = "word " * 40 + "https://example.com/" + "x" * 120


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


def at_terminal(monkeypatch: pytest.MonkeyPatch, typed: str = "", *, term: str = "dumb") -> Tty:
    """A terminal of 80 columns at which something is typed; without colours unless it has a name."""
    shown = Tty()
    for stream, value in (("stdin", Tty(typed)), ("stdout", shown), ("stderr", shown)):
        monkeypatch.setattr(f"sys.{stream}", value)
    monkeypatch.setenv("TERM", term)
    monkeypatch.setenv("COLUMNS", "80")
    return shown


@pytest.mark.parametrize(
    ("typed", "answer"), [("y\n", True), ("YES\n", True), ("n\n", False), ("\n", False), ("", False)]
)
def test_at_a_terminal_it_asks(monkeypatch: pytest.MonkeyPatch, typed: str, answer: bool) -> None:
    shown = at_terminal(monkeypatch, typed)
    assert Console().ask("Go on?") is answer
    assert shown.getvalue() == "\nGo on? [y/N] "


def test_a_yes_that_was_given_before_is_not_asked_for() -> None:
    assert Console(assume_yes=True).ask("Go on?")


def test_without_a_terminal_a_question_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    with pytest.raises(CliError, match="Add --yes") as stopped:
        Console().ask("Go on?", "Add --yes.")
    assert stopped.value.status == USAGE


def test_at_a_terminal_sentences_are_broken_and_commands_and_names_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown = at_terminal(monkeypatch)
    console = Console()
    console.note(f"{LONG}\n  {LONG}")
    console.numbered([LONG])
    note, command, numbered = shown.getvalue().partition(f"\n  {LONG}\n")
    assert command
    for sentence, first, then in ((note, "Note: word", "      word"), (numbered, "  1. word", "     word")):
        lines = sentence.rstrip("\n").split("\n")
        assert lines[0].startswith(first)
        assert lines[1].startswith(then)
        assert all(len(line) <= 80 for line in lines[:-1])
        assert lines[-1].strip() == LONG.split()[-1]


def test_elsewhere_a_line_stays_whole_and_has_no_colours(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console()
    console.good(f"[red]{LONG}")
    console.error(LONG)
    out, err = capsys.readouterr()
    assert (out, err) == (f"[red]{LONG}\n", f"{LONG}\n")


def test_all_that_is_shown_is_masked(capsys: pytest.CaptureFixture[str]) -> None:
    guard(KEY)
    console = Console()
    console.doing = "x"
    for show in (
        console.say,
        console.good,
        console.note,
        console.heading,
        console.step,
        console.next,
        console.raw,
        console.error,
        console.aside,
    ):
        show(f"a {KEY}")
    console.rows([("name", KEY)])
    console.numbered([KEY])
    out, err = capsys.readouterr()
    assert KEY not in out + err
    assert (len(err.splitlines()), console.doing) == (2, f"a {KEY}")
