"""``travel-gpt secret migrate``: keys move from a ``.env`` file into Secrets Manager.

All of them are taken out of the file or none, and nothing of a key stays in their lines.
"""

import os
import re
import stat
import subprocess
import tempfile
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from travel_gpt.aws.secret_versions import SecretVersions
from travel_gpt.cli.audit_log import audited
from travel_gpt.cli.aws_session import caller
from travel_gpt.cli.console import Console
from travel_gpt.cli.errors import USAGE, CliError
from travel_gpt.cli.key_input import KeyInput, parse_key
from travel_gpt.cli.secret.change import SOURCE, Stored, look_at, store
from travel_gpt.cli.target import SECRETS, Target, before_aws, other_than_aws
from travel_gpt.credentials.secret import read_secret
from travel_gpt.credentials.sources.environment import variables_of
from travel_gpt.env_file import LONGEST, NAME, UnreadableEnvFile, parse, read_text
from travel_gpt.errors import InvalidSecret

if TYPE_CHECKING:
    from dotenv.parser import Binding

_MARK: Final = "\ufeff"
_GIT_WITHIN: Final = 10.0
"""Seconds."""


@dataclass(frozen=True, slots=True)
class EnvFile:
    """A file of settings as it was when it was read."""

    path: Path
    """Where it really is: of a link, what it leads to."""
    text: str = field(repr=False)
    bindings: "tuple[Binding, ...]" = field(repr=False)

    @classmethod
    def read(cls, path: Path) -> "EnvFile":
        """Read a file of settings.

        Args:
            path: the file.

        Returns:
            The file.

        Raises:
            CliError: it is not there, or cannot be read.
        """
        real = path.resolve()
        if not real.is_file():
            raise CliError(f"There is no file {path} here. Name it with --file.", USAGE)
        try:
            text = read_text(real)
            return cls(real, text, tuple(parse(text)))
        except UnreadableEnvFile as wrong:
            raise CliError(str(wrong), USAGE) from None

    def value_of(self, variable: str) -> str:
        """Return what a variable holds; an empty text where it is not there.

        Args:
            variable: its name.

        Raises:
            CliError: it is there twice, with different values.
        """
        values = [each.value or "" for each in self.bindings if each.key == variable]
        if len(set(values)) > 1:
            raise CliError(
                f"{variable} is in {self.path.name} more than once, with different values. Remove all but "
                "one, then repeat."
            )
        return values[0].strip() if values else ""

    def line_of(self, variable: str) -> int:
        """Return the number of the line on which a variable begins."""
        for each in self.bindings:
            if each.key == variable:
                lead = each.original.string[: len(each.original.string) - len(each.original.string.lstrip())]
                return each.original.line + len(re.findall(r"\r\n|\n|\r", lead))
        raise KeyError(variable)

    def without(self, comments: dict[str, str]) -> str:
        """Return the text with a comment in the place of each of some variables.

        Args:
            comments: the comment, without ``#``, by the variable's name.
        """
        kept: list[str] = [_MARK] if self.text.startswith(_MARK) else []
        for each in self.bindings:
            written = each.original.string
            if each.key in comments:
                lead = written[: len(written) - len(written.lstrip())]
                end = re.search(r"(\r\n|\n|\r)?\Z", written)
                written = f"{lead}# {comments[each.key]}{end[0] if end else ''}"
            kept.append(written)
        return "".join(kept)

    def replace(self, text: str) -> None:
        """Put another text in the place of the file's, with the same rights, all at once.

        Args:
            text: the text.

        Raises:
            CliError: it cannot be written, or another process changed it meanwhile. It is unchanged then.
        """
        try:
            replace_file(self.path, text, before=self.text)
        except OSError as failed:
            raise CliError(
                f"{self.path.name} could not be written: {failed.strerror}. It is unchanged. The keys are in "
                "the store; fix that and repeat, which changes nothing there."
            ) from None


