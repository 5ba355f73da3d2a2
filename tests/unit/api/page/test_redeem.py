"""Accepting an invitation, and signing out, over the routes of the page."""

import io
import json
import secrets

import pytest

from tests.support.clock import Clock
from tests.support.function_log import log as log
from tests.support.page import COOKIE, NONCE, PageFunction
from travel_gpt.api import resources

DAY = 86_400


def audited(log: io.StringIO) -> list[dict[str, str]]:
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    return [line["audit"] for line in lines if "audit" in line and "credential" not in line["audit"]["event"]]


def test_an_invitation_signs_the_browser_in(function: PageFunction, clock: Clock) -> None:
    until = int(clock()) + 10 * DAY
    function.guest(expires_at=until)

    reply = function.redeem(function.invite())

    assert (reply.status, reply.body["status"]) == (200, "success")
    assert reply.body["client"] == {"name": "Ann", "expires_at": until}
    written = reply.headers["set-cookie"]
    assert written.startswith(f"{COOKIE}=")
    assert written.endswith(f"; Secure; Path=/; HttpOnly; SameSite=Strict; Max-Age={10 * DAY}")
    assert reply.headers["cache-control"] == "no-store"
    assert function.ask(reply.cookie).status == 200


def test_a_lost_reply_is_repeated_and_uses_no_other_device(function: PageFunction) -> None:
    code = function.invite(devices=1)

    first, again = function.redeem(code), function.redeem(code)
    other = function.redeem(code, secrets.token_urlsafe(32))

    assert again.cookie == first.cookie
    assert (other.status, other.code) == (403, "invitation_invalid")
    assert "set-cookie" not in other.headers


@pytest.mark.parametrize("changes", [{"Origin": "https://evil.example.com"}, {"X-Travel-GPT": None}])
def test_another_site_uses_up_no_invitation(function: PageFunction, changes: dict[str, str | None]) -> None:
    code = function.invite()

    refused = function.redeem(code, headers=changes)

    assert (refused.status, refused.code) == (403, "origin_refused")
    assert not function.table.calls
    assert function.redeem(code, secrets.token_urlsafe(32)).status == 200


def test_where_no_cookie_can_be_kept_no_invitation_is_used_up(function: PageFunction) -> None:
    code = function.invite()

    refused = function.redeem(code, site="http://192.168.1.20:3000")

    assert (refused.code, not function.table.calls) == ("origin_refused", True)
    assert function.redeem(code, secrets.token_urlsafe(32)).status == 200


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (None, "invalid_json"),
        ([], "invalid_json"),
        ({"code": "c", "nonce": NONCE}, "invalid_constraint"),
        ({"code": 1, "nonce": NONCE, "device": ""}, "invalid_constraint"),
        ({"code": "c", "nonce": "short", "device": ""}, "invalid_constraint"),
        ({"code": "c", "nonce": NONCE, "device": {"name": "x"}}, "invalid_constraint"),
        ({"code": "c", "nonce": NONCE, "device": "x" * 40_000}, "payload_too_large"),
        ({"code": "\ud83d", "nonce": NONCE, "device": "\ud83d"}, "invitation_invalid"),
    ],
)
def test_another_body_is_refused_in_words(function: PageFunction, body: object, code: str) -> None:
    reply = function.send(resources.PAGE_REDEEM, body)

    assert reply.code == code
    assert reply.status < 500
    assert reply.body["message"]


def test_a_wrong_code_is_refused_and_limited(function: PageFunction) -> None:
    replies = [
        # API Gateway says which address it is. What the caller says is another one each time.
        function.redeem(f"wrong-{number}", headers={"X-Forwarded-For": f"192.0.2.{number}, 198.51.100.1"})
        for number in range(11)
    ]

    assert {each.code for each in replies[:10]} == {"invitation_invalid"}
    last = replies[10]
    assert (last.status, last.code) == (429, "rate_limited")
    assert 0 < int(last.headers["retry-after"]) <= 600


def test_who_signed_in_and_out_is_in_the_audit_log(function: PageFunction, log: io.StringIO) -> None:
    cookie = function.redeem(function.invite()).cookie
    for cookies in (cookie, f"{COOKIE}={'x' * 43}", ""):
        function.send(resources.PAGE_SIGN_OUT, {}, cookie=cookies)
    function.redeem("wrong")

    events = [(each["event"], each["outcome"], each.get("client")) for each in audited(log)]
    assert events == [
        ("session.begin", "success", "c1"),
        ("session.end", "success", "c1"),
        ("request.refused", "invitation_invalid", ""),
    ]


def test_signing_out_ends_the_session_at_once_and_everywhere(function: PageFunction) -> None:
    cookie, other = function.sign_in(), function.sign_in()

    reply = function.send(resources.PAGE_SIGN_OUT, {}, cookie=cookie)

    assert (reply.status, reply.body["status"]) == (200, "success")
    assert reply.headers["set-cookie"] == (f"{COOKIE}=; Secure; Path=/; HttpOnly; SameSite=Strict; Max-Age=0")
    assert (function.ask(cookie).code, function.me(cookie)["session"]) == ("session_expired", "expired")
    assert function.ask(other).status == 200, "that of another device goes on"


@pytest.mark.parametrize("cookie", ["", f"{COOKIE}=unknown"])
def test_one_may_sign_out_without_a_session(function: PageFunction, cookie: str) -> None:
    reply = function.send(resources.PAGE_SIGN_OUT, {}, cookie=cookie)

    assert (reply.status, "Max-Age=0" in reply.headers["set-cookie"]) == (200, True)


def test_another_site_cannot_sign_a_visitor_out(function: PageFunction) -> None:
    cookie = function.sign_in()

    refused = function.send(
        resources.PAGE_SIGN_OUT, {}, cookie=cookie, headers={"Origin": "https://evil.example.com"}
    )

    assert (refused.code, "set-cookie" in refused.headers) == ("origin_refused", False)
    assert function.ask(cookie).status == 200


def test_while_the_table_is_away_the_browser_keeps_its_token_to_try_again(function: PageFunction) -> None:
    cookie = function.sign_in()
    function.table.before = lambda *_: "deny"

    reply = function.send(resources.PAGE_SIGN_OUT, {}, cookie=cookie)

    assert (reply.status, reply.code) == (503, "limits_unavailable")
    assert "set-cookie" not in reply.headers


def test_where_anyone_may_ask_an_invitation_is_not_needed(open_function: PageFunction) -> None:
    reply = open_function.redeem(open_function.invite())

    assert (reply.code, "set-cookie" in reply.headers) == ("invitation_invalid", False)
    assert "needs no invitation" in reply.body["message"]
