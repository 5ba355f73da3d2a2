"""A function that streams, in the process of the tests, with a model's server on this machine."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from tests.fakes.dynamodb import TABLE, MemoryTable
from tests.fakes.openai import FakeOpenAI
from tests.integration.conftest import LambdaContext, proxy_event
from travel_gpt.api.streamed import StreamApi, StreamedResponse
from travel_gpt.aws.table import Table
from travel_gpt.bootstrap import build_stream_api
from travel_gpt.settings import Settings

KEY = "sk-proj-Str3amT3stK3y0000000000000000000000000001"
CLIENT = "c1"
Events = list[tuple[str, dict[str, Any]]]


class Streaming:
    """A function that streams, with a table and one client."""

    def __init__(self, api: StreamApi, table: MemoryTable) -> None:
        self.api, self.table = api, table

    def event(self, query: str = "Lisbon?", **headers: str) -> dict[str, Any]:
        event = proxy_event("POST", json.dumps({"query": query}))
        event["resource"] = event["path"] = "/travel-gpt/stream"
        event["headers"] |= {name.replace("_", "-"): value for name, value in headers.items()}
        event["requestContext"]["identity"] = {"apiKeyId": "annskey", "sourceIp": "192.0.2.1"}
        return event

    def open(self, query: str = "Lisbon?", **headers: str) -> StreamedResponse:
        response = self.api.answer(self.event(query, **headers), LambdaContext(100_000))
        assert isinstance(response, StreamedResponse), response
        return response

    def read(self, query: str = "Lisbon?", **headers: str) -> Events:
        """Return every event of a stream."""
        response = self.open(query, **headers)
        sent = b"".join(response.chunks)
        response.chunks.close()
        return parse(sent)

    def refused(self, query: str = "Lisbon?", **headers: str) -> tuple[int, dict[str, Any]]:
        """Return the status and body of a response that is no stream."""
        response = self.api.answer(self.event(query, **headers), LambdaContext(100_000))
        assert not isinstance(response, StreamedResponse)
        return response["statusCode"], json.loads(response["body"])

    def cost(self, name: str) -> int:
        items = [item for item in self.table.items.all() if item["pk"]["S"] == f"usage#{name}"]
        return sum(int(item["cost"]["N"]) for item in items)

    def reserved(self) -> list[str]:
        """The reservations that are not settled."""
        return [name for item in self.table.items.all() for name in item if name.startswith("r2")]


def parse(sent: bytes) -> Events:
    """Read server-sent events, without the comments."""
    found: Events = []
    for block in sent.decode().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if lines:
            found.append((lines["event"], json.loads(lines["data"])))
    return found


def is_whole(events: Events) -> bool:
    """Whether a stream came to its end, with the whole answer."""
    name, data = events[-1]
    return (name, data.get("truncated")) == ("done", False)


@pytest.fixture
def upstream() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as server:
        yield server


@pytest.fixture
def streaming(upstream: FakeOpenAI, monkeypatch: pytest.MonkeyPatch) -> Iterator[Streaming]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with stream_function(upstream) as function:
        yield function


@contextmanager
def stream_function(
    upstream: FakeOpenAI, *, api: str = "responses", retries: int = 0, **settings_: float
) -> Iterator[Streaming]:
    """A function whose key is in ``OPENAI_API_KEY``.

    Args:
        upstream: the model's server.
        api: which of its APIs.
        retries: how often a call is tried again.
        settings_: limits in seconds, which may be shorter than those that can be set.
    """
    table = MemoryTable()
    table.put("key#annskey", client=CLIENT)
    table.put(f"client#{CLIENT}", name="ann", per_minute=100)
    settings = Settings.load(
        {
            "CREDENTIAL_SOURCE": "environment",
            "OPENAI_API_KEY": KEY,
            "OPENAI_BASE_URL": upstream.base_url,
            "OPENAI_MAX_RETRIES": str(retries),
            "OPENAI_API": api,
            "TABLE_NAME": TABLE,
            "BUDGET_PER_DAY": "1",
        }
    )
    assert settings.problems == ()
    limits: dict[str, Any] = settings_
    function = build_stream_api(replace(settings, **limits), table=Table(TABLE, send=table.send))
    yield Streaming(function, table)
    function.close()
