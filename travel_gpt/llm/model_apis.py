"""The two ways of asking a model, and of reading what comes back."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final, Protocol

from travel_gpt.errors import ContentRefused, UpstreamFailed
from travel_gpt.llm.capabilities import REASONING, STORE, ServerCapabilities
from travel_gpt.llm.reasoning import without_reasoning
from travel_gpt.llm.refusals import of_failed_response

INSTRUCTIONS: Final = (
    files("travel_gpt.advisor").joinpath("instructions.txt").read_text(encoding="utf-8").strip()
)


@dataclass(frozen=True, slots=True)
class Question:
    """What to ask, of which model, within which limits."""

    query: str
    model: str
    max_output_tokens: int
    """The most tokens that the answer may cost."""
    reasoning_effort: str
    dialect: ServerCapabilities
    """What the server takes of it."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call; None where the server did not say."""

    input_tokens: int | None
    output_tokens: int | None
    total_tokens: int | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model said."""

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
        ...

    def body(self, question: Question) -> dict[str, Any]:
        """Return the request body that asks the question."""
        ...

    def read(self, reply: object, question: Question) -> Answer:
        """Return the answer in a reply.

        Raises:
            ContentRefused: the model declined.
            UpstreamFailed: the reply is not what the wire promises.
        """
        ...


class ResponsesApi:
    """``POST /responses``: OpenAI's own."""

    path: Final = "/responses"

    def body(self, question: Question) -> dict[str, Any]:
        """Return the request body. ``store`` is off: OpenAI would keep the query for 30 days."""
        body: dict[str, Any] = {
            "model": question.model,
            "instructions": INSTRUCTIONS,
            "input": [{"role": "user", "content": question.query}],
            "max_output_tokens": question.max_output_tokens,
        }
        if question.dialect.takes(STORE):
            body["store"] = False
        if question.dialect.takes(REASONING):
            body["reasoning"] = {"effort": question.reasoning_effort}
        return body

    def read(self, reply: object, question: Question) -> Answer:
        """Return the answer in a Response."""
        document = _document(reply)
        if document.get("status") == "failed":
            raise of_failed_response(document.get("error"))
        texts: list[str] = []
        refused = False
        for item in _parts(document, "output"):
            # Reasoning has items of its own, whose texts are not for the traveller.
            if item.get("type") != "message":
                continue
            parts = _parts(item, "content")
            said = "".join(_words(part, "text") for part in parts if part.get("type") == "output_text")
            texts.append(without_reasoning(said))
            refused = refused or any(part.get("type") == "refusal" for part in parts)
        reason = _part(document, "incomplete_details").get("reason")
        return _answer(
            text="".join(texts),
            refused=refused or reason == "content_filter",
            truncated=reason == "max_output_tokens",
            model=_words(document, "model") or question.model,
            usage=_usage(document, "input_tokens", "output_tokens"),
        )


class ChatApi:
    """``POST /chat/completions``: what most compatible servers speak."""

    path: Final = "/chat/completions"

    def body(self, question: Question) -> dict[str, Any]:
        """Return the request body."""
        body: dict[str, Any] = {
            "model": question.model,
            "messages": [
                {"role": "system", "content": INSTRUCTIONS},
                {"role": "user", "content": question.query},
            ],
            question.dialect.chat_cap: question.max_output_tokens,
        }
        if question.dialect.takes(STORE):
            body["store"] = False
        if question.dialect.takes(REASONING):
            body["reasoning_effort"] = question.reasoning_effort
        return body

    def read(self, reply: object, question: Question) -> Answer:
        """Return the answer in a ChatCompletion."""
        document = _document(reply)
        choices = _parts(document, "choices")
        if not choices:
            raise UpstreamFailed("the completion has no choices")
        message = _part(choices[0], "message")
        finish = choices[0].get("finish_reason")
        # Some models answer in parts, and reason in others. What servers call reasoning_content or reasoning
        # is beside the content.
        said = _words(message, "content") or "".join(
            _words(part, "text") for part in _parts(message, "content") if part.get("type") == "text"
        )
        return _answer(
            text=without_reasoning(said),
            refused=bool(message.get("refusal")) or finish == "content_filter",
            truncated=finish == "length",
            model=_words(document, "model") or question.model,
            usage=_usage(document, "prompt_tokens", "completion_tokens"),
        )


_CAP_USED_UP: Final = (
    "The longest answer that is allowed was used up before its first word. Ask for less at once; the owner "
    "can raise OPENAI_MAX_OUTPUT_TOKENS, or lower OPENAI_REASONING_EFFORT."
)

MODEL_APIS: Final[Mapping[str, ModelApi]] = {"responses": ResponsesApi(), "chat": ChatApi()}


# Nobody has validated a reply, so nothing in it is certain to be there, or to be what the wire promises.


def _document(reply: object) -> dict[str, Any]:
    # The SDK hands over the text of a reply that is not declared as JSON.
    if not isinstance(reply, dict):
        raise UpstreamFailed(f"the reply is a {type(reply).__name__}, not the wire's JSON")
    return reply


def _part(of: dict[str, Any], name: str) -> dict[str, Any]:
    value = of.get(name)
    return value if isinstance(value, dict) else {}


def _parts(of: dict[str, Any], name: str) -> list[dict[str, Any]]:
    value = of.get(name)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _words(of: dict[str, Any], name: str) -> str:
    value = of.get(name)
    return value if isinstance(value, str) else ""


def _usage(document: dict[str, Any], given: str, produced: str) -> Usage:
    usage = _part(document, "usage")

    def tokens(name: str) -> int | None:
        value = usage.get(name)
        return value if isinstance(value, int) else None

    return Usage(tokens(given), tokens(produced), tokens("total_tokens"))


def _answer(*, text: str, refused: bool, truncated: bool, model: str, usage: Usage) -> Answer:
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
