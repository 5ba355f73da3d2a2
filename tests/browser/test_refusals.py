"""What the API refuses: the page says why and what to do, and keeps the question."""

import json

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Pages
from tests.browser.servers import LocalServer
from tests.browser.steps import (
    RECORD_IS_KEPT_MILLISECONDS,
    accept_button,
    ask,
    expect_signed_in,
    expect_whole_answer,
    problem,
    question,
)
from tests.browser.watch import Watch


def expect_question_is_kept(page: Page, query: str) -> None:
    expect(question(page)).to_have_value(query)
    page.reload()
    expect(question(page)).to_have_value(query)


def test_a_used_up_budget_says_until_when(pages: Pages, server: LocalServer, watch: Watch) -> None:
    watch.expect("429")
    page = pages.open(server.page, guest=server.invite(budget="0.000001/month"))

    ask(page, "Lisbon", trip=False)

    said = page.locator("#answer").get_by_role("alert")
    expect(said).to_contain_text("The budget for questions is used up")
    expect(said).to_contain_text("You can try again")
    expect_question_is_kept(page, "Lisbon")
    # The page was loaded again: now it says so before a question.
    said = page.locator("#notices").get_by_role("alert")
    expect(said).to_contain_text("The budget for questions is used up. You can try again at ")


def test_a_session_that_has_ended_says_so_and_an_invitation_helps(
    pages: Pages, server: LocalServer, watch: Watch
) -> None:
    watch.expect("401")
    guest = server.invite(devices=2)
    page = pages.open(server.page, guest=guest)
    expect_signed_in(page, guest.name)
    # As after its end: no session has this token.
    (cookie,) = page.context.cookies()
    page.context.add_cookies([{**cookie, "value": "A" * 43}])

    ask(page, "Lisbon", trip=False)
    expect(page.locator("#answer").get_by_role("alert")).to_contain_text(
        "Your session on this device has ended"
    )
    expect(question(page)).to_have_value("Lisbon")
    page.goto(server.page + guest.fragment)
    accept_button(page).click()
    expect_signed_in(page, guest.name)
    expect_question_is_kept(page, "Lisbon")
    ask(page, "Lisbon", trip=False)

    expect_whole_answer(page)


def test_a_disabled_client_is_out_at_once(pages: Pages, server: LocalServer, watch: Watch) -> None:
    watch.expect("40[13]")
    guest = server.invite()
    page = pages.open(server.page, guest=guest)
    expect_signed_in(page, guest.name)

    server.disable(guest)
    page.wait_for_timeout(RECORD_IS_KEPT_MILLISECONDS)
    ask(page, "Lisbon", trip=False)

    expect(page.locator("#answer").get_by_role("alert")).to_contain_text("The owner has ended your access")
    expect_question_is_kept(page, "Lisbon")


def test_without_an_invitation_the_page_says_what_is_needed(
    pages: Pages, server: LocalServer, watch: Watch
) -> None:
    watch.expect("401")
    page = pages.open(server.page)
    expect(page.get_by_text("To ask here you need an invitation")).to_be_visible()

    ask(page, "Lisbon", trip=False)

    expect(problem(page)).to_contain_text("You are not signed in")
    expect_question_is_kept(page, "Lisbon")


@pytest.mark.parametrize(
    ("code", "retry_after", "said", "button"),
    [
        ("limits_unavailable", 5, "The server cannot check its limits at the moment.", "Try again"),
        ("misconfigured", None, "Questions cannot be answered at the moment.", None),
        ("origin_refused", None, "The server does not accept requests from this page.", "Reload the page"),
    ],
)
def test_what_failed_before_the_session_was_found_is_not_taken_for_none(
    pages: Pages, server: LocalServer, code: str, retry_after: int | None, said: str, button: str | None
) -> None:
    page = pages.blank()

    def fail(route: Route) -> None:
        failure = {"code": code, "message": "What the API says.", "retry_after": retry_after}
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "problem": failure})

    page.route("**/api/me", fail)

    page.goto(server.page)

    expect(page.locator("#notices").get_by_role("alert")).to_contain_text(said)
    expect(page.get_by_text("you need an invitation")).to_have_count(0)
    assert page.locator("#notices").get_by_role("button").all_inner_texts() == ([button] if button else [])


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (503, "secret_not_found", "Questions cannot be answered at the moment"),
        (429, "rate_limited", "There were too many requests"),
        (404, "page_disabled", "This page is turned off"),
        (502, "a code of another version", "The server is not available at the moment"),
    ],
)
def test_every_failure_is_a_sentence(
    pages: Pages, open_server: LocalServer, watch: Watch, status: int, code: str, said: str
) -> None:
    watch.expect(str(status))
    body = json.dumps({"status": "error", "code": code, "message": "What the API says.", "request_id": "r-1"})

    def refuse(route: Route) -> None:
        route.fulfill(
            status=status, body=body, content_type="application/json", headers={"Retry-After": "90"}
        )

    page = pages.open(open_server.page)
    page.route("**/api/stream", refuse)

    ask(page, "Lisbon", trip=False)

    expect(page.locator("#answer").get_by_role("alert")).to_contain_text(said)
    expect_question_is_kept(page, "Lisbon")
