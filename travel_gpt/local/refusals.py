"""The answers of API Gateway itself, without the function.

The template's GatewayResponses are the same; a test compares the two. Those also have
Strict-Transport-Security, which must not be sent without TLS (RFC 6797, section 7.2).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from travel_gpt import errors


@dataclass(frozen=True, slots=True)
class Refusal:
    """One of API Gateway's own answers."""

    status: int | None
    """The HTTP status; None if every failure of the kind has its own."""
    code: str
    message: str
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    error_type: str = "InternalServerErrorException"
    """The value of x-amzn-ErrorType, which a GatewayResponse does not change."""

    def body(self, request_id: str) -> bytes:
        """Return the JSON body. It has no timestamp: API Gateway cannot compute one."""
        return json.dumps(
            {"status": "error", "code": self.code, "message": self.message, "request_id": request_id}
        ).encode()


# The error types are those of answers recorded at AWS (apigateway/gateway response 403 and 429 in the tests'
# recordings); those of 413, 415 and DEFAULT_4XX are assumed.
_NO_PATH: Final = Refusal(
    404, errors.NotFound.code, errors.NotFound.message, error_type="MissingAuthenticationTokenException"
)
_NO_KEY: Final = Refusal(
    403, errors.Forbidden.code, errors.Forbidden.message, error_type="ForbiddenException"
)
_BAD_REQUEST: Final = "BadRequestException"
_FAILED: Final = errors.InternalError

REFUSALS: Final[Mapping[str, Refusal]] = MappingProxyType(
    {
        # API Gateway's answer to every path and method that the API does not declare.
        "MISSING_AUTHENTICATION_TOKEN": _NO_PATH,
        "RESOURCE_NOT_FOUND": _NO_PATH,
        "INVALID_API_KEY": _NO_KEY,
        "ACCESS_DENIED": _NO_KEY,
        "THROTTLED": Refusal(
            429,
            "rate_limited",
            "Too many requests at once. Try again in a second.",
            {"Retry-After": "1"},
            "TooManyRequestsException",
        ),
        "QUOTA_EXCEEDED": Refusal(
            429,
            "rate_limited",
            "The quota of this key is used up for today.",
            {"Retry-After": "3600"},
            "LimitExceededException",
        ),
        "REQUEST_TOO_LARGE": Refusal(
            413,
            errors.PayloadTooLarge.code,
            errors.PayloadTooLarge.message,
            error_type="RequestTooLongException",
        ),
        "UNSUPPORTED_MEDIA_TYPE": Refusal(
            415,
            errors.UnsupportedMediaType.code,
            errors.UnsupportedMediaType.message,
            error_type=_BAD_REQUEST,
        ),
        "INTEGRATION_TIMEOUT": Refusal(504, errors.UpstreamTimeout.code, errors.UpstreamTimeout.message),
        "INTEGRATION_FAILURE": Refusal(502, _FAILED.code, _FAILED.message),
        "DEFAULT_4XX": Refusal(
            None, "bad_request", "The request cannot be understood.", error_type=_BAD_REQUEST
        ),
        "DEFAULT_5XX": Refusal(None, _FAILED.code, _FAILED.message),
    }
)
