"""A small model server with OpenAI's HTTP API on loopback, so that a first try needs no key.

It has both APIs and ``/models``. An answer is an outline of the query, and a note that it is only a demo. It
can be streamed, word by word.
"""

import hmac
import json
import re
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from travel_gpt.api.health import DEMO_MODEL
from travel_gpt.local.demo_trip import Trip, read_trip
from travel_gpt.local.server import QuietRequestHandler

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

NAME: Final = DEMO_MODEL
_LARGEST_BODY: Final = 1024 * 1024

_Event = tuple[bool, str]
"""Whether an event has a word of the answer, and the event as it is sent."""

WORD_SECONDS: Final = 0.005
"""Seconds from one word of a streamed answer to the next, so that it is seen to be one."""


class Refused(Exception):
    """A request that the demo model refuses.

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


class DemoModel:
    """The demo model's server. It accepts only its own key, as the real one does.

    Args:
        seconds: the time that an answer takes.
        word_seconds: the least time from one word of a streamed answer to the next.
    """

    def __init__(self, seconds: float = 0, word_seconds: float = WORD_SECONDS) -> None:
        self._seconds = seconds
        self._word_seconds = word_seconds
        self.key = "demo-" + secrets.token_hex(16)
        self._server = make_server(
            "127.0.0.1", 0, self._application, threaded=True, request_handler=QuietRequestHandler
        )
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), daemon=True, name="demo-model")

    @property
    def base_url(self) -> str:
        """The value for OPENAI_BASE_URL."""
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _application(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        request = Request(environ)
        request.max_content_length = _LARGEST_BODY
        try:
            document = self._answer(request)
            status = 200
            if (stream := _STREAMS.get(request.path)) and _body(request).get("stream"):
                events = self._paced(stream(document, _body(request)))
                return Response(events, status, content_type="text/event-stream; charset=utf-8")(
                    environ, start_response
                )
        except Refused as refused:
            status = refused.status
            document = {
                "error": {
                    "message": refused.message,
                    "type": "invalid_request_error",
                    "param": None,
                    "code": refused.code,
                }
            }
        return Response(json.dumps(document), status, content_type="application/json")(
            environ, start_response
        )

    def _paced(self, events: Iterator[_Event]) -> Iterator[bytes]:
        made = list(events)
        words = sum(is_word for is_word, _ in made)
        for is_word, event in made:
            if is_word:
                time.sleep(max(self._word_seconds, self._seconds / words))
            yield event.encode()

    def _answer(self, request: Request) -> dict[str, Any]:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), self.key.encode()):
            raise Refused(401, "Incorrect API key provided.", "invalid_api_key")
        match request.method, request.path:
            case "GET", "/v1/models":
                return {"object": "list", "data": [_model()]}
            case "POST", "/v1/responses" | "/v1/chat/completions":
                body = _body(request)
                if not body.get("stream"):
                    time.sleep(self._seconds)
                return _response(body) if request.path == "/v1/responses" else _completion(body)
        raise Refused(404, f"Invalid URL ({request.method} {request.path})")


def _body(request: Request) -> Mapping[str, Any]:
    body = request.get_json(force=True, silent=True)
    if not isinstance(body, dict):
        raise Refused(400, "We could not parse the JSON body of your request.")
    return body


def _model() -> dict[str, Any]:
    return {"id": NAME, "object": "model", "created": 1_790_000_000, "owned_by": "travel-gpt"}


def _response(body: Mapping[str, Any]) -> dict[str, Any]:
    """Answer a call of the Responses API."""
    asked = _user_message(body.get("input"))
    text, cut = _capped("\n\n".join(answer(asked)), body.get("max_output_tokens"))
    now = int(time.time())
    message = {
        "id": f"msg_{secrets.token_hex(16)}",
        "type": "message",
        "role": "assistant",
        "status": "incomplete" if cut else "completed",
        "content": [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}],
    }
    return {
        "id": f"resp_{secrets.token_hex(16)}",
        "object": "response",
        "created_at": now,
        "status": "incomplete" if cut else "completed",
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "model": NAME,
        "output": [message],
        "parallel_tool_calls": True,
        "store": False,
        "tool_choice": "auto",
        "tools": [],
        "usage": {
            "input_tokens": _tokens(asked),
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": _tokens(text),
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": _tokens(asked) + _tokens(text),
        },
    }


def _completion(body: Mapping[str, Any]) -> dict[str, Any]:
    """Answer a call of the Chat Completions API."""
    asked = _user_message(body.get("messages"))
    cap = body.get("max_completion_tokens") or body.get("max_tokens")
    text, cut = _capped("\n\n".join(answer(asked)), cap)
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text, "refusal": None},
        "logprobs": None,
        "finish_reason": "length" if cut else "stop",
    }
    return {
        "id": f"chatcmpl-{secrets.token_hex(16)}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": NAME,
        "choices": [choice],
        "usage": {
            "prompt_tokens": _tokens(asked),
            "completion_tokens": _tokens(text),
            "total_tokens": _tokens(asked) + _tokens(text),
        },
    }


def _response_events(response: Mapping[str, Any], _body: Mapping[str, Any]) -> Iterator[_Event]:
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


def _completion_events(completion: Mapping[str, Any], body: Mapping[str, Any]) -> Iterator[_Event]:
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


_STREAMS: Final = {
    "/v1/responses": _response_events,
    "/v1/chat/completions": _completion_events,
}


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


def _tokens(text: str) -> int:
    """Estimate the number of tokens: one for four bytes."""
    return len(text.encode("utf-8", "replace")) // 4 + 1


def _capped(text: str, cap: object) -> tuple[str, bool]:
    """Return the text up to the cap, in tokens, and whether it was cut."""
    if not isinstance(cap, int) or _tokens(text) <= cap:
        return text, False
    return text.encode()[: (cap - 1) * 4].decode("utf-8", "ignore"), True


_FOR_REAL_ANSWERS: Final = (
    "For real answers, stop this server and start it with your OpenAI key: "
    "read -rs OPENAI_API_KEY; export OPENAI_API_KEY; make run "
    "(OPENAI_BASE_URL takes any compatible server, such as Ollama, instead)."
)
_VERIFY: Final = (
    "Verify before booking:\n"
    "- entry and visa rules for your own passport: the embassy\n"
    "- health and safety advice: your government's travel pages\n"
    "- timetables, prices and what is included: the operator\n"
    "- opening days and hours of what you want to see: its own site"
)
_LONGEST_QUOTE: Final = 300
_MOST_LINES: Final = 10
_LONGEST_TRIP: Final = 90
_ENGLISH: Final = re.compile(
    r"\b(?:the|a|to|in|and|for|from|with|of|is|my|please|what|trip|days?|weeks?|plan)\b", re.IGNORECASE
)


def answer(query: str) -> Iterator[str]:
    """Answer a query, paragraph by paragraph.

    Args:
        query: what a traveller wrote, in any language.

    Yields:
        The paragraphs, to be joined by an empty line.
    """
    trip = read_trip(query)
    yield (
        "This is Travel GPT's built-in demo model. It is no AI and knows no places: it extracts what it can "
        "from the request and outlines a plan."
    )
    yield f"You asked: {_quoted(query)}"
    if not _ENGLISH.search(query):
        yield "The demo writes English; a real model answers in the language of the request."
    found = _found(trip)
    if found:
        yield "Found in it:\n" + "\n".join(f"- {line}" for line in found)
    else:
        yield "It found no place, date or number in it; a real model understands any request."
    if trip.destinations:
        yield "An outline to fill in:\n" + "\n".join(_outline(trip))
    yield _VERIFY
    yield _FOR_REAL_ANSWERS


def _quoted(query: str) -> str:
    text = " ".join(query.split())
    if len(text) > _LONGEST_QUOTE:
        text = text[:_LONGEST_QUOTE].rstrip() + "…"
    return f"“{text}”"


def _found(trip: Trip) -> list[str]:
    named = {
        "from": trip.origin,
        "to": ", ".join(trip.destinations),
        "towns to see": trip.cities,
        "days": trip.days,
        "dates": trip.dates,
        "people": trip.people,
        "budget": _budget(trip),
    }
    lines = [f"{name}: {value}" for name, value in named.items() if value]
    return [*lines, *trip.wishes]


def _budget(trip: Trip) -> str | None:
    if trip.budget is None or not trip.days or (amount := _amount(trip.budget)) is None:
        return trip.budget
    shares = [f"about {amount / trip.days:,.0f} a day"]
    if trip.people and trip.people > 1:
        shares.append(f"{amount / trip.days / trip.people:,.0f} a day for each of you")
    return f"{trip.budget} ({', '.join(shares)})"


def _amount(budget: str) -> float | None:
    digits = re.sub(r"[^\d.,k]", "", budget.lower())
    thousands = 1000 if digits.endswith("k") else 1
    digits = digits.rstrip("k")
    if re.fullmatch(r"\d{1,3}(?:[.,]\d{3})+", digits):
        return float(re.sub(r"[.,]", "", digits)) * thousands
    try:
        return float(digits.replace(",", ".")) * thousands
    except ValueError:
        return None


def _outline(trip: Trip) -> Iterator[str]:
    stops = _stops(trip)
    days = min(trip.days or 3, _LONGEST_TRIP)
    if trip.days is None:
        yield "(no length given: three days assumed)"
    if days < len(stops):
        yield f"({len(stops)} places in {days} days: leave some out)"
    elif days <= _MOST_LINES:
        yield from _by_day(trip, stops, days)
    else:
        yield from _by_stop(stops, days)


def _stops(trip: Trip) -> list[str]:
    if trip.cities is None or len(trip.destinations) > 1:
        return list(trip.destinations)
    return [
        f"{trip.destinations[0]}, town {number}" for number in range(1, min(trip.cities, _MOST_LINES) + 1)
    ]


def _by_day(trip: Trip, stops: list[str], days: int) -> Iterator[str]:
    before: str | None = None
    for day in range(1, days + 1):
        stop = stops[(day - 1) * len(stops) // days]
        parts = []
        if day == 1:
            parts.append(f"travel from {trip.origin} to {stop}" if trip.origin else f"arrive in {stop}")
            parts.append("check in, explore the neighbourhood, dinner")
        elif stop != before:
            parts.append(f"continue to {stop}, check in, see its centre")
        else:
            parts.append(f"{stop}: a main sight in the morning, a quarter on foot in the afternoon")
        if day == days:
            parts.append(f"travel back to {trip.origin}" if trip.origin else "travel home")
        yield f"Day {day}: {'; '.join(parts)}"
        before = stop


def _by_stop(stops: list[str], days: int) -> Iterator[str]:
    for number, stop in enumerate(stops):
        first, last = number * days // len(stops) + 1, (number + 1) * days // len(stops)
        span = f"Day {first}" if first == last else f"Days {first} to {last}"
        yield f"{span}: {stop}"
    yield "Keep a day free in every week."
