"""An answer on its way: shown while it is written, stopped, interrupted, and never lost."""

import json
from itertools import pairwise

from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Pages
from tests.browser.directions import SLOWLY
from tests.browser.proxy import Fault, Proxy
from tests.browser.servers import LocalServer
from tests.browser.steps import (
    TRIP,
    ask,
    expect_whole_answer,
    problem,
    question,
    signed_in,
    stop_button,
)
from tests.browser.watch import Watch

STORED = "Object.values({...localStorage, ...sessionStorage}).join()"
LANGUAGE = "(element) => element.closest('[lang]').lang"
IN_GERMAN = """() => {
    for (const [key, kept] of Object.entries(localStorage)) {
        localStorage.setItem(key, kept.replaceAll('"language":""', '"language":"de"'));
    }
}"""
FIRST_WORDS = "This is Travel GPT's built-in demo"
NOTE_ANNOUNCEMENTS = """
    window.announced = [];
    addEventListener("DOMContentLoaded", () => {
        const place = document.getElementById("announcements");
        new MutationObserver(() => announced.push({at: performance.now(), said: place.textContent}))
            .observe(place, {childList: true, characterData: true, subtree: true});
    });
"""


def streams(proxy: Proxy) -> list[str]:
    """Return the idempotency keys of the streams that were asked for."""
    return [
        each.headers["idempotency-key"] for each in proxy.requests("/api/stream") if each.method == "POST"
    ]


def delete_history(page: Page) -> None:
    page.get_by_role("button", name="Delete the history").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete the history").click()


def test_an_answer_is_shown_while_it_is_written(pages: Pages, open_server: LocalServer) -> None:
    page = pages.blank()
    page.add_init_script(NOTE_ANNOUNCEMENTS)
    page.goto(open_server.page)
    ask(page, f"Lisbon, {SLOWLY}", trip=False)
    body = page.locator("#answer-body")

    expect(body).to_contain_text(FIRST_WORDS)
    before = body.inner_text()
    expect(body).not_to_have_text(before)
    expect(stop_button(page)).to_be_visible()
    page.wait_for_timeout(4000)

    # A screen reader gets short sentences at times, not each word: the text is in no live region.
    announced = page.evaluate("announced")
    moments = [each["at"] for each in announced]
    assert announced
    assert all(later - earlier >= 1990 for earlier, later in pairwise(moments)), announced
    assert max(len(each["said"]) for each in announced) < 120
    assert (
        body.evaluate("(element) => element.closest('[aria-live], [role=status], [role=alert], [role=log]')")
        is None
    )


def test_a_stopped_answer_keeps_what_was_written(pages: Pages, server: LocalServer, proxy: Proxy) -> None:
    page = signed_in(pages, server, proxy)
    ask(page, f"Lisbon, {SLOWLY}", trip=False)
    expect(page.locator("#answer-body")).to_contain_text(FIRST_WORDS)

    stop_button(page).click()

    expect(page.locator("#answer-notices")).to_contain_text("You stopped this answer. What was written")
    expect(page.locator("#answer-body")).to_contain_text(FIRST_WORDS)
    # The API was asked to stop too, so that it costs no more.
    (stop,) = [each for each in proxy.seen if each.path.endswith("/stop")]
    assert stop.method == "POST"
    expect(question(page)).to_have_value(f"Lisbon, {SLOWLY}")
    expect(stop_button(page)).to_be_hidden()


