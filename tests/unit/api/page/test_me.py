"""What the page asks first: who the visitor is, and what a question would meet."""

from collections import Counter
from collections.abc import Callable

import pytest

from tests.conftest import LambdaContext
from tests.support.clock import Clock
from tests.support.page import COOKIE, KEY, PageFunction, page_event
from tests.unit.api.page.conftest import Build
from travel_gpt.api.page.me import answer_me
from travel_gpt.api.request import Request
from travel_gpt.api.resources import PAGE_ME
from travel_gpt.llm.prices import NANODOLLARS

DAY = 86_400
TOKEN = "u5xqZ0nXb1V7mB2d6T9kQ3wE8rY4tU1iO0pA5sD7fGg"


def test_a_visitor_with_a_session_sees_its_name_and_its_budget(function: PageFunction, clock: Clock) -> None:
    until = int(clock()) + 30 * DAY
    function.guest(expires_at=until, budget_per_month=2 * NANODOLLARS)
    cookie = function.sign_in()

    body = function.me(cookie)

    assert (body["status"], body["access"], body["session"]) == ("success", "invitation", "valid")
    assert body["client"] == {"name": "Ann", "expires_at": until}
    assert body["device"] == "Firefox on Linux"
    assert (body["streaming"], body["itinerary_days"], body["problem"]) == (True, 14, None)
    budget = body["budget"]
    assert (budget["whose"], budget["period"], budget["limit_usd"], budget["left_usd"]) == (
        "client",
        "month",
        2.0,
        2.0,
    )


def test_the_budget_is_that_of_the_last_answer(function: PageFunction) -> None:
    cookie = function.sign_in()

    asked = function.ask(cookie)

    assert asked.status == 200, asked
    assert function.me(cookie)["budget"] == asked.body["budget"]


def test_it_reads_the_session_the_client_and_the_counters_and_writes_nothing(function: PageFunction) -> None:
    cookie = function.sign_in()
    function.ask(cookie)
    function.table.calls.clear()

    function.me(cookie)
    assert function.table.calls == Counter(BatchGetItem=2), "the client was read a moment ago"

    # A question would note that the session is used again.
    function.clock.advance(DAY)
    function.me(cookie)
    assert function.table.calls == Counter(BatchGetItem=5)
    assert function.upstream.calls[1:] == [], "only the question before"


def test_without_a_session_there_is_nothing_to_read(function: PageFunction) -> None:
    body = function.me()

    assert (body["session"], body["client"], body["device"]) == ("none", None, None)
    assert (body["budget"], body["problem"]) == (None, None)
    assert not function.table.calls


@pytest.mark.parametrize("value", [TOKEN, "", "x", "x" * 5000])
def test_an_unknown_session_has_expired(function: PageFunction, value: str) -> None:
    body = function.me(f"{COOKIE}={value}")

    assert (body["session"], body["client"]) == ("expired" if value else "none", None)
    assert (body["budget"], body["problem"]) == (None, None)


def disable(function: PageFunction) -> None:
    function.guest(disabled=1, sessions_after=int(function.clock()))


def expire(function: PageFunction) -> None:
    function.guest(expires_at=int(function.clock()) + 1)
    function.clock.advance(1)


def pause(function: PageFunction) -> None:
    function.table.put("flag#paused")


def use_up(function: PageFunction) -> None:
    function.guest(budget_per_month=1)


def use_up_the_minute(function: PageFunction) -> None:
    function.guest(per_minute=1)
    function.clock.advance(6)
    function.api._guard = lambda: function.guard
    assert function.ask(function.sign_in()).status == 200


def lose_the_table(function: PageFunction) -> None:
    function.table.before = lambda *_: "deny"


@pytest.mark.parametrize(
    ("happens", "code"),
    [
        (disable, "client_disabled"),
        (expire, "client_expired"),
        (pause, "paused"),
        (use_up, "budget_exhausted"),
        (use_up_the_minute, "rate_limited"),
    ],
)
def test_what_a_question_would_be_refused_with_is_said_before(
    function: PageFunction, happens: Callable[[PageFunction], None], code: str
) -> None:
    cookie = function.sign_in()

    happens(function)
    function.clock.advance(6)
    body = function.me(cookie)

    assert (body["session"], body["problem"]["code"]) == ("valid", code)
    asked = function.ask(cookie)
    seconds = asked.headers.get("retry-after")
    assert body["problem"] == {
        "code": asked.code,
        "message": asked.body["message"],
        "retry_after": int(seconds) if seconds else None,
    }
    assert (seconds is not None) == (code in {"budget_exhausted", "rate_limited"})


