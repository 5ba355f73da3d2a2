"""What is asked of a model, what it answers, and what one of OpenAI's two APIs for text has to do."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from travel_gpt.llm.capabilities import ServerCapabilities


@dataclass(frozen=True, slots=True)
class Prompt:
    """What to ask a model."""

    instructions: str
    """What the model is to do, from the developer."""
    query: str
    """What the user wrote."""


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """A prompt, the model that it is for, and the limits of the answer."""

    prompt: Prompt
    model: str
    max_output_tokens: int
    """The most tokens that the answer may cost."""
    reasoning_effort: str
    capabilities: ServerCapabilities
    """Which parameters the server accepts."""
    surcharges: tuple[str, ...] = ()
    """Names of what comes on top of the model's price at this server: see ``llm/prices.json``."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call; None where the server did not report them."""

    input_tokens: int | None
    output_tokens: int | None
    total_tokens: int | None
    cached_tokens: int | None = None
    """Tokens of the input that the server had in its cache, which cost less."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of a model."""

    text: str
    model: str
    usage: Usage
    truncated: bool
    """Whether the output cap cut it short."""
    credential_version: str = ""
    """The version of the credential that it was asked with."""


class Meter(Protocol):
    """Counts what the tries of one query may cost, and what its answer cost."""

    def reserve(self, request: ModelRequest) -> None:
        """Reserve the most that one try can cost; raises the error of a limit that is reached."""

    def not_charged(self) -> None:
        """Note that the try that just failed cannot have been charged."""

    def settle(self, usage: Usage) -> None:
        """Replace what was reserved by what the answer cost."""


class ModelApi(Protocol):
    """One of OpenAI's two APIs for text."""

    @property
    def path(self) -> str:
        """Where to post, below the base URL."""

    def body(self, request: ModelRequest, *, stream: bool = False) -> dict[str, Any]:
        """Return the body of the HTTP request."""

    def usage(self, reply: object) -> Usage:
        """Return the usage that a reply reports."""

    def read(self, reply: object, model: str, text: str | None = None) -> Answer:
        """Return the answer in a reply.

        Args:
            reply: the parsed JSON.
            model: the model that was asked, for a reply that does not name it.
            text: the text that a stream brought, in place of the reply's.

        Raises:
            ContentRefused: the model declined.
            UpstreamFailed: the reply does not have the API's shape, or no text.
        """

    def read_events(
        self, events: Iterable[object], reply: dict[str, Any], capabilities: ServerCapabilities
    ) -> Iterator[str]:
        """Yield the text of a stream without reasoning, in pieces that may be empty.

        Args:
            events: the parsed JSON of each event.
            reply: filled with what ``read`` takes.
            capabilities: those of the server.

        Raises:
            ConnectionError: the stream ended before the answer did.
            TravelGPTError: the stream has an error.
        """
