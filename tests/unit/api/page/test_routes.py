"""Which request for the page gets which response, where anyone may ask."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import LambdaContext, proxy_event
from tests.fakes.openai import FakeOpenAI
from tests.integration.conftest import proxy_event as api_event
from tests.support.function_log import log as log
from tests.support.markdown import ROOT
from tests.support.page import page_event
from tests.support.stream_function import KEY, is_whole, parse
from tests.unit.doubles import Function
from travel_gpt.api import resources
from travel_gpt.api.page.static import PAGE_HEADERS
from travel_gpt.api.streamed import StreamApi, StreamedResponse
from travel_gpt.bootstrap import build_stream_api
from travel_gpt.settings import Settings

OPEN = {"WEB_PAGE": "enabled", "API_ACCESS": "open"}
GETS = (resources.ROOT, resources.PAGE, resources.PAGE_ASSET)
POSTS = (resources.PAGE_ASK, resources.PAGE_STREAM, resources.PAGE_STOP)


@pytest.fixture
def function() -> Function:
    return Function(**OPEN)


def answer(function: Function, event: dict[str, Any]) -> tuple[int, dict[str, Any], dict[str, str]]:
    response = function.api.answer(event, LambdaContext())
    return response["statusCode"], json.loads(response["body"]), response["headers"]


@pytest.mark.parametrize("resource", [*GETS, *POSTS, f"{resources.PAGE}/other"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_page_that_is_turned_off_says_so_on_every_route(resource: str, method: str) -> None:
    function = Function(API_ACCESS="open")

    status, body, _ = answer(function, page_event(resource, {"query": "Oslo?"}, httpMethod=method))

    assert (status, body["code"]) == (404, "page_disabled")
    assert function.server.asked == []


@pytest.mark.parametrize(
    ("resource", "allowed"),
    [*((each, "GET") for each in GETS), *((each, "POST") for each in POSTS)],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"])
def test_each_route_has_one_method(function: Function, resource: str, allowed: str, method: str) -> None:
    if method == allowed:
        return
    status, body, headers = answer(function, page_event(resource, httpMethod=method))

    assert (status, body["code"], headers["Allow"]) == (405, "method_not_allowed", allowed)


@pytest.mark.parametrize("path", ["/travel-gpt/apps", "/travel-gpt/app/", "/travel-gpt/app/api"])
def test_there_is_nothing_else(function: Function, path: str) -> None:
    assert answer(function, page_event(path))[:1] == (404,)


def test_the_files_are_answered_with_their_own_headers(function: Function) -> None:
    response = function.api.answer(page_event(resources.PAGE, httpMethod="GET"), LambdaContext())

    assert response["statusCode"] == 200
    assert response["headers"].items() >= PAGE_HEADERS.items()
    assert '<meta name="base" content="/Prod">' in response["body"]


def test_a_query_is_answered_as_that_of_an_api_key_is(function: Function) -> None:
    status, body, headers = answer(function, page_event(resources.PAGE_ASK, {"query": "Lisbon?"}))

    assert (status, body["answer"]) == (200, "Take tram 28.")
    assert "set-cookie" not in {name.lower() for name in headers}
    assert [query for query, _ in function.server.asked] == ["Lisbon?"]


@pytest.mark.parametrize("resource", [resources.PAGE_ASK, resources.PAGE_STOP])
def test_another_site_spends_nothing(function: Function, resource: str) -> None:
    crossing = page_event(resource, {"query": "Lisbon?"}, headers={"Origin": "https://evil.example.com"})

    status, body, _ = answer(function, crossing)

    assert (status, body["code"]) == (403, "origin_refused")
    assert (function.server.asked, function.source.fetches) == ([], 0)


def test_the_line_of_a_request_says_that_it_was_the_pages(function: Function, log: io.StringIO) -> None:
    answer(function, page_event(resources.PAGE_ASK, {"query": "Lisbon?"}))
    answer(function, proxy_event("post"))

    lines = [json.loads(line) for line in log.getvalue().splitlines() if "Answered" in line]
    assert [line.get("resource") for line in lines] == [resources.PAGE_ASK, None]


def test_a_refused_origin_is_in_the_audit_log(function: Function, log: io.StringIO) -> None:
    answer(function, page_event(resources.PAGE_ASK, {"query": "Lisbon?"}, headers={"X-Travel-GPT": None}))

    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    (audited,) = [line["audit"] for line in lines if "audit" in line]
    assert (audited["event"], audited["outcome"]) == ("request.refused", "origin_refused")


@pytest.mark.parametrize("event", [proxy_event("get"), proxy_event("post")])
def test_other_requests_import_nothing_of_the_page(
    function: Function, event: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    # An import of it fails: a cold start pays for each.
    monkeypatch.setitem(sys.modules, "travel_gpt.api.page", None)
    for name in [name for name in sys.modules if name.startswith("travel_gpt.api.page.")]:
        monkeypatch.setitem(sys.modules, name, None)

    assert answer(function, event)[0] == 200
    assert answer(function, page_event(resources.PAGE_ASK, {"query": "Lisbon?"}))[0] == 500


_SERVING = """
import json, sys
from tests.conftest import LambdaContext, proxy_event
from travel_gpt.handler import lambda_handler
before = set(sys.modules)
for resource in json.loads(sys.argv[1]):
    event = proxy_event("get", resource=resource, pathParameters={"file": "app.0.js"})
    assert lambda_handler(event, LambdaContext())["statusCode"] in (200, 302), resource