def test_the_days_of_a_stopped_trip_can_be_saved_and_are_kept(
    pages: Pages, server: LocalServer, proxy: Proxy
) -> None:
    page = signed_in(pages, server, proxy)
    # start, outline, and the first day.
    held = proxy.fail_next(Fault("/api/stream", hold_after=3))
    ask(page, TRIP)
    assert held.happened.wait(10)
    expect(page.get_by_text("This day is being written")).not_to_have_count(0)

    stop_button(page).click()

    actions = page.locator("#answer-end button")
    expect(actions).to_have_text(["Change the question", "Save as JSON", "Print"])
    unwritten = page.get_by_text("This day was not written")
    assert 1 <= unwritten.count() <= 4
    shown = page.locator("#answer-body").inner_text()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as JSON").click()
    saved = json.loads(download.value.path().read_text("utf-8"))
    assert saved["stopped"]
    assert len(saved["itinerary"]["missing_days"]) == unwritten.count()
    assert saved["itinerary"]["missing_because"] == {}

    page.reload()
    earlier = page.locator("#history-list button")
    expect(earlier).not_to_contain_text("not answered")
    earlier.click()
    expect(actions).to_have_text(["Change the question", "Save as JSON", "Print"])
    assert page.locator("#answer-body").inner_text() == shown


def test_stopped_before_its_first_words_an_answer_does_not_claim_to_have_some(
    pages: Pages, open_server: LocalServer
) -> None:
    page = pages.open(open_server.page)
    ask(page, "Lisbon", trip=False)
    expect_whole_answer(page)
    expect(page).to_have_title("Lisbon · Travel GPT")
    page.route("**/api/stream", lambda _: None)

    ask(page, "Porto", trip=False)
    # The tab has the name of what is shown in it.
    expect(page).to_have_title("Porto · Travel GPT")
    stop_button(page).click()

    expect(page.locator("#answer-notices")).to_have_text(
        "You stopped this answer before its first words. It may cost as much as a whole one."
    )
    expect(page.locator("#answer-end button")).to_have_text(["Change the question"])


def test_while_the_page_tries_again_it_asks_no_one_to(
    pages: Pages, open_server: LocalServer, watch: Watch
) -> None:
    watch.expect("409")
    page = pages.open(open_server.page)
    body = {"code": "request_in_progress", "message": "What the API says.", "request_id": "r-1"}

    def refuse(route: Route) -> None:
        route.fulfill(status=409, json=body, headers={"Retry-After": "3"})

    page.route("**/api/stream", refuse, times=1)

    ask(page, "Lisbon", trip=False)

    expect(page.locator("#progress-text")).to_have_text(
        "Trying again. The same question is still being answered."
    )
    expect_whole_answer(page)


def test_what_people_and_models_wrote_is_not_said_to_be_english(
    pages: Pages, open_server: LocalServer
) -> None:
    page = pages.open(open_server.page)
    ask(page, "Drei Tage in Lissabon?", trip=False)
    expect_whole_answer(page)
    assert page.locator("#asked").evaluate(LANGUAGE) == ""
    assert page.locator("#answer-body p").first.evaluate(LANGUAGE) == ""
    ask(page, TRIP)
    expect_whole_answer(page)
    # The demo model does not say in which language it writes.
    assert page.locator("#answer-heading span").evaluate(LANGUAGE) == ""
    page.evaluate(IN_GERMAN)
    page.reload()

    titles = page.locator("#history-list .title")
    expect(titles).to_have_count(2)
    assert [each.evaluate(LANGUAGE) for each in titles.all()] == ["de", ""]
    titles.first.click()
    assert page.locator("#answer-heading span").evaluate(LANGUAGE) == "de"


def test_a_page_that_is_loaded_again_gets_the_answer_without_paying_twice(
    pages: Pages, server: LocalServer, proxy: Proxy, watch: Watch
) -> None:
    # The first request may still run: the page waits for its answer.
    watch.expect("409")
    page = signed_in(pages, server, proxy)
    held = proxy.fail_next(Fault("/api/stream", hold_after=3))
    ask(page, TRIP)
    assert held.happened.wait(10)

    page.reload()
    page.get_by_role("button", name="Get the answer").click()

    expect_whole_answer(page)
    expect(page.get_by_role("heading", name="Lisbon and Porto by train")).to_be_visible()
    first, *others = streams(proxy)
    assert set(others) == {first}


