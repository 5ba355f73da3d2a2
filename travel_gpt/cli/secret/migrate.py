"""``travel-gpt secret migrate``: keys move from a ``.env`` file into Secrets Manager."""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from travel_gpt.aws.secret_versions import SecretVersions
from travel_gpt.cli.audit_log import audited
from travel_gpt.cli.aws_session import caller
from travel_gpt.cli.console import Console
from travel_gpt.cli.destinations import before_aws, other_than_aws
from travel_gpt.cli.errors import USAGE, CliError
from travel_gpt.cli.key_input import KeyInput, parse_key
from travel_gpt.cli.secret.change import SOURCE, Stored, look_at, store
from travel_gpt.cli.secret.env_edit import EnvFile, remains
from travel_gpt.cli.target import SECRETS, Target
from travel_gpt.credentials.secret import read_secret
from travel_gpt.credentials.sources.environment import variables_of
from travel_gpt.env_file import NAME
from travel_gpt.errors import InvalidSecret

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