def replace_file(path: Path, text: str, *, before: str | None = None) -> None:
    """Put a text in the place of a file's, all at once, or make a file that only its owner can read.

    Args:
        path: the file.
        text: the text.
        before: what the file holds; it then keeps its rights. None for a file of its owner alone.

    Raises:
        OSError: it cannot be written. The file is unchanged.
        CliError: it does not hold that any more. It is unchanged.
    """
    # In the same folder: only within one file system is it done all at once.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            if before is not None:
                _take_rights(path.stat(), file.fileno())
            os.fsync(file.fileno())
        _still(path, before)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _still(path: Path, text: str | None) -> None:
    if text is not None and path.read_bytes() != text.encode():
        raise CliError(f"{path.name} was changed by another process, so it was not written. Repeat.")


def _take_rights(about: os.stat_result, file: int) -> None:
    os.fchmod(file, stat.S_IMODE(about.st_mode))
    if (about.st_uid, about.st_gid) != (os.geteuid(), os.getegid()):
        os.fchown(file, about.st_uid, about.st_gid)


def remains(path: Path, values: Collection[str]) -> list[str]:
    """Say where keys still are after they were taken out of a file's own lines.

    Args:
        path: the file.
        values: the keys.

    Returns:
        A sentence for each place that can be known.
    """
    found: list[str] = []
    lines = [
        number
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if any(value in line for value in values)
    ]
    if lines:
        found.append(f"{path.name} still holds a key in line {', '.join(map(str, lines))}: remove it.")
    # Backups, and what editors keep beside a file: .env~, .env.bak, .env.swp, .#.env, #.env#
    beside = [each for each in path.parent.glob(f"*{path.name}*") if each.is_file() and each != path]
    copies = sorted(each.name for each in beside if _holds(each, values))
    if copies:
        found.append(f"These files in the same folder have a key too: {', '.join(copies)}. Delete them.")
    if _git(path, "log", "--all", "-1", "--format=%h", "--", path.name):
        found.append(
            f"{path.name} was committed to git: the keys are in its history, and in every clone. Make new "
            "keys, store them with travel-gpt secret rotate, and revoke these."
        )
    if git_tracks(path):
        found.append(f"git still tracks {path.name}: git rm --cached {path.name}, and add it to .gitignore.")
    return found


def git_tracks(path: Path) -> bool:
    """Tell whether a file is in git."""
    return bool(_git(path, "ls-files", "--", path.name))


def git_leaves(path: Path) -> bool:
    """Tell whether a file is in a folder of git, which does not ignore it."""
    inside = _git(path, "rev-parse", "--is-inside-work-tree") == "true"
    return inside and not _git(path, "check-ignore", "--", path.name)


def _holds(path: Path, values: Collection[str]) -> bool:
    try:
        return path.stat().st_size <= LONGEST and any(value.encode() in path.read_bytes() for value in values)
    except OSError:
        return False


