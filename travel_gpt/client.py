"""The Python client of an API of Travel GPT, deployed or on this machine. docs/python.md shows its use.

The exceptions::

    ApiError                  what failed: code, status, request_id, retry_after
    ├── RequestRefused        the request is wrong: 400, 404, 405, 409, 413, 415, 422
    ├── AccessRefused         no API key, a wrong one, or its client is disabled or expired: 401, 403
    ├── LimitReached          a limit or a budget refuses the query: 429
    ├── ApiFailed             the API or the model failed: 5xx
    ├── ConnectionFailed      no answer came, or not the whole one
    │   └── TimedOut
    └── UnexpectedAnswer      what answers is not an API of Travel GPT
"""

import json
import re
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, Self
from urllib.parse import quote, urljoin, urlsplit

import httpx2

from travel_gpt import __version__
from travel_gpt.base_url import is_loopback, safe_base_url
from travel_gpt.credentials.secret import NO_KEY, Key
from travel_gpt.errors import HTTP_STATUS

__all__ = [
    "LOCAL_URL",
    "AccessRefused",
    "Answer",
    "ApiError",
    "ApiFailed",
    "Budget",
    "ConnectionFailed",
    "Health",
    "LimitReached",
    "RequestRefused",
    "Stream",
    "TimedOut",
    "TravelGPT",
    "UnexpectedAnswer",
    "Usage",
]

LOCAL_URL: Final = "http://127.0.0.1:3000/Prod/travel-gpt"
"""Where ``make run`` serves."""
CONNECT_TIMEOUT: Final = 10.0
ANSWER_TIMEOUT: Final = 35.0
"""Seconds for a whole answer. API Gateway ends a request after 29."""
IDLE_TIMEOUT: Final = 30.0
"""Seconds between two pieces of a stream, which has a comment in every 10 s without an event."""
STREAM_TIMEOUT: Final = 900.0
"""Seconds for a whole stream. API Gateway ends one after 15 minutes."""
LARGEST: Final = 10 * 1024 * 1024
"""Bytes of the longest body or event that is read: API Gateway's limit of a body."""
_RETRY_PAUSE: Final = 0.5
_STATUS_OF_CODE: Final = {kind.code: status for kind, status in HTTP_STATUS.items()}
_VISIBLE: Final = re.compile(r"[!-~]+")


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


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens and cost of an answer; None where they are not known."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Budget:
    """The budget with the least left, of those that the query counted in."""

    whose: str
    period: str
    limit_usd: float
    left_usd: float
    renews_at: int
    """Seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the model."""

    text: str
    model: str
    usage: Usage
    budget: Budget | None
    warnings: tuple[str, ...]
    truncated: bool
    """Whether the limit of its length, or its reader, ended it."""
    request_id: str
    body: Mapping[str, Any] = field(repr=False)
    """The JSON object that a POST is answered with."""


@dataclass(frozen=True, slots=True)
class Health:
    """What GET says about the API's credential."""

    healthy: bool
    message: str
    mode: str
    """``openai``, ``compatible``, ``keyless`` or ``demo``; empty where it is not known."""
    code: str
    """What is wrong; empty where it is healthy."""
    request_id: str
    body: Mapping[str, Any] = field(repr=False)
    """The JSON object."""


