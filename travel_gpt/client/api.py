"""The client itself: what can be asked, and when a request is repeated."""

import json
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any, Final, Literal, Self, TypeVar
from urllib.parse import quote

import httpx2

from travel_gpt.base_url import safe_base_url
from travel_gpt.client.answers import Answer, Health, read_answer, read_health
from travel_gpt.client.errors import ApiError, ConnectionFailed, unexpected
from travel_gpt.client.fields import json_object
from travel_gpt.client.stream import STOP_TIMEOUT, Stream
from travel_gpt.client.transport import VISIBLE, Transport, failure, read
from travel_gpt.errors import RequestInProgress

LOCAL_URL: Final = "http://127.0.0.1:3000/Prod/travel-gpt"
"""Where ``make run`` serves."""
ANSWER_TIMEOUT: Final = 35.0
"""Seconds for a whole answer. API Gateway ends a request after 29."""
IDLE_TIMEOUT: Final = 30.0
"""Seconds between two pieces of a stream, which has a comment in every 10 s without an event."""
STREAM_TIMEOUT: Final = 900.0
"""Seconds for a whole stream. API Gateway ends one after 15 minutes."""
Format = Literal["prose", "itinerary"]
"""A text, or a trip of typed days that code checks."""
_RETRY_PAUSE: Final = 0.5
_Result = TypeVar("_Result")


