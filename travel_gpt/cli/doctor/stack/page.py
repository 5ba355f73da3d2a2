"""The web page as a browser gets it: its headers, and the files that it loads."""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from html import unescape
from typing import Final
from urllib.parse import urljoin

from travel_gpt.api.page.static import FOR_LONG, PAGE_HEADERS
from travel_gpt.cli.doctor.check_result import CheckResult, ok, problem, warning
from travel_gpt.cli.doctor.stack.deployed import Deployed
from travel_gpt.cli.printable import printable
from travel_gpt.cli.stack import TIMEOUT
from travel_gpt.redaction import redact

CHECK: Final = "page"

_ASSETS: Final = re.compile(r'(?:src|href)="([^"]+/app/assets/[^"]+\.(js|css))"')
_TYPES: Final = {"js": "text/javascript", "css": "text/css"}
_LARGEST: Final = 1024 * 1024
_AGAIN: Final = (
    "Deploy again: ./deploy.sh. If it stays, something between the API and this machine changes answers: "
    "look for a proxy, and check from another network."
)


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    """The HTTP status; 0 where nothing answered."""
    reason: str
    """What happened, to continue a sentence that begins with the URL."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """By their names in lower case."""
    text: str = ""

    @property
    def code(self) -> str:
        """The code of a failure; empty where there is none."""
        try:
            body = json.loads(self.text)
        except ValueError:
            return ""
        return str(body.get("code", "")) if isinstance(body, dict) else ""


def check_page(deployed: Deployed) -> Iterator[CheckResult]:
    """GET the page and its files, as a browser would.

    Args:
        deployed: the stack. One of a version without the page has nothing to check.
    """
    url = deployed.stack.outputs.get("PageUrl", "")
    if not url:
        return
    answer = _get(url)
    if deployed.settings.web_page != "enabled":
        if answer.code == "page_disabled":
            yield ok(CHECK, "turned off (WebPage)")
        else:
            yield problem(CHECK, f"it is turned off, and {url} {_what(answer)}", _AGAIN)
        return
    if answer.status != 200:
        yield problem(CHECK, f"{url} {_what(answer)}", _AGAIN)
        return
    found = [*_check_headers(answer), *_check_unchanged(url, answer), *_check_assets(url, answer)]
    yield from found or [
        ok(CHECK, f"{url} is served with the headers of this version, and its script and style sheet load")
    ]


def _check_headers(page: _Answer) -> Iterator[CheckResult]:
    missing = [name for name in PAGE_HEADERS if name.lower() not in page.headers]
    if missing:
        yield problem(CHECK, f"the page is served without {', '.join(missing)}", _AGAIN)
    for name, wanted in PAGE_HEADERS.items():
        is_ = page.headers.get(name.lower(), wanted)
        if is_ != wanted:
            yield warning(
                CHECK, printable(f"the page has another {name} than this version: {redact(is_)}"), _AGAIN
            )


def _check_unchanged(url: str, page: _Answer) -> Iterator[CheckResult]:
    tag = page.headers.get("etag", "")
    again = _get(url, {"If-None-Match": tag}) if tag else page
    if again.status != 304:
        yield warning(CHECK, "browsers load the page anew each time: its ETag is not taken back", _AGAIN)


def _check_assets(url: str, page: _Answer) -> Iterator[CheckResult]:
    named = {suffix: urljoin(url, unescape(path)) for path, suffix in _ASSETS.findall(page.text)}
    for suffix, type_ in _TYPES.items():
        if suffix not in named:
            yield problem(CHECK, f"the page names no file of type {suffix}", _AGAIN)
            continue
        answer = _get(named[suffix])
        if answer.status != 200 or not answer.headers.get("content-type", "").startswith(type_):
            yield problem(CHECK, f"{named[suffix]} {_what(answer)}", _AGAIN)
        elif answer.headers.get("cache-control") != FOR_LONG:
            yield warning(
                CHECK, f"browsers do not store {named[suffix]}, whose name fits its content", _AGAIN
            )


def _what(answer: _Answer) -> str:
    kind = answer.headers.get("content-type", "")
    return printable(redact(f"{answer.reason}{f' {answer.code}' if answer.code else f' {kind}'.rstrip()}"))


def _get(url: str, headers: Mapping[str, str] | None = None) -> _Answer:
    # The address is an output of the stack, and begins with https: no file and no other scheme.
    request = urllib.request.Request(url, headers=dict(headers or {}))  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
            return _answer(answer.status, answer.headers.items(), answer.read(_LARGEST))
    except urllib.error.HTTPError as refused:
        with refused:
            return _answer(refused.code, refused.headers.items(), refused.read(_LARGEST))
    except (OSError, ValueError) as failed:
        return _Answer(0, f"cannot be reached ({redact(str(getattr(failed, 'reason', failed)))})")


def _answer(status: int, headers: Iterable[tuple[str, str]], body: bytes) -> _Answer:
    lower = {name.lower(): value for name, value in headers}
    return _Answer(status, f"answered {status}", lower, body.decode("utf-8", "replace"))
