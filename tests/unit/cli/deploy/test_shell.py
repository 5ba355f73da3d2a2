"""How deploy.sh runs the command lines of others."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from travel_gpt.cli.deploy.shell import Commands

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def commands(tmp_path: Path) -> Commands:
    """An ``aws`` that says how often it would try."""
    aws = tmp_path / "aws"
    aws.write_text('#!/bin/sh\necho "{\\"attempts\\": \\"$AWS_MAX_ATTEMPTS\\"}"\n')
    aws.chmod(0o755)
    return Commands({"PATH": f"{tmp_path}{os.pathsep}{os.defpath}", "AWS_MAX_ATTEMPTS": "7"})


def test_one_request_is_one_request_whatever_the_owner_set(commands: Commands) -> None:
    assert commands.aws_once("apigateway", "update-account") == {"attempts": "1"}
    assert commands.aws("apigateway", "get-account") == {"attempts": "7"}
