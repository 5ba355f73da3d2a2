"""``POST /travel-gpt/stream``: the answer as server-sent events, while the model writes it."""

import json
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from travel_gpt.advisor.adviser import Adviser
from travel_gpt.api import responses, sse
from travel_gpt.api.failures import failed, failure_fields, internal_error, report_failure
from travel_gpt.api.request import (
    Context,
    Request,
    Verify,
    read_idempotency_key,
    read_query,
    read_verify,
    require_api_key,
    require_no_problems,
)
from travel_gpt.api.stream_reader import CallerLeft, StreamReader
from travel_gpt.errors import (
    MethodNotAllowed,
    NotFound,
    StreamingDisabled,
    TravelGPTError,
    UpstreamFailed,
)
from travel_gpt.llm.model_api import Answer
from travel_gpt.llm.streaming import StreamControl
from travel_gpt.settings import Settings
from travel_gpt.telemetry import flush_metrics, log_answer

if TYPE_CHECKING:
    from travel_gpt.api.health import Health
    from travel_gpt.guard.guard import Guard
    from travel_gpt.guard.idempotency import Running
    from travel_gpt.guard.meter import Meter

RESOURCE: Final = "/travel-gpt/stream"

HEARTBEAT_SECONDS: Final = 10.0
"""Seconds without an event after which a comment is sent. The first event waits this long for the model's
first words: until then a failure is an ordinary response."""

STOP_CHECK_SECONDS: Final = 2.0
"""Seconds after which it is looked up again whether the client stopped its stream, and may still ask."""

CALLER_LEFT: Final = "caller_left"
"""The outcome of a stream whose caller closed its connection."""

TO_FINISH: Final = 2.0
"""Seconds that are kept of the stream's time for its last events and for settling what it cost."""


class Chunks:
    """The pieces of a body.

    Args:
        pieces: a generator that has yielded nothing yet. It is started here, so that closing it ends what it
            holds, also where no piece is ever asked for.
    """

    def __init__(self, pieces: Generator[bytes]) -> None:
        self._first: bytes | None = next(pieces)
        self._pieces = pieces

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        first, self._first = self._first, None
        return next(self._pieces) if first is None else first

    def close(self) -> None:
        """End the call of the model, and settle what it cost."""
        self._pieces.close()


@dataclass(frozen=True, slots=True)
class StreamedResponse:
    """A response whose body is sent piece by piece."""

    status: int
    headers: Mapping[str, str]
    chunks: Chunks
    """To be closed in the end, whatever happened."""


@dataclass(frozen=True, slots=True)
class _Call:
    """One request, as its server passes it on."""

    request: Request
    began: float
    """By ``time.perf_counter()``."""
    when_left: "Callable[[Callable[[], None]], object]"
    """Has a function called, in another thread, once the caller leaves. Lambda does not say that."""


@dataclass(slots=True)
class _Exchange:
    """One stream, from its first piece to its settlement."""

    request: Request
    began: float
    reader: StreamReader
    first: str | Answer | None
    """What was read before the response began."""
    opened: ExitStack
    """What ends with it."""
    model: str
    meter: "Meter | None" = None
    running: "Running | None" = None
    body: dict[str, Any] | None = None
    """The body of the same answer to ``POST /travel-gpt``, once it is complete."""


