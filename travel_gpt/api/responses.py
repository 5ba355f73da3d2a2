"""The responses: the bodies of the contract, as API Gateway takes them.

Nothing is imported that could fail: a function that could not start answers with them too.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict, cast

from travel_gpt.errors import HTTP_STATUS, CredentialError, InternalError, MethodNotAllowed, TravelGPTError
from travel_gpt.redaction import conceal

if TYPE_CHECKING:
    from travel_gpt.advisor.adviser import LastCall
    from travel_gpt.api.health import CredentialStatus
    from travel_gpt.guard.meter import Meter
    from travel_gpt.guard.report import BudgetLeft
    from travel_gpt.llm.model_api import Answer

Mode = Literal["openai", "compatible", "demo", "keyless"]

COMMON_HEADERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Content-Type": "application/json",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        # RFC 6797: for a year, a browser asks this host over TLS only. The GatewayResponses of template.yaml
        # have the same header.
        "Strict-Transport-Security": "max-age=31536000",
    }
)
"""The headers of every response. The local server, which is reached without TLS, leaves the last one out."""


class ProxyResponse(TypedDict):
    """What a Lambda proxy integration returns to API Gateway."""

    statusCode: int
    headers: dict[str, str]
    body: str
    isBase64Encoded: bool


@dataclass(frozen=True, slots=True)
class Reply:
    """A response, and the fields that the log line of its request gets."""

    response: ProxyResponse
    log_fields: Mapping[str, Any] = field(default_factory=dict)


class LastCallBody(TypedDict):
    """How the last query to the model ended, in the environment that answers."""

    outcome: str
    seconds_ago: int


class HealthBody(TypedDict, total=False):
    """The body of GET. It says where the credential comes from, and nothing of its value."""

    status: str
    message: str
    has_api_key: bool
    mode: Mode
    code: str
    credential_source: str
    verified: bool
    last_call: LastCallBody
    warnings: list[str]
    request_id: str
    timestamp: int


class UsageBody(TypedDict, total=False):
    """Tokens of one answer; null where the server did not say. ``cost_usd`` where costs are counted."""

    input_tokens: int | None
    output_tokens: int | None
    total_tokens: int | None
    cost_usd: float | None


class BudgetBody(TypedDict):
    """The budget with the least left, of those that the query counted in."""

    whose: str
    period: str
    limit_usd: float
    left_usd: float
    renews_at: int


class AnswerBody(TypedDict, total=False):
    """The body of a POST that was answered."""

    status: str
    answer: str
    model: str
    usage: UsageBody
    budget: BudgetBody
    warnings: list[str]
    truncated: bool
    itinerary: dict[str, Any]
    understood: dict[str, Any]
    checks: "ChecksBody"
    repair: "RepairBody"
    request_id: str
    timestamp: int


class ChecksBody(TypedDict):
    """What the rules say of a trip."""

    verified: bool
    errors: int
    warnings: int
    notes: int
    rules_that_apply: int
    rules_checked: int
    share_checked: float
    share_needed: float
    results: list[dict[str, Any]]


class RepairBody(TypedDict):
    """What became of the violations that went back to the model."""

    outcome: Literal["not_needed", "not_possible", "done", "partly", "failed", "no_time", "no_budget"]
    days: list[int]
    before: list[str]


class StoppingBody(TypedDict):
    """The body of a POST that stops a stream."""

    status: str
    message: str
    request_id: str
    timestamp: int


class FailureBody(TypedDict):
    """The body of every failure."""

    status: str
    code: str
    message: str
    request_id: str
    timestamp: int


def healthy(
    credential: "CredentialStatus",
    *,
    source: str,
    verified: bool,
    last_call: "LastCall | None" = None,
    warnings: Sequence[str] = (),
    request_id: str,
) -> ProxyResponse:
    """Return the 200 of a GET: there is a usable credential, verified where that was asked for."""
    body = HealthBody(
        status="success",
        message=credential.message,
        has_api_key=credential.has_api_key,
        mode=credential.mode,
        credential_source=source,
        request_id=request_id,
        timestamp=int(time.time()),
    )
    if verified:
        # Left out otherwise: "false" would read as a failed verification.
        body["verified"] = True
    if last_call is not None:
        body["last_call"] = _last_call(last_call)
    if warnings:
        body["warnings"] = list(warnings)
    return json_response(200, body)


def unhealthy(
    failure: TravelGPTError,
    credential: "CredentialStatus | None",
    *,
    source: str = "",
    last_call: "LastCall | None" = None,
    request_id: str,
) -> ProxyResponse:
    """Return the failure of a GET: 503 without a usable credential, else what kept it from being verified.

    Args:
        failure: what happened.
        credential: the credential that is cached nevertheless; None where there is none, and then the mode is
            unknown, since a secret may name another server.
        source: where the credential comes from; empty where the function could not start.
        last_call: how the last query to the model ended.
        request_id: the id of the request.
    """
    no_credential = isinstance(failure, CredentialError)
    body = HealthBody(
        status="error",
        code=failure.code,
        message=failure.message,
        has_api_key=credential is not None and credential.has_api_key and not no_credential,
        credential_source=source,
        request_id=request_id,
        timestamp=int(time.time()),
    )
    if not source:
        del body["credential_source"]
    if credential is not None:
        body["mode"] = credential.mode
    if last_call is not None:
        body["last_call"] = _last_call(last_call)
    return json_response(503 if no_credential else status_of(failure), body, _headers_of(failure))


def answered(answer: "Answer", meter: "Meter | None" = None, *, request_id: str) -> ProxyResponse:
    """Return the 200 of a POST, with what the meter counted where there is one."""
    body = AnswerBody(
        status="success",
        answer=answer.text,
        model=answer.model,
        usage=UsageBody(
            input_tokens=answer.usage.input_tokens,
            output_tokens=answer.usage.output_tokens,
            total_tokens=answer.usage.total_tokens,
        ),
        truncated=answer.truncated,
        request_id=request_id,
        timestamp=int(time.time()),
    )
    body |= cast("AnswerBody", answer.fields)
    if meter is None:
        return json_response(200, body)
    from travel_gpt.guard.report import dollars

    body["usage"]["cost_usd"] = None if meter.cost is None else dollars(meter.cost)
    if budgets := meter.budgets:
        body["budget"] = budget_body(budgets[0])
    if warnings := [budget.warning for budget in budgets if budget.warning]:
        body["warnings"] = warnings
    return json_response(200, body, meter.headers)


def budget_body(budget: "BudgetLeft") -> BudgetBody:
    """Return a budget as replies have it."""
    from travel_gpt.guard.report import dollars

    return BudgetBody(
        whose=budget.whose,
        period=budget.period,
        limit_usd=dollars(budget.limit),
        left_usd=dollars(budget.left),
        renews_at=budget.renews_at,
    )


def repeated(status: int, body: Mapping[str, Any]) -> ProxyResponse:
    """Return the response of a POST that was answered before, with the status and body of that answer."""
    return json_response(status, body, {"Idempotency-Replayed": "true"})


def stopping(*, request_id: str) -> ProxyResponse:
    """Return the 202 of a POST that stops a stream."""
    body = StoppingBody(
        status="success",
        message="If this stream is open and yours, it ends within seconds.",
        request_id=request_id,
        timestamp=int(time.time()),
    )
    return json_response(202, body)


def failed(failure: TravelGPTError, *, request_id: str) -> ProxyResponse:
    """Return a failure in the contract's shape."""
    body = FailureBody(
        status="error",
        code=failure.code,
        message=failure.message,
        request_id=request_id,
        timestamp=int(time.time()),
    )
    return json_response(status_of(failure), body, _headers_of(failure))


