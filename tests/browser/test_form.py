"""What a visitor typed: it is asked as it is meant, and never lost."""

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Pages
from tests.browser.directions import SLOWLY
from tests.browser.servers import LocalServer
from tests.browser.steps import ask, expect_whole_answer, question, stop_button, write_question


def first_day(page: Page) -> Locator:
    """Return the field of the first day, which is shown then."""
    field = page.get_by_label("First day")
    if not field.is_visible():
        page.get_by_text("Dates, people, budget and more").click()
    return field


def bring_back(page: Page) -> None:
    page.get_by_role("button", name="Bring back what I wrote").click()


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


def test_what_is_typed_while_an_answer_is_written_outlasts_a_reload(
    pages: Pages, open_server: LocalServer
) -> None:
    page = pages.open(open_server.page)
    ask(page, f"Lisbon, {SLOWLY}", trip=False)
    expect(stop_button(page)).to_be_visible()
    question(page).fill("Kyoto")

    page.reload()

    expect(page.get_by_role("button", name="Get the answer")).to_be_visible()
    expect(page.locator("#asked")).to_have_text(f"Lisbon, {SLOWLY}")
    expect(question(page)).to_have_value("Kyoto")


def test_each_tab_keeps_its_own_question(pages: Pages, open_server: LocalServer) -> None:
    device = pages.device()
    first, second, new = (pages.blank(device) for _ in range(3))
    for page, query in ((first, "Lisbon"), (second, "Kyoto")):
        page.goto(open_server.page)
        question(page).fill(query)

    first.reload()
    new.goto(open_server.page)

    expect(question(first)).to_have_value("Lisbon")
    # As the link of an invitation does, which opens in a tab of its own.
    expect(question(new)).to_have_value("Kyoto")


def test_a_click_on_an_earlier_question_loses_nothing(pages: Pages, open_server: LocalServer) -> None:
    page = pages.open(open_server.page)
    for query in ("Lisbon", "Porto"):
        ask(page, query, trip=False)
        expect_whole_answer(page)
    write_question(page, "Kyoto, with a day in Nara")
    first_day(page).fill("2027-02-03")

    for query in ("Lisbon", "Porto"):
        page.locator("#history-list").get_by_role("button", name=query).click()
        expect(question(page)).to_have_value(query)
    bring_back(page)

    expect(question(page)).to_have_value("Kyoto, with a day in Nara")
    expect(first_day(page)).to_have_value("2027-02-03")
    expect(page.get_by_role("radio", name="A day-by-day trip")).to_be_checked()
    expect(page.get_by_role("button", name="Clear the form")).to_be_visible()
    page.reload()
    expect(question(page)).to_have_value("Kyoto, with a day in Nara")


def test_an_example_in_the_place_of_a_question_can_be_taken_back(
    pages: Pages, open_server: LocalServer
) -> None:
    page = pages.open(open_server.page)
    # Where nothing was written, there is nothing to bring back.
    page.get_by_role("button", name="Lisbon and Porto by train").click()
    expect(page.get_by_role("button", name="Clear the form")).to_be_visible()
    question(page).fill("Oslo")
    for example in ("Kyoto and Nara in autumn", "Rome and Florence with two children"):
        page.get_by_role("button", name=example).click()
        expect(question(page)).to_have_value(example)

    bring_back(page)

    expect(question(page)).to_have_value("Oslo")
