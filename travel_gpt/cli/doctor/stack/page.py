"""The web page as a browser gets it: its headers, and the script that it loads."""

import re
import urllib.request
from collections.abc import Iterator, Mapping
from html import unescape
from typing import Final
from urllib.parse import urljoin

from travel_gpt.api.page.static import FOR_LONG, page_headers
from travel_gpt.cli.doctor.check_result import CheckResult, ok, problem, warning
from travel_gpt.cli.doctor.stack.deployed import Deployed
from travel_gpt.cli.http_answer import HttpAnswer, send
from travel_gpt.cli.printable import printable
from travel_gpt.redaction import redact

CHECK: Final = "page"

_SCRIPT: Final = re.compile(r'src="([^"]+/app/assets/[^"]+\.js)"')
_STYLE: Final = re.compile(r"<style>(.*?)</style>", re.DOTALL)
_LARGEST: Final = 1024 * 1024
_AGAIN: Final = (
    "Deploy again: ./deploy.sh. If it stays, something between the API and this machine changes answers: "
    "look for a proxy, and check from another network."
)


def check_page(deployed: Deployed) -> Iterator[CheckResult]:
    """GET the page and its script, as a browser would.

    Args:
        deployed: the stack. One of a version without the page has nothing to check.
    """
    url = deployed.stack.outputs.get("PageUrl", "")
    if not url:
        return
    answer = _get(url)
    if deployed.settings.web_page != "enabled":
        if _code(answer) == "page_disabled":
            yield ok(CHECK, "turned off (WebPage)")
        else:
            yield problem(CHECK, f"it is turned off, and {url} {_what(answer)}", _AGAIN)
        return
    if answer.status != 200:
        yield problem(CHECK, f"{url} {_what(answer)}", _AGAIN)
        return
    html = answer.body.decode("utf-8", "replace")
    found = [*_check_headers(answer, html), *_check_unchanged(url, answer), *_check_script(url, html)]
    yield from found or [ok(CHECK, f"{url} is served with the headers of this version, and its script loads")]


def _check_headers(page: HttpAnswer, html: str) -> Iterator[CheckResult]:
    style = _STYLE.search(html)
    # The policy names the hash of the style sheet: with another one a browser shows the page without it.
    headers = page_headers(style[1] if style else "")
    missing = [name for name in headers if name.lower() not in page.headers]
    if missing:
        yield problem(CHECK, f"the page is served without {', '.join(missing)}", _AGAIN)
    for name, wanted in headers.items():
        is_ = page.headers.get(name.lower(), wanted)
        if is_ != wanted:
            yield warning(
                CHECK, printable(f"the page has another {name} than this version: {redact(is_)}"), _AGAIN
            )


def _check_unchanged(url: str, page: HttpAnswer) -> Iterator[CheckResult]:
    tag = page.headers.get("etag", "")
    again = _get(url, {"If-None-Match": tag}) if tag else page
    if again.status != 304:
        yield warning(CHECK, "browsers load the page anew each time: its ETag is not taken back", _AGAIN)


def _check_script(url: str, html: str) -> Iterator[CheckResult]:
    named = _SCRIPT.search(html)
    if named is None:
        yield problem(CHECK, "the page names no script", _AGAIN)
        return
    script = urljoin(url, unescape(named[1]))
    answer = _get(script)
    if answer.status != 200 or not answer.headers.get("content-type", "").startswith("text/javascript"):
        yield problem(CHECK, f"{script} {_what(answer)}", _AGAIN)
    elif answer.headers.get("cache-control") != FOR_LONG:
        yield warning(CHECK, f"browsers do not store {script}, whose name fits its content", _AGAIN)


def _what(answer: HttpAnswer) -> str:
    said = _code(answer) or answer.headers.get("content-type", "")
    return printable(redact(f"{answer.reason} {said}".rstrip()))


def _code(answer: HttpAnswer) -> str:
    """Return the code of a failure; empty where there is none."""
    return str(answer.document.get("code", ""))


def _get(url: str, headers: Mapping[str, str] | None = None) -> HttpAnswer:
    # The address is an output of the stack, and begins with https: no file and no other scheme.
    return send(urllib.request.Request(url, headers=dict(headers or {})), _LARGEST)  # noqa: S310
