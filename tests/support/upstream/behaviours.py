"""Everything an upstream can do to a client, by name. Each returns a behaviour to script."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, Final

from tests.support.upstream import bodies, events

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.support.upstream.bodies import Json
    from tests.support.upstream.exchange import Behaviour, Exchange

DECLINED: Final = "I'm sorry, but I can't help with that."


def answer(text: str | None = None, *, usage: Json | None = None, pause: float = 0.0) -> Behaviour:
    """Answer as asked: a document, or a stream for `"stream": true`; the list for `/models`.

    Args:
        text: the answer; by default one that quotes the query.
        usage: fields that overwrite those of the usage figures.
        pause: seconds between the events of a stream.

    Returns:
        The behaviour.
    """

    def act(exchange: Exchange) -> None:
        if exchange.body.get("stream"):
            exchange.stream(_events(exchange, text), pause)
            return
        document = _document(exchange, text)
        if usage is not None and "usage" in document:
            document["usage"] = {**document["usage"], **usage}
        exchange.reply(200, document)

    return act


def stream(text: str | None = None, *, pause: float = 0.0) -> Behaviour:
    """Send a stream of events, asked for or not."""
    return lambda exchange: exchange.stream(_events(exchange, text), pause)


def error(
    status: int,
    message: str,
    kind: str = "invalid_request_error",
    code: str | None = None,
    param: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Behaviour:
    """Refuse with OpenAI's error body; every refusal below is one of these."""
    return lambda exchange: exchange.reply(status, bodies.error(message, kind, code, param), headers)


def reject_key() -> Behaviour:
    """401, quoting part of the key that came, as OpenAI does."""
    return lambda exchange: exchange.reply(401, bodies.wrong_key(exchange.call.key))


def missing_scope(scope: str = "api.responses.write", *, status: int = 403) -> Behaviour:
    """A restricted key without the scope. OpenAI says it with 403, and at times with 401."""
    return error(
        status,
        f"You have insufficient permissions for this operation. Missing scopes: {scope}. Check that you have "
        "the correct role in your organization (Reader, Writer, Owner) and project (Member, Owner), and if "
        "you're using a restricted API key, that it has the necessary scopes.",
        code="missing_scope",
    )


def no_model_access() -> Behaviour:
    """403: the project may not use the model."""
    return lambda exchange: exchange.reply(
        403,
        bodies.error(
            f"Project `proj_example` does not have access to model `{exchange.body.get('model')}`",
            code="model_not_found",
        ),
    )


def unknown_model(*, status: int = 404) -> Behaviour:
    """404: no such model. Until late 2026 the Responses wire said it with 400."""

    def act(exchange: Exchange) -> None:
        name = exchange.body.get("model")
        message = f"The model `{name}` does not exist or you do not have access to it."
        if status == 400:
            message = f"The requested model '{name}' does not exist."
        param = "model" if status == 400 else None
        exchange.reply(status, bodies.error(message, code="model_not_found", param=param))

    return act


def unsupported_parameter(name: str) -> Behaviour:
    """400: the model or server does not take the parameter."""
    return error(
        400,
        f"Unsupported parameter: '{name}' is not supported with this model.",
        code="unsupported_parameter",
        param=name,
    )


def content_policy(code: str = "content_policy_violation") -> Behaviour:
    """400: the query was refused before any model saw it (`invalid_prompt` is the other code)."""
    return error(
        400,
        "Invalid prompt: your prompt was flagged as potentially violating our usage policy. Please try again "
        "with a different prompt.",
        code=code,
    )


def refusal(text: str = DECLINED) -> Behaviour:
    """200, and the model declines."""

    def act(exchange: Exchange) -> None:
        if exchange.wire == "responses":
            exchange.reply(200, bodies.response(exchange.body, refusal=text))
        else:
            exchange.reply(200, bodies.completion(exchange.body, None, refusal=text))

    return act


def filtered() -> Behaviour:
    """200, and a content filter took the answer away."""

    def act(exchange: Exchange) -> None:
        if exchange.wire == "responses":
            stopped = bodies.response(
                exchange.body, status="incomplete", reason="content_filter", items=False
            )
            exchange.reply(200, stopped)
        else:
            exchange.reply(200, bodies.completion(exchange.body, "", finish="content_filter"))

    return act


def incomplete(text: str = "Day 1: arrive, and", *, empty: bool = False) -> Behaviour:
    """200, and the answer ends where the output limit was reached; `empty`: before it began."""

    def act(exchange: Exchange) -> None:
        if exchange.wire == "responses":
            cut = bodies.response(
                exchange.body, text, status="incomplete", reason="max_output_tokens", items=not empty
            )
            exchange.reply(200, cut)
        else:
            exchange.reply(200, bodies.completion(exchange.body, "" if empty else text, finish="length"))

    return act


def failed() -> Behaviour:
    """200, and the document says that the model failed."""

    def act(exchange: Exchange) -> None:
        problem = {"code": "server_error", "message": "The model had an error while answering."}
        if exchange.wire == "responses":
            exchange.reply(200, bodies.response(exchange.body, status="failed", failure=problem, items=False))
        else:
            exchange.reply(200, bodies.error(problem["message"], "server_error", "server_error"))

    return act


