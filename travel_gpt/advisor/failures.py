"""What the ways in which a model's server fails mean to the caller and to the owner."""

import json
import math
import time
from email.utils import parsedate_to_datetime
from typing import Final

import openai

from travel_gpt.errors import (
    ContentRefused,
    CredentialRejected,
    ModelUnavailable,
    QuotaExhausted,
    TravelGPTError,
    UpstreamFailed,
    UpstreamRateLimited,
    UpstreamTimeout,
)
from travel_gpt.redaction import redact

_REFUSALS: Final = (
    "content_filter",
    "content_policy",
    "moderation",
    "invalid_prompt",
    "safety",
    "bio_policy",
)
_NO_CREDIT: Final = ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active")
_LONGEST_WAIT: Final = 3600
_USUAL_WAIT: Final = 5


class KeyRefused(CredentialRejected):
    """A 401: another version of the key may be good, so this one is worth a fetch."""


def translate(failure: Exception) -> TravelGPTError:
    """Say what an exception of the SDK means.

    Args:
        failure: what the SDK raised.

    Returns:
        The failure in the project's own terms. Its detail quotes the server only where that cannot hold a
        credential, and masked even then.
    """
    if isinstance(failure, TravelGPTError):
        # A keyless function's proof of its identity is asked for in the middle of the call.
        return failure
    if isinstance(failure, openai.APITimeoutError | TimeoutError):
        return UpstreamTimeout("the model's server did not answer in time")
    if isinstance(failure, openai.OAuthError):
        # Only the code: the description is free to quote the token.
        return KeyRefused(f"OpenAI does not exchange the function's identity: {_text(failure.error)}")
    if is_failed_exchange(failure):
        return UpstreamFailed("OpenAI's exchange of tokens failed")
    if isinstance(failure, openai.APIStatusError):
        return _of_status(failure)
    if isinstance(failure, openai.APIConnectionError):
        return UpstreamFailed("no connection to the model's server, or it was cut")
    if isinstance(failure, json.JSONDecodeError):
        return UpstreamFailed("the reply says that it is JSON, and is not")
    return UpstreamFailed(f"the reply cannot be read ({type(failure).__name__})")


def is_failed_exchange(failure: Exception) -> bool:
    """Tell whether OpenAI failed to exchange an identity for a token, without refusing it."""
    # The SDK has no other name for it than that of all its failures.
    return type(failure) is openai.OpenAIError


def retry_after(failure: openai.APIStatusError) -> int | None:
    """Return the seconds that a server asks to wait, at least 1 and at most 3,600; None where it does not.

    Source: RFC 9110, section 10.2.3; ``retry-after-ms`` is OpenAI's own.
    """
    headers = failure.response.headers
    try:
        seconds = float(headers["retry-after-ms"]) / 1000
    except (KeyError, ValueError):
        text = headers.get("retry-after", "")
        try:
            seconds = float(text)
        except ValueError:
            try:
                seconds = parsedate_to_datetime(text).timestamp() - time.time()
            except (TypeError, ValueError):
                return None
    if not math.isfinite(seconds):
        return None
    return min(_LONGEST_WAIT, max(1, math.ceil(seconds)))


def _of_status(failure: openai.APIStatusError) -> TravelGPTError:
    status = failure.status_code
    code, message = f"{_text(failure.code)} {_text(failure.type)}", _message(failure)
    # OpenAI says a missing permission with 401 as well as with 403: another version of the key is no better.
    if status in (401, 403) and "scope" in f"{code} {message}":
        return _not_permitted(f"the server answered {status}: the key lacks a permission")
    # No text of a 401: it quotes a part of the key.
    if status == 401 or (status in (400, 403) and "api key" in message and "valid" in message):
        return KeyRefused(f"the server answered {status}: it refuses the key")
    said = f"the server answered {status}: {code.strip()} {redact(_message(failure, lower=False))}"
    if any(sign in code for sign in _REFUSALS):
        return ContentRefused(said)
    if any(sign in code for sign in _NO_CREDIT) or status == 402:
        return QuotaExhausted(said)
    if "model_not_found" in code or (status in (403, 404) and "model" in message):
        return ModelUnavailable(said)
    if status == 403:
        return _not_permitted(said)
    if status == 429:
        return UpstreamRateLimited(said, retry_after=retry_after(failure) or _USUAL_WAIT)
    if status == 408:
        return UpstreamTimeout(said)
    return UpstreamFailed(said, retry_after=retry_after(failure))


def _not_permitted(detail: str) -> CredentialRejected:
    return CredentialRejected(
        detail,
        message=(
            "OpenAI knows the configured key but does not allow it this call. The owner should give it the "
            "permissions Models: Read and Responses: Write (chat wire: Chat completions: Write)."
        ),
    )


def _text(value: object) -> str:
    return value.lower() if isinstance(value, str) else ""


def _message(failure: openai.APIStatusError, *, lower: bool = True) -> str:
    body = failure.body
    message = body.get("message") if isinstance(body, dict) else None
    text = message[:500] if isinstance(message, str) else ""
    return text.lower() if lower else text
