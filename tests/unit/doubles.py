"""Doubles for unit tests: a clock, a source of credentials, a model's server, and a function over them."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from tests.support.api import api_of
from tests.support.clock import Clock
from travel_gpt.credentials.secret import Credential, Key
from travel_gpt.credentials.session import CredentialSession
from travel_gpt.credentials.sources.selection import Source
from travel_gpt.deadline import Deadline
from travel_gpt.errors import CredentialError, KeyRefused
from travel_gpt.llm.model_api import Answer, Meter, Prompt, Usage
from travel_gpt.settings import Settings

FIRST_KEY = "sk-proj-firstKEY0000000000000000000000000001"
SECOND_KEY = "sk-proj-otherKEY1111111111111111111111111112"


def credential(key: str = FIRST_KEY, version: str = "v1") -> Credential:
    """Return a credential as a source makes it."""
    return Credential(key=Key(key), source="scripted", version=version)


FIRST = credential(FIRST_KEY, "v1")
SECOND = credential(SECOND_KEY, "v2")

ANSWER = Answer(text="Take tram 28.", model="gpt-6-luna", usage=Usage(12, 7, 19), truncated=False)


TTL = 300
MAX_STALE = 3600


def soon(seconds: float = 5.0) -> Deadline:
    """Return a deadline that a test which works never meets."""
    return Deadline(seconds)


Step = Credential | BaseException | Callable[[], Credential]


class Gate:
    """A step that begins, and ends when the test lets it."""

    def __init__(self, result: Credential | Exception) -> None:
        self.begun, self.open = threading.Event(), threading.Event()
        self._result = result

    def __call__(self) -> Credential:
        """Wait until the gate is open; give the result, or raise it."""
        self.begun.set()
        assert self.open.wait(5)
        if isinstance(self._result, Exception):
            raise self._result
        return self._result


class ScriptedSource:
    """A source of credentials that does one step of its script a fetch, and the last one ever after.

    Args:
        script: what each fetch gives, raises or calls.
        before: the version before the current one, or what keeps it from being read.
        name: what it is called.
    """

    def __init__(
        self,
        *script: Step,
        before: Credential | CredentialError | None = None,
        name: str = "scripted",
    ) -> None:
        self.script = list(script)
        self.before = before
        self.name = name
        self.fetches = self.asked_for_previous = 0

    def previous(self) -> Credential | None:
        """Return the version before, or raise what keeps it from being read."""
        self.asked_for_previous += 1
        if isinstance(self.before, CredentialError):
            raise self.before
        return self.before

    def will(self, *script: Step) -> None:
        """Replace what is left of the script."""
        self.script = list(script)

    def fetch(self) -> Credential:
        """Do the next step."""
        self.fetches += 1
        step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(step, Credential):
            # Another object each time, as a real source makes it.
            return replace(step)
        if isinstance(step, BaseException):
            raise step
        return step()


def session_of(source: Source, clock: Clock, **options: Any) -> CredentialSession:
    """Return a session over a source, which has fetched nothing yet."""
    return CredentialSession(source, **{"ttl": TTL, "max_stale": MAX_STALE, "now": clock, **options})


@dataclass
class ModelServer:
    """A model's server that takes some keys and does what its script says with them."""

    accepts: set[str] = field(default_factory=lambda: {FIRST_KEY, SECOND_KEY})
    does: Callable[[], None] | BaseException | None = None
    asked: list[tuple[str, str]] = field(default_factory=list)
    verified: list[str] = field(default_factory=list)
    seconds_left: list[float] = field(default_factory=list)

    def ask(
        self, prompt: Prompt, credential: Credential, deadline: Deadline, _meter: Meter | None = None
    ) -> Answer:
        """Answer a query."""
        self.asked.append((prompt.query, credential.key.reveal()))
        self._serve(credential, deadline)
        return ANSWER

    def verify(self, credential: Credential, deadline: Deadline) -> None:
        """Verify a key."""
        self.verified.append(credential.key.reveal())
        self._serve(credential, deadline)

    def _serve(self, credential: Credential, deadline: Deadline) -> None:
        self.seconds_left.append(deadline.left())
        if credential.key.reveal() not in self.accepts:
            raise KeyRefused("the server answered 401: it refuses the key")
        if isinstance(self.does, BaseException):
            raise self.does
        if self.does:
            self.does()


class Function:
    """The parts of one function, over a scripted source and a scripted model's server."""

    def __init__(self, **environment: str) -> None:
        self.clock = Clock()
        self.source = ScriptedSource(FIRST)
        self.server = ModelServer()
        self.session = session_of(self.source, self.clock)
        self.api = api_of(Settings.load(environment), self.session, self.server, now=self.clock)
        self.adviser, self.health = self.api._adviser, self.api._health
