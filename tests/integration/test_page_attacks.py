"""What others may try: stolen and guessed invitations and sessions, requests of other sites, our logs."""

import io
import json
import secrets
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import LambdaContext, proxy_event
from tests.fakes.dynamodb import TABLE
from tests.fakes.openai import RESPONSES, FakeOpenAI, behaviours
from tests.support.clock import Clock
from tests.support.function_log import log as log
from tests.support.page import COOKIE, KEY, NONCE, SITE, PageFunction, page_event
from tests.support.stream_function import is_whole, parse
from travel_gpt.api import resources, stream_watch
from travel_gpt.api.streamed import StreamApi, StreamedResponse
from travel_gpt.aws.table import Table
from travel_gpt.bootstrap import build_stream_api
from travel_gpt.deadline import Deadline
from travel_gpt.errors import TravelGPTError
from travel_gpt.guard import clients

DAY = 86_400


@pytest.fixture
def upstream() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as server:
        yield server


@pytest.fixture
def function(upstream: FakeOpenAI, monkeypatch: pytest.MonkeyPatch) -> Iterator[PageFunction]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    made = PageFunction(upstream, Clock(time.time()), BUDGET_PER_MONTH="50", LOG_LEVEL="DEBUG")
    yield made
    made.api.close()


@pytest.fixture
def stream_api(function: PageFunction) -> Iterator[StreamApi]:
    """The function that streams, with the same table."""
    made = build_stream_api(function.settings, table=Table(TABLE, send=function.table.send))
    yield made
    made.close()


def stream(api: StreamApi, cookie: str, **changes: Any) -> Any:
    event = page_event(resources.PAGE_STREAM, {"query": "Lisbon?"}, cookie=cookie, **changes)
    return api.answer(event, LambdaContext(100_000))


def refusal(response: Any) -> str:
    assert not isinstance(response, StreamedResponse)
    return str(json.loads(response["body"])["code"])


def items(function: PageFunction, kind: str) -> list[Any]:
    return [item for item in function.table.items.all() if item["pk"]["S"].startswith(f"{kind}#")]


class TestStolenInvitation:
    """A link that was sent to one person, and opened by another."""

    def test_it_is_noticed_and_can_be_ended(self, function: PageFunction) -> None:
        code = function.invite(devices=1)
        thief = function.redeem(code, secrets.token_urlsafe(32)).cookie
        assert function.ask(thief).status == 200

        # The guest is not let in, and learns why.
        guest = function.redeem(code, secrets.token_urlsafe(32))
        assert (guest.status, guest.code) == (403, "invitation_invalid")
        assert "one device" in guest.body["message"]
        # Its owner ends all sessions, and invites again.
        function.guest(sessions_after=int(function.clock()) + 1)
        function.clock.advance(clients.RECORD_TTL)
        assert function.ask(thief).code == "session_expired"
        assert function.ask(function.sign_in()).status == 200
        assert function.ask(thief).code == "session_expired"

    def test_without_the_nonce_it_does_not_give_the_guests_session(self, function: PageFunction) -> None:
        code, nonce = function.invite(devices=2), secrets.token_urlsafe(32)
        guest = function.redeem(code, nonce).cookie

        thief = function.redeem(code, secrets.token_urlsafe(32)).cookie

        assert thief != guest
        # Nor with it, once the page has had time to try again.
        function.clock.advance(601)
        assert function.redeem(code, nonce).code == "invitation_invalid"

    def test_an_old_link_is_worth_nothing(self, function: PageFunction) -> None:
        code = function.invite(expires_in=60)
        function.clock.advance(60)

        assert function.redeem(code).code == "invitation_invalid"


