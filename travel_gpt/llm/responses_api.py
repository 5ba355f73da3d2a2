"""``POST /responses``: OpenAI's own API."""

from typing import Any, Final

from travel_gpt.llm.model_api import (
    Answer,
    ModelRequest,
    make_answer,
    object_in,
    objects_in,
    require_object,
    text_in,
    usage_in,
    without_think_blocks,
)


class ResponsesApi:
    """OpenAI's Responses API."""

    path: Final = "/responses"

    def body(self, request: ModelRequest) -> dict[str, Any]:
        """Return the body of the HTTP request. ``store`` is off: OpenAI would keep the query for 30 days."""
        body: dict[str, Any] = {
            "model": request.model,
            "instructions": request.prompt.instructions,
            "input": [{"role": "user", "content": request.prompt.query}],
            "max_output_tokens": request.max_output_tokens,
        }
        if request.capabilities.store:
            body["store"] = False
        if request.capabilities.reasoning:
            body["reasoning"] = {"effort": request.reasoning_effort}
        return body

    def read(self, reply: object, model: str) -> Answer:
        """Return the answer in a Response."""
        response = require_object(reply)
        if response.get("status") == "failed":
            from travel_gpt.llm.refusals import of_failed_response

            raise of_failed_response(response.get("error"))
        # Reasoning has items of its own, whose texts are not for the user.
        messages = [
            objects_in(item, "content")
            for item in objects_in(response, "output")
            if item.get("type") == "message"
        ]
        reason = object_in(response, "incomplete_details").get("reason")
        return make_answer(
            text="".join(without_think_blocks(_text(parts)) for parts in messages),
            refused=reason == "content_filter"
            or any(part.get("type") == "refusal" for parts in messages for part in parts),
            truncated=reason == "max_output_tokens",
            model=text_in(response, "model") or model,
            usage=usage_in(response, "input_tokens", "output_tokens"),
        )


def _text(parts: list[dict[str, Any]]) -> str:
    return "".join(text_in(part, "text") for part in parts if part.get("type") == "output_text")
