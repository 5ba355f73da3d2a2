"""A person at a keyboard without a terminal: an account, a home, and what is piped in."""

import functools
import io
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
import typer.main
from moto import mock_aws

from tests.fakes.openai import FakeOpenAI
from tests.support.secret_leaks import holds
from travel_gpt.cli.__main__ import main
from travel_gpt.cli.audit_log import audit_log_path
from travel_gpt.cli.errors import DONE

SECRET = "travel-gpt/openai-api-key"
KEY = "sk-proj-Qm3vT8xLw2Rk7Yb4Nd6H"
NEW_KEY = "sk-proj-Zc5jF9sGp1Vu0Xe7Ka2M"
BAD_KEY = "sk-proj-Ht6nB4qWy8Dr3Jo5Li9P"

# Made of every command's signature for each command line: a fifth of the time of a test here.
typer.main.get_command = functools.cache(typer.main.get_command)


@dataclass(frozen=True)
class Done:
    """What a command printed."""

    out: str
    err: str


class Person:
    """Types commands in a folder of their own, ``here``, with an AWS account and a model's server at hand."""

    def __init__(self, here: Path, upstream: FakeOpenAI, capsys: pytest.CaptureFixture[str]) -> None:
        self.here, self.upstream = here, upstream
        self.secrets: Any = boto3.client("secretsmanager")
        self._capsys = capsys

    def run(
        self,
        *arguments: str,
        given: str | bytes = "",
        at_terminal: bool = False,
        status: int = DONE,
        says: str = "",
    ) -> Done:
        """Run a command, and check that it shows no key and no traceback.

        Args:
            arguments: the command line.
            given: what is piped in, or typed.
            at_terminal: whether it is typed.
            status: how it has to end.
            says: what it has to print: on standard error where it fails.

        Returns:
            What it printed.
        """
        self._capsys.readouterr()
        raw = given.encode() if isinstance(given, str) else given
        with pytest.MonkeyPatch.context() as patch:
            stdin = io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8")
            patch.setattr("sys.stdin", stdin)
            patch.setattr(stdin, "isatty", lambda: at_terminal)
            ended = main(list(arguments))
        out, err = self._capsys.readouterr()
        assert ended == status, out + err
        assert says in (err if status else out), out + err
        assert "Traceback" not in err
        # What decrypt prints is the key: that is what it is for.
        shown = err if "decrypt" in arguments else out + err
        assert not [key for key in (KEY, NEW_KEY, BAD_KEY) if holds(shown, key)]
        return Done(out, err)

    def stored(self, stage: str = "AWSCURRENT", name: str = SECRET) -> Any:
        """What a version of the secret holds; None where there is no such version."""
        try:
            answer = self.secrets.get_secret_value(SecretId=name, VersionStage=stage)
        except self.secrets.exceptions.ResourceNotFoundException:
            return None
        return json.loads(answer["SecretString"])

    def store(self, value: object, name: str = SECRET) -> None:
        """Make the secret, or give it another value."""
        text = value if isinstance(value, str) else json.dumps(value)
        try:
            self.secrets.create_secret(Name=name, SecretString=text)
        except self.secrets.exceptions.ResourceExistsException:
            self.secrets.put_secret_value(SecretId=name, SecretString=text)

    def stages(self) -> dict[str, str]:
        """The version of each staging label."""
        described = self.secrets.describe_secret(SecretId=SECRET)["VersionIdsToStages"]
        return {stage: version for version, stages in described.items() for stage in stages}

    def audited(self) -> list[dict[str, Any]]:
        """The audit events so far."""
        path = audit_log_path(os.environ)
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return [json.loads(line)["audit"] for line in lines]


@pytest.fixture
def person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Person]:
    """A person in an empty folder, with an empty account. KEY and NEW_KEY are good at the model's server."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with mock_aws(), FakeOpenAI() as upstream:
        upstream.accepted_keys = [KEY, NEW_KEY]
        monkeypatch.setenv("OPENAI_BASE_URL", upstream.base_url)
        yield Person(here, upstream, capsys)