class TravelGPT:
    """The client of one API. Threads may share it. It follows no redirect and reads no environment variable.

    Args:
        base_url: the API's URL, which ends in ``/travel-gpt``: https, or http on this machine.
        api_key: the API key of a client of that API; None for an API that needs none.
        timeout: seconds for a whole answer.
        idle_timeout: seconds between two pieces of a stream.
        stream_timeout: seconds for a whole stream.
        retries: how often a request is repeated that failed before the answer began. It is repeated where
            the API gives a time (``Retry-After``), where no connection could be made, and, with an
            idempotency key, where the connection was cut.
        longest_wait: seconds; where the API asks for more, the request is not repeated.

    Raises:
        ValueError: the URL or the key cannot be used. The text does not quote them.
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
        self._key = NO_KEY if api_key is None else _checked_key(api_key)
        self._timeout = timeout
        self._idle_timeout = idle_timeout
        self._stream_timeout = stream_timeout
        self._retries = retries
        self._longest_wait = longest_wait
        self._http = httpx2.Client(
            follow_redirects=False,
            # A proxy of the environment must not see what is sent to this machine in plain text.
            trust_env=not is_loopback(self.base_url),
            # Loading certificates that http does not use would take 50 ms.
            verify=not self.base_url.startswith("http:"),
            headers={"User-Agent": f"travel-gpt-python/{__version__}", "Accept-Encoding": "identity"},
        )

    def __repr__(self) -> str:
        return f"TravelGPT({self.base_url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def ask(self, query: str, *, idempotency_key: str | None = None) -> Answer:
        """Ask, and wait for the whole answer.

        Args:
            query: the query.
            idempotency_key: where it is sent again with the same query, the same answer comes for ten
                minutes, and is paid for once: 1 to 255 visible ASCII characters, such as a UUID.

        Raises:
            ApiError: there is no answer.
            ValueError: the idempotency key cannot be used.
        """
        response, until = self._query(self.base_url, query, idempotency_key, self._timeout, self._timeout)
        with closing(response):
            return _answer(_object(_read(response, until), self.base_url), self.base_url)

    def stream(self, query: str, *, idempotency_key: str | None = None) -> "Stream":
        """Ask, and get the answer while it is written.

        Args:
            query: the query.
            idempotency_key: as for ``ask``.

        Returns:
            The stream, to be used in a ``with`` statement, or read to its end.

        Raises:
            ApiError: the API refuses the query. While the stream is read, it may fail as well.
            ValueError: the idempotency key cannot be used.
        """
        url = f"{self.base_url}/stream"
        response, until = self._query(url, query, idempotency_key, self._idle_timeout, self._stream_timeout)
        if response.headers.get("content-type", "").partition(";")[0].strip() != "text/event-stream":
            response.close()
            raise _unexpected(url)
        return Stream(self, response, until)

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
        with _connecting(self.base_url):
            request = self._http.build_request("GET", url, timeout=_timeouts(self._timeout))
            response = self._http.send(request, stream=True)
        with closing(response):
            content = _read(response, until)
            if not response.is_redirect:
                body = _object_or_nothing(content) or {}
                if isinstance(body.get("has_api_key"), bool):
                    return _health(response.is_success, body)
            raise _failure(response, content)

    def stop(self, request_id: str, *, timeout: float = ANSWER_TIMEOUT) -> None:
        """Stop a stream of the same client. A deployed API does not see when its reader leaves.

        Args:
            request_id: the stream's id.
            timeout: seconds for the answer.

        Raises:
            ApiError: it cannot be stopped.
        """
        url = f"{self.base_url}/stream/{quote(request_id, safe='')}/stop"
        self._post(url, {}, b"", timeout).close()

    def _query(
        self, url: str, query: str, key: str | None, idle: float, whole: float
    ) -> tuple[httpx2.Response, float]:
        """Send a query, and repeat it where that may help.

        Returns:
            The response, with its body to be read, and when that has to be done.
        """
        headers = {"Content-Type": "application/json"}
        if key is not None:
            if not _VISIBLE.fullmatch(key):
                raise ValueError("The idempotency key must be visible ASCII characters, such as a UUID.")
            headers["Idempotency-Key"] = key
        # Half of a character, of a text that was cut, is sent as its escape.
        content = json.dumps({"query": query}).encode()
        left = self._retries
        while True:
            until = time.monotonic() + whole
            try:
                return self._post(url, headers, content, idle), until
            except ApiError as failed:
                pause = self._pause(failed, repeatable=key is not None)
                if not left or pause is None:
                    raise
            left -= 1
            time.sleep(pause)

    def _pause(self, failed: ApiError, *, repeatable: bool) -> float | None:
        """Return how long to wait before another try; None where there is to be none."""
        if failed.retry_after is not None:
            return failed.retry_after if failed.retry_after <= self._longest_wait else None
        if isinstance(failed, ConnectionFailed) and (repeatable or not failed.sent):
            return _RETRY_PAUSE
        return None

    def _post(self, url: str, headers: Mapping[str, str], content: bytes, idle: float) -> httpx2.Response:
        until = time.monotonic() + idle
        own = {"x-api-key": self._key.reveal()} if self._key != NO_KEY else {}
        with _connecting(self.base_url):
            request = self._http.build_request(
                "POST", url, content=content, headers={**headers, **own}, timeout=_timeouts(idle)
            )
            response = self._http.send(request, stream=True)
        if response.is_success:
            return response
        with closing(response):
            raise _failure(response, _read(response, until))


class Stream(Iterator[str]):
    """An answer while it is written: an iterator over the pieces of its text.

    ``TravelGPT.stream`` makes it.

    Attributes:
        request_id: the id of the request; empty before the first piece.
        model: the model; empty before the first piece.
    """

    def __init__(self, api: TravelGPT, response: httpx2.Response, until: float) -> None:
        self.request_id = ""
        self.model = ""
        self._api = api
        self._response = response
        self._text: list[str] = []
        self._body: dict[str, Any] = {}
        self._complete = False
        self._pieces = self._read(until)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __next__(self) -> str:
        return next(self._pieces)

    def close(self) -> None:
        """Close the connection. A deployed API goes on writing the answer, unless it is stopped before."""
        self._pieces.close()
        self._response.close()

    def stop(self, *, timeout: float = ANSWER_TIMEOUT) -> None:
        """Have the API stop writing, so that it spends no more, and close the connection.

        Args:
            timeout: seconds for the answer of the API.

        Raises:
            ApiError: the API cannot stop it; the connection is closed nevertheless.
        """
        self.close()
        if self.request_id and not self._complete:
            self._api.stop(self.request_id, timeout=timeout)

    def answer(self) -> Answer:
        """Read the rest, and return the whole answer.

        Raises:
            ApiError: the stream failed, or was closed before its end.
        """
        for _ in self:
            pass
        if not self._complete:
            raise ConnectionFailed(
                "The stream was closed before its end.", code="connection_failed", status=200
            )
        body = {"status": "success", "answer": "".join(self._text), "model": self.model, **self._body}
        return _answer({**body, "request_id": self.request_id}, self._api.base_url)

    def _read(self, until: float) -> Generator[str]:
        url, events = self._api.base_url, _Events(self._api.base_url)
        with closing(self._response), _connecting(url, self):
            for chunk in self._response.iter_bytes():
                for name, data in events.feed(chunk):
                    if piece := self._take(name, _object(data, url)):
                        yield piece
                    if self._complete:
                        return
                if time.monotonic() > until:
                    raise _late(url, self.request_id)
        raise ConnectionFailed(
            "The stream ended before the answer was complete. Ask again, or ask for less at once.",
            code="connection_failed",
            status=200,
            request_id=self.request_id,
        )

    def _take(self, name: str, data: Mapping[str, Any]) -> str:
        """Take one event, and return the text that it brings. Unknown events are ignored."""
        match name:
            case "start":
                self.request_id, self.model = _text(data, "request_id"), _text(data, "model")
            case "delta":
                self._text.append(_text(data, "text"))
                return self._text[-1]
            case "usage":
                self._body |= data
            case "done":
                self._body |= data
                self._complete = True
            case "error":
                code = _text(data, "code")
                raise _typed(
                    _STATUS_OF_CODE.get(code, 500), code, data, retry_after=_whole(data, "retry_after")
                )
        return ""


class _Events:
    """Parses server-sent events, however their bytes are cut. Comments and unknown fields are ignored.

    Source: the HTML standard, "Parsing an event stream". Its line ends are no others than CR, LF and both,
    so that JSON may have the line separators of Unicode unescaped.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._line = bytearray()
        self._after_cr = False
        self._first = True
        self._name = ""
        self._data: list[str] = []
        self._size = 0

    def feed(self, chunk: bytes) -> Iterator[tuple[str, str]]:
        """Take the next bytes, and yield the name and the data of each event that they complete."""
        if self._after_cr and chunk:
            chunk = chunk.removeprefix(b"\n")
            self._after_cr = False
        if chunk:
            self._after_cr = chunk.endswith(b"\r")
        first, *others = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        self._append(first)
        for following in others:
            line = bytes(self._line)
            self._line.clear()
            if event := self._take(line):
                yield event
            self._append(following)

    def _append(self, part: bytes) -> None:
        self._line += part
        self._size += len(part)
        if self._size > LARGEST:
            raise _unexpected(self._url)

    def _take(self, line: bytes) -> tuple[str, str] | None:
        if self._first:
            self._first = False
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not line:
            name, data = self._name, "\n".join(self._data)
            self._name, self._data, self._size = "", [], 0
            return (name, data) if data else None
        field_name, _, value = line.partition(b":")
        text = value.removeprefix(b" ").decode("utf-8", "replace")
        match field_name:
            case b"event":
                self._name = text
            case b"data":
                self._data.append(text)
        return None


