"""The routes of the buffered function: from API Gateway's event to its response."""

import json
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import cached_property
from typing import TYPE_CHECKING, Any

from travel_gpt.advisor.adviser import Adviser
from travel_gpt.api import resources, responses
from travel_gpt.api.failures import failed, failure_fields, internal_error, report_failure
from travel_gpt.api.health import Health
from travel_gpt.api.request import (
    Context,
    Request,
    read_idempotency_key,
    read_question,
    read_verify,
    require_api_key,
    require_no_problems,
)
from travel_gpt.errors import MethodNotAllowed, NotFound, TravelGPTError
from travel_gpt.settings import Settings
from travel_gpt.telemetry import flush_metrics, log_answer

if TYPE_CHECKING:
    from travel_gpt.api.page.routes import Page
    from travel_gpt.guard.guard import Guard
    from travel_gpt.guard.meter import Meter


class Api:
    """The HTTP API, from event to response. It catches every exception that a request can cause.

    Args:
        settings: the settings; where one is wrong, every response names it.
        health: answers GET.
        adviser: answers queries.
        guard: returns what knows the clients and their limits, made at the first call; None where nothing is
            limited.
        close: closes the connections to the model's server, and what else is open.
        now: the wall clock, in seconds.
    """

    def __init__(
        self,
        settings: Settings,
        health: Health,
        adviser: Adviser,
        guard: "Callable[[], Guard] | None" = None,
        close: Callable[[], None] = lambda: None,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._guard = guard
        self.close = close
        self._health = health
        self._adviser = adviser
        self._now = now

    def answer(self, event: Mapping[str, Any], context: Context) -> responses.ProxyResponse:
        """Answer one request.

        Args:
            event: the REST API's proxy event (payload format 1.0).
            context: Lambda's context.

        Returns:
            The proxy response, also after a failure.
        """
        began = time.perf_counter()
        request = Request.of(event, context)
        try:
            reply = self._route(request)
        except TravelGPTError as failure:
            reply = self._failed(request, failure)
        except Exception as failure:  # noqa: BLE001 - Lambda's own 500 would not have the contract's body
            reply = self._failed(request, internal_error(request, failure))
        fields = {**request.log_fields, **reply.log_fields}
        log_answer(reply.response["statusCode"], time.perf_counter() - began, fields)
        flush_metrics()
        return reply.response

    def _route(self, request: Request) -> responses.Reply:
        path = request.path
        if request.is_of_the_page:
            return self._page.answer(request)
        if path in (resources.STREAM, resources.STOP) and request.method != "POST":
            # API Gateway sends only a POST to the function that streams.
            raise MethodNotAllowed(message="Use POST.", headers={"Allow": "POST"})
        if path == resources.STOP:
            require_api_key(request, self._settings)
            return self._stop(request)
        if path != resources.QUERY:
            raise NotFound("no such resource")
        match request.method:
            case "GET":
                return self._check_health(request)
            case "POST":
                require_api_key(request, self._settings)
                return self._advise(request)
            case _:
                raise MethodNotAllowed

    @cached_property
    def _page(self) -> "Page":
        from travel_gpt.api.page.routes import Page

        return Page(
            self._settings,
            self._guard,
            ask=self._advise,
            stop=self._stop,
            require_credential=lambda request: self._health.require_credential(request.deadline),
            now=self._now,
        )

    def _check_health(self, request: Request) -> responses.Reply:
        verify = read_verify(request)
        require_no_problems(self._settings)
        return self._health.check(verify, request)

    def _advise(self, request: Request) -> responses.Reply:
        key = read_idempotency_key(request)
        if self._guard is None:
            return self._answer(request)
        require_no_problems(self._settings)
        guard = self._guard()
        client = guard.client(request.caller, request.deadline)
        with closing(guard.meter(client, request.taken_at, request.deadline)) as meter:
            try:
                if key:
                    return self._answer_once(request, key, guard, meter)
                return self._answer(request, meter)
            except TravelGPTError as failure:
                failure.log_fields["client"] = client.id
                failure.headers = {**meter.headers, **failure.headers}
                raise
            except Exception as failure:
                raise internal_error(request, failure, client=client.id) from failure

    def _stop(self, request: Request) -> responses.Reply:
        from travel_gpt.api.stop import stop_stream

        require_no_problems(self._settings)
        return stop_stream(request, self._guard() if self._guard is not None else None)

    def _answer_once(self, request: Request, key: str, guard: "Guard", meter: "Meter") -> responses.Reply:
        from travel_gpt.guard.idempotency import Repeated

        client = meter.client.id
        first = guard.idempotency.begin(client, key, request.body, request.deadline)
        if isinstance(first, Repeated):
            response = responses.repeated(first.status, first.body)
            return responses.Reply(response, {"client": client, "repeated": True})
        paid: responses.ProxyResponse | None = None
        try:
            reply = self._answer(request, meter)
        except TravelGPTError as failure:
            if meter.cost:
                paid = responses.failed(failure, request_id=request.id)
            raise
        else:
            paid = reply.response
            return reply
        finally:
            kept = None if paid is None else Repeated(paid["statusCode"], json.loads(paid["body"]))
            guard.idempotency.end(first, kept)

    def _answer(self, request: Request, meter: "Meter | None" = None) -> responses.Reply:
        question = read_question(request, self._now)
        require_no_problems(self._settings)
        deadline = request.deadline if meter is None else request.deadline.before(meter.TO_SETTLE)
        answer = self._adviser.answer(question, deadline, meter)
        fields: dict[str, Any] = {
            "model": answer.model,
            "input_tokens": answer.usage.input_tokens,
            "output_tokens": answer.usage.output_tokens,
            "truncated": answer.truncated,
            "credential_version": answer.credential_version,
        }
        if meter is not None:
            fields |= {"client": meter.client.id, "cost_nanodollars": meter.cost}
        return responses.Reply(responses.answered(answer, meter, request_id=request.id), fields)

    def _failed(self, request: Request, failure: TravelGPTError) -> responses.Reply:
        if (request.path, request.method) != (resources.QUERY, "GET"):
            return failed(request, failure)
        report_failure(request, failure)
        return responses.Reply(self._health.failed(failure, request), failure_fields(failure))
