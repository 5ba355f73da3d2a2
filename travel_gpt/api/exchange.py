"""The events of one stream, from its first piece to its settlement."""

import json
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from travel_gpt.advisor.steps import Step
from travel_gpt.api import responses, sse
from travel_gpt.api.failures import failure_fields, internal_error, report_failure
from travel_gpt.api.request import Request
from travel_gpt.api.stream_reader import CallerLeft, StreamReader
from travel_gpt.api.stream_watch import Stopped
from travel_gpt.errors import TravelGPTError
from travel_gpt.llm.model_api import Answer
from travel_gpt.telemetry import flush_metrics, log_answer

if TYPE_CHECKING:
    from travel_gpt.guard.meter import Meter

HEARTBEAT_SECONDS: Final = 10.0
"""Seconds without an event after which a comment is sent."""

CALLER_LEFT: Final = "caller_left"
"""The outcome of a stream whose caller closed its connection."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One stream, once its response begins."""

    request: Request
    began: float
    """By ``time.perf_counter()``."""
    reader: StreamReader
    first: str | Step | Answer | None
    """What was read before the response began."""
    model: str
    opened: ExitStack
    """What ends with it."""
    meter: "Meter | None"
    keep: Callable[[responses.ProxyResponse], None]
    """Keeps what ``POST /travel-gpt`` would answer, for a request that is repeated."""

    def events(self) -> Generator[bytes]:
        """Yield the events. Closing the generator ends the call of the model, and settles what it cost."""
        request = self.request
        fields: dict[str, Any] = {**request.log_fields, "stream": True, "outcome": "unfinished"}
        if self.meter is not None:
            fields["client"] = self.meter.client.id
        failed_as = 0
        try:
            yield sse.event("start", {"request_id": request.id, "model": self.model})
            try:
                yield from self._answer(fields)
            except Stopped:
                fields["outcome"] = "stopped"
                yield sse.event("done", {"truncated": True, "stopped": True})
            except (CallerLeft, GeneratorExit):
                raise
            except TravelGPTError as failure:
                failed_as = self._fail(failure, fields)
                if self.meter is not None and self.meter.cost:
                    self.keep(responses.failed(failure, request_id=request.id))
                yield sse.event("error", _error(failure, request))
            except Exception as bug:  # noqa: BLE001 - the reader gets an event, as every caller an answer
                error = internal_error(request, bug)
                failed_as = self._fail(error, fields)
                yield sse.event("error", _error(error, request))
        except (CallerLeft, GeneratorExit):
            # Lambda does not say that; there it means that its Runtime API took no more.
            if fields["outcome"] == "unfinished":
                fields["outcome"] = CALLER_LEFT
        finally:
            self.opened.close()
            log_answer(200, time.perf_counter() - self.began, fields, failed_as=failed_as)
            flush_metrics()

    def _fail(self, failure: TravelGPTError, fields: dict[str, Any]) -> int:
        fields |= {"outcome": failure.code, **failure_fields(failure)}
        report_failure(self.request, failure)
        return responses.status_of(failure)

    def _answer(self, fields: dict[str, Any]) -> Generator[bytes]:
        part, sent_at = self.first, time.monotonic()
        first_text_at: float | None = None
        while not isinstance(part, Answer):
            now = time.monotonic()
            if part:
                if first_text_at is None:
                    first_text_at = time.perf_counter()
                    fields["first_text_milliseconds"] = round((first_text_at - self.began) * 1000, 1)
                sent_at = now
                step = part if isinstance(part, Step) else Step("delta", {"text": part})
                yield sse.event(step.name, step.data)
            elif now - sent_at >= HEARTBEAT_SECONDS:
                sent_at = now
                yield sse.HEARTBEAT
            part = self.reader.get(max(0.0, sent_at + HEARTBEAT_SECONDS - time.monotonic()))
        text_seconds = 0.0 if first_text_at is None else time.perf_counter() - first_text_at
        fields |= {
            "outcome": "success",
            "model": part.model,
            "input_tokens": part.usage.input_tokens,
            "output_tokens": part.usage.output_tokens,
            "truncated": part.truncated,
            "credential_version": part.credential_version,
        }
        if self.meter is not None:
            fields["cost_nanodollars"] = self.meter.cost
        response = responses.answered(part, self.meter, request_id=self.request.id)
        # Before the last event: a caller that repeats the request then gets the answer.
        self.keep(response)
        body = json.loads(response["body"])
        yield from itinerary_events(body)
        yield sse.event("usage", usage_data(body))
        # Lets a reader tell a stream from one that something on the way has collected.
        text_milliseconds = round(text_seconds * 1000)
        yield sse.event("done", {"truncated": part.truncated, "text_milliseconds": text_milliseconds})


def itinerary_events(body: Mapping[str, Any]) -> Iterator[bytes]:
    """Yield the events of a trip, from the body of an answer to ``POST /travel-gpt``; none for prose."""
    if "itinerary" in body:
        yield sse.event("itinerary", {name: body[name] for name in ("answer", "itinerary", "understood")})
        yield sse.event("checks", {name: body[name] for name in ("checks", "repair")})


def usage_data(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data of the event ``usage``, from the body of an answer to ``POST /travel-gpt``."""
    return {name: body[name] for name in ("usage", "budget", "warnings") if name in body}


def _error(failure: TravelGPTError, request: Request) -> dict[str, Any]:
    found: dict[str, Any] = {"code": failure.code, "message": failure.message, "request_id": request.id}
    if failure.retry_after is not None:
        found["retry_after"] = failure.retry_after
    return found