def rate_limited(retry_after: float | str | None = 7) -> Behaviour:
    """429, with Retry-After in seconds (or as given, or without it)."""
    headers = {"x-ratelimit-limit-requests": "3", "x-ratelimit-remaining-requests": "0"}
    if retry_after is not None:
        headers["retry-after"] = str(retry_after)
    return error(
        429,
        "Rate limit reached for gpt-6-luna in organization org-example on requests per min (RPM): Limit 3, "
        "Used 3, Requested 1. Please try again in 20s.",
        "requests",
        "rate_limit_exceeded",
        headers=headers,
    )


def out_of_quota(code: str = "insufficient_quota") -> Behaviour:
    """429 that no waiting mends: the account has no credit (`billing_not_active`: no payment)."""
    return error(
        429,
        "You exceeded your current quota, please check your plan and billing details. For more information "
        "on this error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors.",
        code,
        code,
    )


def server_error(status: int = 500) -> Behaviour:
    """500, or another of the 5xx."""
    return error(
        status,
        "The server had an error while processing your request. Sorry about that! Please contact us at "
        "help.openai.com if the error persists.",
        "server_error",
    )


def unavailable() -> Behaviour:
    """503: overloaded. Script `unavailable(), answer()` for 503-then-200."""
    return error(503, "That model is currently overloaded with other requests.", "server_error")


def slow(seconds: float, then: Behaviour | None = None) -> Behaviour:
    """Nothing at all for some seconds, then the other behaviour (an answer by default)."""

    def act(exchange: Exchange) -> None:
        exchange.pause(seconds)
        (then or answer())(exchange)

    return act


def drip(pause: float = 0.05, text: str | None = None) -> Behaviour:
    """The head at once, then the body byte by byte, `pause` seconds before each.

    A client that counts its timeout anew with every byte waits for ever.
    """

    def act(exchange: Exchange) -> None:
        payload = _bytes(exchange, text)
        headers = {"content-type": "application/json", "content-length": str(len(payload))}
        exchange.write(exchange.head(200, headers))
        for position in range(len(payload)):
            exchange.pause(pause)
            exchange.write(payload[position : position + 1])

    return act


def cut_body(text: str | None = None) -> Behaviour:
    """Promise a whole body, send half, close."""

    def act(exchange: Exchange) -> None:
        payload = _bytes(exchange, text)
        headers = {"content-type": "application/json", "content-length": str(len(payload))}
        exchange.write(exchange.head(200, headers) + payload[: len(payload) // 2])
        exchange.cut()

    return act


def cut_stream(after: int = 6, text: str | None = None) -> Behaviour:
    """Begin a stream, send `after` of its events, close without an end."""

    def act(exchange: Exchange) -> None:
        exchange.begin_stream()
        for event in islice(_events(exchange, text), after):
            exchange.chunk(event)
        exchange.cut()

    return act


def stream_error(after: int = 6, text: str | None = None) -> Behaviour:
    """Begin a stream, then an error event in the place of the rest."""

    def act(exchange: Exchange) -> None:
        message, code = "The server had an error while processing your request.", "server_error"
        broken = events.chat_event(bodies.error(message, code))
        if exchange.wire == "responses":
            told: Json = {"type": "error", "code": code, "message": message, "param": None}
            broken = events.responses_event({**told, "sequence_number": after})
        exchange.stream([*islice(_events(exchange, text), after), broken])

    return act


def drop(*, reset: bool = False) -> Behaviour:
    """Close without a byte; `reset`: break the connection."""
    return lambda exchange: exchange.reset() if reset else exchange.cut()


def raw(body: bytes, *, status: int = 200, content_type: str = "application/json") -> Behaviour:
    """Any bytes at all."""
    return lambda exchange: exchange.reply(status, body, content_type=content_type)


MALFORMED: Final[Mapping[str, bytes]] = {
    "not_json": b'{"id": "resp_1", "object": ',
    "wrong_shape": b'{"hello": "world"}',
    "wrong_types": b'{"output": "no list", "choices": 3, "usage": []}',
    "array": b"[]",
    "null": b"null",
    "string": b'"ok"',
    "empty": b"",
    "not_utf8": b'{"id": "\xff\xfe"}',
}


def malformed(kind: str = "not_json") -> Behaviour:
    """200 with a body that is none: one of MALFORMED, or `html` for a proxy's page."""
    if kind == "html":
        page = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
        return raw(page, content_type="text/html")
    return raw(MALFORMED[kind])


def _document(exchange: Exchange, text: str | None) -> Json:
    if exchange.wire == "models":
        wanted = exchange.call.path.partition("?")[0].partition("/models/")[2]
        return bodies.model(wanted) if wanted else bodies.models()
    said = _text(exchange, text)
    if exchange.wire == "responses":
        return bodies.response(exchange.body, said)
    return bodies.completion(exchange.body, said)


def _bytes(exchange: Exchange, text: str | None) -> bytes:
    return json.dumps(_document(exchange, text)).encode()


def _events(exchange: Exchange, text: str | None) -> Iterator[bytes]:
    tell: Callable[[Json, str], Iterator[bytes]]
    tell = events.responses_stream if exchange.wire == "responses" else events.chat_stream
    return tell(exchange.body, _text(exchange, text))


def _text(exchange: Exchange, text: str | None) -> str:
    return f"Scripted answer to: {exchange.call.text}" if text is None else text
