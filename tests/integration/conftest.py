"""The whole API on one machine: moto for Secrets Manager, a scripted upstream for OpenAI."""

import io
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from moto import mock_aws

from testbed.moto_patches import secrets as secret_patches
from tests.conftest import LambdaContext as LambdaContext
from tests.fakes.dynamodb import TABLE, FakeTable
from tests.fakes.openai import FakeOpenAI
from tests.support.api import api_of
from tests.support.clock import Clock
from tests.support.function_log import log as log
from travel_gpt.api.routes import Api
from travel_gpt.aws.clients import WITHIN_A_REQUEST
from travel_gpt.aws.table import Table
from travel_gpt.credentials.session import CredentialSession
from travel_gpt.credentials.sources.secrets_manager import SecretsManagerSource
from travel_gpt.guard.guard import Guard
from travel_gpt.llm.client import ModelClient
from travel_gpt.settings import Settings

# Secrets Manager as AWS answers, in every test that uses moto.
secret_patches.install()

SECRET = "travel-gpt/openai-api-key"
KEY = "sk-proj-t3stK3y0000000000000000000000000000000001"


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: dict[str, Any]
    raw: str


def proxy_event(method: str, body: str | None = None, **changes: Any) -> dict[str, Any]:
    """Return a proxy event as API Gateway makes it, authenticated unless changed."""
    return {
        "resource": "/travel-gpt",
        "path": "/travel-gpt",
        "httpMethod": method,
        "headers": {"Content-Type": "application/json"},
        "multiValueHeaders": {"Content-Type": ["application/json"]},
        "queryStringParameters": None,
        "body": body,
        "isBase64Encoded": False,
        "requestContext": {
            "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            "requestTimeEpoch": int(time.time() * 1000),
            "stage": "Prod",
            "identity": {"apiKeyId": "a1b2c3d4e5", "sourceIp": "192.0.2.1"},
        },
        **changes,
    }


@dataclass
class Store:
    """The answers of Secrets Manager to the function; None is moto, which works."""

    answer: tuple[int, str] | Exception | None = None

    def respond(self, request: Any, **_: Any) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        if self.answer is None:
            return None
        status, code = self.answer
        raw = HTTPResponse(json.dumps({"__type": code, "message": "Scripted."}).encode())
        return AWSResponse(request.url, status, HTTPHeaders.from_dict({}), raw)


class HTTPResponse(io.BytesIO):
    """The part of urllib3's response that botocore reads."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


@dataclass
class Deployment:
    """One Lambda environment of the API and the world around it."""

    api: Api
    upstream: FakeOpenAI
    clock: Clock
    secret_calls: list[str]
    secrets: Any
    store: Store
    guard: Guard | None = None

    def get(self, *, verify: bool = False, **changes: Any) -> Reply:
        asked = {"verify": "true"} if verify else None
        return self.send(proxy_event("GET", queryStringParameters=asked, **changes))

    def post(self, query: object = "Three days in Lisbon?", **changes: Any) -> Reply:
        return self.send(proxy_event("POST", json.dumps({"query": query}), **changes))

    def send(self, event: dict[str, Any], milliseconds: int = 30_000) -> Reply:
        response = self.api.answer(event, LambdaContext(milliseconds))
        body = response["body"]
        return Reply(response["statusCode"], response["headers"], json.loads(body), body)

    def put_secret(self, value: str) -> None:
        self.secrets.put_secret_value(SecretId=SECRET, SecretString=value)

    @property
    def fetches(self) -> int:
        return len(self.secret_calls)


@pytest.fixture
def upstream() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as server:
        yield server


@pytest.fixture
def deploy(upstream: FakeOpenAI, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Deployment]]:
    """Give a function that starts one Lambda environment; its keywords are environment variables.

    With a ``table``, it keeps limits and budgets in it.
    """
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        # A client of the test's own: the calls that are counted are the function's.
        secrets = boto3.client("secretsmanager", config=Config(user_agent_extra="the-test"))
        secrets.create_secret(Name=SECRET, SecretString=json.dumps({"api_key": KEY}))

        started: list[Api] = []

        def start(table: FakeTable | None = None, **environment: str) -> Deployment:
            if table is not None:
                environment["TABLE_NAME"] = TABLE
            settings = Settings.load({"OPENAI_BASE_URL": upstream.base_url, **environment})
            calls: list[str] = []
            store = Store()
            source = SecretsManagerSource(settings.secret_name)
            fetch = source.fetch

            def counted() -> Any:
                calls.append(settings.secret_name)
                versions = source._versions
                if versions._made is None:
                    versions._made = boto3.client("secretsmanager", config=WITHIN_A_REQUEST)
                    versions._made.meta.events.register_first("before-send.secrets-manager", store.respond)
                return fetch()

            monkeypatch.setattr(source, "fetch", counted)
            clock = Clock(time.time())
            session = CredentialSession(
                source,
                ttl=settings.credential_ttl,
                max_stale=settings.credential_max_stale,
                previous_for=settings.credential_previous,
                enforce_expiry=settings.credential_expiry == "enforce",
                now=clock,
            )
            guard = None
            if table is not None:
                guard = Guard(settings, Table(TABLE, send=table.send), now=clock)
            api = api_of(settings, session, ModelClient(settings), now=clock, guard=guard)
            started.append(api)
            return Deployment(api, upstream, clock, calls, secrets, store, guard)

        yield cast("Callable[..., Deployment]", start)
        for api in started:
            api.close()


@pytest.fixture
def deployment(deploy: Callable[..., Deployment]) -> Deployment:
    """One Lambda environment with the defaults."""
    return deploy()


@pytest.fixture
def lines(log: io.StringIO) -> Callable[[], list[dict[str, Any]]]:
    """What the function writes into its log."""
    return lambda: [json.loads(line) for line in log.getvalue().splitlines()]
