"""Doubles for unit tests: a clock, a source of credentials, a model's server, and a function over them."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from tests.support.api import api_of
from tests.support.clock import Clock
from travel_gpt.credentials.secret import Credential, Key
from travel_gpt.credentials.session import CredentialSession
from travel_gpt.deadline import Deadline
from travel_gpt.errors import KeyRefused
from travel_gpt.llm.model_api import Answer, Prompt, Usage
from travel_gpt.settings import Settings

FIRST_KEY = "sk-proj-firstKEY0000000000000000000000000001"
SECOND_KEY = "sk-proj-otherKEY1111111111111111111111111112"


def credential(key: str = FIRST_KEY, version: str = "v1") -> Credential:
    """Return a credential as a source makes it."""
    return Credential(key=Key(key), source="scripted", version=version)


FIRST = credential(FIRST_KEY, "v1")
SECOND = credential(SECOND_KEY, "v2")

ANSWER = Answer(text="Take tram 28.", model="gpt-6-luna", usage=Usage(12, 7, 19), truncated=False)


def soon(seconds: float = 5.0) -> Deadline:
    """Return a deadline that a test which works never meets."""
    return Deadline(seconds)


Step = Credential | BaseException | Callable[[], Credential]


class ScriptedSource:
    """A source of credentials that does one step of its script a fetch, and the last one ever after."""

    name = "scripted"

    def __init__(self, *script: Step) -> None:
        self.script = list(script)
        self.fetches = 0

    def previous(self) -> Credential | None:
        """Return none: the versions before have tests of their own."""
        return None

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


@dataclass
class ModelServer:
    """A model's server that takes some keys and does what its script says with them."""

    accepts: set[str] = field(default_factory=lambda: {FIRST_KEY, SECOND_KEY})
    does: Callable[[], None] | BaseException | None = None
    asked: list[tuple[str, str]] = field(default_factory=list)
    verified: list[str] = field(default_factory=list)
    seconds_left: list[float] = field(default_factory=list)

    def ask(self, prompt: Prompt, credential: Credential, deadline: Deadline) -> Answer:
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
        self.session = CredentialSession(self.source, ttl=300, max_stale=3600, now=self.clock)
        self.api = api_of(Settings.load(environment), self.session, self.server, now=self.clock)
        self.adviser, self.health = self.api._adviser, self.api._health