def test_a_stream_that_is_cut_is_asked_for_again(
    pages: Pages, server: LocalServer, proxy: Proxy, watch: Watch
) -> None:
    watch.expect("ERR_INCOMPLETE_CHUNKED_ENCODING|409")
    page = signed_in(pages, server, proxy)
    proxy.fail_next(Fault("/api/stream", cut_after=4))

    ask(page, "Lisbon", trip=False)

    expect_whole_answer(page)
    first, *others = streams(proxy)
    assert others
    assert set(others) == {first}
    # What came before the cut is not there twice.
    assert page.locator("#answer-body").inner_text().count(FIRST_WORDS) == 1


def test_offline_the_question_is_kept(pages: Pages, open_server: LocalServer, watch: Watch) -> None:
    watch.expect("ERR_INTERNET_DISCONNECTED")
    page = pages.open(open_server.page)
    expect(question(page)).to_be_visible()
    page.context.set_offline(True)

    ask(page, "Lisbon", trip=False)
    expect(problem(page)).to_contain_text("This device is offline")
    expect(question(page)).to_have_value("Lisbon")
    page.context.set_offline(False)
    page.get_by_role("button", name="Try again").click()

    expect_whole_answer(page)


def test_without_streaming_the_page_waits_for_the_answer(pages: Pages) -> None:
    server = LocalServer("open", STREAMING="off", DEMO_SECONDS="2")
    try:
        page = pages.open(server.page)
        ask(page, "Lisbon", trip=False)
        expect(page.get_by_role("progressbar", name="Waiting for the answer")).to_be_visible()
        expect(stop_button(page)).to_be_visible()

        expect_whole_answer(page)
        expect(page.locator("#answer-body")).to_contain_text(FIRST_WORDS)
    finally:
        server.close()


def test_a_trip_is_provisional_until_it_is_checked(pages: Pages, server: LocalServer, proxy: Proxy) -> None:
    page = signed_in(pages, server, proxy)
    # start, outline, and the first day.
    held = proxy.fail_next(Fault("/api/stream", hold_after=3))

    ask(page, "Rome and Florence")
    assert held.happened.wait(10)
    expect(page.get_by_text("Provisional: not checked yet")).to_be_visible()
    held.released.set()
    expect_whole_answer(page)

    expect(page.get_by_text("Provisional")).to_have_count(0)
    # This trip of the demo model breaks two rules on purpose.
    expect(page.get_by_text("Changed after the checks").first).to_be_visible()
    expect(page.get_by_role("heading", name="What was checked")).to_be_visible()
    expect(page.get_by_role("img", name="Map of the route")).to_be_visible()


def test_the_history_is_on_this_device_until_it_is_deleted(pages: Pages, open_server: LocalServer) -> None:
    page = pages.open(open_server.page)
    ask(page, TRIP)
    expect_whole_answer(page)
    page.reload()

    page.locator("#history-list").get_by_role("button", name="Lisbon and Porto by train").click()
    expect(page.get_by_role("heading", name="Lisbon and Porto by train").first).to_be_visible()
    for asked_or_answered in (TRIP, "Castelo"):
        assert asked_or_answered in page.evaluate(STORED)
    delete_history(page)

    expect(page.locator("#history")).to_be_hidden()
    for asked_or_answered in (TRIP, "Castelo"):
        assert asked_or_answered not in page.evaluate(STORED)


def test_what_is_not_asked_yet_outlasts_the_history(pages: Pages, open_server: LocalServer) -> None:
    page = pages.open(open_server.page)
    ask(page, "Lisbon", trip=False)
    expect_whole_answer(page)
    question(page).fill("Kyoto")

    delete_history(page)

    expect(page.locator("#history")).to_be_hidden()
    page.reload()
    expect(question(page)).to_have_value("Kyoto")


def test_another_tab_lists_what_is_there(pages: Pages, open_server: LocalServer) -> None:
    device = pages.device()
    page, other = pages.blank(device), pages.blank(device)
    for each in (page, other):
        each.goto(open_server.page)
    ask(page, "Lisbon", trip=False)
    expect_whole_answer(page)
    expect(other.locator("#history-list").get_by_role("button", name="Lisbon")).to_be_visible()

    delete_history(page)

    expect(other.locator("#history")).to_be_hidden()