def status_of(failure: TravelGPTError) -> int:
    """Return the HTTP status of a failure: that of the nearest class in the table."""
    return next(HTTP_STATUS[kind] for kind in (*type(failure).__mro__, InternalError) if kind in HTTP_STATUS)


def _headers_of(failure: TravelGPTError) -> dict[str, str]:
    headers = dict(failure.headers)
    if failure.retry_after is not None:
        headers["Retry-After"] = str(failure.retry_after)
    if isinstance(failure, MethodNotAllowed):
        headers.setdefault("Allow", "GET, POST")
    return headers


def _last_call(call: "LastCall") -> LastCallBody:
    return LastCallBody(outcome=call.outcome, seconds_ago=int(call.seconds_ago))


def json_response(
    status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> ProxyResponse:
    """Return a response whose body is JSON.

    Args:
        status: the HTTP status.
        body: the body. What has the form of a key is masked in it.
        headers: those beside the common ones.
    """
    return ProxyResponse(
        statusCode=status,
        headers={**COMMON_HEADERS, **(headers or {})},
        body=_text(body),
        isBase64Encoded=False,
    )


def _text(body: Mapping[str, Any]) -> str:
    # A model's server may quote the Authorization header in its answer.
    text = conceal(json.dumps(body, ensure_ascii=False, separators=(",", ":")))
    # An answer that was cut inside an emoji ends in half a character, which Lambda could not send.
    return text.encode("utf-8", "replace").decode()
