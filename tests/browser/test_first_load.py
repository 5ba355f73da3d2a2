"""What a browser loads when the page is opened."""

import pytest
from playwright.sync_api import Response, expect

from tests.browser.conftest import Pages
from tests.browser.proxy import PAGE, Proxy
from tests.browser.servers import LocalServer
from tests.browser.steps import question
from tests.browser.watch import Watch

MOST_BYTES = 100_000
MOST_REQUESTS = 4


def test_a_first_load_is_small(pages: Pages, open_server: LocalServer) -> None:
    page = pages.blank()
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))

    page.goto(open_server.page, wait_until="networkidle")

    expect(question(page)).to_be_visible()
    loaded = {answer.url.rpartition("/")[2]: len(answer.body()) for answer in answers}
    assert len(answers) <= MOST_REQUESTS
    assert sum(loaded.values()) <= MOST_BYTES, loaded


def test_a_later_load_asks_for_no_file_again(pages: Pages, proxy: Proxy) -> None:
    page = pages.open(proxy.page)
    expect(question(page)).to_be_visible()
    page.wait_for_load_state("networkidle")
    proxy.seen.clear()

    page.goto(proxy.page, wait_until="networkidle")

    assert [(each.path, each.status) for each in proxy.seen] == [(PAGE, 304), (f"{PAGE}/api/me", 200)]


def test_without_its_script_the_page_says_what_helps(
    pages: Pages, open_server: LocalServer, watch: Watch
) -> None:
    watch.expect("503")
    helps = "The page is loading. If this stays, load it again."
    page = pages.blank()
    page.route("**/app.*.js", lambda route: route.fulfill(status=503))
    page.goto(open_server.page)
    expect(page.get_by_text(helps)).to_be_visible()
    page.unroute_all()

    page.reload()

    expect(question(page)).to_be_visible()
    expect(page.get_by_text(helps)).to_have_count(0)


@pytest.mark.parametrize(("path", "base"), [("/", ""), ("/Prod", "/Prod"), ("/Prod/", "/Prod")])
def test_the_root_leads_to_the_page(pages: Pages, open_server: LocalServer, path: str, base: str) -> None:
    site = open_server.page.removesuffix(PAGE)
    page = pages.open(site + path)

    assert page.url == f"{site}{base}/travel-gpt/app"
    expect(question(page)).to_be_visible()
