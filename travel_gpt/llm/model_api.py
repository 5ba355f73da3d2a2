"""What OpenAI's two APIs for text have in common: what is asked, what comes back, and how its JSON is read.

A reply is not validated, so nothing in it is certain to be there or to have the type that the API documents.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Protocol

from travel_gpt.errors import ContentRefused, UpstreamFailed
from travel_gpt.llm.capabilities import ServerCapabilities

_CAP_USED_UP: Final = (
    "The longest answer that is allowed was used up before its first word. Ask for less at once; the owner "
    "can raise OPENAI_MAX_OUTPUT_TOKENS, or lower OPENAI_REASONING_EFFORT."
)


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


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call; None where the server did not report them."""

    input_tokens: int | None
    output_tokens: int | None
    total_tokens: int | None


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of a model."""

    text: str
    model: str
    usage: Usage
    truncated: bool
    """Whether the output cap cut it short."""


class ModelApi(Protocol):
    """One of OpenAI's two APIs for text."""

    @property
    def path(self) -> str:
        """Where to post, below the base URL."""

    def body(self, request: ModelRequest, *, stream: bool = False) -> dict[str, Any]:
        """Return the body of the HTTP request."""

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


def is_error(reply: object) -> bool:
    """Return whether a reply with status 200 is an error all the same, as some servers send it.

    Recorded: runpod-vllm/POST /v1/chat/completions/404-model-as-200. LM Studio answers a path that it does
    not have with 200 and ``{"error": "Unexpected endpoint or method. (…)"}`` (lmstudio-bug-tracker
    issue 618).
    """
    if not isinstance(reply, dict) or "output" in reply or "choices" in reply or "data" in reply:
        return False
    return bool(reply.get("error")) or reply.get("object") == "error"


def require_object(reply: object) -> dict[str, Any]:
    """Return a reply that is a JSON object.

    Raises:
        UpstreamFailed: it is not. The SDK returns the text of a reply that is not declared as JSON.
    """
    if not isinstance(reply, dict):
        raise UpstreamFailed(f"the reply is a {type(reply).__name__}, not a JSON object")
    return reply


def object_in(parent: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a field that is an object, or an empty one."""
    value = parent.get(name)
    return value if isinstance(value, dict) else {}


def objects_in(parent: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Return the objects in a field that is a list."""
    value = parent.get(name)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text_in(parent: dict[str, Any], name: str) -> str:
    """Return a field that is a string, or an empty one."""
    value = parent.get(name)
    return value if isinstance(value, str) else ""


def usage_in(reply: dict[str, Any], prompt_tokens: str, answer_tokens: str) -> Usage:
    """Return the usage of a reply, whose names differ between the APIs."""
    usage = object_in(reply, "usage")
    counts = (usage.get(name) for name in (prompt_tokens, answer_tokens, "total_tokens"))
    return Usage(*(count if isinstance(count, int) else None for count in counts))


def without_think_blocks(text: str) -> str:
    """Return a whole text of a model without the reasoning that some servers leave in it."""
    if "think" not in text.lower():
        return text
    from travel_gpt.llm.reasoning import without_reasoning

    return without_reasoning(text)


def make_answer(*, text: str, refused: bool, truncated: bool, model: str, usage: Usage) -> Answer:
    """Return an answer.

    Raises:
        ContentRefused: there is no text, since the model declined.
        UpstreamFailed: there is no text for another reason.
    """
    if text.strip():
        return Answer(text=text.strip(), model=model, usage=usage, truncated=truncated)
    if refused:
        raise ContentRefused("the model refused")
    if truncated:
        raise UpstreamFailed(
            "the output cap was used up before the first word: raise OPENAI_MAX_OUTPUT_TOKENS",
            message=_CAP_USED_UP,
        )
    raise UpstreamFailed("the reply has no text")
