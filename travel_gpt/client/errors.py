"""What a call of the client may raise.

::

    ApiError                  what failed: code, status, request_id, retry_after
    ├── RequestRefused        the request is wrong: 400, 404, 405, 409, 413, 415, 422
    ├── AccessRefused         no API key, a wrong one, or its client is disabled or expired: 401, 403
    ├── LimitReached          a limit or a budget refuses the query: 429
    ├── ApiFailed             the API or the model failed: 5xx
    ├── ConnectionFailed      no answer came, or not the whole one
    │   └── TimedOut
    └── UnexpectedAnswer      what answers is not an API of Travel GPT
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from travel_gpt.client.fields import text


class ApiError(Exception):
    """A request failed.

    Args:
        message: what happened and what to do next, as the API says it.
        code: the code of docs/errors.md; of this client's own: ``connection_failed``, ``timed_out``,
            ``redirected``, ``unexpected_answer``.
        status: the HTTP status; for an ``error`` event the one that a POST would have had; None where there
            was no answer.
        request_id: the id to give to the API's owner; empty where the API said none.
        retry_after: seconds after which another try may succeed, where that is known.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str,
        status: int | None = None,
        request_id: str = "",
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status
        self.request_id = request_id
        self.retry_after = retry_after


class RequestRefused(ApiError):
    """The request is wrong, and has to be changed."""


class AccessRefused(ApiError):
    """There is no API key, it is not accepted, or its client is disabled or expired."""


class LimitReached(ApiError):
    """A limit or a budget of the client or of the API is used up."""


class ApiFailed(ApiError):
    """The API, its credential or the model's server failed."""


class ConnectionFailed(ApiError):
    """No answer came, or not the whole one.

    Attributes:
        sent: whether the API may have received the request.
    """

    sent = True


class TimedOut(ConnectionFailed):
    """The answer did not come in time."""


class UnexpectedAnswer(ApiError):
    """What answers is not an API of Travel GPT."""


def refusal(status: int, code: str, body: Mapping[str, Any], retry_after: int | None) -> ApiError:
    """Return what an error of the API means.

    Args:
        status: its HTTP status.
        code: its code.
        body: its JSON object.
        retry_after: seconds after which another try may succeed, where the API says so.
    """
    kind: type[ApiError] = RequestRefused
    if status >= 500:
        kind = ApiFailed
    elif status == 429:
        kind = LimitReached
    elif status in (401, 403):
        kind = AccessRefused
    return kind(
        text(body, "message"),
        code=code,
        status=status,
        request_id=text(body, "request_id"),
        retry_after=retry_after,
    )


def unexpected(url: str, status: int | None = None) -> UnexpectedAnswer:
    """Return what it means that an answer cannot be one of the API.

    Args:
        url: where it came from.
        status: its HTTP status.
    """
    return UnexpectedAnswer(
        f"What answers at {url} is not an API of Travel GPT. Check the URL: it ends in /travel-gpt.",
        code="unexpected_answer",
        status=status,
    )


def not_sent(failed: ConnectionFailed) -> ConnectionFailed:
    """Return an error of a connection that was not made, so that the API did not receive the request."""
    failed.sent = False
    return failed


def timed_out(host: str, request_id: str = "") -> TimedOut:
    """Return what it means that an answer, or the rest of it, did not come in time.

    Args:
        host: what was asked.
        request_id: the id of the request, where it is known.
    """
    return TimedOut(f"{host} did not answer in time.", code="timed_out", request_id=request_id)


def host_of(url: str) -> str:
    """Return the host and the port of a URL, as messages name the API.

    Raises:
        ValueError: it is no URL.
    """
    return urlsplit(url).netloc
