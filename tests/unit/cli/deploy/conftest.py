"""What deploy.sh's steps meet in a unit test: boto3's own clients, with answers instead of a network."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from travel_gpt.cli.aws_session import AwsSession
from travel_gpt.cli.console import Console
from travel_gpt.cli.deploy.options import Options, read_options

if TYPE_CHECKING:
    from botocore.model import OperationModel

Answer = Any | Exception | Callable[[dict[str, Any]], Any]


class _Ok:
    status_code = 200


@functools.cache
def _session() -> AwsSession:
    return AwsSession(region="eu-west-1")


@functools.cache
def _client(service: str) -> tuple[Any, list[ScriptedAws]]:
    """Make a client, once for all tests, and the list with the script that it follows."""
    client: Any = _session().client(service)  # type: ignore[call-overload]
    scripts: list[ScriptedAws] = []
    client.meta.events.register("provide-client-params.*.*", lambda **given: scripts[0].note(**given))
    client.meta.events.register("before-call.*.*", lambda **given: scripts[0].answer(**given))
    return client, scripts


def aws_error(operation: str, code: str, message: str) -> ClientError:
    """An error as boto3 raises it, such as for ``UpdateAccount``."""
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


class ScriptedAws(AwsSession):
    """A session whose clients check their parameters, and get the answers that a test gives for an operation.

    Args:
        answers: by operation, such as ``GetRole``: the answer, or what makes it of the parameters. An error
            is raised.

    Attributes:
        calls: every operation so far, with its parameters.
    """

    def __init__(self, answers: dict[str, Answer]) -> None:
        # To make a session for each test would take longer than the tests.
        vars(self).update(vars(_session()))
        self.answers = answers
        self.calls: list[tuple[str, dict[str, Any]]] = []

    if not TYPE_CHECKING:

        def client(self, service: str, **_: Any) -> Any:
            """Take the service's client, which answers as scripted here from now on."""
            client, scripts = _client(service)
            scripts[:] = [self]
            return client

    @property
    def operations(self) -> list[str]:
        """What was called so far."""
        return [name for name, _ in self.calls]

    def note(self, params: dict[str, Any], model: OperationModel, **_: Any) -> None:
        """Keep the call."""
        self.calls.append((model.name, params))

    def answer(self, model: OperationModel, **_: Any) -> Any:
        """Answer as scripted, instead of sending anything."""
        answer = self.answers[model.name]
        answer = answer(self.calls[-1][1]) if callable(answer) else answer
        if isinstance(answer, Exception):
            raise answer
        return _Ok(), copy.deepcopy(answer or {})


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
        self.answers = list(answers)
        self.asked: list[str] = []
        self._is_there = bool(answers)

    @property
    def terminal(self) -> bool:
        """Whether there is a person."""
        return self._is_there

    def answer(self, prompt: str, otherwise: str) -> str:
        """Type the next answer; without a terminal, stop as the real console does."""
        if not self.terminal:
            return super().answer(prompt, otherwise)
        self.asked.append(prompt)
        return self.answers.pop(0)