class TravelGPT:
    """The client of one API.

    Threads may share it. It follows no redirect, and reads of the environment what is said there about
    proxies and certificates, for https alone. Close it, or use it in a ``with`` statement.

    Args:
        base_url: the API's URL, which ends in ``/travel-gpt``: https, or http on this machine.
        api_key: the API key of a client of that API; None for an API that needs none.
        timeout: seconds for a whole answer.
        idle_timeout: seconds between two pieces of a stream, and until the first one.
        stream_timeout: seconds for a whole stream.
        retries: how often a request is repeated that failed before the answer began. It is repeated where
            the API gives a time (``Retry-After``), where no connection could be made, and, with an
            idempotency key, where the connection was cut. Without one, nothing is repeated that may have
            been paid for.
        longest_wait: seconds; where the API asks for more, the request is not repeated.

    Attributes:
        base_url: the API's URL, without a slash at its end.

    Raises:
        ValueError: the URL, the key, or a proxy of the environment cannot be used. The text does not quote
            them.
    """

    def __init__(
        self,
        base_url: str = LOCAL_URL,
        *,
        api_key: str | None = None,
        timeout: float = ANSWER_TIMEOUT,
        idle_timeout: float = IDLE_TIMEOUT,
        stream_timeout: float = STREAM_TIMEOUT,
        retries: int = 2,
        longest_wait: float = 20.0,
    ) -> None:
        try:
            self.base_url = safe_base_url(base_url)
        except ValueError as wrong:
            raise ValueError(f"The URL of the API {wrong}.") from None
        if self.base_url.endswith("/stream"):
            raise ValueError("Give the URL of the API itself, without /stream at its end.")
        self._timeout = timeout
        self._idle_timeout = idle_timeout
        self._stream_timeout = stream_timeout
        self._retries = retries
        self._longest_wait = longest_wait
        self._transport = Transport(self.base_url, api_key)

    def __repr__(self) -> str:
        return f"TravelGPT({self.base_url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections, also those of streams that are still read."""
        self._transport.close()

    def ask(
        self,
        query: str,
        *,
        format: Format = "prose",  # noqa: A002 - its name in the request
        constraints: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Ask, and wait for the whole answer.

        Args:
            query: the query.
            format: ``itinerary`` for a trip in ``itinerary``, with what was checked of it.
            constraints: what the trip must keep to: fields of the request, such as ``destinations``. The API
                validates them.
            idempotency_key: where it is sent again with the same query, the same answer comes for ten
                minutes, and is paid for once: 1 to 255 visible ASCII characters, such as a UUID.

        Returns:
            The answer.

        Raises:
            ApiError: there is no answer.
            ValueError: the idempotency key or the constraints cannot be used.
        """
        headers, content = _request(query, format, constraints, idempotency_key)

        def send() -> bytes:
            until = time.monotonic() + self._timeout
            with closing(self._transport.post(self.base_url, headers, content, self._timeout)) as response:
                return read(response, until)

        answer = self._repeat(send, self._timeout, paid_once=idempotency_key is not None)
        return read_answer(json_object(answer), self.base_url)

    def stream(
        self,
        query: str,
        *,
        format: Format = "prose",  # noqa: A002 - as for ``ask``
        constraints: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> Stream:
        """Ask, and get the answer while it is written.

        Args:
            query: the query.
            format: as for ``ask``.
            constraints: as for ``ask``.
            idempotency_key: as for ``ask``.

        Returns:
            The stream, to be used in a ``with`` statement, or read to its end.

        Raises:
            ApiError: the API refuses the query. While the stream is read, it may fail as well.
            ValueError: the idempotency key or the constraints cannot be used.
        """
        url = f"{self.base_url}/stream"
        headers, content = _request(query, format, constraints, idempotency_key)

        def send() -> tuple[httpx2.Response, float]:
            until = time.monotonic() + self._stream_timeout
            return self._transport.post(url, headers, content, self._idle_timeout), until

        response, until = self._repeat(send, self._stream_timeout, paid_once=idempotency_key is not None)
        if response.headers.get("content-type", "").partition(";")[0].strip() != "text/event-stream":
            response.close()
            raise unexpected(url)
        return Stream(response, self.base_url, until, lambda id_, timeout: self.stop(id_, timeout=timeout))

    def health(self, *, verify: bool = False) -> Health:
        """Ask whether the API has a usable credential. The API key is not sent for that.

        Args:
            verify: have the API verify its credential with a call to the model's server.

        Returns:
            What the API says, also where it has none.

        Raises:
            ApiError: there is no answer, or another one.
        """
        url = f"{self.base_url}?verify=true" if verify else self.base_url
        until = time.monotonic() + self._timeout
        with closing(self._transport.get(url, self._timeout)) as response:
            content = read(response, until)
            if not response.is_redirect:
                body = json_object(content) or {}
                if isinstance(body.get("has_api_key"), bool):
                    return read_health(response.is_success, body)
            raise failure(response, content)

    def stop(self, request_id: str, *, timeout: float = STOP_TIMEOUT) -> None:
        """Stop a stream of the same client. A deployed API does not see when its reader leaves.

        Args:
            request_id: the stream's id.
            timeout: seconds for the answer.

        Raises:
            ApiError: it cannot be stopped.
        """
        url = f"{self.base_url}/stream/{quote(request_id, safe='')}/stop"
        self._transport.post(url, {}, b"", timeout).close()

    def _repeat(self, send: Callable[[], _Result], whole: float, *, paid_once: bool) -> _Result:
        """Send a query, and repeat it where that may help.

        Args:
            send: sends it.
            whole: seconds for which an answer that is still written for an earlier try is waited for.
            paid_once: whether the query has an idempotency key.
        """
        left, until = self._retries, time.monotonic() + whole
        while True:
            try:
                return send()
            except ApiError as failed:
                pause = self._pause(failed, paid_once=paid_once)
                written = failed.code == RequestInProgress.code and time.monotonic() < until
                if pause is None or not (left or (written and self._retries)):
                    raise
                left -= not written
            time.sleep(pause)

    def _pause(self, failed: ApiError, *, paid_once: bool) -> float | None:
        """Return how long to wait before another try; None where there is to be none."""
        if failed.retry_after is not None:
            return failed.retry_after if failed.retry_after <= self._longest_wait else None
        if isinstance(failed, ConnectionFailed) and (paid_once or not failed.sent):
            return _RETRY_PAUSE
        return None


def _request(
    query: str, format_: Format, constraints: Mapping[str, Any] | None, idempotency_key: str | None
) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body of a request."""
    headers = {"Content-Type": "application/json"}
    if idempotency_key is not None:
        if not VISIBLE.fullmatch(idempotency_key):
            raise ValueError("The idempotency key must be visible ASCII characters, such as a UUID.")
        headers["Idempotency-Key"] = idempotency_key
    if taken := {"query", "format"} & (constraints or {}).keys():
        raise ValueError(f"The constraints have {' and '.join(sorted(taken))}, which are other arguments.")
    # An API of an older version knows no format; prose is its only one.
    body = {"query": query} if format_ == "prose" else {"query": query, "format": format_}
    # Half of a character, of a text that was cut, is sent as its escape.
    return headers, json.dumps({**body, **(constraints or {})}).encode()
