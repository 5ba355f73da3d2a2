"""Text of others that looks like markup or a script: a page that ran it would ask in its visitor's name."""

import json

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Pages
from tests.browser.directions import HOSTILE, MARKUP
from tests.browser.servers import LocalServer
from tests.browser.steps import ask, expect_whole_answer, question

SAFE = ("http:", "https:", "mailto:")
INVENTED = "img[src='x'], script:not([src]), [onerror], [onmouseover], a[href^='data:'], iframe"


def expect_nothing_ran(page: Page) -> None:
    """Check that markup stayed text."""
    page.wait_for_timeout(100)
    assert page.evaluate("window.attacked") is None
    assert page.locator(INVENTED).count() == 0
    links = page.locator("#answer a[href]").evaluate_all("(links) => links.map((each) => each.protocol)")
    assert set(links) <= set(SAFE)


@pytest.mark.parametrize("trip", [False, True], ids=["prose", "trip"])
def test_questions_and_answers_stay_text(pages: Pages, open_server: LocalServer, trip: bool) -> None:
    page = pages.open(open_server.page)

    ask(page, f"Lisbon {HOSTILE} {MARKUP}", trip=trip)
    expect_whole_answer(page)

    expect(page.locator("#asked")).to_contain_text(MARKUP)
    expect(page.locator("#answer-body")).to_contain_text(MARKUP)
    expect_nothing_ran(page)
    # And once more, as it comes from the storage of this device.
    page.reload()
    page.locator("#history-list button").first.click()
    expect(page.locator("#answer-body")).to_contain_text(MARKUP)
    expect_nothing_ran(page)


def test_links_of_an_answer_lead_to_pages_only(pages: Pages, open_server: LocalServer) -> None:
    page = pages.open(open_server.page)

    ask(page, f"Lisbon {HOSTILE}", trip=False)
    expect_whole_answer(page)

    links = page.locator("#answer-body a[href]").evaluate_all("(links) => links.map((each) => each.href)")
    # A picture of another site is a link, since it would tell that site who reads the answer.
    assert links == ["https://example.com/", "https://example.com/pixel.gif"]
    # What a link opens learns nothing of this page, and cannot steer it.
    for link in page.locator("#answer-body a[href]").all():
        assert "noreferrer" in (link.get_attribute("rel") or "")
    assert page.locator("#answer-body img").count() == 0


def test_a_name_of_a_client_stays_text(pages: Pages, server: LocalServer) -> None:
    def rename(route: Route) -> None:
        answer = route.fetch()
        body = answer.json()
        body["client"] = {"name": MARKUP, "expires_at": None}
        body["session"] = "valid"
        route.fulfill(response=answer, body=json.dumps(body))

    page = pages.blank()
    page.route("**/api/me", rename)
    page.goto(server.page)

    expect(page.locator("#account")).to_contain_text(MARKUP)
    expect(question(page)).to_be_visible()
    expect_nothing_ran(page)


def test_a_query_in_the_address_is_no_part_of_the_page(pages: Pages, open_server: LocalServer) -> None:
    page = pages.open(
        f"{open_server.page}?q=%3Cscript%3Ewindow.attacked%3D1%3C%2Fscript%3E#invitation=%22%3E%3Cimg"
    )

    expect(question(page)).to_be_visible()
    expect_nothing_ran(page)
