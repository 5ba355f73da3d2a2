"""The terminal: everything that the command prints, and the questions that it asks."""

import contextlib
import io
import os
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from rich.console import Console as RichConsole, ConsoleDimensions, RenderableType
from rich.text import Text

from travel_gpt.cli.errors import USAGE, CliError
from travel_gpt.cli.program import typed
from travel_gpt.redaction import redact

_COLOURS: Final = {"good": "green", "note": "yellow", "bad": "red", "heading": "bold", "": ""}
_WIDEST: Final = 110
"""Characters of a line: a longer one is hard to read."""


class Console:
    """Results go to standard output, remarks and errors to standard error. All of it is masked.

    At a terminal, sentences are broken to its width; a line that begins with a space is a command or a row
    and stays whole, so that it can be copied. Elsewhere no line is broken and there are no colours, so that
    other programs can read it.

    Args:
        assume_yes: answer every question with yes, without asking.
    """

    def __init__(self, *, assume_yes: bool = False) -> None:
        self.assume_yes = assume_yes
        self.doing = "starting"
        """The step under way, for the sentence that says where it stopped."""
        self._out = _console(sys.stdout)
        self._err = _console(sys.stderr)

    @property
    def terminal(self) -> bool:
        """Whether a question can be answered."""
        return sys.stdin.isatty()

    def say(self, text: str = "", style: str = "") -> None:
        """Print sentences or rows of the result."""
        self._print(self._out, text, style)

    def good(self, text: str) -> None:
        """Print what is done."""
        self.say(text, "good")

    def heading(self, text: str) -> None:
        """Print a heading."""
        self.say(f"\n{text}", "heading")

    def step(self, doing: str, remark: str = "") -> None:
        """Begin a step and print its name.

        Args:
            doing: what is being done, such as "Building the package".
            remark: what else to say about it.
        """
        self.doing = doing[0].lower() + doing[1:]
        self.heading(f"{doing}{remark} ...")

    def note(self, text: str) -> None:
        """Print a sentence that should not be overlooked."""
        self._print(self._out, text, "note", first="Note: ")

    def numbered(self, items: Sequence[str]) -> None:
        """Print sentences as a numbered list."""
        for number, item in enumerate(items, 1):
            self._print(self._out, item, first=f"  {number}. ")

    def next(self, command: str, why: str = "") -> None:
        """Print the next command to type, as the last thing."""
        self.say("\nNext" + (f", {why}" if why else "") + f":\n  {command}")

    def rows(self, rows: Iterable[tuple[str, str]]) -> None:
        """Print names and what belongs to them, in two columns."""
        rows = list(rows)
        width = max(len(name) for name, _ in rows)
        for name, value in rows:
            self.say(f"  {name.ljust(width)}  {value}")

    def raw(self, text: str) -> None:
        """Print a document for another program, masked, and as it is otherwise."""
        self.piece(redact(typed(text)) + "\n")

    def piece(self, text: str) -> None:
        """Print a part of a text at once, as it is. What comes from elsewhere was masked before.

        Raises:
            BrokenPipeError: its reader has left, as behind ``| head -1``.
            CliError: it cannot be written, as on a full disk.
        """
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except BrokenPipeError:
            raise
        except OSError as failed:
            # Python would try again at its end.
            sys.stdout = io.StringIO()
            raise CliError(f"Standard output cannot be written to: {failed.strerror}.") from None

    @property
    def width(self) -> int:
        """The characters of a line of ``page``; elsewhere than at a terminal as many as are readable."""
        return min(self._out.width, _WIDEST) if self._out.is_terminal else _WIDEST

    def page(self, parts: Iterable[RenderableType]) -> None:
        """Print texts and tables, broken to ``width``. What comes from elsewhere was masked before.

        Raises:
            BrokenPipeError: its reader has left.
            CliError: it cannot be written.
        """
        page = _console(self._out.file)
        # Rich would take 80 where the output is no terminal, or a dumb one.
        page.size = ConsoleDimensions(self.width, 25)
        with page.capture() as captured:
            for part in parts:
                page.print(part)
        # Rich would end the process itself where the reader has left, and fills lines up with spaces.
        self.piece("".join(f"{line.rstrip(' ')}\n" for line in captured.get().removesuffix("\n").split("\n")))

    def error(self, text: str) -> None:
        """Print on standard error why it ended."""
        self._print(self._err, text, "bad")

    def aside(self, text: str) -> None:
        """Print a remark on standard error."""
        self._print(self._err, text)

    @contextlib.contextmanager
    def working(self, doing: str) -> Iterator[Callable[[str], None]]:
        """Show at a terminal that something takes its time, and yield what shows that something else does."""
        if self._err.is_terminal:
            with self._err.status(f"{doing} ...") as status:
                yield lambda now: status.update(f"{now} ...")
        else:
            yield lambda _: None

    def ask(self, question: str, otherwise: str = "To go on without a question, add --yes.") -> bool:
        """Ask a question that is answered with yes or no.

        Args:
            question: the question, with its question mark.
            otherwise: what to do where there is no terminal.

        Returns:
            Whether the answer was yes. Enter alone means no.

        Raises:
            CliError: there is no terminal to ask at.
        """
        return self.assume_yes or self.answer(f"{question} [y/N] ", otherwise).lower() in ("y", "yes")

    def answer(self, prompt: str, otherwise: str) -> str:
        """Ask for a line.

        Args:
            prompt: what to print before it.
            otherwise: what to do where there is no terminal.

        Returns:
            The line without white space around it; empty where the input ended.

        Raises:
            CliError: there is no terminal to ask at.
        """
        if not self.terminal:
            raise CliError(f"There is no terminal to ask at, so nothing was changed. {otherwise}", USAGE)
        sys.stderr.write(f"\n{redact(prompt)}")
        sys.stderr.flush()
        return sys.stdin.readline().strip()

    def _print(self, console: RichConsole, text: str, style: str = "", *, first: str = "") -> None:
        width = min(console.width, _WIDEST) if console.is_terminal else 0
        lines = [
            _fill(line, "" if n else first, width) for n, line in enumerate(redact(typed(text)).split("\n"))
        ]
        with contextlib.suppress(BrokenPipeError):
            # As Text: square brackets in it are no markup.
            console.print(Text("\n".join(lines), style=_COLOURS[style]), soft_wrap=True)
            console.file.flush()


def _fill(line: str, first: str, width: int) -> str:
    if not width or line[:1] == " ":
        return first + line
    return textwrap.fill(
        line,
        width,
        initial_indent=first,
        subsequent_indent=" " * len(first),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _console(stream: Any) -> RichConsole:
    # Rich itself leaves only the colours out, and writes bold.
    colours: Any = None if "NO_COLOR" in os.environ else "auto"
    return RichConsole(file=stream, highlight=False, emoji=False, markup=False, color_system=colours)