def _git(path: Path, *arguments: str) -> str:
    # No fsmonitor: that is a program, which another user may have configured in this folder.
    command: Sequence[str] = ("git", "-c", "core.fsmonitor=false", "-C", str(path.parent), *arguments)
    try:
        done = subprocess.run(  # noqa: S603 - the names of files, after --
            command,
            # The whole environment: what was read of the file stays with this process.
            env={name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_GIT_WITHIN,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


READ_BACK_FOR: Final = 10.0
"""Seconds that what was written may take to be read."""


@dataclass(slots=True)
class Move:
    """A key of a file, and the secret that it goes to."""

    target: Target
    key_input: KeyInput
    stored: Stored
    variables: list[str] = field(default_factory=list)


def migrate(path: Path, target: Target, console: Console, *, replace: bool, yes: bool) -> None:
    """Move the keys of a file into Secrets Manager.

    Args:
        path: the file.
        target: the secret for OPENAI_API_KEY.
        console: where to say what is done.
        replace: whether a different key that a secret holds is replaced.
        yes: whether to go on without asking.

    Raises:
        CliError: it cannot be done; the text says what was done until then.
        CredentialError: Secrets Manager refused.
    """
    file = EnvFile.read(path)
    # What the file of this folder decides is for its own keys.
    before_aws(key="" if path.resolve() == Path(NAME).resolve() else f"the keys of {path}")
    who = caller()
    moves = _plan(file, target, replace=replace)
    console.say(f"From {file.path}, as {who}{other_than_aws(os.environ)}:", "heading")
    for move in moves:
        for variable in move.variables:
            console.say(f"  {variable} (line {file.line_of(variable)}) -> {move.target.name}, {_state(move)}")
    if not (yes or console.ask("Move them?")):
        raise CliError("Nothing was changed.")
    for move in moves:
        version = store(move.target, move.key_input, move.stored, who, console)
        with console.working("Reading it back"):
            _read_back(move, version)
        console.say(f"Read back {move.target.name}: it holds what {file.path.name} does.")
    _comment_out(file, moves, who)
    console.good(
        f"Commented out in {file.path.name}: {', '.join(v for move in moves for v in move.variables)}."
    )
    for sentence in remains(file.path, {move.key_input.key.reveal() for move in moves}):
        console.note(sentence)
    console.say("Copies may remain in backups of this machine, and in the history of your shell and editor.")
    console.next(f"travel-gpt doctor{target.options} --verify")


def _plan(file: EnvFile, target: Target, *, replace: bool) -> list[Move]:
    """Find the keys, and where each belongs. Nothing is changed."""
    places = dict.fromkeys(("OPENAI_API_KEY", *variables_of(target.name)), target)
    for env, name in SECRETS.items():
        for variable in variables_of(name):
            places.setdefault(variable, Target(name, f" --env {env}"))
    moves: dict[str, Move] = {}
    for variable, place in places.items():
        value = file.value_of(variable)
        if not value:
            continue
        found = parse_key(value, f"{variable} in {file.path.name}")
        move = moves.get(place.name)
        if move is None:
            move = moves[place.name] = Move(place, found, look_at(place))
        elif move.key_input.credential != found.credential:
            raise CliError(
                f"{' and '.join([*move.variables, variable])} both mean the secret {place.name}, and differ. "
                "Take one of them out of the file, then repeat."
            )
        move.variables.append(variable)
    if not moves:
        raise CliError(f"{file.path} holds no key to move: neither {' nor '.join(places)} is in it.", USAGE)
    for move in moves.values():
        if _state(move) == _DIFFERS and not replace:
            raise CliError(
                f"{move.target.name} holds a different key, and the one in {file.path.name} may be an old "
                "one. To store it nevertheless, add --replace. Nothing was changed."
            )
    return list(moves.values())


_DIFFERS: Final = "in the place of a different key"


def _state(move: Move) -> str:
    if not move.stored.exists:
        return "which is new"
    current = move.stored.credential
    if current is None:
        return "which holds no usable key"
    return "which holds this key already" if current.key == move.key_input.key else _DIFFERS


def _read_back(move: Move, version: str) -> None:
    """Make sure that what will be taken out of the file is in the store."""
    versions, until = SecretVersions(move.target.name), time.monotonic() + READ_BACK_FOR
    while True:
        found = versions.read()
        if found is not None and found.version == version:
            break
        if time.monotonic() > until:
            raise CliError(
                f"What was written to {move.target.name} cannot be read back yet, so the file is unchanged. "
                "Repeat in a minute."
            )
        time.sleep(0.5)
    try:
        same = read_secret(found.text, source=SOURCE, version=version).key == move.key_input.key
    except InvalidSecret:
        same = False
    if not same:
        raise CliError(
            f"{move.target.name} holds something else than what was written, so the file is unchanged. Look "
            "who else writes it, then repeat."
        )


def _comment_out(file: EnvFile, moves: list[Move], who: str) -> None:
    comments = {
        variable: f"{variable} moved to Secrets Manager, {move.target.name} (travel-gpt secret migrate)"
        for move in moves
        for variable in move.variables
    }
    with audited("secret.migrate", who=who, source=SOURCE, variables=", ".join(comments)):
        file.replace(file.without(comments))
