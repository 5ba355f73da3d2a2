"""``POST /travel-gpt/stream``: the answer as server-sent events, while the model writes it."""

import json
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Self

from travel_gpt.advisor.adviser import Adviser
from travel_gpt.advisor.question import Question
from travel_gpt.api import resources, responses, sse
from travel_gpt.api.exchange import CALLER_LEFT, Exchange, itinerary_events, usage_data
from travel_gpt.api.failures import failed, internal_error
from travel_gpt.api.request import (
    Context,
    Request,
    Verify,
    read_idempotency_key,
    read_question,
    read_verify,
    require_api_key,
    require_no_problems,
)
from travel_gpt.api.stream_reader import CallerLeft, StreamLimits, StreamReader
from travel_gpt.api.stream_watch import StreamWatch
from travel_gpt.errors import (
    MethodNotAllowed,
    NotFound,
    StreamingDisabled,
    TravelGPTError,
    UpstreamFailed,
)
from travel_gpt.llm.streaming import StreamControl
from travel_gpt.settings import Settings
from travel_gpt.telemetry import flush_metrics, log_answer

if TYPE_CHECKING:
    from travel_gpt.api.health import Health
    from travel_gpt.guard.guard import Guard
    from travel_gpt.guard.idempotency import Idempotency, Running
    from travel_gpt.guard.meter import Meter

_REPEATED: Final = {"Idempotency-Replayed": "true"}

BEGIN_SECONDS: Final = 2.0
"""Seconds for the model's first words, until which a failure is an ordinary response. Then the response
begins without them, so that the reader knows the id with which it can be stopped."""

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


class _Record:
    """The record of a request with an Idempotency-Key."""

    def __init__(self, idempotency: "Idempotency", running: "Running") -> None:
        self._idempotency, self._running, self._kept = idempotency, running, False

    def keep(self, response: responses.ProxyResponse) -> None:
        """Keep a response."""
        from travel_gpt.guard.idempotency import Repeated

        self._kept = True
        self._idempotency.end(self._running, Repeated(response["statusCode"], json.loads(response["body"])))

    def close(self) -> None:
        """Let the next request with the key be a first one, unless a response was kept."""
        if not self._kept:
            self._idempotency.end(self._running, None)


class StreamApi:
    """Answers with server-sent events.

    Args:
        settings: the settings; where one is wrong, every response names it.
        adviser: answers queries.
        health: returns what verifies the credential, with the role of this function.
        guard: as for ``Api``.
        close: as for ``Api``.
        now: as for ``Api``.
    """

    def __init__(
        self,
        settings: Settings,
        adviser: Adviser,
        health: "Callable[[], Health]",
        guard: "Callable[[], Guard] | None" = None,
        close: Callable[[], None] = lambda: None,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._guard = guard
        self.close = close
        self._adviser = adviser
        self._now = now
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
            response = self._open(call)
        except TravelGPTError as failure:
            reply = failed(request, failure)
        except CallerLeft:
            unread = responses.failed(UpstreamFailed(), request_id=request.id)
            reply = responses.Reply(unread, {"outcome": CALLER_LEFT})
        except Exception as failure:  # noqa: BLE001 - Lambda's own 500 would not have the contract's body
            reply = failed(request, internal_error(request, failure))
        else:
            if isinstance(response, StreamedResponse):
                return response
            reply = response
        fields = {**request.log_fields, "stream": True, **reply.log_fields}
        log_answer(reply.response["statusCode"], time.perf_counter() - began, fields)
        flush_metrics()
        return reply.response

    def _open(self, call: _Call) -> responses.Reply | StreamedResponse:
        request = call.request
        if request.path not in resources.STREAMS:
            raise NotFound("no such resource")
        if request.method != "POST":
            raise MethodNotAllowed(headers={"Allow": "POST"})
        if request.path == resources.PAGE_STREAM:
            from travel_gpt.api.page.admission import admit

            return self._advise(replace(call, request=admit(request, self._settings)))
        require_api_key(request, self._settings)
        verify = read_verify(request)
        if verify is Verify.NOTHING:
            return self._advise(call)
        # It is not asked, but the headers and the body are the same for every request of this path.
        read_idempotency_key(request)
        read_question(request, self._now)
        require_no_problems(self._settings)
        return self._health().check(verify, request)

    def _advise(self, call: _Call) -> responses.Reply | StreamedResponse:
        request = call.request
        key = read_idempotency_key(request)
        if self._settings.streaming == "off":
            raise StreamingDisabled
        if self._guard is None:
            with ExitStack() as stack:
                return self._begin(call, stack)
        require_no_problems(self._settings)
        guard = self._guard()
        client = guard.client(request.caller, request.deadline)
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
    ) -> responses.Reply | StreamedResponse:
        request = call.request
        record: _Record | None = None
        if guard is not None and meter is not None and key:
            from travel_gpt.guard.idempotency import Repeated

            first = guard.idempotency.begin(meter.client.id, key, request.body, request.deadline)
            if isinstance(first, Repeated):
                if first.status != 200:
                    return responses.Reply(responses.repeated(first.status, first.body), {"repeated": True})
                return _streamed(self._repeat(call, first.body, meter.client.id), _REPEATED)
            record = stack.enter_context(closing(_Record(guard.idempotency, first)))
        question = read_question(request, self._now)
        require_no_problems(self._settings)
        try:
            exchange = self._ask(call, stack, question, guard, meter, record)
        except TravelGPTError as failure:
            if record is not None and meter is not None and meter.cost:
                record.keep(responses.failed(failure, request_id=request.id))
            raise
        return _streamed(exchange.events(), meter.headers if meter is not None else {})

    def _ask(
        self,
        call: _Call,
        stack: ExitStack,
        question: Question,
        guard: "Guard | None",
        meter: "Meter | None",
        record: _Record | None,
    ) -> Exchange:
        request, control = call.request, StreamControl()
        limits = StreamLimits(
            self._settings.stream_seconds,
            self._settings.stream_first_event_seconds,
            self._settings.stream_idle_seconds,
        )
        parts = self._adviser.stream(question, request.deadline, control, meter)
        reader = StreamReader(parts, control, limits, request.deadline.before(TO_FINISH))
        stack.callback(reader.end)
        call.when_left(lambda: reader.fail(CallerLeft()))
        first = reader.get(BEGIN_SECONDS)
        if guard is not None and meter is not None:
            stack.callback(StreamWatch(guard, meter.client.id, request, reader.fail).end)
        return Exchange(
            request,
            call.began,
            reader,
            first,
            control.model,
            stack.pop_all(),
            meter,
            record.keep if record is not None else lambda _: None,
        )

    def _repeat(self, call: _Call, body: dict[str, Any], client: str) -> Generator[bytes]:
        yield sse.event("start", {"request_id": body["request_id"], "model": body["model"], "repeated": True})
        if "itinerary" in body:
            yield from itinerary_events(body)
        else:
            yield sse.event("delta", {"text": body["answer"]})
        yield sse.event("usage", usage_data(body))
        yield sse.event("done", {"truncated": body["truncated"]})
        about = {"stream": True, "client": client, "repeated": True, "outcome": "success"}
        log_answer(200, time.perf_counter() - call.began, {**call.request.log_fields, **about})
        flush_metrics()


def _streamed(pieces: Generator[bytes], headers: Mapping[str, str]) -> StreamedResponse:
    return StreamedResponse(200, {**sse.HEADERS, **headers}, Chunks(pieces))
