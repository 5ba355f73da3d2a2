"""The values that let a browser ask are in its cookie, and nowhere that others read."""

from playwright.sync_api import expect

from tests.browser.conftest import Pages
from tests.browser.proxy import Proxy
from tests.browser.servers import LocalServer, other_site
from tests.browser.steps import accept_button, ask, expect_signed_in, expect_whole_answer

STORED = """() => JSON.stringify(
    [{...localStorage}, {...sessionStorage}, document.cookie, location.href, history.state])"""


def test_session_and_invitation_are_in_no_url_referrer_or_storage(
    pages: Pages, server: LocalServer, proxy: Proxy
) -> None:
    guest = server.invite()
    page = pages.open(proxy.page + guest.fragment)
    accept_button(page).click()
    expect_signed_in(page, guest.name)
    ask(page, trip=False)
    expect_whole_answer(page)
    (cookie,) = page.context.cookies()
    stored = page.evaluate(STORED)
    with other_site("<title>Another site</title>") as address:
        page.evaluate("(address) => { location.href = address }", address)
        expect(page).to_have_title("Another site")
        referrer = page.evaluate("document.referrer")

    sent = [
        f"{each.path} {each.headers.get('referer', '')} {each.headers.get('x-travel-gpt', '')}"
        for each in proxy.seen
    ]
    for secret in (cookie["value"], guest.code):
        assert len(secret) >= 32
        for place in (stored, referrer, page.url, *sent, *server.log):
            assert secret not in place
    assert referrer == ""


def test_the_cookie_is_for_this_server_and_not_for_scripts(pages: Pages, server: LocalServer) -> None:
    guest = server.invite()
    page = pages.open(server.page + guest.fragment)
    accept_button(page).click()
    expect_signed_in(page, guest.name)

    (cookie,) = page.context.cookies()

    assert cookie["name"] == f"travel-gpt-{server.port}"
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/")
    assert page.evaluate("document.cookie") == ""
