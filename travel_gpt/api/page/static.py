"""The responses that need no session, no table and no model: the page, its files, and the way to it."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from travel_gpt.api.page.assets import content_hash, web_page
from travel_gpt.api.resources import PAGE
from travel_gpt.api.responses import COMMON_HEADERS, ProxyResponse
from travel_gpt.errors import NotFound

if TYPE_CHECKING:
    from travel_gpt.api.request import Request

_COMMON: Final = {
    name: COMMON_HEADERS[name] for name in ("X-Content-Type-Options", "Strict-Transport-Security")
}

# Only features that browsers know: they write a line to the console for one that they do not.
_UNUSED_FEATURES: Final = (
    "camera",
    "display-capture",
    "geolocation",
    "microphone",
    "midi",
    "payment",
    "usb",
)

PAGE_HEADERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        **_COMMON,
        "Content-Type": "text/html; charset=utf-8",
        # A browser asks each time, and mostly gets a 304: a deployment changes the names of the other files.
        "Cache-Control": "no-cache",
        "Content-Security-Policy": "; ".join(
            (
                "default-src 'none'",
                "script-src 'self'",
                "style-src 'self'",
                "img-src 'self' data:",
                "connect-src 'self'",
                "form-action 'none'",
                "base-uri 'none'",
                "frame-ancestors 'none'",
                "require-trusted-types-for 'script'",
                "trusted-types 'none'",
            )
        ),
        # Not no-referrer: with it, the Origin of a POST that is not in the mode "cors" is null (Fetch
        # standard, "append a request Origin header"). Other sites learn nothing either way.
        "Referrer-Policy": "same-origin",
        # For browsers that do not know frame-ancestors.
        "X-Frame-Options": "DENY",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": ", ".join(f"{feature}=()" for feature in _UNUSED_FEATURES),
    }
)
"""The headers of the HTML."""

FOR_LONG: Final = "public, max-age=31536000, immutable"

_BASE: Final = re.compile(r"(?:/[A-Za-z0-9._~-]+)*")


def base_of(request: "Request") -> str:
    """Return what stands before the API's paths in the URLs that a browser asks for.

    Args:
        request: a request for the page or for something below it, or for the root.

    Returns:
        The stage, such as ``/Prod``; behind a custom domain the base path that is mapped to it, or nothing.
    """
    before, found, _ = request.url_path.rpartition(PAGE)
    base = before if found else request.url_path.rstrip("/")
    # It becomes part of the HTML and of a redirect: "//example.com" would lead to another site.
    return base if _BASE.fullmatch(base) else ""


def redirect_to_page(request: "Request") -> ProxyResponse:
    """Return the 302 of the root."""
    headers = {**_COMMON, "Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"}
    return _response(302, {**headers, "Location": base_of(request) + PAGE})


def serve_page(request: "Request") -> ProxyResponse:
    """Return the HTML, or the 304 of a browser that has it already."""
    html = web_page().html(base_of(request))
    tag = f'"{content_hash(html)}"'
    headers = {**PAGE_HEADERS, "ETag": tag}
    if tag in _tags(request.headers.get("if-none-match", "")):
        # With all headers: a browser updates those of the page that it has (RFC 9111, section 3.2), and
        # without a type API Gateway would add that of JSON.
        return _response(304, headers)
    return _response(200, headers, html)


def serve_asset(request: "Request") -> ProxyResponse:
    """Return the script or the style sheet.

    Raises:
        NotFound: there is no such file.
    """
    name = request.path_parameters.get("file", "")
    asset = web_page().asset(name)
    if asset is None:
        raise NotFound("the page has no such file")
    # A page that was loaded before a deployment asks for a hash that is gone: it gets what there is now,
    # which must not be stored under that name.
    cache = FOR_LONG if name == asset.name else "no-store"
    return _response(200, {**_COMMON, "Content-Type": asset.content_type, "Cache-Control": cache}, asset.text)


def _tags(if_none_match: str) -> set[str]:
    # A proxy that compresses makes a tag weak.
    return {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}


def _response(status: int, headers: Mapping[str, str], body: str = "") -> ProxyResponse:
    return ProxyResponse(statusCode=status, headers=dict(headers), body=body, isBase64Encoded=False)
