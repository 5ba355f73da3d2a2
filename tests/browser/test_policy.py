"""The content security policy of the page, as a browser applies it."""

import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import Axe
from tests.browser.conftest import Pages
from tests.browser.servers import LocalServer, other_site
from tests.browser.steps import question
from tests.browser.watch import Watch

INLINE_STYLE = "document.body.setAttribute('style', 'color: red')"
FOREIGN_IMAGE = "document.body.append(Object.assign(new Image(), {src: 'http://localhost:9/x.png'}))"
INLINE_SCRIPT = "document.body.append(Object.assign(document.createElement('script'), {innerText: '1'}))"
MARKUP = "document.body.innerHTML = '<b>bold</b>'"
FOREIGN_REQUEST = "fetch('http://localhost:9/').catch(() => 0)"


@pytest.mark.parametrize(
    ("planted", "directive"),
    [
        pytest.param(INLINE_STYLE, "style-src-attr", id="inline style"),
        pytest.param(FOREIGN_IMAGE, "img-src", id="foreign image"),
        pytest.param(FOREIGN_REQUEST, "connect-src", id="foreign request"),
        pytest.param(INLINE_SCRIPT, "require-trusted-types-for", id="inline script"),
        pytest.param(MARKUP, "require-trusted-types-for", id="markup"),
    ],
)
def test_a_planted_violation_is_noticed(
    pages: Pages, open_server: LocalServer, watch: Watch, planted: str, directive: str
) -> None:
    page = pages.open(open_server.page)
    expect(question(page)).to_be_visible()
    assert (watch.violations, watch.unexpected()) == ([], [])

    # From a timer: what a test evaluates itself may do more than the page's scripts.
    page.evaluate("() => { setTimeout(() => { " + planted + " }) }")
    for _ in range(100):
        if watch.violations:
            break
        page.wait_for_timeout(50)

    assert [each.split()[0] for each in watch.violations] == [directive]
    watch.expect(".")


def test_axe_finds_what_is_planted_and_changes_nothing(pages: Pages, open_server: LocalServer) -> None:
    page = pages.open(open_server.page)
    expect(question(page)).to_be_visible()
    axe = Axe(page)
    assert axe.violations() == []

    page.evaluate("document.querySelector('main').append(document.createElement('input'))")

    assert [each.split()[0] for each in axe.violations()] == ["label"]
    assert page.evaluate("typeof axe") == "undefined"


def test_no_other_site_can_frame_the_page(pages: Pages, open_server: LocalServer, watch: Watch) -> None:
    watch.expect("frame-ancestors|X-Frame-Options|ERR_BLOCKED_BY_RESPONSE")

    with other_site(f'<h1>Another site</h1><iframe src="{open_server.page}"></iframe>') as address:
        page = pages.open(address)
        page.wait_for_load_state("networkidle")

        (frame,) = page.frames[1:]
        assert not frame.url.startswith(open_server.page)
        assert frame.locator("#ask").count() == 0
