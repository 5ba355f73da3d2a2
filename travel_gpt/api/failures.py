"""How failures are answered, counted and logged."""

from typing import Any, Final

from travel_gpt.api import responses
from travel_gpt.api.request import Request
from travel_gpt.errors import (
    ClientDisabled,
    ClientExpired,
    CredentialError,
    Forbidden,
    IdempotencyKeyReused,
    InternalError,
    InvitationInvalid,
    LimitError,
    OriginRefused,
    RequestInProgress,
    SessionExpired,
    SessionRequired,
    TravelGPTError,
    UpstreamError,
)
from travel_gpt.telemetry import audit, count, describe, logger

_AUDITED: Final = (
    Forbidden,
    IdempotencyKeyReused,
    InvitationInvalid,
    LimitError,
    OriginRefused,
    RequestInProgress,
    SessionExpired,
    SessionRequired,
)
"""The refusals that leave an audit event."""


def failed(request: Request, failure: TravelGPTError) -> responses.Reply:
    """Report a failure, and return its response."""
    report_failure(request, failure)
    return responses.Reply(responses.failed(failure, request_id=request.id), failure_fields(failure))


def report_failure(request: Request, failure: TravelGPTError) -> None:
    """Count a failure, and write the audit event of a refusal."""
    if isinstance(failure, CredentialError):
        count("CredentialFailure")
    if isinstance(failure, Forbidden | ClientDisabled | ClientExpired):
        count("KeyRefused")
    if isinstance(failure, _AUDITED):
        audit(
            "request.refused",
            outcome=failure.code,
            key_id=request.caller.key_id,
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


def internal_error(request: Request, failure: Exception, **log_fields: str) -> InternalError:
    """Log a bug with its traceback, and return what the caller gets."""
    logger.exception("Internal error", extra=request.log_fields)
    return InternalError(type(failure).__name__, log_fields=log_fields)
