"""Where a request of the page comes from: no other site may use a visitor's session, or the owner's money."""

from dataclasses import dataclass
from typing import Final, Literal, Self

from travel_gpt.api.request import Request
from travel_gpt.errors import OriginRefused

MARK_NAME: Final = "x-travel-gpt"
MARK: Final = "page"
"""The header that the page's script sends. That of another site cannot without a preflight, which nothing
here answers (Fetch standard, "CORS protocol")."""

_DEFAULT_PORTS: Final = {"https": 443, "http": 80}
_LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})


@dataclass(frozen=True, slots=True)
class Site:
    """The address that the browser has for this API."""

    scheme: Literal["https", "http"]
    name: str
    """The host's name, in lower case."""
    port: int

    @classmethod
    def of(cls, request: Request) -> Self:
        """Return the site that a request was sent to.

        The scheme is that of ``X-Forwarded-Proto``, which API Gateway sets itself. An event without it was
        written by hand, and counts as https.

        Args:
            request: the request.
        """
        scheme: Literal["https", "http"] = (
            "http" if request.headers.get("x-forwarded-proto", "").lower() == "http" else "https"
        )
        name, port = request.headers.get("host", "").lower(), ""
        if not name.endswith("]"):
            before, found, after = name.rpartition(":")
            name, port = (before, after) if found else (after, "")
        is_number = port.isascii() and port.isdigit()
        return cls(scheme, name, int(port[:6]) if is_number else _DEFAULT_PORTS[scheme])

    @property
    def origin(self) -> str:
        """The site as browsers write it into ``Origin``: without the scheme's own port."""
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{self.name}{port}"

    @property
    def is_loopback(self) -> bool:
        """Whether it is on the visitor's own machine."""
        return self.name in _LOOPBACK_NAMES


def require_page_origin(request: Request) -> None:
    """Refuse a request that the page's own script did not send.

    Args:
        request: a request that changes or spends something.

    Raises:
        OriginRefused: it lacks the page's header, or its ``Origin`` is not the site that it was sent to.
    """
    if request.headers.get(MARK_NAME) != MARK:
        raise OriginRefused("the header X-Travel-GPT is missing, or is not page")
    if request.headers.get("origin", "").lower() != Site.of(request).origin:
        raise OriginRefused("the Origin is missing, or is another site's")
