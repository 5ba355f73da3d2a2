"""The routes: from API Gateway's event to its response."""

import json
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

from travel_gpt.advisor.adviser import Adviser
from travel_gpt.api import responses
from travel_gpt.api.health import Health
from travel_gpt.api.request import Context, Request, read_query, read_verify
from travel_gpt.errors import (
    ClientDisabled,
    ClientExpired,
    CredentialError,
    Forbidden,
    IdempotencyKeyReused,
    InternalError,
    LimitError,
    MethodNotAllowed,
    Misconfigured,
    NotFound,
    Paused,
    RequestInProgress,
    TravelGPTError,
    UpstreamError,
)
from travel_gpt.settings import Settings
from travel_gpt.telemetry import audit, count, describe, flush_metrics, logger

if TYPE_CHECKING:
    from travel_gpt.guard.guard import Guard
    from travel_gpt.guard.meter import Meter

RESOURCE: Final = "/travel-gpt"


class Api:
    """The HTTP API, from event to response. It catches every exception that a request can cause.

    Args:
        settings: the settings; where one is wrong, every response names it.
        health: answers GET.
        adviser: answers queries.
        guard: returns what knows the clients and their limits, made at the first call; None where nothing is
            limited.
        close: closes the connections to the model's server.
    """

    def __init__(
        self,
        settings: Settings,
        health: Health,
        adviser: Adviser,
        guard: "Callable[[], Guard] | None" = None,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self._settings = settings
        self._health = health
        self._adviser = adviser
        self._guard = guard
        self.close = close
        self._cold = True

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
            reply = self._failed(request, _internal_error(request, failure))
        self._log(request, reply, time.perf_counter() - began)
        flush_metrics()
        return reply.response

    def _route(self, request: Request) -> responses.Reply:
        if request.path != RESOURCE:
            raise NotFound("no such resource")
        match request.method:
            case "GET":
                return self._check_health(request)
            case "POST":
                return self._advise(request)
            case _:
                raise MethodNotAllowed

    def _check_health(self, request: Request) -> responses.Reply:
        verify = read_verify(request)
        self._require_settings()
        return self._health.check(verify, request)

    def _advise(self, request: Request) -> responses.Reply:
        if self._settings.api_access != "open" and not request.caller:
            # API Gateway refuses these already. One click in its console turns that off, and then everyone
            # could spend the owner's money.
            raise Forbidden(
                "a POST reached the function without an API key: check the method's ApiKeyRequired"
            )
        key = _idempotency_key(request)
        if self._guard is None:
            return self._answer(request)
        self._require_settings()
        guard = self._guard()
        client = guard.client(request.caller, request.client_address, request.deadline)
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
                raise _internal_error(request, failure, client=client.id) from failure

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
        query = read_query(request)
        self._require_settings()
        deadline = request.deadline if meter is None else request.deadline.before(meter.TO_SETTLE)
        answer = self._adviser.answer(query, deadline, meter)
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

    def _require_settings(self) -> None:
        if self._settings.problems:
            named = "; ".join(self._settings.problems)
            raise Misconfigured(named, message=f"A setting of this deployment is wrong: {named}.")

    def _failed(self, request: Request, failure: TravelGPTError) -> responses.Reply:
        if isinstance(failure, CredentialError):
            count("CredentialFailure")
        if isinstance(failure, Forbidden | ClientDisabled | ClientExpired):
            count("KeyRefused")
        if isinstance(failure, Forbidden | LimitError | RequestInProgress | IdempotencyKeyReused):
            audit(
                "request.refused",
                outcome=failure.code,
                key_id=request.caller,
                client=failure.log_fields.get("client", ""),
                request_id=request.id,
            )
        fields: dict[str, Any] = {
            "code": failure.code,
            "detail": failure.detail,
            "exceptions": describe(failure),
            **failure.log_fields,
        }
        if isinstance(failure, UpstreamError) or failure.upstream_status is not None:
            fields["upstream_status"] = failure.upstream_status
        if (request.path, request.method) == (RESOURCE, "GET"):
            return responses.Reply(self._health.failed(failure, request), fields)
        return responses.Reply(responses.failed(failure, request_id=request.id), fields)

    def _log(self, request: Request, reply: responses.Reply, seconds: float) -> None:
        """Write the one line of this request: what happened, and nothing that was said."""
        status = reply.response["statusCode"]
        # A pause is what the owner asked for.
        is_error = status >= 500 and reply.log_fields.get("code") != Paused.code
        write = logger.error if is_error else logger.info
        if status < 500 and "upstream_status" in reply.log_fields:
            # A rate limit of the model's server is for its owner to know, at LOG_LEVEL=WARNING too.
            write = logger.warning
        write(
            "Answered a request",
            extra={
                "method": request.method,
                "status": status,
                "milliseconds": round(seconds * 1000, 1),
                "cold_start": self._cold,
                **_ids(request),
                **reply.log_fields,
            },
        )
        self._cold = False


def _idempotency_key(request: Request) -> str:
    if "idempotency-key" not in request.headers:
        return ""
    from travel_gpt.guard.idempotency import read_key

    return read_key(request.headers["idempotency-key"])


def _internal_error(request: Request, failure: Exception, **log_fields: str) -> InternalError:
    """Log a bug with its traceback, and return what the caller gets."""
    logger.exception("Internal error", extra=_ids(request))
    return InternalError(type(failure).__name__, log_fields=log_fields)


def _ids(request: Request) -> dict[str, str]:
    return {"request_id": request.id, "function_request_id": request.invocation_id}
