"""Everything an upstream can do to a client, by name. Each returns a behaviour to script.

Names with slashes, such as openai/POST /v1/responses/401-invalid-key, are lines of recorded answers: service,
operation and case. tests/unit/recorded holds the bodies against them. "Assumed" is what was not found.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Final

from tests.fakes.openai import bodies, events, formats
from tests.fakes.openai.bodies import Json
from tests.fakes.openai.exchange import Behaviour, Exchange

DECLINED: Final = "I'm sorry, but I can't help with that."
FENCED: Final = "Sure! Here is your trip:\n\n```json\n{}\n```\n\nEnjoy {your} journey!"


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


def answer_json(
    document: Json | Callable[[Json], Json], *, around: str = "{}", usage: Json | None = None
) -> Behaviour:
    """Answer with a JSON object, whatever format was asked for.

    Args:
        document: the object, or what makes it of the request's body.
        around: what is written around it, in the place of ``{}``; ``FENCED`` is what models do that follow
            half of their instructions.
        usage: as for ``answer``.

    Returns:
        The behaviour.
    """

    def act(exchange: Exchange) -> None:
        made = document(exchange.body) if callable(document) else document
        text = json.dumps(made, ensure_ascii=False)
        answer(around.replace("{}", text, 1), usage=usage)(exchange)

    return act


def refuse_formats(*refused: formats.FormatType, then: Behaviour | None = None) -> Behaviour:
    """400 where the answer is asked for in one of these formats; else the other behaviour.

    web-infra-dev/midscene issue 259 for ``json_schema``, openai/openai-node issue 439 for ``json_object``,
    both on Chat Completions; on Responses assumed.
    """

    def act(exchange: Exchange) -> None:
        asked = formats.format_type(exchange.endpoint, exchange.body)
        if asked not in refused:
            (then or answer())(exchange)
            return
        name = formats.PARAMETER[exchange.endpoint]
        message = f"Invalid parameter: '{name}' of type '{asked}' is not supported with this model."
        exchange.reply(400, bodies.error(message, param=name))

    return act


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
    """401, quoting part of the key that came: openai/POST /v1/responses/401-invalid-key."""
    return lambda exchange: exchange.reply(
        401, bodies.wrong_key(exchange.call.key), {"www-authenticate": bodies.AUTHENTICATE}
    )


def missing_scope(
    scope: str = "api.responses.write", *, status: int = 401, code: str | None = None
) -> Behaviour:
    """A restricted key without the scope: openai/POST /v1/responses/401-missing-scopes.

    Lately the code is `missing_scope` (401-missing-scopes-code-missing_scope). The status 403 is assumed.
    """
    return error(
        status,
        f"You have insufficient permissions for this operation. Missing scopes: {scope}. Check that you have "
        "the correct role in your organization (Reader, Writer, Owner) and project (Member, Owner), and if "
        "you're using a restricted API key, that it has the necessary scopes.",
        code=code,
    )


def no_model_access() -> Behaviour:
    """403: openai/POST /v1/chat/completions/403-project-model-access."""
    return lambda exchange: exchange.reply(
        403,
        bodies.error(
            f"Project `proj_example` does not have access to model `{exchange.body.get('model')}`",
            code="model_not_found",
        ),
    )


def unknown_model() -> Behaviour:
    """No such model: 400 on Responses (400-model-not-found), 404 on Chat Completions (404-model)."""

    def act(exchange: Exchange) -> None:
        name = exchange.body.get("model")
        if exchange.endpoint == "responses":
            message, param = f"The requested model '{name}' does not exist.", "model"
            exchange.reply(400, bodies.error(message, code="model_not_found", param=param))
            return
        message = f"The model `{name}` does not exist or you do not have access to it."
        exchange.reply(404, bodies.error(message, code="model_not_found"))

    return act


def unsupported_parameter(name: str) -> Behaviour:
    """400: the model or server does not take the parameter (see `bodies.unsupported`)."""
    return lambda exchange: exchange.reply(400, bodies.unsupported(exchange.endpoint, name))


def context_length() -> Behaviour:
    """400: the query does not fit (400-context-length of both APIs, each with words of its own)."""

    def act(exchange: Exchange) -> None:
        message = (
            "Your input exceeds the context window of this model. Please adjust your input and try again."
        )
        param = "input"
        if exchange.endpoint == "chat":
            message = (
                "This model's maximum context length is 8192 tokens. However, your messages resulted in 8312 "
                "tokens. Please reduce the length of the messages."
            )
            param = "messages"
        exchange.reply(400, bodies.error(message, code="context_length_exceeded", param=param))

    return act


def request_too_large() -> Behaviour:
    """429 that never passes: openai/POST /v1/chat/completions/429-request-too-large."""
    return error(
        429,
        "Request too large for gpt-6-luna in organization org-example on tokens per min (TPM): Limit 1000, "
        "Requested 56336. The input or output tokens must be reduced in order to run successfully. Visit "
        "https://platform.openai.com/account/rate-limits to learn more.",
        "tokens",
        "rate_limit_exceeded",
    )


def content_policy(code: str = "content_policy_violation") -> Behaviour:
    """400: the query was refused before any model saw it.

    `invalid_prompt`: openai/POST /v1/responses/400-invalid-prompt-policy; the other code is assumed.
    """
    return error(
        400,
        "Invalid prompt: your prompt was flagged as potentially violating our usage policy. Please try again "
        "with a different prompt.",
        code=code,
    )


def refusal(text: str = DECLINED) -> Behaviour:
    """200, and the model declines: openai/POST /v1/chat/completions/refusal. Assumed for Responses."""

    def act(exchange: Exchange) -> None:
        if exchange.endpoint == "responses":
            exchange.reply(200, bodies.response(exchange.body, refusal=text))
        else:
            exchange.reply(200, bodies.completion(exchange.body, None, refusal=text))

    return act


def filtered() -> Behaviour:
    """200, and a content filter took the answer away. Assumed: no such answer was found."""

    def act(exchange: Exchange) -> None:
        if exchange.endpoint == "responses":
            stopped = bodies.response(
                exchange.body, status="incomplete", reason="content_filter", items=False
            )
            exchange.reply(200, stopped)
        else:
            exchange.reply(200, bodies.completion(exchange.body, "", finish="content_filter"))

    return act


def incomplete(text: str = "Day 1: arrive, and", *, empty: bool = False) -> Behaviour:
    """200, and the answer ends where the output limit was reached; `empty`: before it began.

    openai/POST /v1/chat/completions/length-cuts-json; openai/POST /v1/responses stream/
    incomplete-max-output-tokens.
    """

    def act(exchange: Exchange) -> None:
        if exchange.endpoint == "responses":
            cut = bodies.response(
                exchange.body, text, status="incomplete", reason="max_output_tokens", items=not empty
            )
            exchange.reply(200, cut)
        else:
            exchange.reply(200, bodies.completion(exchange.body, "" if empty else text, finish="length"))

    return act


def failed() -> Behaviour:
    """200, and the document says that the model failed.

    The error is that of openai/POST /v1/responses stream/stream-failed-overloaded; unstreamed is assumed.
    """

    def act(exchange: Exchange) -> None:
        problem = {"code": "server_error", "message": "The model had an error while answering."}
        if exchange.endpoint == "responses":
            exchange.reply(200, bodies.response(exchange.body, status="failed", failure=problem, items=False))
        else:
            exchange.reply(200, bodies.error(problem["message"], "server_error", "server_error"))

    return act


def rate_limited(retry_after: float | str | None = 7) -> Behaviour:
    """429, with Retry-After in seconds (or as given, or without it).

    The body is that of openai/POST /v1/chat/completions/429-rate-limit-tpm, the header that of OpenAI's
    specification (whole seconds, at least 1, may be left out).
    """
    headers = {"x-ratelimit-limit-requests": "3", "x-ratelimit-remaining-requests": "0"}
    if retry_after is not None:
        headers["retry-after"] = str(retry_after)
    return error(
        429,
        "Rate limit reached for gpt-6-luna in organization org-example on tokens per min (TPM): Limit 10000, "
        "Used 9348, Requested 5086. Please try again in 26.604s. Visit "
        "https://platform.openai.com/account/rate-limits to learn more.",
        "tokens",
        "rate_limit_exceeded",
        headers=headers,
    )


def out_of_quota(code: str = "insufficient_quota") -> Behaviour:
    """429 that no waiting helps: openai/POST /v1/chat/completions/429-insufficient-quota.

    Of the other codes the type is still `insufficient_quota` (Microsoft Learn, "OpenAI insufficient_quota and
    credit_balance_exhausted"); that of `billing_not_active` is assumed.
    """
    kind = code if code.startswith("billing") else "insufficient_quota"
    return error(
        429,
        "You exceeded your current quota, please check your plan and billing details. For more information "
        "on this error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors.",
        kind,
        code,
    )


def server_error(status: int = 500) -> Behaviour:
    """500, or another of the 5xx: openai/POST /v1/responses/500."""
    return error(
        status,
        "The server had an error processing your request. Sorry about that! You can retry your request, or "
        "contact us through our help center at help.openai.com if you keep seeing this error. (Please "
        "include the request ID req_example in your email.)",
        "server_error",
    )


def unavailable() -> Behaviour:
    """503: overloaded. Assumed: recorded only inside a stream.

    Script `unavailable(), answer()` for 503-then-200.
    """
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
    """Begin a stream, then an error event in the place of the rest.

    openai/POST /v1/responses stream/stream-error-mid; on Chat Completions assumed.
    """

    def act(exchange: Exchange) -> None:
        message, code = "The server had an error while processing your request.", "server_error"
        broken = events.chat_event(bodies.error(message, code))
        if exchange.endpoint == "responses":
            cause: Json = {"type": code, "code": code, "message": message, "param": None}
            broken = events.responses_event({"type": "error", "sequence_number": after, "error": cause})
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
    if exchange.endpoint == "models":
        wanted = exchange.call.path.partition("?")[0].partition("/models/")[2]
        return bodies.model(wanted) if wanted else bodies.models()
    said = _text(exchange, text)
    if exchange.endpoint == "responses":
        return bodies.response(exchange.body, said)
    return bodies.completion(exchange.body, said)


def _bytes(exchange: Exchange, text: str | None) -> bytes:
    return json.dumps(_document(exchange, text)).encode()


def _events(exchange: Exchange, text: str | None) -> Iterator[bytes]:
    tell: Callable[[Json, str], Iterator[bytes]]
    tell = events.responses_stream if exchange.endpoint == "responses" else events.chat_stream
    return tell(exchange.body, _text(exchange, text))


def _text(exchange: Exchange, text: str | None) -> str:
    return f"Scripted answer to: {exchange.call.text}" if text is None else text
