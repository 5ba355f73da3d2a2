"""Each command of sam in the documents is one that sam's own parser accepts."""

from typing import Any

import click
import pytest
from samcli.cli.main import cli

from tests.support.documented_commands import started

SAM = started("sam")


@pytest.mark.parametrize("words", [words for _, words in SAM], ids=[line for line, _ in SAM])
def test_sam(words: list[str]) -> None:
    command: Any = cli
    left = list(words)
    # sam imports a command only where its context has an object.
    with click.Context(cli, obj=object()) as context:
        while isinstance(command, click.Group):
            _, command, left = command.resolve_command(context, left)
    assert command.make_parser(click.Context(command)).parse_args(args=left)[1] == []


def test_such_commands_are_found() -> None:
    assert ["logs", "-n", "TravelGPTFunction"] in [words[:3] for _, words in SAM]
