"""The focus stays where a reader is, whatever the page shows anew."""

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import Pages
from tests.browser.proxy import Fault, Proxy
from tests.browser.servers import LocalServer
from tests.browser.steps import ask, expect_whole_answer, question, signed_in
from tests.browser.watch import Watch


def mark(element: Locator) -> None:
    element.evaluate("(element) => { element.dataset.marked = 'yes' }")


def expect_replaced(page: Page) -> None:
    """Wait until what was marked is no longer there."""
    expect(page.locator("[data-marked]")).to_have_count(0)


@pytest.mark.parametrize("trip", [True, False])
def test_it_stays_at_the_heading_while_the_answer_comes(
    pages: Pages, open_server: LocalServer, trip: bool
) -> None:
    page = pages.open(open_server.page)

    ask(page, "Lisbon", trip=trip)

    heading = page.locator("#answer-heading")
    expect(heading).to_be_focused()
    expect_whole_answer(page)
    expect(heading).to_be_focused()


@pytest.mark.parametrize("name", ["Sign out", "Lisbon"])
def test_it_stays_while_an_answer_ends(pages: Pages, server: LocalServer, proxy: Proxy, name: str) -> None:
    page = signed_in(pages, server, proxy)
    ask(page, "Lisbon", trip=False)
    expect_whole_answer(page)
    held = proxy.fail_next(Fault("/api/stream", hold_after=2))
    ask(page, "Porto", trip=False)
    assert held.happened.wait(10)
    focused = page.get_by_role("button", name=name)
    focused.focus()
    mark(focused)

    held.released.set()

    expect_whole_answer(page)
    expect_replaced(page)
    expect(focused).to_be_focused()


def test_it_is_not_lost_with_a_button_that_was_replaced_behind_a_dialog(
    pages: Pages, server: LocalServer, proxy: Proxy
) -> None:
    page = signed_in(pages, server, proxy)
    held = proxy.fail_next(Fault("/api/stream", hold_after=2))
    ask(page, "Porto", trip=False)
    assert held.happened.wait(10)
    sign_out = page.get_by_role("button", name="Sign out")
    mark(sign_out)
    sign_out.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    held.released.set()
    expect_replaced(page)

    dialog.get_by_role("button", name="Cancel").click()

    expect(dialog).to_have_count(0)
    expect(question(page)).to_be_focused()


def test_it_moves_to_the_question_when_another_try_succeeds(
    pages: Pages, open_server: LocalServer, watch: Watch
) -> None:
    watch.expect("ERR_FAILED")
    tries: list[str] = []

    def fail_twice(route: Route) -> None:
        tries.append(route.request.url)
        if len(tries) <= 2:
            route.abort()
        else:
            route.continue_()

    page = pages.blank()
    page.route("**/api/me", fail_twice)
    page.goto(open_server.page)
    again = page.locator("#notices").get_by_role("button", name="Try again")
    again.focus()
    mark(again)

    page.keyboard.press("Enter")
    expect_replaced(page)
    expect(again).to_be_focused()
    page.keyboard.press("Enter")

    expect(again).to_have_count(0)
    expect(question(page)).to_be_focused()