def _checked_key(value: str) -> Key:
    # The HTTP library would quote a value that cannot be a header's.
    if not _VISIBLE.fullmatch(value.strip()):
        raise ValueError("The API key must be visible ASCII characters. Copy it again, without line breaks.")
    return Key(value.strip())


def _timeouts(idle: float) -> httpx2.Timeout:
    return httpx2.Timeout(idle, connect=min(idle, CONNECT_TIMEOUT))


@contextmanager
def _connecting(url: str, stream: Stream | None = None) -> Iterator[None]:
    """Turn what the HTTP library raises into this module's exceptions."""
    try:
        yield
    except httpx2.ConnectTimeout as late:
        raise _not_sent(TimedOut(f"{_host(url)} accepted no connection in time.", code="timed_out")) from late
    except httpx2.TimeoutException as late:
        raise _late(url, stream.request_id if stream else "") from late
    except (httpx2.ConnectError, httpx2.UnsupportedProtocol) as failed:
        text = f"No connection to {_host(url)} could be made ({str(failed) or type(failed).__name__})."
        raise _not_sent(ConnectionFailed(text, code="connection_failed")) from failed
    except (httpx2.RequestError, httpx2.StreamError) as failed:
        text = f"The connection to {_host(url)} was cut ({str(failed) or type(failed).__name__})."
        raise ConnectionFailed(
            text, code="connection_failed", request_id=stream.request_id if stream else ""
        ) from failed


