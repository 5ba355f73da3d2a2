"""The named states of the page, and how a visitor gets there."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from playwright.sync_api import Page, expect

from tests.browser.conftest import Pages
from tests.browser.directions import SLOWLY
from tests.browser.proxy import Fault, Proxy
from tests.browser.servers import LocalServer, redeem
from tests.browser.steps import (
    RECORD_IS_KEPT_MILLISECONDS,
    TRIP,
    accept_button,
    ask,
    expect_signed_in,
    expect_whole_answer,
    problem,
    signed_in,
    stop_button,
)
from tests.browser.watch import Watch


@dataclass(frozen=True, slots=True)
class World:
    """What a state is made with."""

    pages: Pages
    open_server: LocalServer
    server: LocalServer
    proxy: Proxy
    watch: Watch

    def opened(self) -> Page:
        """Return the page where anyone may ask."""
        page = self.pages.open(self.open_server.page)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        return page

    def signed_in(self, budget: str = "2/month") -> Page:
        """Return the page of a guest, behind the proxy."""
        return signed_in(self.pages, self.server, self.proxy, budget)


def _all_options(world: World) -> Page:
    page = world.opened()
    page.get_by_text("Dates, people, budget and more").click()
    expect(page.get_by_label("First day")).to_be_visible()
    return page


def _wrong_fields(world: World) -> Page:
    page = _all_options(world)
    page.get_by_label("Ages of children").fill("many")
    page.get_by_label("Adults").fill("99")
    ask(page, " ")
    expect(page.get_by_text("Write your question")).to_be_visible()
    return page


def _answer(world: World) -> Page:
    page = world.opened()
    ask(page, "Lisbon", trip=False)
    expect_whole_answer(page)
    return page


def _trip(world: World) -> Page:
    page = world.opened()
    ask(page, TRIP)
    expect_whole_answer(page)
    return page


def _repaired_trip(world: World) -> Page:
    page = world.signed_in()
    ask(page, "Rome and Florence")
    expect_whole_answer(page)
    for folded in page.locator("#answer details:not([open]) > summary").all():
        folded.click()
    return page


def _provisional_trip(world: World) -> Page:
    page = world.signed_in()
    held = world.proxy.fail_next(Fault("/api/stream", hold_after=3))
    ask(page, TRIP)
    assert held.happened.wait(10)
    expect(page.get_by_text("Provisional")).to_be_visible()
    return page


def _answer_being_written(world: World) -> Page:
    page = world.signed_in()
    ask(page, f"Lisbon, {SLOWLY}", trip=False)
    expect(page.locator("#answer-body")).to_contain_text("This is")
    return page


def _stopped(world: World) -> Page:
    page = _answer_being_written(world)
    stop_button(page).click()
    expect(page.locator("#answer-notices")).to_contain_text("You stopped this answer")
    return page


def _interrupted(world: World) -> Page:
    page = world.signed_in()
    held = world.proxy.fail_next(Fault("/api/stream", hold_after=3))
    ask(page, TRIP)
    assert held.happened.wait(10)
    page.reload()
    expect(page.get_by_role("button", name="Get the answer")).to_be_visible()
    return page


def _offline(world: World) -> Page:
    world.watch.expect("ERR_INTERNET_DISCONNECTED")
    page = world.opened()
    page.context.set_offline(True)
    ask(page, "Lisbon", trip=False)
    expect(problem(page)).to_contain_text("offline")
    return page


def _history(world: World) -> Page:
    page = _answer(world)
    page.reload()
    expect(page.locator("#history")).to_be_visible()
    return page


def _deleting_the_history(world: World) -> Page:
    page = _history(world)
    page.get_by_role("button", name="Delete the history").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    return page


def _not_invited(world: World) -> Page:
    page = world.pages.open(world.server.page)
    expect(page.get_by_text("you need an invitation")).to_be_visible()
    return page


def _invited(world: World) -> Page:
    page = world.pages.open(world.server.page + world.server.invite().fragment)
    expect(accept_button(page)).to_be_visible()
    return page


def _invitation_refused(world: World) -> Page:
    world.watch.expect("403")
    page = world.pages.open(f"{world.server.page}#invitation={'A' * 32}")
    accept_button(page).click()
    expect(page.get_by_role("alert").filter(has_text="cannot be used")).to_be_visible()
    return page


def _invited_while_signed_in(world: World) -> Page:
    page = world.signed_in()
    page.goto(world.proxy.page + world.server.invite().fragment)
    accept_button(page).click()
    expect(page.get_by_role("dialog")).to_be_visible()
    return page


def _session_ended(world: World) -> Page:
    page = world.signed_in()
    (cookie,) = page.context.cookies()
    page.context.add_cookies([{**cookie, "value": "A" * 43}])
    page.reload()
    expect(problem(page)).to_contain_text("Your session on this device has ended")
    return page


def _budget_used_up(world: World) -> Page:
    world.watch.expect("429")
    page = world.signed_in("0.000001/month")
    ask(page, "Lisbon", trip=False)
    expect(page.locator("#answer").get_by_role("alert")).to_contain_text("used up")
    return page


def _disabled_while_open(world: World) -> Page:
    world.watch.expect("403")
    guest = world.server.invite()
    page = world.pages.open(world.server.page, guest=guest)
    expect_signed_in(page, guest.name)
    world.server.disable(guest)
    page.wait_for_timeout(RECORD_IS_KEPT_MILLISECONDS)
    ask(page, "Lisbon", trip=False)
    expect(page.locator("#answer").get_by_role("alert")).to_contain_text("The owner has ended your access")
    return page


def _disabled_before(world: World) -> Page:
    guest = world.server.invite()
    device = world.pages.device()
    device.add_cookies([redeem(world.server.page, guest)])
    world.server.disable(guest)
    page = world.pages.blank(device)
    page.wait_for_timeout(RECORD_IS_KEPT_MILLISECONDS)
    page.goto(world.server.page)
    expect(page.locator("#notices").get_by_role("alert")).to_contain_text("The owner has ended your access")
    expect_signed_in(page, guest.name)
    return page


STATES: Final[dict[str, Callable[[World], Page]]] = {
    "first visit": World.opened,
    "all options": _all_options,
    "wrong fields": _wrong_fields,
    "answer": _answer,
    "trip": _trip,
    "repaired trip": _repaired_trip,
    "provisional trip": _provisional_trip,
    "answer being written": _answer_being_written,
    "stopped": _stopped,
    "interrupted": _interrupted,
    "offline": _offline,
    "history": _history,
    "deleting the history": _deleting_the_history,
    "signed in": World.signed_in,
    "not invited": _not_invited,
    "invited": _invited,
    "invitation refused": _invitation_refused,
    "invited while signed in": _invited_while_signed_in,
    "session ended": _session_ended,
    "budget used up": _budget_used_up,
    "disabled while open": _disabled_while_open,
    "disabled before": _disabled_before,
}
"""What a test can name, and a page in that state."""