def test_a_table_that_is_away_is_a_problem(function: PageFunction) -> None:
    cookie = f"{COOKIE}={TOKEN}"
    lose_the_table(function)

    body = function.me(cookie)

    assert body["problem"]["code"] == function.ask(cookie).code == "limits_unavailable"
    # Whose session it is could not be read.
    assert (body["session"], body["problem"]["retry_after"]) == ("none", 5)


def test_a_session_is_over_once_its_owner_ended_the_sessions(function: PageFunction) -> None:
    cookie = function.sign_in()
    function.guest(sessions_after=int(function.clock()))
    function.clock.advance(6)

    assert function.me(cookie)["session"] == "expired"
    assert function.ask(cookie).code == "session_expired"


def test_over_http_elsewhere_there_is_a_sentence(function: PageFunction) -> None:
    body = function.me(site="http://192.168.1.20:3000")

    assert (body["session"], body["problem"]["code"]) == ("none", "origin_refused")
    assert "https address" in body["problem"]["message"]


def test_no_origin_is_needed_to_read(function: PageFunction) -> None:
    cookie = function.sign_in()

    # A browser sends none with a GET of the same origin.
    assert function.me(cookie, headers={"Origin": None, "X-Travel-GPT": None})["session"] == "valid"


def test_where_anyone_may_ask_there_is_no_session(open_function: PageFunction) -> None:
    body = open_function.me(f"{COOKIE}={TOKEN}")

    assert (body["access"], body["session"], body["client"], body["problem"]) == ("open", "none", None, None)
    assert (body["budget"]["whose"], body["budget"]["left_usd"]) == ("api", 1.0)
    assert open_function.ask().status == 200
    assert open_function.me()["budget"]["left_usd"] < 1.0


def test_the_longest_trip_and_streaming_are_those_of_the_settings(build: Build) -> None:
    body = build(STREAMING="off", ITINERARY_DAYS="7").me()

    assert (body["streaming"], body["itinerary_days"]) == (False, 7)


@pytest.mark.parametrize("access", ["open", "api-key"])
def test_without_a_table_it_is_answered_all_the_same(build: Build, access: str) -> None:
    function = build(API_ACCESS=access, TABLE_NAME="")
    function.api._guard = None

    problem = function.me()["problem"]

    # No value of the cookie stands for a client, where there is no table.
    assert (problem and problem["code"]) == (None if access == "open" else "misconfigured")
    assert function.ask(f"{COOKIE}={TOKEN}").code == ("" if access == "open" else "misconfigured")


def test_a_store_of_the_key_that_hangs_keeps_the_page_for_seconds_only(open_function: PageFunction) -> None:
    request = Request.of(page_event(PAGE_ME, httpMethod="GET"), LambdaContext())
    waits: list[float] = []

    answer_me(request, open_function.settings, None, lambda given: waits.append(given.deadline.left()))

    assert request.deadline.left() > 20
    assert waits[0] <= 3


@pytest.mark.parametrize(
    ("environment", "code"),
    [
        ({"OPENAI_API_KEY": ""}, "secret_not_found"),
        ({"OPENAI_MAX_OUTPUT_TOKENS": "many"}, "misconfigured"),
        ({"UNKNOWN_MODEL_PRICE": "refuse", "OPENAI_MODEL": "llama-9"}, "misconfigured"),
    ],
)
def test_what_the_owner_has_to_repair_is_said_before(
    build: Build, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], code: str
) -> None:
    function = build(API_ACCESS="open", BUDGET_PER_DAY="1", BUDGET_PER_MONTH="50", **environment)
    monkeypatch.setenv("OPENAI_API_KEY", environment.get("OPENAI_API_KEY", KEY))

    problem = function.me()["problem"]

    asked = function.ask()
    assert problem == {"code": code, "message": asked.body["message"], "retry_after": None}
    assert asked.code == code
