"""What deploy.sh's steps meet in a unit test: the answers of ``aws``, without its process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from travel_gpt.cli.deploy.console import Console
from travel_gpt.cli.deploy.options import Options, read_options
from travel_gpt.cli.deploy.shell import AwsError, Commands

Answer = Any | AwsError | Callable[[tuple[str, ...]], Any]


def aws_error(operation: str, code: str, message: str) -> AwsError:
    """An error as the AWS CLI writes it, such as for ``apigateway update-account``."""
    name = "".join(word.title() for word in operation.split()[1].split("-"))
    return AwsError(operation, f"An error occurred ({code}) when calling the {name} operation: {message}")


class ScriptedAws(Commands):
    """The ``aws`` commands, each with the answer that a test gives it.

    Attributes:
        calls: the arguments of every command so far.
    """

    calls: list[tuple[str, ...]]

    def __init__(self, answers: dict[str, Answer]) -> None:
        super().__init__(environment={})
        object.__setattr__(self, "answers", answers)
        object.__setattr__(self, "calls", [])

    def aws(self, *arguments: str) -> Any:
        """Answer as scripted.

        Raises:
            AwsError: the script says so.
            LookupError: the script has no answer.
        """
        self.calls.append(arguments)
        answers: dict[str, Answer] = self.answers  # type: ignore[attr-defined]
        answer = answers[" ".join(arguments[:2])]
        answer = answer(arguments) if callable(answer) else answer
        if isinstance(answer, AwsError):
            raise answer
        return answer

    def aws_once(self, *arguments: str) -> Any:
        """Answer as scripted."""
        return self.aws(*arguments)

    def aws_with_secret(self, *arguments: str, secret: str | None = None) -> Any:  # noqa: ARG002
        """Answer as scripted; the secret is not kept."""
        return self.aws(*arguments)

    @property
    def operations(self) -> list[str]:
        """What was asked so far, such as ``iam create-role``."""
        return [" ".join(call[:2]) for call in self.calls]


def options(*arguments: str) -> Options:
    """The options as they are typed."""
    read = read_options(list(arguments))
    assert read is not None
    return read


class Person(Console):
    """A person at a terminal, or none.

    Args:
        answers: what they type, one line for each question; without a single one there is no terminal.
    """

    def __init__(self, *answers: str, assume_yes: bool = False) -> None:
        super().__init__(assume_yes=assume_yes)
        self.terminal = bool(answers)
        self.answers = list(answers)
        self.asked: list[str] = []

    def answer(self, prompt: str) -> str:
        """Type the next answer; without a terminal, stop as the real console does."""
        if not self.terminal:
            return super().answer(prompt)
        self.asked.append(prompt)
        return self.answers.pop(0)


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "110")