class StreamApi:
    """Answers with server-sent events.

    Args:
        settings: the settings; where one is wrong, every response names it.
        adviser: answers queries.
        health: returns what verifies the credential, with the role of this function.
        guard: as for ``Api``.
        close: as for ``Api``.
    """

    def __init__(
        self,
        settings: Settings,
        adviser: Adviser,
        health: "Callable[[], Health]",
        guard: "Callable[[], Guard] | None" = None,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self._settings = settings
        self._guard = guard
        self.close = close
        self._adviser = adviser
        self._health = health

    def answer(
        self, event: Mapping[str, Any], context: Context
    ) -> responses.ProxyResponse | StreamedResponse:
        """Answer one request.

        Args:
            event: the REST API's proxy event (payload format 1.0).
            context: Lambda's context. The local server's may have ``when_left``, which takes what is called
                once the caller has closed its connection.

        Returns:
            The stream; an ordinary response where the request is refused, fails before its first words, or
            only asks to verify the credential.
        """
        began = time.perf_counter()
        request = Request.of(event, context, answer_within=self._settings.stream_seconds)
        call = _Call(request, began, getattr(context, "when_left", lambda _: None))
        try:
            opened = self._open(call)
        except TravelGPTError as failure:
            reply = failed(request, failure)
        except CallerLeft:
            unread = responses.failed(UpstreamFailed(), request_id=request.id)
            reply = responses.Reply(unread, {"outcome": CALLER_LEFT})
        except Exception as failure:  # noqa: BLE001 - Lambda's own 500 would not have the contract's body
            reply = failed(request, internal_error(request, failure))
        else:
            if isinstance(opened, Generator):
                return StreamedResponse(200, sse.HEADERS, Chunks(opened))
            reply = opened
        fields = {**request.log_fields, "stream": True, **reply.log_fields}
        log_answer(reply.response["statusCode"], time.perf_counter() - began, fields)
        flush_metrics()
        return reply.response

    def _open(self, call: _Call) -> Generator[bytes] | responses.Reply:
        request = call.request
        if request.path != RESOURCE:
            raise NotFound("no such resource")
        if request.method != "POST":
            raise MethodNotAllowed(headers={"Allow": "POST"})
        require_api_key(request, self._settings)
        verify = read_verify(request)
        if verify is not Verify.NOTHING:
            require_no_problems(self._settings)
            return self._health().check(verify, request)
        if self._settings.streaming == "off":
            raise StreamingDisabled
        key = read_idempotency_key(request)
        if self._guard is None:
            with ExitStack() as stack:
                return self._begin(call, stack)
        require_no_problems(self._settings)
        guard = self._guard()
        client = guard.client(request.caller, request.client_address, request.deadline)
        with ExitStack() as stack:
            meter = stack.enter_context(closing(guard.meter(client, request.taken_at, request.deadline)))
            try:
                return self._begin(call, stack, guard, meter, key)
            except CallerLeft:
                raise
            except TravelGPTError as failure:
                failure.log_fields["client"] = client.id
                failure.headers = {**meter.headers, **failure.headers}
                raise
            except Exception as failure:
                raise internal_error(request, failure, client=client.id) from failure

    def _begin(
        self,
        call: _Call,
        stack: ExitStack,
        guard: "Guard | None" = None,
        meter: "Meter | None" = None,
        key: str = "",
    ) -> Generator[bytes] | responses.Reply:
        request, began, running = call.request, call.began, None
        if guard is not None and meter is not None and key:
            from travel_gpt.guard.idempotency import Repeated

            found = guard.idempotency.begin(meter.client.id, key, request.body, request.deadline)
            if isinstance(found, Repeated):
                if found.status != 200:
                    return responses.Reply(responses.repeated(found.status, found.body), {"repeated": True})
                return self._repeat(request, began, found.body, meter.client.id)
            running = found
            stack.push(lambda kind, *_: guard.idempotency.end(found, None) if kind else None)
        query = read_query(request)
        require_no_problems(self._settings)
        control = StreamControl()
        reader = StreamReader(
            self._adviser.stream(query, request.deadline.before(TO_FINISH), control, meter),
            control,
            first_event_within=self._settings.stream_first_event_seconds,
            next_event_within=self._settings.stream_idle_seconds,
        )
        stack.callback(reader.end)
        call.when_left(reader.leave)
        first = reader.get(HEARTBEAT_SECONDS)
        exchange = _Exchange(request, began, reader, first, stack.pop_all(), control.model, meter, running)
        return self._send(exchange, guard)

    def _send(self, exchange: _Exchange, guard: "Guard | None") -> Generator[bytes]:
        request = exchange.request
        fields: dict[str, Any] = {**request.log_fields, "stream": True, "outcome": CALLER_LEFT}
        failed_as = 0
        if exchange.meter is not None:
            fields["client"] = exchange.meter.client.id
        try:
            yield sse.event("start", {"request_id": request.id, "model": exchange.model})
            try:
                yield from self._relay(exchange, guard, fields)
            except CallerLeft:
                return
            except TravelGPTError as failure:
                fields |= {"outcome": failure.code, **failure_fields(failure)}
                failed_as = responses.status_of(failure)
                report_failure(request, failure)
                yield sse.event("error", _error(failure, request))
            except Exception as failure:  # noqa: BLE001 - the reader gets an event, as every caller an answer
                bug = internal_error(request, failure)
                fields |= {"outcome": bug.code, **failure_fields(bug)}
                failed_as = responses.status_of(bug)
                yield sse.event("error", _error(bug, request))
        finally:
            self._finish(exchange, guard, fields, failed_as)

    def _relay(self, exchange: _Exchange, guard: "Guard | None", fields: dict[str, Any]) -> Generator[bytes]:
        request, reader, meter = exchange.request, exchange.reader, exchange.meter
        part, sent_at, looked_at = exchange.first, time.monotonic(), time.monotonic()
        pieces: list[str] = []
        first_sent_at = 0.0
        while not isinstance(part, Answer):
            now = time.monotonic()
            if part:
                if not pieces:
                    first_sent_at = time.perf_counter()
                    fields["first_text_milliseconds"] = round((first_sent_at - exchange.began) * 1000, 1)
                pieces.append(part)
                sent_at = now
                yield sse.event("delta", {"text": part})
            elif now - sent_at >= HEARTBEAT_SECONDS:
                sent_at = now
                yield sse.HEARTBEAT
            if guard is not None and meter is not None and now - looked_at >= STOP_CHECK_SECONDS:
                looked_at = now
                if guard.stops.requested(meter.client.id, request.id, request.deadline):
                    fields["outcome"] = "stopped"
                    yield sse.event("done", {"truncated": True, "stopped": True})
                    return
                # Paused or disabled, it costs nothing more either. Most calls of this read nothing.
                guard.client(request.caller, request.client_address, request.deadline)
            part = reader.get(min(STOP_CHECK_SECONDS, max(0.0, sent_at + HEARTBEAT_SECONDS - now)))
        text_seconds = time.perf_counter() - first_sent_at if pieces else 0.0
        fields |= {
            "outcome": "success",
            "model": part.model,
            "input_tokens": part.usage.input_tokens,
            "output_tokens": part.usage.output_tokens,
            "truncated": part.truncated,
            "credential_version": part.credential_version,
        }
        if meter is not None:
            fields["cost_nanodollars"] = meter.cost
        exchange.body = json.loads(responses.answered(part, meter, request_id=request.id)["body"])
        yield sse.event("usage", _usage(exchange.body))
        # Lets a reader tell a stream from one that something on the way has collected.
        yield sse.event(
            "done", {"truncated": part.truncated, "text_milliseconds": round(text_seconds * 1000)}
        )

    def _finish(
        self, exchange: _Exchange, guard: "Guard | None", fields: dict[str, Any], failed_as: int
    ) -> None:
        exchange.opened.close()
        if guard is not None and exchange.running is not None:
            from travel_gpt.guard.idempotency import Repeated

            kept = None if exchange.body is None else Repeated(200, exchange.body)
            guard.idempotency.end(exchange.running, kept)
        seconds = time.perf_counter() - exchange.began
        log_answer(200, seconds, fields, failed_as=failed_as)
        flush_metrics()

    def _repeat(self, request: Request, began: float, body: dict[str, Any], client: str) -> Generator[bytes]:
        yield sse.event("start", {"request_id": body["request_id"], "model": body["model"], "repeated": True})
        yield sse.event("delta", {"text": body["answer"]})
        yield sse.event("usage", _usage(body))
        yield sse.event("done", {"truncated": body["truncated"]})
        about = {"stream": True, "client": client, "repeated": True, "outcome": "success"}
        log_answer(200, time.perf_counter() - began, {**request.log_fields, **about})
        flush_metrics()


def _usage(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: body[name] for name in ("usage", "budget", "warnings") if name in body}


def _error(failure: TravelGPTError, request: Request) -> dict[str, Any]:
    found: dict[str, Any] = {"code": failure.code, "message": failure.message, "request_id": request.id}
    if failure.retry_after is not None:
        found["retry_after"] = failure.retry_after
    return found
