"""The cookie with the token of a session."""

import pytest

from tests.conftest import LambdaContext
from tests.support.page import SITE, page_event
from travel_gpt.api.page.cookies import forget_session, keep_session, session_token
from travel_gpt.api.request import Request
from travel_gpt.api.resources import PAGE_ASK
from travel_gpt.errors import OriginRefused

TOKEN = "u5xqZ0nXb1V7mB2d6T9kQ3wE8rY4tU1iO0pA5sD7fGg"


def sent(cookie: str = "", site: str = SITE) -> Request:
    return Request.of(page_event(PAGE_ASK, cookie=cookie, site=site), LambdaContext())


def test_over_https_no_other_host_can_set_or_read_it() -> None:
    written = keep_session(sent(), TOKEN, 7_776_000)

    assert written == (
        f"__Host-travel-gpt={TOKEN}; Secure; Path=/; HttpOnly; SameSite=Strict; Max-Age=7776000"
    )


@pytest.mark.parametrize(
    ("site", "name"),
    [
        ("http://localhost:3000", "travel-gpt-3000"),
        ("http://127.0.0.1:3001", "travel-gpt-3001"),
        ("http://[::1]:3000", "travel-gpt-3000"),
        ("http://localhost", "travel-gpt-80"),
    ],
)
def test_on_this_machine_it_has_the_port_in_its_name(site: str, name: str) -> None:
    written = keep_session(sent(site=site), TOKEN, 60)

    assert written == f"{name}={TOKEN}; Path=/; HttpOnly; SameSite=Strict; Max-Age=60"
    assert session_token(sent(f"{name}={TOKEN}", site)) == TOKEN


@pytest.mark.parametrize("site", ["http://192.168.1.20:3000", "http://localhost.example.com", "http://trips"])
def test_over_http_elsewhere_there_are_no_sessions(site: str) -> None:
    for use in (session_token, forget_session, lambda request: keep_session(request, TOKEN, 60)):
        with pytest.raises(OriginRefused) as refused:
            use(sent(f"travel-gpt-3000={TOKEN}", site))
        assert "Open it at its https address" in refused.value.message


@pytest.mark.parametrize(
    ("cookie", "token"),
    [
        ("", ""),
        (f"__Host-travel-gpt={TOKEN}", TOKEN),
        (f"theme=dark; __Host-travel-gpt={TOKEN}; other=1", TOKEN),
        (f"theme=dark;__Host-travel-gpt={TOKEN}", TOKEN),
        ("__Host-travel-gpt=", ""),
        ("__Host-travel-gpt", ""),
        # Others, which any page of a neighbouring host may set:
        (f"travel-gpt={TOKEN}", ""),
        (f"travel-gpt-443={TOKEN}", ""),
        (f"__host-travel-gpt={TOKEN}", ""),
        (f"x__Host-travel-gpt={TOKEN}", ""),
        (f"a=b&__Host-travel-gpt={TOKEN}", ""),
    ],
)
def test_the_token_is_that_of_the_cookie_with_this_name(cookie: str, token: str) -> None:
    assert session_token(sent(cookie)) == token


def test_the_cookie_of_another_port_is_not_read() -> None:
    assert session_token(sent(f"travel-gpt-3000={TOKEN}", "http://localhost:3001")) == ""


def test_to_forget_it_the_same_cookie_ends_at_once() -> None:
    assert forget_session(sent()) == keep_session(sent(), "", 0)
