"""The story of a guest, on a deployed stack: invited by the command, let in and refused by the function."""

import json
import re
import secrets
from typing import Any
from urllib.parse import urlsplit

import pytest

from testbed.fake_aws import FakeAws
from tests.support.deployer import GOOD_KEY, Deployer
from tests.support.doctor import PYTHON
from tests.support.secret_leaks import files_with, holds
from tests.support.stack_owner import MEASURED, Owner, until

OK = (200, "success")
QUERY = {"query": "Two days in Porto?"}


class Browser:
    """A browser with the page, whose script sends what is documented of it.

    Args:
        aws: the account in which the page is served.
        page: the address of the page.
    """

    def __init__(self, aws: FakeAws, page: str) -> None:
        self._aws, self._page = aws, page
        self.token = ""
        """That of its session."""
        self.answer: dict[str, Any] = {}
        """The last answer."""

    def send(self, route: str, body: dict[str, str] | None = None, *, origin: str = "") -> tuple[int, str]:
        """Send a request of the page's script; the status, and the code where it was refused."""
        site = urlsplit(self._page)
        headers = {"X-Travel-GPT": "page", "Origin": origin or f"{site.scheme}://{site.netloc}"}
        if self.token:
            headers["Cookie"] = f"__Host-travel-gpt={self.token}"
        options = [part for name, value in headers.items() for part in ("--header", f"{name}: {value}")]
        if body is not None:
            options += ["--header", "Content-Type: application/json", "--data", json.dumps(body)]
        options += ["--silent", "--show-error", "--include", "--suppress-connect-headers"]
        done = self._aws.run("curl", *options, f"{self._page}/api/{route}")
        head, _, text = done.stdout.partition("\n\n")
        if found := re.search(r"^set-cookie: __Host-travel-gpt=([\w-]*); (.*)$", head, re.I | re.M):
            self.token = found[1]
            assert {"Secure", "HttpOnly", "SameSite=Strict", "Path=/"} <= set(found[2].strip().split("; "))
        status = int(head.split()[1])
        if text.startswith("event:"):
            return status, "stream"
        self.answer = json.loads(text)
        return status, self.answer.get("code", self.answer["status"])

    @property
    def signed_in(self) -> bool:
        """Whether it was given a session."""
        return bool(self.token)

    def accept(self, code: str) -> tuple[int, str]:
        """Accept an invitation."""
        return self.send("redeem", {"code": code, "nonce": secrets.token_urlsafe(32), "device": "Firefox"})

    def ask(self) -> tuple[int, str]:
        """Ask a query."""
        return self.send("ask", QUERY)

    def me(self) -> dict[str, Any]:
        """What the page is shown of its visitor."""
        assert self.send("me") == OK
        return self.answer


@pytest.mark.skipif(not PYTHON.exists(), reason="the command's environment: scripts/environment.sh run")
def test_a_guest_from_the_invitation_to_the_removal(deployer: Deployer) -> None:
    # Given a deployed stack
    done = deployer.deploy("--yes", key=GOOD_KEY)
    assert done.returncode == 0, done.stderr
    owner, page = Owner(deployer), deployer.output("PageUrl")
    phone, laptop = Browser(deployer.aws, page), Browser(deployer.aws, page)

    # When a person is invited, then opening the page shows no session, and nothing can be asked
    link = owner.type("invite", "kim", "--budget", "2/month", "--expires", "30d").stdout.strip()
    (first,) = owner.keys
    assert link == f"{page}#invitation={first}"
    me = phone.me()
    assert (me["access"], me["session"], me["client"]) == ("invitation", "none", None)
    assert phone.ask() == (401, "session_required")
    # And then: no other site can accept the invitation
    redeem = {"code": first, "nonce": secrets.token_urlsafe(32), "device": "Firefox"}
    assert phone.send("redeem", redeem, origin="https://elsewhere.example") == (403, "origin_refused")
    assert not phone.signed_in

    # When the guest accepts it, then the browser asks without an API key, and streams
    assert phone.accept(first) == OK
    assert phone.answer["client"]["name"] == "kim"
    assert phone.ask() == OK
    assert phone.answer["answer"]
    assert phone.send("stream", QUERY) == (200, "stream")
    assert owner.paid() == 2
    me = phone.me()
    assert (me["session"], me["client"]["name"], me["problem"]) == ("valid", "kim", None)
    assert me["budget"]["limit_usd"] == 2.0

    # When the link is opened in another browser, then it is used up
    assert laptop.accept(first) == (403, "invitation_invalid")
    assert not laptop.signed_in
    assert laptop.ask() == (401, "session_required")

    # Then the owner sees the guest among the clients, and what was asked
    shown = json.loads(owner.type("client", "show", "kim", "--json").stdout)
    assert (shown["kind"], shown["key_ids"]) == ("guest", [])
    assert [each["device"] for each in shown["page"]["sessions"]] == ["Firefox"]
    usage = json.loads(owner.type("usage", "--json").stdout)["clients"]
    assert (usage["kim"]["answers"], usage["owner"]["answers"]) == (2, MEASURED)

    # When another link is made, then it lets the other browser in as the same guest
    owner.type("invite", "kim", "--again")
    assert laptop.accept(owner.keys[1]) == OK
    assert laptop.ask() == OK

    # When the guest is disabled, then both are refused within seconds, and nothing more is paid
    owner.type("client", "disable", "kim")
    until((403, "client_disabled"), phone.ask)
    paid = owner.paid()
    assert laptop.ask() == (403, "client_disabled")
    assert phone.me()["problem"]["code"] == "client_disabled"
    # And then: once enabled, neither the sessions nor the links work any more, and a new link does
    owner.type("client", "enable", "kim")
    until((401, "session_expired"), phone.ask)
    assert laptop.ask() == (401, "session_expired")
    assert owner.paid() == paid
    assert laptop.accept(owner.keys[1]) == (403, "invitation_invalid")
    ended = phone.token
    owner.type("invite", "kim", "--again")
    assert phone.accept(owner.keys[2]) == OK
    assert phone.token != ended
    assert phone.ask() == OK

    # When the guest is removed, then so is everything that the table had of it
    (guest,) = (each["client"]["S"] for each in owner.items() if each["pk"]["S"] == "name#kim")
    owner.type("client", "remove", "kim", "--yes")
    assert phone.ask() == (401, "session_expired")
    left = json.dumps(owner.items())
    assert not [each for each in (guest, "invitation#", "session#", "redemption#") if each in left]
    # And then: no code and no token was written anywhere, but where it was printed or set
    written = [*owner.written, owner.log_lines(), left]
    assert guest in owner.log_lines()
    for secret in (*owner.keys, phone.token, laptop.token, ended):
        assert len(secret) >= 32
        assert not [text for text in written if holds(text, secret)]
        assert not files_with(secret, deployer.aws.home)
