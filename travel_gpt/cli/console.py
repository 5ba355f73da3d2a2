"""What the person at the keyboard sees."""

import contextlib
import sys
from collections.abc import Iterator
from typing import Final

from rich.console import Console as RichConsole
from rich.text import Text

from travel_gpt.cli.program import typed
from travel_gpt.redaction import redact

_COLOURS: Final = {"good": "green", "note": "yellow", "bad": "red", "heading": "bold", "": ""}


class Console:
    """Results go to standard output, everything else to standard error. Both are masked.

    Where they are no terminal there are no colours and no line is broken, so that other programs can read it.
    """

    def __init__(self) -> None:
        self._out = _console(sys.stdout)
        self._err = _console(sys.stderr)

    def say(self, text: str = "", style: str = "") -> None:
        """Print a line of the result."""
        self._print(self._out, text, style)

    def good(self, text: str) -> None:
        """Print what is done."""
        self.say(text, "good")

    def next(self, command: str, why: str = "") -> None:
        """Print the next command to type, as the last thing."""
        self.say("\nNext" + (f", {why}" if why else "") + ":")
        # Alone in its line and unbroken, so that it can be copied.
        self._print(self._out, f"  {command}", soft_wrap=True)

    def rows(self, rows: list[tuple[str, str]]) -> None:
        """Print names and what belongs to them, in two columns."""
        width = max(len(name) for name, _ in rows)
        for name, value in rows:
            self._print(self._out, f"  {name.ljust(width)}  {value}", soft_wrap=True)

    def raw(self, text: str) -> None:
        """Print a document for another program, masked, and as it is otherwise."""
        sys.stdout.write(redact(typed(text)) + "\n")

    def note(self, text: str) -> None:
        """Print a sentence on standard error that should not be overlooked."""
        self._print(self._err, f"Note: {text}", "note")

    def bad(self, text: str) -> None:
        """Print on standard error why it ended."""
        self._print(self._err, text, "bad")

    def aside(self, text: str) -> None:
        """Print a remark on standard error."""
        self._print(self._err, text)

    @contextlib.contextmanager
    def working(self, doing: str) -> Iterator[None]:
        """Show at a terminal that something takes its time."""
        if self._err.is_terminal:
            with self._err.status(f"{doing} ..."):
                yield
        else:
            yield

    def _print(
        self, console: RichConsole, text: str, style: str = "", *, soft_wrap: bool | None = None
    ) -> None:
        soft = not console.is_terminal if soft_wrap is None else soft_wrap
        with contextlib.suppress(BrokenPipeError):
            # As Text: square brackets in it are no markup.
            console.print(Text(redact(typed(text)), style=_COLOURS[style]), soft_wrap=soft)


def _console(stream: object) -> RichConsole:
    return RichConsole(file=stream, highlight=False, emoji=False, markup=False)  # type: ignore[arg-type]
