"""The errors of this project for what a call of the model's server raises."""

import json
import math
import random
import socket
import ssl
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2
import openai

from travel_gpt.errors import (
    KeyRefused,
    ModelUnavailable,
    TravelGPTError,
    UpstreamFailed,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from travel_gpt.llm.error_body import read_error_body
from travel_gpt.llm.refusals import Refusal, meaning_of, meaning_of_error_in_200
from travel_gpt.redaction import redact

MAX_RETRY_DELAY: Final = 1.0
"""Most seconds between two tries. A server that asks for longer is not called again; the caller gets its
Retry-After."""

_MAX_RETRY_AFTER: Final = 3600
_NOT_CHARGED: Final = frozenset({401, 403, 404, 405, 413, 415, 429})
_CERTIFICATE: Final = "its certificate is not trusted"


def map_openai_error(failure: Exception) -> TravelGPTError:
    """Return the error of this project for an exception of the SDK.

    Args:
        failure: what the SDK raised.

    Returns:
        The error. Its detail is one line with the status and the cause; it quotes the server only where that
        cannot hold a credential, and masked even then.
    """
    if isinstance(failure, TravelGPTError):
        # The SDK asks a function without a key for its identity during the call.
        return failure
    if isinstance(failure, openai.OAuthError):
        # Only the code: the description may quote the token. A code in lower case would not be masked.
        code = read_error_body(failure.error if isinstance(failure.error, str) else "").message
        return KeyRefused(f"OpenAI does not exchange the function's identity: {redact(code)}")
    if is_failed_exchange(failure):
        return UpstreamFailed("OpenAI's exchange of tokens failed")
    if isinstance(failure, openai.APIStatusError):
        return meaning_of(
            Refusal(
                status=failure.status_code,
                error=read_error_body(failure.body),
                url=_url(failure.request),
                retry_after=retry_after(failure),
            )
        )
    if type(failure) is openai.APIError:
        # The SDK has no class of its own for an error that came in a stream.
        return meaning_of_error_in_200(
            failure.body, _url(failure.request), status=500, prefix="the stream ended with an error"
        )
    if (reason := why_not_connected(failure)) is not None:
        return UpstreamUnreachable(f"no connection to {_host(failure)}: {reason}")
    if isinstance(failure, openai.APITimeoutError | TimeoutError):
        return UpstreamTimeout("the model's server did not answer in time")
    if isinstance(failure, openai.APIConnectionError | ConnectionError):
        return UpstreamFailed("the connection to the model's server was cut")
    if isinstance(failure, json.JSONDecodeError):
        return UpstreamFailed("the reply says that it is JSON, and is not")
    return UpstreamFailed(f"the reply cannot be read ({type(failure).__name__})")


def is_failed_exchange(failure: Exception) -> bool:
    """Return whether OpenAI failed to exchange an identity for a token, without refusing it."""
    # The SDK has no class of its own for it.
    return type(failure) is openai.OpenAIError


def may_pass(failure: Exception, meaning: TravelGPTError) -> bool:
    """Return whether another try may succeed without a change of key or settings.

    Args:
        failure: what the SDK raised.
        meaning: what ``map_openai_error`` made of it.
    """
    if isinstance(meaning, UpstreamUnreachable):
        return why_not_connected(failure) != _CERTIFICATE
    return isinstance(meaning, UpstreamFailed)


def retry_delay(failure: Exception, meaning: TravelGPTError, retries: int) -> float | None:
    """Return the seconds to wait before another try; None where it cannot help."""
    if isinstance(failure, openai.APITimeoutError):
        # The time is spent, and the first answer may still be charged.
        return None
    cut = isinstance(failure, openai.APIConnectionError | ConnectionError) or is_failed_exchange(failure)
    if not cut and meaning.upstream_status != 409 and (meaning.upstream_status or 0) < 500:
        return None
    if meaning.retry_after is not None:
        return meaning.retry_after if meaning.retry_after <= MAX_RETRY_DELAY else None
    # Random, so that requests which failed together are not repeated together.
    return min(MAX_RETRY_DELAY, random.uniform(0.5, 1.0) * 0.25 * 2.0**retries)  # noqa: S311 - no secret


def cannot_be_charged(failure: Exception, meaning: TravelGPTError) -> bool:
    """Return whether a failed call certainly cost nothing: it was refused, or was not sent at all.

    A 400 or 422 may cost: Azure charges for a prompt that its content filter refuses with 400 (Microsoft,
    "Azure OpenAI content filtering"). Others may come from a proxy, after the model began.

    Args:
        failure: what the SDK raised.
        meaning: what ``map_openai_error`` made of it.
    """
    if isinstance(failure, openai.APIStatusError):
        return failure.status_code in _NOT_CHARGED or isinstance(meaning, ModelUnavailable)
    refused_identity = isinstance(failure, TravelGPTError | openai.OAuthError)
    return refused_identity or is_failed_exchange(failure) or why_not_connected(failure) is not None


def why_not_connected(failure: Exception) -> str | None:
    """Return why no connection was made, in a few words; None where there was one.

    Args:
        failure: what the SDK raised.
    """
    if not isinstance(failure, openai.APIConnectionError):
        return None
    causes = list(_chain(failure))
    if any(isinstance(cause, httpx2.ConnectTimeout) for cause in causes):
        return "it did not accept one in time"
    if not any(isinstance(cause, httpx2.ConnectError) for cause in causes):
        return None
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _CERTIFICATE
        if isinstance(cause, socket.gaierror):
            return "its name is not known"
        if isinstance(cause, ConnectionRefusedError):
            return "connection refused"
    return "the connection failed"


def retry_after(failure: openai.APIStatusError) -> int | None:
    """Return the seconds that a server asks to wait, 1 to 3,600; None without a valid value.

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
    return min(_MAX_RETRY_AFTER, max(1, math.ceil(seconds)))


def _chain(failure: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = failure
    seen: set[int] = set()
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or link.__context__


def _url(request: Any) -> str:
    # Without a query or user name: settings refuse a base URL that has them.
    return str(request.url)


def _host(failure: Exception) -> str:
    parts = urlsplit(_url(failure.request)) if isinstance(failure, openai.APIConnectionError) else None
    return parts.netloc if parts is not None else "the model's server"
