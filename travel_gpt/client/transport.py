"""HTTP: where the API key is sent, how long an answer may take, and what failures mean."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urljoin

import httpx2

from travel_gpt import __version__
from travel_gpt.base_url import is_loopback
from travel_gpt.client.errors import (
    ApiError,
    ConnectionFailed,
    TimedOut,
    UnexpectedAnswer,
    host_of,
    not_sent,
    refusal,
    timed_out,
    unexpected,
)
from travel_gpt.client.events import LONGEST
from travel_gpt.client.fields import json_object
from travel_gpt.credentials.secret import NO_KEY, Key

CONNECT_TIMEOUT: Final = 10.0
"""Seconds for a connection."""
VISIBLE: Final = re.compile(r"[!-~]+")
"""What a header can hold of a key: visible ASCII characters."""


class Transport:
    """Sends the requests of a client. No redirect is followed, so that the API key reaches no other host.

    Args:
        base_url: the API's URL, which ``safe_base_url`` accepted.
        api_key: the API key; None for none.

    Raises:
        ValueError: the API key, or what the environment says about proxies or certificates, cannot be used.
            The text does not quote it.
    """

    def __init__(self, base_url: str, api_key: str | None) -> None:
        self._host = host_of(base_url)
        self._key = NO_KEY if api_key is None else _checked_key(api_key)
        try:
            self._http = httpx2.Client(
                follow_redirects=False,
                # A proxy of the environment must not see what is sent to this machine in plain text.
                trust_env=not is_loopback(base_url),
                # Loading certificates that http does not use would take 50 ms.
                verify=not base_url.startswith("http:"),
                headers={"User-Agent": f"travel-gpt-python/{__version__}", "Accept-Encoding": "identity"},
            )
        except (ImportError, OSError, ValueError, httpx2.InvalidURL):
            # A proxy's URL may have a password.
            raise ValueError(
                "The proxy or the certificates that the environment names cannot be used. Check HTTPS_PROXY, "
                "ALL_PROXY, SSL_CERT_FILE and SSL_CERT_DIR; a SOCKS proxy needs the package socksio."
            ) from None

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def get(self, url: str, timeout: float) -> httpx2.Response:
        """Send a GET, without the API key.

        Args:
            url: where to send it.
            timeout: seconds without a byte of the answer.

        Returns:
            The response, of any status, with its body to be read.

        Raises:
            ConnectionFailed: none came.
        """
        with translated(self._host):
            request = self._http.build_request("GET", url, timeout=_timeouts(timeout))
            return self._http.send(request, stream=True, auth=None)

    def post(self, url: str, headers: Mapping[str, str], content: bytes, timeout: float) -> httpx2.Response:
        """Send a POST, with the API key.

        Args:
            url: where to send it.
            headers: its headers besides.
            content: its body.
            timeout: seconds without a byte of the answer.

        Returns:
            The response, a 2xx, with its body to be read.

        Raises:
            ApiError: none came, or another one.
        """
        until = time.monotonic() + timeout
        with translated(self._host):
            request = self._http.build_request(
                "POST", url, content=content, headers=headers, timeout=_timeouts(timeout)
            )
            response = self._http.send(request, stream=True, auth=self._authorize)
        if response.is_success:
            return response
        with closing(response):
            raise failure(response, read(response, until))

    def _authorize(self, request: httpx2.Request) -> httpx2.Request:
        # Here and not in a variable above: reports of exceptions may have the variables of every caller.
        if self._key != NO_KEY:
            request.headers["x-api-key"] = self._key.reveal()
        return request


def _checked_key(value: str) -> Key:
    # The HTTP library would quote a value that cannot be a header's.
    if not VISIBLE.fullmatch(value.strip()):
        raise ValueError("The API key must be visible ASCII characters. Copy it again, without line breaks.")
    return Key(value.strip())


def _timeouts(idle: float) -> httpx2.Timeout:
    return httpx2.Timeout(idle, connect=min(idle, CONNECT_TIMEOUT))


@contextmanager
def translated(host: str, request_id: Callable[[], str] = str) -> Iterator[None]:
    """Turn what the HTTP library raises into this package's exceptions.

    It is not chained: its variables have the request, and that has the API key.

    Args:
        host: what is asked, as messages name it.
        request_id: returns the id of the request, once it is known.
    """
    try:
        yield
    except (httpx2.ConnectTimeout, httpx2.PoolTimeout):
        raise not_sent(TimedOut(f"{host} accepted no connection in time.", code="timed_out")) from None
    except httpx2.TimeoutException:
        raise timed_out(host, request_id()) from None
    except (httpx2.ConnectError, httpx2.ProxyError, httpx2.UnsupportedProtocol, UnicodeError) as failed:
        # Python's own encoding of host names raises UnicodeError.
        text = f"No connection to {host} could be made ({str(failed) or type(failed).__name__})."
        raise not_sent(ConnectionFailed(text, code="connection_failed")) from None
    except (httpx2.RequestError, httpx2.StreamError) as failed:
        text = f"The connection to {host} was cut ({str(failed) or type(failed).__name__})."
        raise ConnectionFailed(text, code="connection_failed", request_id=request_id()) from None


def read(response: httpx2.Response, until: float) -> bytes:
    """Read a body.

    Args:
        response: the response.
        until: when it has to be complete, on the monotonic clock.

    Raises:
        ApiError: it did not come in time, is cut, or too long.
    """
    url, found = str(response.url), bytearray()
    with translated(host_of(url)):
        for chunk in response.iter_bytes():
            found += chunk
            if len(found) > LONGEST:
                raise unexpected(url, response.status_code)
            if time.monotonic() > until:
                raise timed_out(host_of(url))
    return bytes(found)


def failure(response: httpx2.Response, content: bytes) -> ApiError:
    """Return what a response other than a 2xx means.

    Args:
        response: the response.
        content: its body.
    """
    url, status = str(response.url), response.status_code
    if response.is_redirect:
        return UnexpectedAnswer(
            f"{url} redirects to {_target(response)}, and nothing was sent there. If the API is there, use "
            "its URL.",
            code="redirected",
            status=status,
        )
    body = json_object(content) or {}
    code = body.get("code")
    if not isinstance(code, str) or not isinstance(body.get("message"), str):
        found = unexpected(url, status)
        if status < 500:
            return found
        # Of a load balancer or proxy before the API.
        code = found.code
        body = {"message": f"{host_of(url)} answered {status}, without saying why. Try again in a moment."}
    return refusal(status, code, body, _retry_after(response.headers))


def _target(response: httpx2.Response) -> str:
    with suppress(KeyError, ValueError):
        if host := host_of(urljoin(str(response.url), response.headers["location"])):
            return host
    return "another address"


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
