"""Server-sent events as OpenAI streams them, on both APIs.

Followed: openai/POST /v1/responses stream/stream-text, which has no [DONE], and
openai/POST /v1/chat/completions stream/stream-text-include-usage.
"""

import json
import re
import time
from collections.abc import Iterator

from tests.fakes.openai import bodies
from tests.fakes.openai.bodies import Json


def pieces(text: str) -> list[str]:
    """A text cut where a model cuts it: a word and the space before it."""
    return re.findall(r"\s*\S+|\s+$", text) or [""]


def responses_stream(body: Json, text: str) -> Iterator[bytes]:
    """The events of one answer on the Responses API."""
    final = bodies.response(body, text)
    begun = {**final, "status": "in_progress", "output": [], "usage": None, "completed_at": None}
    message = final["output"][0]
    opened = {**message, "status": "in_progress", "content": []}
    part = message["content"][0]
    place = {"item_id": message["id"], "output_index": 0, "content_index": 0}
    events: list[Json] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": opened},
        {"type": "response.content_part.added", **place, "part": {**part, "text": ""}},
        *(
            {"type": "response.output_text.delta", **place, "delta": piece, "logprobs": []}
            for piece in pieces(text)
        ),
        {"type": "response.output_text.done", **place, "text": text, "logprobs": []},
        {"type": "response.content_part.done", **place, "part": part},
        {"type": "response.output_item.done", "output_index": 0, "item": message},
        {"type": "response.completed", "response": final},
    ]
    for number, event in enumerate(events):
        yield responses_event({**event, "sequence_number": number})


def responses_event(event: Json) -> bytes:
    """One event of the Responses API, framed."""
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


def chat_stream(body: Json, text: str) -> Iterator[bytes]:
    """The chunks of one answer on the Chat Completions API, `[DONE]` included."""
    wants_usage = bool((body.get("stream_options") or {}).get("include_usage"))
    common: Json = {
        "id": bodies.identifier("chatcmpl-"),
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": body.get("model", "gpt-6-luna"),
        "service_tier": "default",
        "system_fingerprint": None,
    }
    if wants_usage:
        common["usage"] = None
    deltas: list[tuple[Json, str | None]] = [({"role": "assistant", "content": "", "refusal": None}, None)]
    deltas += [({"content": piece}, None) for piece in pieces(text)]
    deltas.append(({}, "stop"))
    for delta, finish in deltas:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        yield chat_event({**common, "choices": [choice]})
    if wants_usage:
        yield chat_event({**common, "choices": [], "usage": bodies.completion_usage(body, text)})
    yield b"data: [DONE]\n\n"


def chat_event(chunk: Json) -> bytes:
    """One chunk of the Chat Completions API, framed."""
    return f"data: {json.dumps(chunk)}\n\n".encode()
