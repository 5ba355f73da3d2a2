"""What a visitor typed: it is asked as it is meant, and never lost."""

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Pages
from tests.browser.servers import LocalServer
from tests.browser.steps import ask, expect_whole_answer, question


def first_day(page: Page) -> Locator:
    """Return the field of the first day, which is shown then."""
    field = page.get_by_label("First day")
    if not field.is_visible():
        page.get_by_text("Dates, people, budget and more").click()
    return field


def test_a_date_that_lacks_a_part_is_not_dropped(pages: Pages, open_server: LocalServer) -> None:
    page = pages.open(open_server.page)
    first_day(page).focus()
    # The order of day and month is the locale's.
    page.keyboard.type("0302")

    ask(page, "Lisbon")

    expect(page.get_by_text("Enter a whole date")).to_be_visible()
    expect(first_day(page)).to_be_focused()
    expect(page.locator("#answer")).to_be_hidden()
    first_day(page).fill("2027-02-03")
    expect(page.get_by_text("Enter a whole date")).to_be_hidden()
    page.get_by_role("button", name="Plan the trip").click()
    expect_whole_answer(page)
