"""From the link of an invitation to a saved trip, with the keyboard alone."""

from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Pages
from tests.browser.servers import LocalServer
from tests.browser.steps import TRIP, accept_button, expect_signed_in, expect_whole_answer, question

MOST_STEPS = 60
FOCUS_IS_SEEN = """(element) => {
    const style = getComputedStyle(element);
    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
}"""


def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until an element has the focus, which must be seen everywhere on the way."""
    for _ in range(MOST_STEPS):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        # The focus may be in the browser's own part of the window for a moment.
        if focused.count() == 0:
            continue
        assert focused.evaluate(FOCUS_IS_SEEN), focused.evaluate("(element) => element.outerHTML")
        if wanted.evaluate("(element) => element === document.activeElement"):
            return
    raise AssertionError(f"Tab does not reach {wanted}")


def test_a_guest_needs_no_mouse(pages: Pages, server: LocalServer, tmp_path: Path) -> None:
    guest = server.invite()
    page = pages.open(server.page + guest.fragment, accept_downloads=True)
    expect(accept_button(page)).to_be_visible()

    tab_to(page, accept_button(page))
    page.keyboard.press("Enter")
    expect_signed_in(page, guest.name)
    assert page.url == server.page
    # What comes next has the focus.
    expect(question(page)).to_be_focused()
    page.keyboard.type(TRIP)
    tab_to(page, page.get_by_role("button", name="Plan the trip"))
    page.keyboard.press("Enter")
    expect(page.locator("#answer-heading")).to_be_focused()
    expect_whole_answer(page)
    expect(page.get_by_role("heading", name="Lisbon and Porto by train")).to_be_visible()
    for name, ending in (("Save as Markdown", "md"), ("Save as JSON", "json")):
        tab_to(page, page.get_by_role("button", name=name))
        with page.expect_download() as download:
            page.keyboard.press("Enter")
        assert download.value.suggested_filename == f"lisbon-and-porto-by-train.{ending}"
        download.value.save_as(tmp_path / ending)

    assert "Castelo de São Jorge" in (tmp_path / "md").read_text("utf-8")
    assert '"query": "Lisbon and Porto by train, five days"' in (tmp_path / "json").read_text("utf-8")


def test_a_dialog_keeps_the_focus_and_gives_it_back(pages: Pages, server: LocalServer) -> None:
    guest = server.invite()
    page = pages.open(server.page, guest=guest)
    sign_out = page.get_by_role("button", name="Sign out")
    tab_to(page, sign_out)

    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Sign out")).to_be_focused()
    for _ in range(4):
        page.keyboard.press("Tab")
        assert page.evaluate(
            "document.querySelector('dialog').contains(document.activeElement)"
            " || document.activeElement === document.body"
        )
    page.keyboard.press("Escape")

    expect(dialog).to_have_count(0)
    expect(sign_out).to_be_focused()
    expect_signed_in(page, guest.name)