print("\\n" + json.dumps(sorted(set(sys.modules) - before)))
"""


def test_serving_the_files_imports_neither_the_sdk_nor_the_guard() -> None:
    # Given a function that was just started, when the page and its files are asked for
    done = subprocess.run(
        [sys.executable, "-c", _SERVING, json.dumps(GETS)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, "WEB_PAGE": "enabled", "TABLE_NAME": "clients", "AWS_REGION": "us-east-1"},
    )
    imported = json.loads(done.stdout.splitlines()[-1])

    # Then only the page's own modules are new
    assert "travel_gpt.api.page.static" in imported
    heavy = ("openai", "boto", "travel_gpt.guard", "travel_gpt.llm", "travel_gpt.advisor", "travel_gpt.aws")
    assert not [name for name in imported if name.startswith(heavy)]


class TestStream:
    """The function that streams."""

    @pytest.fixture
    def upstream(self) -> Iterator[FakeOpenAI]:
        with FakeOpenAI() as server:
            yield server

    def build(self, upstream: FakeOpenAI, **environment: str) -> StreamApi:
        known = {
            "CREDENTIAL_SOURCE": "environment",
            "OPENAI_API_KEY": KEY,
            "OPENAI_BASE_URL": upstream.base_url,
        }
        return build_stream_api(Settings.load({**known, **environment}))

    def test_a_query_is_streamed(self, upstream: FakeOpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        api = self.build(upstream, **OPEN)

        # ?verify=true verifies the credential on the other route only.
        event = page_event(
            resources.PAGE_STREAM, {"query": "Lisbon?"}, queryStringParameters={"verify": "true"}
        )
        response = api.answer(event, LambdaContext())

        assert isinstance(response, StreamedResponse)
        assert is_whole(parse(b"".join(response.chunks)))
        assert "set-cookie" not in {name.lower() for name in response.headers}
        api.close()

    @pytest.mark.parametrize(
        ("environment", "changes", "status", "code"),
        [
            ({"API_ACCESS": "open"}, {}, 404, "page_disabled"),
            (OPEN, {"headers": {"Origin": None}}, 403, "origin_refused"),
            (OPEN, {"httpMethod": "GET"}, 405, "method_not_allowed"),
            ({"WEB_PAGE": "enabled", "TABLE_NAME": "t"}, {}, 401, "session_required"),
        ],
    )
    def test_a_refusal_is_an_ordinary_response(
        self,
        upstream: FakeOpenAI,
        environment: dict[str, str],
        changes: dict[str, Any],
        status: int,
        code: str,
    ) -> None:
        api = self.build(upstream, **environment)

        response = api.answer(
            page_event(resources.PAGE_STREAM, {"query": "Lisbon?"}, **changes), LambdaContext()
        )

        assert not isinstance(response, StreamedResponse)
        assert (response["statusCode"], json.loads(response["body"])["code"]) == (status, code)
        assert upstream.calls == []

    def test_other_streams_import_nothing_of_the_page(
        self, upstream: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        api = self.build(upstream, **OPEN)
        monkeypatch.setitem(sys.modules, "travel_gpt.api.page", None)
        monkeypatch.setitem(sys.modules, "travel_gpt.api.page.admission", None)
        event = api_event("POST", json.dumps({"query": "Lisbon?"}), resource=resources.STREAM)

        response = api.answer(event, LambdaContext())

        assert isinstance(response, StreamedResponse)
        assert is_whole(parse(b"".join(response.chunks)))
        api.close()
