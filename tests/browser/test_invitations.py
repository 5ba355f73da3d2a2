"""Invitations: they are accepted by a person, once for each device, whatever the network loses."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Pages
from tests.browser.proxy import Fault, Proxy
from tests.browser.servers import LocalServer
from tests.browser.steps import accept_button, ask, expect_signed_in, expect_whole_answer, question, signed_in
from tests.browser.watch import Watch

UNTOUCHED_MILLISECONDS = 10_000


def expect_used_up(page: Page) -> None:
    """Try an invitation that has no device left."""
    accept_button(page).click()
    expect(page.get_by_role("alert").filter(has_text="This invitation cannot be used")).to_be_visible()
    expect(page.locator("#account")).not_to_contain_text("Guest")


def test_an_invitation_that_is_only_opened_stays_valid(
    pages: Pages, server: LocalServer, proxy: Proxy
) -> None:
    guest = server.invite()
    page = pages.open(proxy.page + guest.fragment)
    expect(accept_button(page)).to_be_visible()

    # As a previewer of links does: it runs scripts, and clicks nothing.
    page.mouse.move(200, 300)
    page.mouse.wheel(0, 400)
    page.wait_for_timeout(UNTOUCHED_MILLISECONDS)

    assert [each for each in proxy.seen if each.method == "POST"] == []
    assert page.url.endswith(guest.fragment)
    accept_button(page).click()
    expect_signed_in(page, guest.name)


def test_until_it_is_accepted_another_browser_can_open_it(pages: Pages, server: LocalServer) -> None:
    guest = server.invite()
    pages.open(server.page + guest.fragment)
    other = pages.open(server.page + guest.fragment)

    accept_button(other).click()

    expect_signed_in(other, guest.name)
    assert other.url == server.page
    # Nor does going back show the code again.
    assert other.evaluate("history.length") <= 2


@pytest.mark.parametrize("loaded_again", [False, True], ids=["same page", "loaded again"])
def test_a_lost_reply_uses_no_second_device(
    pages: Pages, server: LocalServer, proxy: Proxy, watch: Watch, loaded_again: bool
) -> None:
    watch.expect("ERR_CONTENT_LENGTH_MISMATCH|403")
    guest = server.invite(devices=1)
    lost = proxy.fail_next(Fault("/api/redeem", drop=True))
    page = pages.open(proxy.page + guest.fragment)

    accept_button(page).click()
    expect(page.get_by_role("alert").filter(has_text="cannot be reached")).to_be_visible()
    assert lost.happened.is_set()
    if loaded_again:
        page.reload()
    accept_button(page).click()

    expect_signed_in(page, guest.name)
    assert len(proxy.requests("/api/redeem")) == 2
    # It was the only device that the invitation is for.
    expect_used_up(pages.open(proxy.page + guest.fragment))


def test_each_device_counts(pages: Pages, server: LocalServer, watch: Watch) -> None:
    watch.expect("403")
    guest = server.invite(devices=2)
    for _ in range(2):
        page = pages.open(server.page + guest.fragment)
        accept_button(page).click()
        expect_signed_in(page, guest.name)

    expect_used_up(pages.open(server.page + guest.fragment))


def test_a_browser_that_is_signed_in_is_asked_first(pages: Pages, server: LocalServer) -> None:
    first, second = server.invite(), server.invite()
    page = pages.open(server.page, guest=first)
    expect_signed_in(page, first.name)
    page.goto(server.page + second.fragment)
    expect(page.get_by_text(f"This browser is signed in as {first.name}")).to_be_visible()

    accept_button(page).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name=f"Stay signed in as {first.name}").click()
    expect_signed_in(page, first.name)
    accept_button(page).click()
    dialog.get_by_role("button", name="Use the invitation").click()

    expect_signed_in(page, second.name)
    page.reload()
    expect_signed_in(page, second.name)


def test_the_name_of_the_device_stays_while_an_answer_ends(
    pages: Pages, server: LocalServer, proxy: Proxy
) -> None:
    page, second = signed_in(pages, server, proxy), server.invite()
    held = proxy.fail_next(Fault("/api/stream", hold_after=2))
    ask(page, "Lisbon", trip=False)
    assert held.happened.wait(10)
    page.evaluate("(fragment) => { location.hash = fragment }", second.fragment)
    name = page.get_by_role("textbox", name="Name of this device")
    name.fill("The old laptop")

    with page.expect_response("**/api/me"):
        held.released.set()
    expect_whole_answer(page)

    page.wait_for_timeout(200)
    expect(name).to_have_value("The old laptop")
    expect(name).to_be_focused()


def test_signing_out_ends_the_session_for_good(pages: Pages, server: LocalServer) -> None:
    guest = server.invite()
    page = pages.open(server.page, guest=guest)
    expect_signed_in(page, guest.name)
    (cookie,) = page.context.cookies()

    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("dialog").get_by_role("button", name="Sign out").click()

    expect(page.locator("#account")).not_to_contain_text("Guest")
    assert page.context.cookies() == []
    # Who kept a copy of the cookie has nothing.
    page.context.add_cookies([cookie])
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("Your session on this device has ended")
    expect(question(page)).to_be_visible()
