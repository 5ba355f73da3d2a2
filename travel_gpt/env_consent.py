"""Ask before a credential is sent to a destination that a file ``.env`` names; refuse without a terminal."""

import sys
from collections.abc import Iterable
from pathlib import Path

from travel_gpt.env_trust import EnvTrust, Transfer
from travel_gpt.redaction import redact


class NotAllowed(Exception):
    """The user did not allow it, or could not be asked; the text names the file, the host and the fix."""


class Consent:
    """What the user allowed in this process.

    Args:
        path: the file.
        trust: which destinations it named.
    """

    def __init__(self, path: Path, trust: EnvTrust) -> None:
        self.trust = trust
        self._path = path
        self._allowed: set[Transfer] = set()

    def require(self, transfers: Iterable[Transfer]) -> None:
        """Ask the user to allow what would be sent.

        Args:
            transfers: what would be sent where; without any there is no question.

        Raises:
            NotAllowed: the answer is no, or there is no terminal.
        """
        asked = [each for each in dict.fromkeys(transfers) if each not in self._allowed]
        if not asked:
            return
        says = "\n".join(
            f"  {each.variable}: {each.destination} would receive {each.credential}." for each in asked
        )
        opening = f"The file {self._path} names where your credentials would be sent:"
        opening, says = _plain(opening), _plain(says)
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise NotAllowed(f"{opening}\n{says}\n{_remedy(asked)}")
        sys.stderr.write(f"{opening}\n{says}\nGo on? [y/N] ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
            raise NotAllowed(_remedy(asked))
        self._allowed.update(asked)


def _plain(text: str) -> str:
    # A value of the file must not overwrite the question on the terminal, or show a misplaced key.
    return redact("".join(sign if sign.isprintable() or sign == "\n" else "?" for sign in text))


def _remedy(transfers: Iterable[Transfer]) -> str:
    names = ", ".join(dict.fromkeys(each.variable for each in transfers))
    return (
        f"Nothing was sent. If you trust this, export {names} yourself, with the same value. If not, remove "
        "it from the file, or put the credential for it into the same file."
    )