def _not_sent(failed: ConnectionFailed) -> ConnectionFailed:
    failed.sent = False
    return failed


def _late(url: str, request_id: str = "") -> TimedOut:
    return TimedOut(f"{_host(url)} did not answer in time.", code="timed_out", request_id=request_id)


def _host(url: str) -> str:
    return urlsplit(url).netloc


def _read(response: httpx2.Response, until: float) -> bytes:
    """Read a body, in its time and up to its longest."""
    url, found = str(response.url), bytearray()
    with _connecting(url):
        for chunk in response.iter_bytes():
            found += chunk
            if len(found) > LARGEST:
                raise _unexpected(url, response.status_code)
            if time.monotonic() > until:
                raise _late(url)
    return bytes(found)


def _unexpected(url: str, status: int | None = None) -> UnexpectedAnswer:
    return UnexpectedAnswer(
        f"What answers at {url} is not an API of Travel GPT. Check the URL: it ends in /travel-gpt.",
        code="unexpected_answer",
        status=status,
    )


def _object_or_nothing(content: bytes | str) -> dict[str, Any] | None:
    with suppress(ValueError, RecursionError):
        found = json.loads(content)
        if isinstance(found, dict):
            return found
    return None


def _object(content: bytes | str, url: str) -> dict[str, Any]:
    found = _object_or_nothing(content)
    if found is None:
        raise _unexpected(url)
    return found


