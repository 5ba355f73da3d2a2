"""The responses that need no session, no table and no model: the page, its files, and the way to it."""

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from travel_gpt.api.page.assets import content_hash, names_script, web_page
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


def page_headers(style: str) -> dict[str, str]:
    """Return the headers of the HTML.

    Args:
        style: the style sheet in it, the only one that a browser applies.
    """
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return {
        **_COMMON,
        "Content-Type": "text/html; charset=utf-8",
        # A browser asks each time, and mostly gets a 304: a deployment changes the name of the script.
        "Cache-Control": "no-cache",
        "Content-Security-Policy": "; ".join(
            (
                "default-src 'none'",
                "script-src 'self'",
                f"style-src 'sha256-{digest}'",
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


def redirect_to_page(request: "Request") -> ProxyResponse:
    """Return the 302 of the root."""
    headers = {**_COMMON, "Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"}
    return _response(302, {**headers, "Location": base_of(request) + PAGE})


def serve_page(request: "Request") -> ProxyResponse:
    """Return the HTML, or the 304 of a browser that has it already."""
    page = web_page()
    html = page.html(base_of(request))
    tag = f'"{content_hash(html)}"'
    headers = {**page_headers(page.style), "ETag": tag}
    if tag in _tags(request.headers.get("if-none-match", "")):
        # With all headers: a browser updates those of the page that it has (RFC 9111, section 3.2), and
        # without a type API Gateway would add that of JSON.
        return _response(304, headers)
    return _response(200, headers, html)


def serve_asset(request: "Request") -> ProxyResponse:
    """Return the script.

    Raises:
        NotFound: there is no such file.
    """
    name = request.path_parameters.get("file", "")
    if not names_script(name):
        raise NotFound("the page has no such file")
    page = web_page()
    # A page that was loaded before a deployment asks for a hash that is gone: it gets what there is now,
    # which must not be stored under that name.
    cache = FOR_LONG if name == page.script_name else "no-store"
    headers = {**_COMMON, "Content-Type": "text/javascript; charset=utf-8", "Cache-Control": cache}
    return _response(200, headers, page.script)


def _tags(if_none_match: str) -> set[str]:
    # A proxy that compresses makes a tag weak.
    return {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}


def _response(status: int, headers: Mapping[str, str], body: str = "") -> ProxyResponse:
    return ProxyResponse(statusCode=status, headers=dict(headers), body=body, isBase64Encoded=False)
