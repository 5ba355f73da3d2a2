"""Taking a key in at a terminal."""

import getpass
import io
import warnings

import pytest

from travel_gpt.cli.errors import USAGE, CliError
from travel_gpt.cli.key_input import take_key, take_text
from travel_gpt.redaction import MASK, redact

KEY = "sk-proj-Qm3vT8xLw2Rk7Yb4Nd6H"


@pytest.fixture(autouse=True)
def keyboard(monkeypatch: pytest.MonkeyPatch) -> None:
    class Keyboard(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Keyboard(f"{KEY}\n"))


def test_a_terminal_is_asked_without_showing(monkeypatch: pytest.MonkeyPatch) -> None:
    prompts: list[str] = []

    def hidden(prompt: str) -> str:
        prompts.append(prompt)
        return f" {KEY} "

    monkeypatch.setattr(getpass, "getpass", hidden)

    assert (take_key("OpenAI API key").key.reveal(), prompts) == (KEY, ["OpenAI API key (it is not shown): "])


def test_what_was_typed_is_masked_from_then_on_even_if_it_is_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getpass", lambda _: "correct horse battery")

    take_text("Key")

    assert redact("it was correct horse battery") == f"it was {MASK}"


def test_a_terminal_that_shows_what_is_typed_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def echoing(_prompt: str) -> str:
        warnings.warn("Can not control echo on the terminal.", getpass.GetPassWarning, stacklevel=1)
        return KEY

    monkeypatch.setattr(getpass, "getpass", echoing)
    with pytest.raises(CliError, match="cannot hide the input") as stopped:
        take_text("Key")
    assert stopped.value.status == USAGE
    assert KEY not in stopped.value.sentence


def test_a_terminal_that_was_closed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(_prompt: str) -> str:
        raise EOFError

    monkeypatch.setattr(getpass, "getpass", closed)
    with pytest.raises(CliError, match="cannot hide the input"):
        take_text("Key")