class TestSessions:
    """Sessions that were guessed, replayed, or sent in another way than as a cookie."""

    def test_guessed_sessions_are_refused_and_write_nothing(self, function: PageFunction) -> None:
        token = function.sign_in().partition("=")[2]
        nearly = [token[:-1] + sign for sign in "AEIM" if sign != token[-1]]
        function.table.calls.clear()
        before = function.table.items.all()

        for guess in (*nearly, token.lower(), token[::-1], *(secrets.token_urlsafe(32) for _ in range(500))):
            assert function.ask(f"{COOKIE}={guess}").code == "session_expired"

        assert function.table.calls.keys() == {"BatchGetItem"}
        assert function.table.items.all() == before

    @pytest.mark.parametrize("wait", [30 * DAY, 90 * DAY + 1])
    def test_a_session_that_is_replayed_later_has_expired(self, function: PageFunction, wait: int) -> None:
        cookie = function.sign_in()
        for _ in range(wait // (29 * DAY)):
            function.clock.advance(29 * DAY)
            if wait > 30 * DAY:
                # In use until then.
                assert function.ask(cookie).status == 200
        function.clock.advance(wait % (29 * DAY))

        assert function.ask(cookie).code == "session_expired"

    def test_a_session_that_was_signed_out_is_over_for_every_environment(
        self, function: PageFunction, stream_api: StreamApi
    ) -> None:
        cookie = function.sign_in()
        opened = stream(stream_api, cookie)
        assert isinstance(opened, StreamedResponse)
        assert is_whole(parse(b"".join(opened.chunks)))

        function.send(resources.PAGE_SIGN_OUT, {}, cookie=cookie)

        assert refusal(stream(stream_api, cookie)) == "session_expired"
        assert function.ask(cookie).code == "session_expired"

    def test_disabling_a_client_ends_its_sessions_for_good(self, function: PageFunction) -> None:
        cookie = function.sign_in()
        moment = int(function.clock()) + 1
        function.guest(disabled=1, sessions_after=moment)
        function.clock.advance(clients.RECORD_TTL)
        assert function.ask(cookie).code == "client_disabled"

        function.guest(sessions_after=moment)
        function.clock.advance(clients.RECORD_TTL)
        assert function.ask(cookie).code == "session_expired"
        # Nor does it write anything.
        stop = function.send(resources.PAGE_STOP, {}, cookie=cookie, pathParameters={"id": "c6af9ac6-7b61"})
        assert stop.code == "session_expired"
        assert items(function, "stop") == []

    def test_a_stream_ends_with_the_session(
        self,
        function: PageFunction,
        stream_api: StreamApi,
        upstream: FakeOpenAI,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(stream_watch, "CHECK_SECONDS", 0.05)
        upstream.default(RESPONSES, behaviours.answer("word " * 500, pause=0.02))
        cookie = function.sign_in()
        opened = stream(stream_api, cookie)
        assert isinstance(opened, StreamedResponse)
        pieces = [next(opened.chunks), next(opened.chunks)]

        function.send(resources.PAGE_SIGN_OUT, {}, cookie=cookie)

        name, data = parse(b"".join([*pieces, *opened.chunks]))[-1]
        assert (name, data["code"]) == ("error", "session_expired")

    @pytest.mark.parametrize(
        "place",
        [
            lambda token: {"headers": {"Authorization": f"Bearer {token}"}},
            lambda token: {"headers": {"X-Api-Key": token}},
            lambda token: {"headers": {"Cookie": None, "X-Cookie": f"{COOKIE}={token}"}},
            lambda token: {"queryStringParameters": {"session": token, COOKIE: token}},
        ],
    )
    def test_a_session_counts_as_a_cookie_only(self, function: PageFunction, place: Any) -> None:
        token = function.sign_in().partition("=")[2]

        assert function.ask("", **place(token)).code == "session_required"
        reply = function.send(resources.PAGE_ASK, {"query": "Oslo?", "session": token})
        assert reply.code == "session_required"

    def test_a_session_is_none_on_the_other_routes(self, function: PageFunction) -> None:
        cookie = function.sign_in()
        for resource in (resources.QUERY, resources.STOP):
            reply = function.send(resource, {"query": "Oslo?"}, cookie=cookie)
            assert (reply.status, reply.code) == (403, "forbidden")

    def test_no_client_stops_a_stream_of_another(self, function: PageFunction) -> None:
        cookie = function.sign_in()
        identifiers = {"pathParameters": {"id": "c6af9ac6-7b61"}}

        assert function.send(resources.PAGE_STOP, {}, cookie=cookie, **identifiers).status == 202

        (flag,) = items(function, "stop")
        assert "c1" in flag["pk"]["S"]


class TestOtherSites:
    """Requests that another site has a visitor's browser send."""

    ROUTES = (
        resources.PAGE_ASK,
        resources.PAGE_STREAM,
        resources.PAGE_STOP,
        resources.PAGE_REDEEM,
        resources.PAGE_SIGN_OUT,
    )

    @pytest.mark.parametrize("resource", ROUTES)
    @pytest.mark.parametrize(
        "headers",
        [
            # A form: no header of its own, and one of three types.
            {"X-Travel-GPT": None, "Origin": "https://evil.example.com", "Content-Type": "text/plain"},
            {"X-Travel-GPT": None, "Origin": "null", "Content-Type": "application/x-www-form-urlencoded"},
            # fetch with mode no-cors sends the same. With cors, the browser asks first, and is refused.
            {"Origin": "https://evil.example.com"},
            {"Origin": None},
            {"Origin": "null"},
            {"Origin": f"{SITE}.evil.example.com"},
            {"Origin": "https://evil.example.com", "X-Forwarded-Host": "evil.example.com"},
            {"Origin": "https://evil.example.com", "Forwarded": "host=evil.example.com"},
            {"X-Travel-GPT": None},
        ],
    )
    def test_they_are_refused_and_change_nothing(
        self,
        function: PageFunction,
        stream_api: StreamApi,
        resource: str,
        headers: dict[str, str | None],
    ) -> None:
        cookie = function.sign_in()
        function.table.calls.clear()

        if resource == resources.PAGE_STREAM:
            response = stream(stream_api, cookie, headers=headers)
        else:
            event = page_event(resource, {"query": "Lisbon?"}, cookie=cookie, headers=headers)
            response = function.api.answer(event, LambdaContext())

        assert (response["statusCode"], refusal(response)) == (403, "origin_refused")
        assert (not function.table.calls, function.upstream.calls) == (True, [])
        assert "set-cookie" not in {name.lower() for name in response["headers"]}

    def test_a_preflight_is_not_answered(self, function: PageFunction) -> None:
        asked = {"Origin": "https://evil.example.com", "Access-Control-Request-Headers": "x-travel-gpt"}
        for resource in (*self.ROUTES, resources.PAGE_ME):
            reply = function.send(resource, httpMethod="OPTIONS", headers=asked)

            assert reply.status == 405
            assert not [name for name in reply.headers if name.startswith("access-control-")]

    def test_no_answer_can_be_read_by_another_site(self, function: PageFunction) -> None:
        reply = function.send(
            resources.PAGE_ME, cookie=function.sign_in(), headers={"Origin": "https://evil.example.com"}
        )

        assert not [name for name in reply.headers if name.startswith("access-control-")]
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["cache-control"] == "no-store"


class TestGuesses:
    """Ten thousand guesses of codes."""

    def test_none_is_right_and_each_costs_little(self, function: PageFunction) -> None:
        code = function.invite()
        function.table.calls.clear()
        codes: Counter[str] = Counter()
        writes_of_an_address = []

        def guess(address: str) -> str:
            # Below the routes, which a lot of them would be slow on; a test of the routes has a few.
            guessed = secrets.token_urlsafe(24)
            try:
                function.guard.invitations.redeem(guessed, NONCE, "", address, Deadline(28))
            except TravelGPTError as failure:
                return failure.code
            return ""

        for number in range(100):
            before = function.table.calls["UpdateItem"]
            codes.update(guess(f"198.51.100.{number}") for _ in range(100))
            writes_of_an_address.append(function.table.calls["UpdateItem"] - before)

        assert codes == {"invitation_invalid": 1000, "rate_limited": 9000}
        assert set(writes_of_an_address) == {10}, "what is refused for its number writes nothing"
        assert function.table.calls["BatchGetItem"] == 10_000, "one read each"
        assert items(function, "session") == []
        assert function.redeem(code).status == 200


class TestSecrecy:
    """The values of sessions and invitations are with the browser, and nowhere else."""

    def test_they_are_in_no_log_answer_error_or_item(
        self, function: PageFunction, stream_api: StreamApi, log: io.StringIO
    ) -> None:
        code, nonce = function.invite(), secrets.token_urlsafe(32)
        cookie = function.redeem(code, nonce).cookie
        token = cookie.partition("=")[2]
        answers: list[object] = []

        def note(reply: Any) -> None:
            answers.append(reply)

        def everything() -> None:
            note(function.ask(cookie))
            note(function.send(resources.PAGE_ME, cookie=cookie))
            note(function.ask(cookie, headers={"Origin": "https://evil.example.com"}))
            note(function.send(resources.PAGE_STOP, {}, cookie=cookie, pathParameters={"id": "a"}))
            note(function.send(resources.PAGE_ASK, {"query": 1}, cookie=cookie))
            note(function.redeem(code, secrets.token_urlsafe(32)))
            note(function.redeem(f"{code}x", nonce))
            opened = stream(stream_api, cookie)
            if isinstance(opened, StreamedResponse):
                note((opened.headers, b"".join(opened.chunks)))
                opened.chunks.close()
            else:
                note(opened)

        everything()
        # A bug, a table that is away, a client that is disabled, and a session that has ended.
        function.table.before = lambda *_: "deny"
        everything()
        function.table.before = lambda *_: "drop"
        everything()
        function.table.before = lambda *_: None
        with pytest.MonkeyPatch.context() as broken:
            broken.setattr("travel_gpt.guard.visitors.Visitors._visitor", lambda *_: 1 / 0)
            everything()
        function.guest(disabled=1)
        function.clock.advance(clients.RECORD_TTL)
        everything()
        function.guest()
        function.clock.advance(DAY)

        # A session that ends while its use is noted, that is deleted, and that has expired.
        (kept,) = items(function, "session")
        key = kept["pk"]["S"]

        def end_before_a_write(operation: str, _: object) -> None:
            if operation == "UpdateItem" and items(function, "session"):
                function.table.items.delete(key)

        function.table.before = end_before_a_write
        everything()
        function.table.before = lambda *_: None
        everything()
        function.table.put_item(kept)
        function.clock.advance(90 * DAY)
        everything()
        function.clock.advance(-90 * DAY)
        function.send(resources.PAGE_SIGN_OUT, {}, cookie=cookie)
        everything()

        written = repr(answers) + log.getvalue() + repr(function.table.items.all())
        assert "session_expired" in written
        assert "client_disabled" in written
        assert "internal_error" in written
        assert "limits_unavailable" in written
        for detail in ("has just ended", "there is no such session", "has expired", "was ended"):
            assert detail in log.getvalue()
        for value in (token, code, nonce):
            assert not [part for part in (value, value[:12], value[-12:]) if part in written]

    def test_a_session_in_a_url_is_not_logged(self, function: PageFunction, log: io.StringIO) -> None:
        token = function.sign_in().partition("=")[2]
        function.send(
            resources.PAGE_ME,
            queryStringParameters={"session": token},
            headers={"Referer": f"{SITE}/?{token}"},
        )

        assert token[:12] not in log.getvalue()


class TestTableCalls:
    """How often each request uses the table."""

    def test_a_question_with_a_session_reads_once_more_than_one_with_a_key(
        self, function: PageFunction
    ) -> None:
        function.table.put("key#annskey", client="c1")
        cookie = function.sign_in()

        def with_key() -> int:
            event = proxy_event("post", body='{"query": "Lisbon?"}')
            event["requestContext"]["identity"]["apiKeyId"] = "annskey"
            return function.api.answer(event, LambdaContext())["statusCode"]

        counted = []
        for ask in (with_key, lambda: function.ask(cookie).status):
            ask()
            function.clock.advance(clients.RECORD_TTL)
            function.table.calls.clear()
            assert ask() == 200
            counted.append(Counter(function.table.calls))
        key, session = counted

        assert session - key == Counter(BatchGetItem=1)
        assert not key - session

    @pytest.mark.parametrize("resource", [resources.ROOT, resources.PAGE, resources.PAGE_ASSET])
    def test_a_file_uses_no_table(self, function: PageFunction, resource: str) -> None:
        function.api.answer(
            page_event(resource, httpMethod="GET", pathParameters={"file": "app.0.js"}), LambdaContext()
        )

        assert not function.table.calls
