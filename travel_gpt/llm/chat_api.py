"""``POST /chat/completions``: the API that most compatible servers have."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from travel_gpt.errors import UpstreamFailed
from travel_gpt.llm.capabilities import ServerCapabilities
from travel_gpt.llm.model_api import Answer, ModelRequest, Usage
from travel_gpt.llm.responses_api import (
    make_answer,
    object_in,
    objects_in,
    require_object,
    text_in,
    usage_in,
    without_think_blocks,
)


class ChatApi:
    """OpenAI's Chat Completions API."""

    path: Final = "/chat/completions"

    def body(self, request: ModelRequest, *, stream: bool = False) -> dict[str, Any]:
        """Return the body of the HTTP request."""
        structured, schema = request.structured, request.prompt.schema
        body: dict[str, Any] = {
            "model": request.model,
            "messages": [
                {"role": "system", "content": request.instructions(structured)},
                {"role": "user", "content": request.prompt.query},
            ],
            request.capabilities.output_cap: request.max_output_tokens,
        }
        if structured == "schema" and schema is not None:
            shape = {"name": schema.name, "strict": True, "schema": schema.document}
            body["response_format"] = {"type": "json_schema", "json_schema": shape}
        elif structured == "json":
            body["response_format"] = {"type": "json_object"}
        if request.capabilities.service_tier:
            body["service_tier"] = "default"
        if request.capabilities.store:
            body["store"] = False
        if request.capabilities.reasoning:
            body["reasoning_effort"] = request.reasoning_effort
        if stream and request.capabilities.stream:
            body["stream"] = True
            if request.capabilities.stream_options:
                body["stream_options"] = {"include_usage": True}
        return body

    def usage(self, reply: object) -> Usage:
        """Return the usage that a reply reports."""
        return usage_in(reply, "prompt_tokens", "completion_tokens")

    def read(self, reply: object, model: str, text: str | None = None) -> Answer:
        """Return the answer in a ChatCompletion."""
        completion = require_object(reply)
        choices = objects_in(completion, "choices")
        if not choices:
            raise UpstreamFailed("the completion has no choices")
        message = object_in(choices[0], "message")
        finish = choices[0].get("finish_reason")
        return make_answer(
            text=without_think_blocks(_message_text(message)) if text is None else text,
            refused=bool(message.get("refusal")) or finish == "content_filter",
            truncated=finish == "length",
            model=text_in(completion, "model") or model,
            usage=self.usage(reply),
        )

    def read_events(
        self, events: Iterable[object], reply: dict[str, Any], capabilities: ServerCapabilities
    ) -> Iterator[str]:
        """Yield the text of a stream, and make a ChatCompletion of what is beside the text."""
        from travel_gpt.llm.reasoning import ReasoningFilter

        reasoning = ReasoningFilter(capabilities)
        message: dict[str, Any] = {}
        choice: dict[str, Any] = {"message": message}
        reply["choices"] = [choice]
        for chunk in events:
            if not isinstance(chunk, dict):
                continue
            reply.update({name: chunk[name] for name in ("model", "usage") if chunk.get(name)})
            for part in objects_in(chunk, "choices")[:1]:
                delta = object_in(part, "delta")
                choice["finish_reason"] = part.get("finish_reason") or choice.get("finish_reason")
                message["refusal"] = delta.get("refusal") or message.get("refusal")
                yield reasoning.feed(_message_text(delta))
        # A stream that was cut may end in an orderly way, and some servers send no [DONE]
        # (gpustack/POST /v1/chat/completions stream/stream-without-done).
        if not choice.get("finish_reason"):
            raise ConnectionError("the stream ended without a finish_reason")
        yield reasoning.end()


def _message_text(message: dict[str, Any]) -> str:
    """Return the content of a message: a string, or parts, of which only those of type text are the answer.

    Servers put the model's reasoning into other parts, or beside the content (``reasoning_content``).
    """
    parts = (part for part in objects_in(message, "content") if part.get("type") == "text")
    return text_in(message, "content") or "".join(text_in(part, "text") for part in parts)
