"""What is asked of a model, what it answers, and what one of OpenAI's two APIs for text has to do."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Protocol, Self

from travel_gpt.llm.capabilities import ServerCapabilities, Structured

IN_WORDS: Final = (
    "Answer with one JSON object and nothing else: no text before or after it, and no code fence. It must "
    "follow this JSON schema, with every property that it requires:"
)
"""What stands before a schema that is a part of the instructions."""


@dataclass(frozen=True)
class Schema:
    """A JSON schema that an answer is to follow.

    OpenAI's strict mode wants ``additionalProperties`` false and every property required (OpenAI's guide
    "Structured Outputs", "Supported schemas"). What a server makes of it is not certain: an answer is to be
    validated all the same.
    """

    name: str
    """At most 64 letters, digits, underscores and hyphens."""
    text: str
    """The schema as JSON."""

    @cached_property
    def document(self) -> dict[str, Any]:
        """The parsed schema, which is not to be changed."""
        document: dict[str, Any] = json.loads(self.text)
        return document

    @cached_property
    def compact(self) -> str:
        """The schema as JSON without spaces, which cost tokens."""
        return json.dumps(self.document, ensure_ascii=False, separators=(",", ":"))

    @property
    def in_words(self) -> str:
        """What is added to the instructions of a server that does not keep to the schema by itself."""
        return f"\n\n{IN_WORDS}\n{self.compact}"


@dataclass(frozen=True, slots=True)
class Prompt:
    """What to ask a model."""

    instructions: str
    """What the model is to do, from the developer."""
    query: str
    """What the user wrote."""
    schema: Schema | None = None
    """What the answer is to follow; None for prose."""
    max_output_tokens: int | None = None
    """The most tokens that the answer itself may have, in place of OPENAI_MAX_OUTPUT_TOKENS. A model that
    reasons gets those of the setting besides, since its reasoning counts as output."""


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

    @property
    def structured(self) -> Structured | None:
        """How to ask for the schema now; None without one. Another thread may change it at any moment."""
        return None if self.prompt.schema is None else self.capabilities.structured

    def instructions(self, structured: Structured | None) -> str:
        """Return the instructions, with the schema in words where the server needs them.

        Args:
            structured: how the schema is asked for.
        """
        schema = self.prompt.schema
        if schema is None or (structured == "schema" and not self.capabilities.ignores_schema):
            return self.prompt.instructions
        return self.prompt.instructions + schema.in_words


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
    fields: Mapping[str, Any] = field(default_factory=dict)
    """What the reply to the caller has besides, where code made more of the model's answer."""


class Meter(Protocol):
    """Counts what the tries of one query may cost, and what its answer cost."""

    def reserve(self, request: ModelRequest) -> None:
        """Reserve the most that one try can cost; raises the error of a limit that is reached."""

    def not_charged(self) -> None:
        """Note that the try that just failed cannot have been charged."""

    def settle(self, usage: Usage) -> None:
        """Replace what was reserved by what the answer cost."""

    def another(self) -> Self:
        """Return the meter of a further call for the same query, which may run at the same time.

        It reserves and settles on its own, and does not count the query again. What it costs counts for this
        meter too, and it ends with it. To be asked for after this meter's first reservation.
        """


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
