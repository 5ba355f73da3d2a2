"""The page's API over HTTP, as its script uses it, against `python -m travel_gpt.local`."""

import http.client
import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.integration.test_local_server import LocalServer
from tests.support.stream_function import Events, is_whole, parse

APP = "/Prod/travel-gpt/app"
API = f"{APP}/api"
TRIP = {"query": "Two days in Lisbon", "format": "itinerary", "nights": 2}


@dataclass
class Reply:
    status: int
    headers: http.client.HTTPMessage
    text: str

    @property
    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(self.text)
        return body

    @property
    def code(self) -> str:
        return str(self.body.get("code", ""))


@dataclass
class Browser:
    """What a browser does for the page's script: it keeps the cookie, and says where the page is from."""

    site: str
    cookies: dict[str, str] = field(default_factory=dict)

    def open(self, path: str = APP, **headers: str) -> Reply:
        return self._send("GET", path, None, headers)

    def get(self, name: str) -> Reply:
        return self._send("GET", f"{API}/{name}", None, {})

    def post(self, name: str, body: object, **headers: str) -> Reply:
        own = {"Origin": self.site, "X-Travel-GPT": "page", "Content-Type": "application/json"}
        sent = {key.replace("_", "-"): value for key, value in headers.items()}
        return self._send("POST", f"{API}/{name}", json.dumps(body), {**own, **sent})

    def stream(self, body: object) -> Events:
        reply = self.post("stream", body)
        assert reply.headers["Content-Type"].startswith("text/event-stream"), reply.text
        assert "Set-Cookie" not in reply.headers
        return parse(reply.text.encode())

    def redeem(self, code: str) -> Reply:
        body = {"code": code, "nonce": secrets.token_urlsafe(32), "device": "Firefox on Linux"}
        return self.post("redeem", body)

    def me(self) -> dict[str, Any]:
        reply = self.get("me")
        assert reply.status == 200, reply.text
        return reply.body

    def _send(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> Reply:
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        connection = http.client.HTTPConnection(urlsplit(self.site).netloc, timeout=35)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            reply = Reply(response.status, response.headers, response.read().decode())
        finally:
            connection.close()
        for written in reply.headers.get_all("Set-Cookie") or ():
            name, _, value = written.partition(";")[0].partition("=")
            self.cookies[name] = value
        return reply


def site_of(server: LocalServer) -> str:
    return "{0.scheme}://{0.netloc}".format(urlsplit(server.url))


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    with LocalServer(tmp_path_factory.mktemp("home")) as server:
        yield server
    assert not server.errors


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    options = ["--access", "api-key", "--client", "ann devices=3 per-minute=100 budget=1/month"]
    # More at once than the stage lets through, so that no test depends on another.
    limits = {"THROTTLE_RATE": "1000", "THROTTLE_BURST": "1000"}
    with LocalServer(tmp_path_factory.mktemp("home"), *options, **limits) as server:
        yield server
    assert not server.errors


@pytest.fixture(scope="module")
def code(keyed: LocalServer) -> str:
    """The code of the invitation that the server printed, for three devices."""
    return keyed.wait_for(r"#invitation=([\w-]+)").group(1)


@pytest.fixture(scope="module")
def guest(keyed: LocalServer, code: str) -> Browser:
    """A browser that accepted the invitation."""
    browser = Browser(site_of(keyed))
    reply = browser.redeem(code)
    assert reply.status == 200, reply.text
    return browser


class TestOpen:
    """Where anyone may ask."""

    @pytest.fixture
    def browser(self, open_server: LocalServer) -> Browser:
        return Browser(site_of(open_server))

    @pytest.mark.parametrize("path", ["/", "/Prod", "/Prod/"])
    def test_the_root_leads_to_the_page(self, browser: Browser, path: str) -> None:
        reply = browser.open(path)

        base = path.rstrip("/")
        assert (reply.status, reply.headers["Location"]) == (302, f"{base}/travel-gpt/app")

    def test_a_first_load_is_three_requests(self, browser: Browser) -> None:
        page = browser.open()
        (script,) = re.findall(rf'"({APP}/assets/app\.[^"]+)"', page.text)

        assert (page.status, browser.open(script).status) == (200, 200)
        assert browser.get("me").status == 200
        assert not browser.cookies

    def test_a_question_is_answered_at_once_and_streamed(self, browser: Browser) -> None:
        assert (browser.me()["access"], browser.me()["session"]) == ("open", "none")

        assert browser.post("ask", {"query": "Oslo?"}).body["answer"]
        assert is_whole(browser.stream({"query": "Oslo?"}))
        assert not browser.cookies

    def test_another_site_may_not_ask(self, browser: Browser) -> None:
        for name in ("ask", "stream", "redeem", "sign-out", "stream/x/stop"):
            reply = browser.post(name, {"query": "Oslo?"}, Origin="https://evil.example.com")
            assert (reply.status, reply.code) == (403, "origin_refused"), name


class TestInvited:
    """Where visitors need an invitation."""

    def test_an_invitation_becomes_a_cookie_of_this_port(self, keyed: LocalServer, guest: Browser) -> None:
        (name,) = guest.cookies
        assert name == f"travel-gpt-{urlsplit(keyed.url).port}"
        me = guest.me()
        assert (me["session"], me["client"]["name"], me["device"]) == ("valid", "ann", "Firefox on Linux")
        assert (me["budget"]["limit_usd"], me["problem"]) == (1.0, None)

    def test_the_guest_asks_and_sees_what_it_cost(self, guest: Browser) -> None:
        before = guest.me()["budget"]["left_usd"]

        reply = guest.post("ask", {"query": "Oslo?"})

        assert reply.status == 200, reply.text
        assert reply.body["usage"]["cost_usd"] > 0
        assert guest.me()["budget"] == reply.body["budget"]
        assert reply.body["budget"]["left_usd"] < before

    def test_the_guest_gets_a_trip_streamed(self, guest: Browser) -> None:
        events = guest.stream(TRIP)

        assert is_whole(events)
        assert [name for name, _ in events if name in ("itinerary", "checks")] == ["itinerary", "checks"]

    def test_a_question_that_is_sent_again_is_paid_for_once(self, guest: Browser) -> None:
        first = guest.post("ask", {"query": "Oslo?"}, Idempotency_Key="once")
        again = guest.post("ask", {"query": "Oslo?"}, Idempotency_Key="once")

        assert (again.text, again.headers["Idempotency-Replayed"]) == (first.text, "true")

    def test_a_stream_can_be_stopped(self, guest: Browser) -> None:
        assert guest.post("stream/c6af9ac6-7b61/stop", {}).status == 202

    def test_without_a_session_nothing_is_asked(self, keyed: LocalServer) -> None:
        stranger = Browser(site_of(keyed))

        for name in ("ask", "stream", "stream/x/stop"):
            reply = stranger.post(name, {"query": "Oslo?"})
            assert (reply.status, reply.code) == (401, "session_required"), name
        assert stranger.me()["session"] == "none"

    def test_the_owners_api_key_is_none_of_the_page(self, keyed: LocalServer) -> None:
        key = keyed.wait_for(r"x-api-key: (\S+) \(made up").group(1)

        reply = Browser(site_of(keyed)).post("ask", {"query": "Oslo?"}, x_api_key=key)

        assert reply.code == "session_required"

    def test_a_session_is_none_of_the_api(self, keyed: LocalServer, guest: Browser) -> None:
        cookie = "; ".join(f"{name}={value}" for name, value in guest.cookies.items())

        assert keyed.post("Oslo?", Cookie=cookie)[1]["code"] == "forbidden"

    def test_the_page_of_another_server_of_this_machine_may_not_ask(self, guest: Browser) -> None:
        # A page on another port or name of this machine sends the cookie, and its own Origin.
        for origin in ("http://localhost:1", guest.site.replace("127.0.0.1", "localhost"), "null"):
            reply = guest.post("ask", {"query": "Oslo?"}, Origin=origin)
            assert reply.code == "origin_refused", origin

    def test_signing_out_ends_the_session_of_this_browser_alone(
        self, keyed: LocalServer, code: str, guest: Browser
    ) -> None:
        second = Browser(site_of(keyed))
        assert second.redeem(code).status == 200
        kept = dict(second.cookies)

        assert second.post("sign-out", {}).status == 200
        assert list(second.cookies.values()) == [""]
        second.cookies = kept
        assert (second.me()["session"], second.post("ask", {"query": "Oslo?"}).code) == (
            "expired",
            "session_expired",
        )
        assert guest.me()["session"] == "valid"
