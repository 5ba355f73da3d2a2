"""``POST /responses``: OpenAI's own API, and how the JSON of a reply is read, also for the other API.

A reply is not validated, so nothing in it is certain to be there or to have the type that the API documents.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from travel_gpt.errors import ContentRefused, TravelGPTError, UpstreamFailed
from travel_gpt.llm.capabilities import ServerCapabilities
from travel_gpt.llm.model_api import Answer, ModelRequest, Usage

_CAP_USED_UP: Final = (
    "The longest answer that is allowed was used up before its first word. Ask for less at once; the owner "
    "can raise OPENAI_MAX_OUTPUT_TOKENS, or lower OPENAI_REASONING_EFFORT."
)


class ResponsesApi:
    """OpenAI's Responses API."""

    path: Final = "/responses"

    def body(self, request: ModelRequest, *, stream: bool = False) -> dict[str, Any]:
        """Return the body of the HTTP request. ``store`` is off: OpenAI would keep the query for 30 days."""
        structured, schema = request.structured, request.prompt.schema
        instructions = request.instructions(structured)
        query = {"role": "user", "content": request.prompt.query}
        body: dict[str, Any] = {
            "model": request.model,
            "instructions": instructions,
            "input": [query],
            "max_output_tokens": request.max_output_tokens,
        }
        if structured == "schema" and schema is not None:
            shape = {"name": schema.name, "strict": True, "schema": schema.document}
            body["text"] = {"format": {"type": "json_schema", **shape}}
        elif structured == "json":
            body["text"] = {"format": {"type": "json_object"}}
            # The word JSON must be in the input; in the instructions it does not count: "Response input
            # messages must contain the word 'json' in some form" (BigDawnGhost/wenyi pull request 66).
            del body["instructions"]
            body["input"] = [{"role": "system", "content": instructions}, query]
        if request.capabilities.service_tier:
            body["service_tier"] = "default"
        if request.capabilities.store:
            body["store"] = False
        if request.capabilities.reasoning:
            body["reasoning"] = {"effort": request.reasoning_effort}
        if stream and request.capabilities.stream:
            body["stream"] = True
        return body

    def usage(self, reply: object) -> Usage:
        """Return the usage that a reply reports."""
        return usage_in(reply, "input_tokens", "output_tokens")

    def read(self, reply: object, model: str, text: str | None = None) -> Answer:
        """Return the answer in a Response."""
        response = require_object(reply)
        if response.get("status") == "failed":
            raise _failure(response.get("error"))
        # Reasoning has items of its own, whose texts are not for the user.
        messages = [
            objects_in(item, "content")
            for item in objects_in(response, "output")
            if item.get("type") == "message"
        ]
        reason = object_in(response, "incomplete_details").get("reason")
        return make_answer(
            text="".join(without_think_blocks(_text(parts)) for parts in messages) if text is None else text,
            refused=reason == "content_filter"
            or any(part.get("type") == "refusal" for parts in messages for part in parts),
            truncated=reason == "max_output_tokens",
            model=text_in(response, "model") or model,
            usage=self.usage(reply),
        )

    def read_events(
        self, events: Iterable[object], reply: dict[str, Any], capabilities: ServerCapabilities
    ) -> Iterator[str]:
        """Yield the text of a stream, whose last event has the whole Response."""
        from travel_gpt.llm.reasoning import ReasoningFilter

        reasoning = ReasoningFilter(capabilities)
        for event in events:
            if not isinstance(event, dict):
                continue
            kind = event.get("type")
            if kind == "response.output_text.delta":
                yield reasoning.feed(text_in(event, "delta"))
            elif kind == "response.output_item.done":
                # Each message may begin with reasoning.
                yield reasoning.end()
                reasoning = ReasoningFilter(capabilities)
            elif kind in ("response.completed", "response.incomplete"):
                reply.update(object_in(event, "response"))
                yield reasoning.end()
                return
            elif kind == "error":
                raise _failure(event)
            elif kind == "response.failed":
                reply.update(object_in(event, "response"))
                if error := reply.get("error"):
                    raise _failure(error)
            # Azure OpenAI sends response.failed without the error, and an event with it after that
            # (azure-openai/POST /v1/responses stream/stream-failed-then-error-rate-limit).
        raise ConnectionError("the stream ended before the Response")


def _failure(error: object) -> TravelGPTError:
    from travel_gpt.llm.refusals import meaning_of_error_in_200

    return meaning_of_error_in_200(error, status=500, prefix="the response has status failed")


def _text(parts: list[dict[str, Any]]) -> str:
    return "".join(text_in(part, "text") for part in parts if part.get("type") == "output_text")


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


def usage_in(reply: object, prompt_tokens: str, answer_tokens: str) -> Usage:
    """Return the usage of a reply, whose names differ between the APIs."""
    usage = object_in(reply, "usage") if isinstance(reply, dict) else {}
    details = object_in(usage, f"{prompt_tokens}_details")
    counts = (
        *(usage.get(name) for name in (prompt_tokens, answer_tokens, "total_tokens")),
        details.get("cached_tokens"),
    )
    return Usage(*(count if type(count) is int else None for count in counts))


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
