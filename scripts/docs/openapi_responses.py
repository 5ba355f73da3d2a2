"""The responses of the OpenAPI document."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, Final

from scripts.docs.errors_page import Method, meaning, of_the_function, of_the_gateway
from scripts.docs.openapi_schemas import failure_example, failure_with, reference, refusal_example
from travel_gpt.errors import (
    BudgetExhausted,
    CredentialsUnavailable,
    LimitsUnavailable,
    RateLimited,
    RequestInProgress,
    UpstreamFailed,
    UpstreamRateLimited,
)

Json = dict[str, Any]

_MAY_WAIT: Final = (
    BudgetExhausted,
    CredentialsUnavailable,
    LimitsUnavailable,
    RateLimited,
    RequestInProgress,
    UpstreamFailed,
    UpstreamRateLimited,
)

# API Gateway's defaults for other failures: usually the first of these.
_ONE_FOR_MANY: Final = {"4xx": ["400", "4XX"], "5xx": ["500"]}


@dataclass
class _Status:
    """What is known of one status of a method."""

    codes: dict[str, list[str]] = field(default_factory=dict)
    """Each code with when it is given."""
    examples: dict[str, Json] = field(default_factory=dict)
    from_function: bool = False
    from_gateway: bool = False
    waits: list[bool] = field(default_factory=list)
    """Of each failure, whether it always says when to try again."""
    may_wait: bool = False


def failures(method: Method) -> Json:
    """Return the responses of an operation that are failures, by their status.

    Args:
        method: the operation.
    """
    found: defaultdict[str, _Status] = defaultdict(_Status)
    for status, failure in of_the_function(method):
        entry = found[str(status)]
        entry.codes.setdefault(failure.code, []).append(meaning(failure))
        entry.examples.setdefault(failure.code, failure_example(failure, method))
        entry.from_function = True
        entry.waits.append(failure is UpstreamRateLimited)
        entry.may_wait |= failure in _MAY_WAIT
    for occasion in of_the_gateway(method):
        refusal = occasion.refusal
        for name in _ONE_FOR_MANY.get(occasion.usual_status, [occasion.usual_status]):
            entry = found[name]
            entry.codes.setdefault(refusal.code, []).append(f"{occasion.when} (API Gateway)")
            entry.examples.setdefault(refusal.code, refusal_example(refusal))
            entry.from_gateway = True
            entry.waits.append("Retry-After" in refusal.headers)
            entry.may_wait |= "Retry-After" in refusal.headers
    return {name: _failure(method, found[name]) for name in sorted(found)}


def _failure(method: Method, status: _Status) -> Json:
    codes = sorted(status.codes)
    if method != "GET" or not status.from_function:
        schema = failure_with("Failure", codes)
    elif not status.from_gateway:
        schema = failure_with("HealthFailure", codes)
    else:
        # The function says more than API Gateway does.
        schema = failure_with("HealthFailure", codes, or_else="Failure")
    described = "\n".join(f"- `{name}`: {' '.join(dict.fromkeys(status.codes[name]))}" for name in codes)
    answered = response(described, schema, {name: status.examples[name] for name in codes})
    if status.may_wait:
        answered["headers"] = {"Retry-After": reference("RetryAfter", "headers")}
    return answered


def response(description: str, schema: Json, samples: dict[str, Json]) -> Json:
    """Return a response whose body is JSON.

    Args:
        description: when it is given.
        schema: the schema of the body.
        samples: examples of the body, by their names.
    """
    content = {"schema": schema, "examples": {name: {"value": value} for name, value in samples.items()}}
    return {"description": description, "content": {"application/json": content}}