def _failure(response: httpx2.Response, content: bytes) -> ApiError:
    """Return what a response other than a 2xx means."""
    url, status = str(response.url), response.status_code
    if response.is_redirect:
        return UnexpectedAnswer(
            f"{url} redirects to {_target(response)}, and nothing was sent there. If the API is there, use "
            "its URL.",
            code="redirected",
            status=status,
        )
    body = _object_or_nothing(content) or {}
    code = body.get("code")
    if not isinstance(code, str) or not isinstance(body.get("message"), str):
        found = _unexpected(url, status)
        if status < 500:
            return found
        # Of a load balancer or proxy before the API.
        code = "unexpected_answer"
        body = {"message": f"{_host(url)} answered {status}, without saying why. Try again in a moment."}
    return _typed(status, code, body, retry_after=_retry_after(response.headers))


def _target(response: httpx2.Response) -> str:
    with suppress(KeyError, ValueError):
        if host := _host(urljoin(str(response.url), response.headers["location"])):
            return host
    return "another address"


def _typed(status: int, code: str, body: Mapping[str, Any], *, retry_after: int | None) -> ApiError:
    kind: type[ApiError] = RequestRefused
    if status >= 500:
        kind = ApiFailed
    elif status == 429:
        kind = LimitReached
    elif status in (401, 403):
        kind = AccessRefused
    return kind(
        _text(body, "message"),
        code=code,
        status=status,
        request_id=_text(body, "request_id"),
        retry_after=retry_after,
    )


def _retry_after(headers: httpx2.Headers) -> int | None:
    """Return the seconds of ``Retry-After``: a number, or a date (RFC 9110, section 10.2.3)."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return int(value[:9])
    with suppress(ValueError):
        moment = parsedate_to_datetime(value)
        seconds = (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
        return max(0, round(seconds))
    return None


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    return value if isinstance(value, str) else ""


def _whole(body: Mapping[str, Any], name: str) -> int | None:
    value = _number(body, name)
    return None if value is None else int(value)


def _number(body: Mapping[str, Any], name: str) -> float | None:
    value = body.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    # json also reads NaN and Infinity.
    return value if abs(value) < 1e15 else None


def _answer(body: Mapping[str, Any], url: str) -> Answer:
    if not isinstance(body.get("answer"), str):
        raise _unexpected(url)
    usage, budget, warnings = (body.get(name) for name in ("usage", "budget", "warnings"))
    counted: Mapping[str, Any] = usage if isinstance(usage, dict) else {}
    return Answer(
        text=_text(body, "answer"),
        model=_text(body, "model"),
        usage=Usage(
            input_tokens=_whole(counted, "input_tokens"),
            output_tokens=_whole(counted, "output_tokens"),
            total_tokens=_whole(counted, "total_tokens"),
            cost_usd=_number(counted, "cost_usd"),
        ),
        budget=_budget(budget) if isinstance(budget, dict) else None,
        warnings=tuple(str(each) for each in warnings) if isinstance(warnings, list) else (),
        truncated=body.get("truncated") is True,
        request_id=_text(body, "request_id"),
        body=body,
    )


def _budget(body: Mapping[str, Any]) -> Budget:
    return Budget(
        whose=_text(body, "whose"),
        period=_text(body, "period"),
        limit_usd=_number(body, "limit_usd") or 0.0,
        left_usd=_number(body, "left_usd") or 0.0,
        renews_at=_whole(body, "renews_at") or 0,
    )


def _health(ok: bool, body: Mapping[str, Any]) -> Health:
    return Health(
        healthy=ok and body.get("status") == "success",
        message=_text(body, "message"),
        mode=_text(body, "mode"),
        code=_text(body, "code"),
        request_id=_text(body, "request_id"),
        body=body,
    )
