"""What a visitor does and sees on the page, by the names that the page gives to things."""

from typing import TYPE_CHECKING, Final

from playwright.sync_api import Locator, Page, expect

if TYPE_CHECKING:
    from tests.browser.conftest import Pages
    from tests.browser.proxy import Proxy
    from tests.browser.servers import LocalServer

TRIP: Final = "Lisbon and Porto by train, five days"
"""A question to which the demo model has a trip."""
RECORD_IS_KEPT_MILLISECONDS: Final = 5_500
"""Milliseconds after which the server has seen what the owner changed about a client."""
ANSWER_WITHIN: Final = 20_000
"""Milliseconds for a whole answer on a busy machine."""


def question(page: Page) -> Locator:
    """Return the field of the question."""
    return page.get_by_role("textbox", name="Your question")


def write_question(page: Page, query: str = TRIP, *, trip: bool = True) -> None:
    """Write a question, and choose what kind of answer it gets."""
    question(page).fill(query)
    page.get_by_role("radio", name="A day-by-day trip" if trip else "An answer in words").check()


def ask(page: Page, query: str = TRIP, *, trip: bool = True) -> None:
    """Ask a question, without waiting for the answer."""
    write_question(page, query, trip=trip)
    page.get_by_role("button", name="Plan the trip" if trip else "Ask", exact=True).click()


def expect_whole_answer(page: Page) -> None:
    """Wait until an answer is complete and can be saved."""
    expect(page.get_by_role("button", name="Save as Markdown")).to_be_visible(timeout=ANSWER_WITHIN)
    expect(page.locator("#progress")).to_be_hidden()


def stop_button(page: Page) -> Locator:
    """Return the button that stops the answer which is being written."""
    return page.get_by_role("button", name="Stop", exact=True)


def accept_button(page: Page) -> Locator:
    """Return the button that accepts an invitation."""
    return page.get_by_role("button", name="Accept the invitation")


def expect_signed_in(page: Page, name: str) -> None:
    """Wait until the page says who is signed in."""
    expect(page.locator("#account")).to_contain_text(f"Guest: {name}")


def signed_in(pages: "Pages", server: "LocalServer", proxy: "Proxy", budget: str = "2/month") -> Page:
    """Return the page of a new guest, behind the proxy."""
    guest = server.invite(budget=budget)
    page = pages.open(proxy.page, guest=guest)
    expect_signed_in(page, guest.name)
    return page


def problem(page: Page) -> Locator:
    """Return what the page says about something that failed."""
    return page.get_by_role("alert")
