"""The cookie with the token of a session.

Source: RFC 6265bis (draft-ietf-httpbis-rfc6265bis), section 4.1.3.2: a browser takes a cookie whose name
begins with ``__Host-`` only over https, with ``Secure``, with ``Path=/`` and without ``Domain``, so that no
neighbouring host can set one. On this machine the local server speaks http; there the port is part of the
name, since cookies do not tell ports apart (section 8.5).
"""

from typing import Final

from travel_gpt.api.page.origin import Site
from travel_gpt.api.request import Request
from travel_gpt.errors import OriginRefused

COOKIE: Final = "travel-gpt"
"""The name, but for what comes before or after it."""
_ATTRIBUTES: Final = "Path=/; HttpOnly; SameSite=Strict"
_NEEDS_TLS: Final = (
    "This page was opened over http, where others could read a session on its way. Open it at its https "
    "address, or as localhost on the machine that serves it."
)


def session_token(request: Request) -> str:
    """Return the token that a request came with; empty without one.

    Args:
        request: the request.

    Raises:
        OriginRefused: there are no sessions over http.
    """
    name = _cookie_name(request)
    for pair in request.headers.get("cookie", "").split(";"):
        found, _, value = pair.strip().partition("=")
        if found == name:
            return value
    return ""


def keep_session(request: Request, token: str, seconds: int) -> str:
    """Return the value of ``Set-Cookie`` that has the browser keep a token.

    Args:
        request: the request that is answered.
        token: the token.
        seconds: for how long.

    Raises:
        OriginRefused: there are no sessions over http.
    """
    secure = "Secure; " if Site.of(request).scheme == "https" else ""
    return f"{_cookie_name(request)}={token}; {secure}{_ATTRIBUTES}; Max-Age={seconds}"


def forget_session(request: Request) -> str:
    """Return the value of ``Set-Cookie`` that has the browser delete the token.

    Args:
        request: the request that is answered.

    Raises:
        OriginRefused: there are no sessions over http.
    """
    return keep_session(request, "", 0)


def _cookie_name(request: Request) -> str:
    site = Site.of(request)
    if site.scheme == "https":
        return f"__Host-{COOKIE}"
    if site.is_loopback:
        return f"{COOKIE}-{site.port}"
    raise OriginRefused("there are no sessions over http", message=_NEEDS_TLS)
