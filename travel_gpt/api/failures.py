"""What the endpoints share: who may call them, how failures are answered, and the line in the log."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from travel_gpt.api import responses
from travel_gpt.api.request import Request
from travel_gpt.errors import (
    ClientDisabled,
    ClientExpired,
    CredentialError,
    Forbidden,
    IdempotencyKeyReused,
    InternalError,
    LimitError,
    Misconfigured,
    Paused,
    RequestInProgress,
    TravelGPTError,
    UpstreamError,
)
from travel_gpt.settings import Settings
from travel_gpt.telemetry import audit, count, describe, logger

if TYPE_CHECKING:
    from travel_gpt.guard.guard import Guard


class Endpoint:
    """Answers requests.

    Args:
        settings: the settings; where one is wrong, every response names it.
        guard: returns what knows the clients and their limits, made at the first call; None where nothing is
            limited.
        close: closes the connections to the model's server.
    """

    def __init__(
        self,
        settings: Settings,
        guard: "Callable[[], Guard] | None" = None,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self._settings = settings
        self._guard = guard
        self.close = close
        self._cold = True

    def _require_key(self, request: Request) -> None:
        if self._settings.api_access != "open" and not request.caller:
            # API Gateway refuses these already. One click in its console turns that off, and then everyone
            # could spend the owner's money.
            raise Forbidden(
                "a POST reached the function without an API key: check the method's ApiKeyRequired"
            )

    def _require_settings(self) -> None:
        if self._settings.problems:
            named = "; ".join(self._settings.problems)
            raise Misconfigured(named, message=f"A setting of this deployment is wrong: {named}.")

    def _failed(self, request: Request, failure: TravelGPTError) -> responses.Reply:
        report_failure(request, failure)
        return responses.Reply(responses.failed(failure, request_id=request.id), failure_fields(failure))

    def _log(
        self,
        request: Request,
        status: int,
        log_fields: Mapping[str, Any],
        seconds: float,
        *,
        failed_as: int = 0,
    ) -> None:
        """Write the one line of this request: what happened, and nothing that was said.

        Args:
            request: the request.
            status: the status of its response.
            log_fields: further fields.
            seconds: how long it took.
            failed_as: the status of a failure that came after the response had begun.
        """
        failed_as = failed_as or status
        # A pause is what the owner asked for.
        is_error = failed_as >= 500 and log_fields.get("code") != Paused.code
        write = logger.error if is_error else logger.info
        if failed_as < 500 and "upstream_status" in log_fields:
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
                **log_fields,
            },
        )
        self._cold = False


def report_failure(request: Request, failure: TravelGPTError) -> None:
    """Count a failure, and write the audit event of a refusal."""
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


def failure_fields(failure: TravelGPTError) -> dict[str, Any]:
    """Return the fields of the log line for a failure."""
    fields: dict[str, Any] = {
        "code": failure.code,
        "detail": failure.detail,
        "exceptions": describe(failure),
        **failure.log_fields,
    }
    if isinstance(failure, UpstreamError) or failure.upstream_status is not None:
        fields["upstream_status"] = failure.upstream_status
    return fields


def idempotency_key(request: Request) -> str:
    """Return the value of ``Idempotency-Key``; empty without one.

    Raises:
        InvalidIdempotencyKey: it is malformed.
    """
    if "idempotency-key" not in request.headers:
        return ""
    from travel_gpt.guard.idempotency import read_key

    return read_key(request.headers["idempotency-key"])


def internal_error(request: Request, failure: Exception, **log_fields: str) -> InternalError:
    """Log a bug with its traceback, and return what the caller gets."""
    logger.exception("Internal error", extra=_ids(request))
    return InternalError(type(failure).__name__, log_fields=log_fields)


def _ids(request: Request) -> dict[str, str]:
    return {"request_id": request.id, "function_request_id": request.invocation_id}
