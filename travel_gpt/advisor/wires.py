"""The two ways of asking a model, and of reading what comes back."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final, Protocol, cast

from openai.types.chat.chat_completion import ChatCompletion
from openai.types.responses.response import Response

from travel_gpt.advisor.dialect import REASONING, STORE, Dialect
from travel_gpt.errors import ContentRefused, UpstreamFailed

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
    dialect: Dialect
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


class Wire(Protocol):
    """One of OpenAI's two APIs for text."""

    @property
    def path(self) -> str:
        """Where to post, below the base URL."""
        ...

    @property
    def reply_type(self) -> type[Response | ChatCompletion]:
        """What the SDK makes of the reply."""
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


class ResponsesWire:
    """``POST /responses``: OpenAI's own."""

    path: Final = "/responses"
    reply_type: Final = Response

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
        reply = cast("Response", _of_type(reply, Response))
        # The SDK builds a model without validation, so nothing of it is certain to be there.
        if getattr(reply, "status", None) == "failed":
            code = getattr(getattr(reply, "error", None), "code", None)
            raise UpstreamFailed(f"the response has status failed, code {code}")
        texts: list[str] = []
        refused = False
        for item in _list(getattr(reply, "output", None)):
            if getattr(item, "type", None) != "message":
                continue
            for part in _list(getattr(item, "content", None)):
                if getattr(part, "type", None) == "output_text":
                    texts.append(str(getattr(part, "text", None) or ""))
                elif getattr(part, "type", None) == "refusal":
                    refused = True
        reason = getattr(getattr(reply, "incomplete_details", None), "reason", None)
        usage = getattr(reply, "usage", None)
        return _answer(
            text="".join(texts),
            refused=refused or reason == "content_filter",
            truncated=reason == "max_output_tokens",
            model=getattr(reply, "model", None) or question.model,
            usage=_usage(usage, "input_tokens", "output_tokens"),
        )


class ChatWire:
    """``POST /chat/completions``: what most compatible servers speak."""

    path: Final = "/chat/completions"
    reply_type: Final = ChatCompletion

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
        reply = cast("ChatCompletion", _of_type(reply, ChatCompletion))
        choices = _list(getattr(reply, "choices", None))
        if not choices:
            raise UpstreamFailed("the completion has no choices")
        message = getattr(choices[0], "message", None)
        finish = getattr(choices[0], "finish_reason", None)
        return _answer(
            text=str(getattr(message, "content", None) or ""),
            refused=bool(getattr(message, "refusal", None)) or finish == "content_filter",
            truncated=finish == "length",
            model=getattr(reply, "model", None) or question.model,
            usage=_usage(getattr(reply, "usage", None), "prompt_tokens", "completion_tokens"),
        )


WIRES: Final[Mapping[str, Wire]] = {"responses": ResponsesWire(), "chat": ChatWire()}


def _of_type(reply: object, expected: type[object]) -> object:
    # The SDK hands over the text of a reply that is not declared as JSON.
    if not isinstance(reply, expected):
        raise UpstreamFailed(f"the reply is a {type(reply).__name__}, not the wire's JSON")
    return reply


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _usage(usage: object, given: str, produced: str) -> Usage:
    def tokens(name: str) -> int | None:
        value = getattr(usage, name, None)
        return value if isinstance(value, int) else None

    return Usage(tokens(given), tokens(produced), tokens("total_tokens"))


def _answer(*, text: str, refused: bool, truncated: bool, model: str, usage: Usage) -> Answer:
    if text.strip():
        return Answer(text=text.strip(), model=model, usage=usage, truncated=truncated)
    if refused:
        raise ContentRefused("the model refused")
    if truncated:
        raise UpstreamFailed(
            "the output cap was used up before the first word: raise OPENAI_MAX_OUTPUT_TOKENS"
        )
    raise UpstreamFailed("the reply has no text")
