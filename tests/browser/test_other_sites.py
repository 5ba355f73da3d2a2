"""What another site can do with a visitor's session. Ports are one site, `localhost` and 127.0.0.1 two."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Pages
from tests.browser.proxy import CONTROL_COOKIE, Proxy
from tests.browser.servers import LocalServer, other_site
from tests.browser.steps import accept_button, expect_signed_in, question
from tests.browser.watch import Watch


@pytest.fixture
def signed_in(pages: Pages, server: LocalServer, proxy: Proxy) -> Page:
    """A guest's page, behind the proxy, which gave the browser its own cookie too."""
    proxy.set_control_cookie = True
    guest = server.invite()
    page = pages.open(proxy.page + guest.fragment)
    # By a click, so that the browser reads the cookie's attributes itself.
    accept_button(page).click()
    expect_signed_in(page, guest.name)
    return page


def cookies_of(proxy: Proxy, method: str, path: str) -> list[str]:
    """Return the names of the cookies that the last request came with."""
    *_, last = (each for each in proxy.requests(path) if each.method == method)
    pairs = last.headers.get("cookie", "").split(";")
    return sorted(pair.strip().partition("=")[0] for pair in pairs if pair.strip())


@pytest.mark.parametrize("route", ["ask", "stream", "sign-out"])
def test_a_form_of_another_site_comes_without_the_session(
    signed_in: Page, proxy: Proxy, watch: Watch, route: str
) -> None:
    watch.expect("403")
    form = f"""<form method="post" enctype="text/plain" action="{proxy.page}/api/{route}">
        <input name='{{"query":"Lisbon?","a":"' value='"}}'><button>Win a trip</button></form>"""
    with other_site(form) as address:
        other = signed_in.context.new_page()
        other.goto(address)
        with other.expect_navigation():
            other.get_by_role("button").click()

        # The control shows that the browser sends cookies with this request.
        assert cookies_of(proxy, "POST", f"/api/{route}") == [CONTROL_COOKIE]
        expect(other.locator("body")).to_contain_text("origin_refused")


@pytest.mark.parametrize("mode", ["no-cors", "cors"])
def test_a_script_of_another_site_comes_without_the_session(signed_in: Page, proxy: Proxy, mode: str) -> None:
    # With our header a browser asks first; the answer allows nothing, so the POST is never sent.
    headers = ', headers: {"X-Travel-GPT": "page"}' if mode == "cors" else ""
    with other_site("<title>Another site</title>") as address:
        other = signed_in.context.new_page()
        other.goto(address)
        outcome = other.evaluate(
            f"""fetch("{proxy.page}/api/sign-out", {{method: "POST", mode: "{mode}", credentials: "include",
                body: "{{}}"{headers}}}).then((answer) => answer.type, (failed) => failed.name)"""
        )

    sent = [each for each in proxy.requests("/api/sign-out") if each.method == "POST"]
    assert (outcome, len(sent)) == (("opaque", 1) if mode == "no-cors" else ("TypeError", 0))
    assert all("travel-gpt" not in each.headers.get("cookie", "") for each in sent)


def test_a_link_of_another_site_leads_into_the_session(signed_in: Page, proxy: Proxy) -> None:
    name = (signed_in.locator("#account").text_content() or "").partition("Guest: ")[2].split(" ")[0]
    proxy.seen.clear()
    with other_site(f'<a href="{proxy.page}">The page</a>') as address:
        other = signed_in.context.new_page()
        other.goto(address)
        other.get_by_role("link").click()

        expect(question(other)).to_be_visible()
        expect(other.locator("#account")).to_contain_text(name[:7])
    # The HTML came without the session, and is the same for everyone. The script's own request had it.
    session = f"travel-gpt-{proxy.port}"
    assert cookies_of(proxy, "GET", "/travel-gpt/app") == [CONTROL_COOKIE]
    assert cookies_of(proxy, "GET", "/api/me") == [CONTROL_COOKIE, session]
