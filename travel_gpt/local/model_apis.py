"""OpenAI's two APIs as a model's server sees them: what is asked, and the document or events of an answer."""

import json
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

Event = tuple[bool, str]
"""Whether an event has a word of the answer, and the event as it is sent."""


class Refused(Exception):
    """A request that the server refuses.

    Args:
        status: the HTTP status.
        message: the message of OpenAI's error body.
        code: its code, if any.
    """

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code


@dataclass(frozen=True, slots=True)
class Asked:
    """What a model is asked."""

    text: str
    """The latest input of the user."""
    schema: str
    """The name of the JSON schema that the answer must follow; empty without one."""
    cap: int | None
    """The most tokens of the answer."""


@dataclass(frozen=True, slots=True)
class Written:
    """An answer as an API gives it."""

    document: Mapping[str, Any]
    tokens: int


class Api(NamedTuple):
    """One of the APIs."""

    read: Callable[[Mapping[str, Any]], Asked]
    document: Callable[[Mapping[str, Any], str, Asked, str, bool], Written]
    """Takes the body, the model's name, what was asked, the text and whether it was cut."""
    events: Callable[[Mapping[str, Any], Mapping[str, Any]], Iterator[Event]]
    """Takes the document and the body."""


def capped(text: str, cap: int | None) -> tuple[str, bool]:
    """Return a text up to the cap, in tokens, and whether it was cut."""
    if cap is None or count_tokens(text) <= cap:
        return text, False
    return text.encode()[: (cap - 1) * 4].decode("utf-8", "ignore"), True


def count_tokens(text: str) -> int:
    """Estimate the number of tokens: one for four bytes."""
    return len(text.encode("utf-8", "replace")) // 4 + 1


def _read_response(body: Mapping[str, Any]) -> Asked:
    schema = _at(body, "text", "format", "name")
    return Asked(_user_message(body.get("input")), _name(schema), _number(body.get("max_output_tokens")))


def _read_completion(body: Mapping[str, Any]) -> Asked:
    schema = _at(body, "response_format", "json_schema", "name")
    cap = body.get("max_completion_tokens") or body.get("max_tokens")
    return Asked(_user_message(body.get("messages")), _name(schema), _number(cap))


def _at(value: object, *names: str) -> object:
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _name(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _user_message(said: object) -> str:
    """Return the latest input of the user: a text, or the last of the user's messages."""
    if isinstance(said, str) and said:
        return said
    for message in reversed(said if isinstance(said, list) else []):
        if isinstance(message, dict) and message.get("role") == "user":
            content = message.get("content")
            if isinstance(content, str):
                return content
            parts = content if isinstance(content, list) else []
            return "\n".join(str(part["text"]) for part in parts if isinstance(part, dict) and "text" in part)
    raise Refused(400, "There is no message of the user in the request.")


def _response(body: Mapping[str, Any], model: str, asked: Asked, text: str, cut: bool) -> Written:
    """Return an answer of the Responses API."""
    status = "incomplete" if cut else "completed"
    message = {
        "id": f"msg_{secrets.token_hex(16)}",
        "type": "message",
        "role": "assistant",
        "status": status,
        "content": [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}],
    }
    sent, tokens = count_tokens(asked.text), count_tokens(text)
    return Written(
        {
            "id": f"resp_{secrets.token_hex(16)}",
            "object": "response",
            "created_at": int(time.time()),
            "status": status,
            "error": None,
            "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
            "instructions": body.get("instructions"),
            "max_output_tokens": body.get("max_output_tokens"),
            "model": model,
            "output": [message],
            "parallel_tool_calls": True,
            "store": False,
            "tool_choice": "auto",
            "tools": [],
            "usage": {
                "input_tokens": sent,
                "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
                "output_tokens": tokens,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": sent + tokens,
            },
        },
        tokens,
    )


def _completion(_body: Mapping[str, Any], model: str, asked: Asked, text: str, cut: bool) -> Written:
    """Return an answer of the Chat Completions API."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text, "refusal": None},
        "logprobs": None,
        "finish_reason": "length" if cut else "stop",
    }
    sent, tokens = count_tokens(asked.text), count_tokens(text)
    return Written(
        {
            "id": f"chatcmpl-{secrets.token_hex(16)}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": model,
            "choices": [choice],
            "usage": {"prompt_tokens": sent, "completion_tokens": tokens, "total_tokens": sent + tokens},
        },
        tokens,
    )


def _response_events(response: Mapping[str, Any], _body: Mapping[str, Any]) -> Iterator[Event]:
    """Yield the events of a Response (OpenAI API reference, "Streaming events" of the Responses API)."""
    (message,) = response["output"]
    (part,) = message["content"]
    begun = {**response, "status": "in_progress", "output": [], "usage": None, "incomplete_details": None}
    opened = {**message, "status": "in_progress", "content": []}
    place = {"item_id": message["id"], "output_index": 0, "content_index": 0}
    last = "response.incomplete" if response["incomplete_details"] else "response.completed"
    events: list[tuple[bool, dict[str, Any]]] = [
        (False, {"type": "response.created", "response": begun}),
        (False, {"type": "response.in_progress", "response": begun}),
        (False, {"type": "response.output_item.added", "output_index": 0, "item": opened}),
        (False, {"type": "response.content_part.added", **place, "part": {**part, "text": ""}}),
        *(
            (True, {"type": "response.output_text.delta", **place, "delta": word, "logprobs": []})
            for word in _words(part["text"])
        ),
        (False, {"type": "response.output_text.done", **place, "text": part["text"], "logprobs": []}),
        (False, {"type": "response.content_part.done", **place, "part": part}),
        (False, {"type": "response.output_item.done", "output_index": 0, "item": message}),
        (False, {"type": last, "response": response}),
    ]
    for number, (is_word, event) in enumerate(events):
        yield is_word, f"event: {event['type']}\ndata: {json.dumps({**event, 'sequence_number': number})}\n\n"


def _completion_events(completion: Mapping[str, Any], body: Mapping[str, Any]) -> Iterator[Event]:
    """Yield the chunks of a completion (OpenAI API reference, "Chat completion chunk object")."""
    (choice,) = completion["choices"]
    common = {name: completion[name] for name in ("id", "created", "model")}
    deltas: list[tuple[bool, dict[str, Any], str | None]] = [
        (False, {"role": "assistant", "content": "", "refusal": None}, None),
        *((True, {"content": word}, None) for word in _words(choice["message"]["content"])),
        (False, {}, choice["finish_reason"]),
    ]
    chunks: list[tuple[bool, dict[str, Any]]] = [
        (is_word, {"choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]})
        for is_word, delta, finish in deltas
    ]
    options = body.get("stream_options")
    if isinstance(options, Mapping) and options.get("include_usage"):
        chunks.append((False, {"choices": [], "usage": completion["usage"]}))
    for is_word, chunk in chunks:
        yield is_word, f"data: {json.dumps({**common, 'object': 'chat.completion.chunk', **chunk})}\n\n"
    yield False, "data: [DONE]\n\n"


def _words(text: str) -> list[str]:
    """Return the words of a text, each with the space before it."""
    return re.findall(r"\s*\S+|\s+$", text)


APIS: Final[Mapping[str, Api]] = {
    "/v1/responses": Api(_read_response, _response, _response_events),
    "/v1/chat/completions": Api(_read_completion, _completion, _completion_events),
}
"""The APIs by their paths."""
