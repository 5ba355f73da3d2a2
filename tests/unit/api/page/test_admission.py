"""Who the caller of a request of the page is."""

import pytest

from tests.conftest import LambdaContext
from tests.support.page import COOKIE, page_event
from travel_gpt.api.page.admission import admit
from travel_gpt.api.request import Request
from travel_gpt.api.resources import PAGE_ASK
from travel_gpt.errors import Misconfigured, OriginRefused, PageDisabled, SessionRequired
from travel_gpt.guard.callers import Caller
from travel_gpt.settings import Settings

TOKEN = "u5xqZ0nXb1V7mB2d6T9kQ3wE8rY4tU1iO0pA5sD7fGg"
ADDRESS = "203.0.113.7"


def sent(cookie: str = f"{COOKIE}={TOKEN}", **headers: str | None) -> Request:
    return Request.of(page_event(PAGE_ASK, cookie=cookie, headers=headers), LambdaContext())


def settings(**environment: str) -> Settings:
    return Settings.load({"WEB_PAGE": "enabled", "TABLE_NAME": "clients", **environment})


def test_the_session_of_the_cookie_is_the_caller() -> None:
    assert admit(sent(), settings()).caller == Caller(ADDRESS, session=TOKEN)


def test_an_api_key_is_not_looked_at_and_a_session_is_not_printed() -> None:
    event = page_event(PAGE_ASK, cookie=f"{COOKIE}={TOKEN}")
    event["requestContext"]["identity"]["apiKeyId"] = "somebodyskey"
    admitted = admit(Request.of(event, LambdaContext()), settings())

    assert admitted.caller.key_id == ""
    assert TOKEN not in repr(admitted)


def test_an_api_key_lets_no_one_ask_on_the_page() -> None:
    event = page_event(PAGE_ASK)
    event["requestContext"]["identity"]["apiKeyId"] = "somebodyskey"

    with pytest.raises(SessionRequired):
        admit(Request.of(event, LambdaContext()), settings())


def test_where_anyone_may_ask_the_address_is_the_caller() -> None:
    open_to_all = settings(API_ACCESS="open", TABLE_NAME="")

    assert admit(sent(), open_to_all).caller == admit(sent(""), open_to_all).caller == Caller(ADDRESS)


def test_without_a_session_there_is_one_to_get() -> None:
    with pytest.raises(SessionRequired) as refused:
        admit(sent(""), settings())

    assert "invitation" in refused.value.message


@pytest.mark.parametrize("access", ["open", "api-key"])
def test_another_origin_is_refused_with_and_without_sessions(access: str) -> None:
    with pytest.raises(OriginRefused):
        admit(sent(Origin="https://evil.example.com"), settings(API_ACCESS=access))


def test_a_page_that_is_turned_off_says_so_first() -> None:
    with pytest.raises(PageDisabled):
        admit(sent("", Origin=None), settings(WEB_PAGE="disabled"))


def test_without_a_table_no_cookie_lets_anyone_in() -> None:
    with pytest.raises(Misconfigured) as refused:
        admit(sent(), settings(TABLE_NAME=""))

    assert "TABLE_NAME" in refused.value.message
