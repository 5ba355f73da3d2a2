"""Everything that deploy.sh prints or asks."""

import getpass
import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import TextIO

from travel_gpt.redaction import redact


class CliError(Exception):
    """The end of the run, with a sentence for the person at the terminal.

    Args:
        sentence: what happened and what to do, ready to be printed.
        status: the exit status.
    """

    def __init__(self, sentence: str, status: int = 1) -> None:
        super().__init__(sentence)
        self.status = status


class Console:
    """The terminal, or what stands in for it.

    Args:
        assume_yes: answer every question with yes, without asking.
    """

    def __init__(self, *, assume_yes: bool) -> None:
        self.assume_yes = assume_yes
        self.terminal = sys.stdin.isatty()
        self.doing = "starting"
        """The step under way, for the sentence that says where it stopped."""
        plain = "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb"
        self._colour = sys.stdout.isatty() and not plain
        self._width = min(max(shutil.get_terminal_size((100, 24)).columns, 60), 110)

    def step(self, doing: str, remark: str = "") -> None:
        """Begin a step and say so.

        Args:
            doing: what is being done, such as "Building the package".
            remark: what else to say about it.
        """
        self.doing = doing[0].lower() + doing[1:]
        self.say(f"\n{self._paint('1', doing)}{remark} ...")

    def heading(self, text: str) -> None:
        """Print a heading."""
        self.say(f"\n{self._paint('1', text)}")

    def say(self, text: str = "") -> None:
        """Print a line as it is."""
        self._write(sys.stdout, text)

    def note(self, text: str) -> None:
        """Print a sentence that should not be overlooked. Lines that are commands stay as they are."""
        first, *more = text.split("\n")
        lines = [
            self._fill(first, "Note: "),
            *(line if line[:1] == " " else self._fill(line) for line in more),
        ]
        self._write(sys.stdout, self._paint("33", "\n".join(lines)))

    def good(self, text: str) -> None:
        """Print good news."""
        self._write(sys.stdout, self._paint("32", self._fill(text)))

    def text(self, text: str) -> None:
        """Print a sentence, broken to the terminal's width."""
        self._write(sys.stdout, self._fill(text))

    def numbered(self, items: Sequence[str]) -> None:
        """Print sentences as a numbered list."""
        for number, item in enumerate(items, 1):
            self._write(sys.stdout, self._fill(item, f"  {number}. "))

    def rows(self, rows: Iterable[tuple[str, str]]) -> None:
        """Print names and what belongs to them, in two columns."""
        rows = list(rows)
        wide = max(len(name) for name, _ in rows)
        for name, value in rows:
            self.say(f"  {name:<{wide}}  {value}")

    def error(self, text: str) -> None:
        """Print why it stopped, on standard error. Lines that are commands or lists stay as they are."""
        # It may quote what was typed or what another program said.
        lines = [line if line.startswith(" ") else self._fill(line) for line in redact(text).split("\n")]
        self._write(sys.stderr, "")
        painted = "\n".join(lines)
        if self._colour and sys.stderr.isatty():
            painted = f"\033[31m{painted}\033[0m"
        self._write(sys.stderr, painted)

    def ask(self, question: str) -> bool:
        """Ask a question that is answered with yes or no.

        Args:
            question: the question, with its question mark.

        Returns:
            Whether the answer was yes. Enter alone means no.

        Raises:
            Stop: there is nobody to ask.
        """
        if self.assume_yes:
            return True
        return self.answer(f"{question} [y/N] ").lower() in ("y", "yes")

    def answer(self, prompt: str) -> str:
        """Ask for a line.

        Args:
            prompt: what to print before it.

        Returns:
            The line, trimmed.

        Raises:
            Stop: there is nobody to ask.
        """
        if not self.terminal:
            raise CliError(
                "There is no terminal to ask in, so nothing was changed. If the plan is right, add --yes."
            )
        try:
            return input(f"\n{prompt}").strip()
        except EOFError:
            raise CliError("No answer came, so nothing more was done. Run it again, or add --yes.") from None

    def ask_hidden(self, prompt: str) -> str:
        """Ask for a line without showing what is typed."""
        try:
            return getpass.getpass(f"\n{prompt}")
        except EOFError:
            raise CliError("No key came, so nothing was changed. Run it again and paste the key.") from None

    def _fill(self, text: str, first: str = "") -> str:
        # A long name or URL may be copied: it is never broken.
        return textwrap.fill(
            text,
            self._width,
            initial_indent=first,
            subsequent_indent=" " * len(first),
            break_long_words=False,
            break_on_hyphens=False,
        )

    def _paint(self, colour: str, text: str) -> str:
        return f"\033[{colour}m{text}\033[0m" if self._colour else text

    def _write(self, stream: TextIO, text: str) -> None:
        print(text, file=stream, flush=True)
