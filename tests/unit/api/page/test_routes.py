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
from travel_gpt.api.page.assets import web_page
from travel_gpt.api.page.static import page_headers
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
    assert response["headers"].items() >= page_headers(web_page().style).items()
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


_STARTING = """
import json, sys
from travel_gpt.handler import lambda_handler
class Context:
    aws_request_id = "invocation"
    def get_remaining_time_in_millis(self): return 2000
def modules(status):
    print("modules", status, *sys.modules)
modules(0)
for event in json.loads(sys.argv[1]):
    modules(lambda_handler(event, Context())["statusCode"])
"""

_MODEL_CLIENT = ("openai", "httpx2", "travel_gpt.llm.client")


def modules_after_each(*requests: tuple[str, str], **environment: str) -> list[set[str]]:
    """Start the function in a process of its own, and return its modules then and after each request."""
    events = [
        proxy_event("get", resource=resource, path=resource, pathParameters={"file": file})
        for resource, file in requests
    ]
    done = subprocess.run(
        [sys.executable, "-c", _STARTING, json.dumps(events)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={
            **os.environ,
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_REGION": "us-east-1",
            "CREDENTIAL_SOURCE": "environment",
            "OPENAI_API_KEY": KEY,
            "TABLE_NAME": "clients",
            "WEB_PAGE": "enabled",
            **environment,
        },
    )
    lines = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("modules")]
    assert [line[0] for line in lines[1:]] == [
        "302" if resource == "/" else "200" for resource, _ in requests
    ]
    return [set(modules) for _, *modules in lines]


def test_the_page_and_its_files_are_served_without_the_model_client() -> None:
    # Given a function that was just started, when the page and its files are asked for, and then its health
    page = [("/", ""), (resources.PAGE, ""), (resources.PAGE_ASSET, web_page().script_name)]
    started, *served, healthy = modules_after_each(*page, ("/travel-gpt", ""))

    # Then they need no model client, and nothing of ours but the modules of the page
    assert not started.intersection(_MODEL_CLIENT)
    imported = served[-1] - started
    assert "travel_gpt.api.page.static" in imported
    others = {name for name in imported if not name.startswith("travel_gpt.api.page")}
    assert others <= {"html", "html.entities"}

    # And the health check finds whether the model client can be imported
    assert healthy.issuperset(_MODEL_CLIENT)


@pytest.mark.parametrize(
    "environment",
    [
        {"WEB_PAGE": "disabled"},
        {"AWS_LAMBDA_INITIALIZATION_TYPE": "provisioned-concurrency"},
        {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"},
    ],
)
def test_without_a_page_or_with_time_before_the_request_the_start_imports_the_model_client(
    environment: dict[str, str],
) -> None:
    (started,) = modules_after_each(**environment)

    assert started.issuperset(_MODEL_CLIENT)


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
