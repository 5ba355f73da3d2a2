"""The page's routes: API Gateway's events as its script causes them, and a function that answers them."""

import json
import secrets
from dataclasses import dataclass
from typing import Any

from tests.conftest import LambdaContext, proxy_event
from tests.fakes.dynamodb import TABLE, MemoryTable
from tests.fakes.openai import FakeOpenAI
from tests.support.api import api_of
from tests.support.clock import Clock
from travel_gpt.api import resources
from travel_gpt.aws.table import Table
from travel_gpt.credentials.session import CredentialSession
from travel_gpt.credentials.sources.selection import source_of
from travel_gpt.guard.clients import Client
from travel_gpt.guard.guard import Guard
from travel_gpt.guard.limits import Limits
from travel_gpt.guard.new_invitation import new_invitation
from travel_gpt.llm.client import ModelClient
from travel_gpt.settings import Settings

KEY = "sk-proj-P4g3t3stK3y00000000000000000000000000001"
NONCE = secrets.token_urlsafe(32)
Json = dict[str, Any]

SITE = "https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com"
COOKIE = "__Host-travel-gpt"


def page_event(
    resource: str,
    body: object = None,
    *,
    site: str = SITE,
    cookie: str = "",
    headers: dict[str, str | None] | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """Return the event of a request that the page's script sends, without an API key.

    ``cookie``: the whole header. ``headers``: those that are other than the script's; None for absent.
    """
    scheme, _, host = site.partition("://")
    sent: dict[str, str | None] = {
        "Content-Type": "application/json",
        "Host": host,
        "Origin": site,
        "X-Forwarded-Proto": scheme,
        "X-Travel-GPT": "page",
        "Cookie": cookie or None,
        **(headers or {}),
    }
    given = {name: value for name, value in sent.items() if value is not None}
    about = {"path": f"/Prod{resource}", "resourcePath": resource, **changes.pop("requestContext", {})}
    return proxy_event(
        "post-without-key",
        **{
            "resource": resource,
            "path": resource,
            "headers": given,
            "multiValueHeaders": {name: [value] for name, value in given.items()},
            "body": None if body is None else json.dumps(body),
            "requestContext": about,
            **changes,
        },
    )


@dataclass(frozen=True)
class Reply:
    """A response."""

    status: int
    body: Json
    headers: dict[str, str]
    """By their names in lower case."""

    @property
    def code(self) -> str:
        """The code of a failure; empty for a success."""
        return str(self.body.get("code", ""))

    @property
    def cookie(self) -> str:
        """What a browser sends back of the cookie that was set; empty where none was."""
        return self.headers.get("set-cookie", "").partition(";")[0]


class PageFunction:
    """The buffered function with the page enabled, a table in memory, and one guest.

    ``environment``: further variables. The model's server is ``upstream``.
    """

    def __init__(self, upstream: FakeOpenAI, clock: Clock, **environment: str) -> None:
        self.upstream, self.clock, self.table = upstream, clock, MemoryTable()
        self.settings = Settings.load(
            {
                "CREDENTIAL_SOURCE": "environment",
                "OPENAI_API_KEY": KEY,
                "OPENAI_BASE_URL": upstream.base_url,
                "OPENAI_MAX_RETRIES": "0",
                "TABLE_NAME": TABLE,
                "WEB_PAGE": "enabled",
                **environment,
            }
        )
        self.guard = Guard(self.settings, Table(TABLE, send=self.table.send), now=clock)
        session = CredentialSession(source_of(self.settings, ""), ttl=300, max_stale=0, now=clock)
        self.api = api_of(self.settings, session, ModelClient(self.settings), guard=self.guard, now=clock)
        self.guest()

    def guest(self, **attributes: int) -> None:
        """Write the record of the guest anew."""
        self.client = Client("c1", "Ann", Limits(), sessions_after=attributes.get("sessions_after", 0))
        self.table.put("client#c1", name="Ann", guest=1, **attributes)

    def send(self, resource: str, body: object = None, **changes: Any) -> Reply:
        """Send a request of the page's script."""
        if resource == resources.PAGE_ME:
            changes.setdefault("httpMethod", "GET")
        response = self.api.answer(page_event(resource, body, **changes), LambdaContext())
        headers = {name.lower(): value for name, value in response["headers"].items()}
        return Reply(response["statusCode"], json.loads(response["body"]), headers)

    def invite(self, devices: int = 1, expires_in: int = 30 * 86_400) -> str:
        """Make an invitation of the guest, and return its code."""
        now = int(self.clock())
        made = new_invitation(self.client, devices=devices, expires_at=now + expires_in, now=now)
        self.table.put_item(made.item)
        return made.code

    def redeem(self, code: str, nonce: str = NONCE, **changes: Any) -> Reply:
        """Accept an invitation."""
        body = {"code": code, "nonce": nonce, "device": "Firefox on Linux"}
        return self.send(resources.PAGE_REDEEM, body, **changes)

    def sign_in(self) -> str:
        """Accept a new invitation, and return what the browser sends from then on as its cookies."""
        return self.redeem(self.invite(), secrets.token_urlsafe(32)).cookie

    def ask(self, cookie: str = "", query: str = "Lisbon?", **changes: Any) -> Reply:
        """Ask, with the cookies of a browser."""
        return self.send(resources.PAGE_ASK, {"query": query}, cookie=cookie, **changes)

    def me(self, cookie: str = "", **changes: Any) -> Json:
        """Return the body of what the page asks first."""
        reply = self.send(resources.PAGE_ME, cookie=cookie, **changes)
        assert reply.status == 200, reply
        return reply.body
