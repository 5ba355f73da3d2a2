"""Which requests come from the page itself."""

import pytest

from tests.conftest import LambdaContext
from tests.support.page import SITE, page_event
from travel_gpt.api.page.origin import Site, require_page_origin
from travel_gpt.api.request import Request
from travel_gpt.api.resources import PAGE_ASK
from travel_gpt.errors import OriginRefused


def sent(site: str = SITE, **headers: str | None) -> Request:
    """Return a request with other headers than the page's script sends."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request.of(page_event(PAGE_ASK, site=site, headers=named), LambdaContext())


@pytest.mark.parametrize(
    ("site", "origin"),
    [
        (SITE, SITE),
        ("https://Trips.example.com", "https://trips.example.com"),
        ("https://trips.example.com:443", "https://trips.example.com"),
        ("https://trips.example.com:8443", "https://trips.example.com:8443"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("http://[::1]", "http://[::1]"),
    ],
)
def test_the_page_itself_may_ask(site: str, origin: str) -> None:
    request = sent(site, Origin=origin)

    require_page_origin(request)
    assert Site.of(request).origin == origin


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "",
        "null",
        "https://evil.example.com",
        SITE.replace("https", "http"),
        f"{SITE}:8443",
        f"{SITE}.evil.example.com",
        f"{SITE}, https://evil.example.com",
        f"https://user@{SITE.removeprefix('https://')}",
    ],
)
def test_another_origin_is_refused(origin: str | None) -> None:
    with pytest.raises(OriginRefused) as refused:
        require_page_origin(sent(Origin=origin))

    assert "Open the page at its own https address" in refused.value.message


@pytest.mark.parametrize("site", ["http://localhost:3000", "http://localhost", "https://localhost"])
@pytest.mark.parametrize("origin", ["http://localhost:3001", "http://127.0.0.1:3000", "http://[::1]:3000"])
def test_another_port_or_name_of_this_machine_is_another_origin(site: str, origin: str) -> None:
    with pytest.raises(OriginRefused):
        require_page_origin(sent(site, Origin=origin))


@pytest.mark.parametrize("mark", [None, "", "Page", "page, page", "1"])
def test_a_request_without_the_header_of_the_page_is_refused(mark: str | None) -> None:
    # A form of another site can send no such header.
    with pytest.raises(OriginRefused):
        require_page_origin(sent(X_Travel_GPT=mark))


@pytest.mark.parametrize("host", [None, "", ":", "localhost:", "localhost:99999999999", "localhost:x"])
def test_a_host_that_is_none_is_no_origin(host: str | None) -> None:
    with pytest.raises(OriginRefused):
        require_page_origin(sent("http://localhost:3000", Host=host))


def test_an_event_without_a_scheme_counts_as_https() -> None:
    assert Site.of(sent(X_Forwarded_Proto=None)).origin == SITE
