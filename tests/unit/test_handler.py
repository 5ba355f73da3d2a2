"""The entry point: an import never fails, a cold start fetches early, and a failed start is reported."""

import gc
import importlib
import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Protocol, cast

import boto3
import pytest
from moto import mock_aws

import travel_gpt
from tests.conftest import LambdaContext, proxy_event
from tests.fakes.dynamodb import TABLE, FakeTableServer
from tests.fakes.openai import FakeOpenAI
from travel_gpt.api.request import Context
from travel_gpt.api.responses import COMMON_HEADERS, ProxyResponse
from travel_gpt.startup_failure import StartupFailure
from travel_gpt.telemetry import count, flush_metrics

SECRET = "travel-gpt/openai-api-key"
KEY = "sk-proj-Xq7ZkV9wJ3pYtB5mHx2RfN8dLs6GcQ4vUj"


class Handler(Protocol):
    """The module ``travel_gpt.handler``."""

    lambda_handler: Callable[[dict[str, Any], Context], ProxyResponse]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Handler]]:
    """Give a function that imports the handler as a new environment would; its keywords are variables."""
    names = ("travel_gpt.handler", "travel_gpt.bootstrap")
    before = {name: sys.modules[name] for name in names if name in sys.modules}

    def forget() -> None:
        for name in names:
            sys.modules.pop(name, None)

    def load(**environment: str) -> Handler:
        for variable, value in environment.items():
            monkeypatch.setenv(variable, value)
        forget()
        return cast("Handler", importlib.import_module("travel_gpt.handler"))

    with mock_aws():
        boto3.client("secretsmanager").create_secret(Name=SECRET, SecretString=KEY)
        yield load
        for thread in threading.enumerate():
            if thread.name.startswith("travel-gpt"):
                thread.join(5)
    forget()
    sys.modules.update(before)
    gc.unfreeze()


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The threads in which Secrets Manager was asked."""
    from travel_gpt.credentials.cache import CredentialCache

    threads: list[str] = []
    fetch = CredentialCache.fetch

    def noted(self: CredentialCache, deadline: Any) -> Any:
        threads.append(threading.current_thread().name)
        return fetch(self, deadline)

    monkeypatch.setattr(CredentialCache, "fetch", noted)
    return threads


@contextmanager
def noting_entered_files() -> Iterator[set[str]]:
    """Note the project's files whose code runs meanwhile, also in threads that are started meanwhile."""
    package = f"{Path(travel_gpt.__file__).parent}/"
    files: set[str] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(package):
            files.add(frame.f_code.co_filename.removeprefix(package))

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        yield files
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


def body_of(response: ProxyResponse) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(response["body"])
    return body


def test_the_handler_answers_api_gateways_event(start: Callable[..., Handler]) -> None:
    response = start().lambda_handler(proxy_event("get"), LambdaContext())

    assert (response["statusCode"], body_of(response)["credential_source"]) == (200, "secrets-manager")


def test_the_environments_settings_reach_the_parts(start: Callable[..., Handler]) -> None:
    handler = start(OPENAI_SECRET_NAME="somewhere/else", API_ACCESS="open")

    response = handler.lambda_handler(proxy_event("post-without-key"), LambdaContext())

    assert body_of(response)["code"] == "secret_not_found"


def test_given_an_on_demand_start_then_the_key_is_fetched_while_the_rest_is_imported(
    start: Callable[..., Handler], fetched: list[str]
) -> None:
    handler = start(AWS_LAMBDA_INITIALIZATION_TYPE="on-demand")

    assert handler.lambda_handler(proxy_event("get"), LambdaContext())["statusCode"] == 200
    assert fetched == ["travel-gpt-prefetch"], "and the request found it there"


def test_given_a_cold_start_then_the_client_is_read_while_the_key_is_fetched(
    start: Callable[..., Handler], monkeypatch: pytest.MonkeyPatch
) -> None:
    from travel_gpt.credentials.cache import CredentialCache

    read, fetch = threading.Event(), CredentialCache.fetch

    def after_the_read(self: CredentialCache, deadline: Any) -> Any:
        assert read.wait(5), "the client was not read before the key was there"
        return fetch(self, deadline)

    def note(operation: str, _: object) -> None:
        if operation == "BatchGetItem":
            read.set()

    monkeypatch.setattr(CredentialCache, "fetch", after_the_read)
    event = proxy_event("post")
    with FakeOpenAI() as upstream, FakeTableServer() as table:
        table.before = note
        handler = start(
            AWS_LAMBDA_INITIALIZATION_TYPE="on-demand",
            AWS_ENDPOINT_URL_DYNAMODB=table.url,
            OPENAI_BASE_URL=upstream.base_url,
            OWNER_API_KEY_ID=event["requestContext"]["identity"]["apiKeyId"],
            TABLE_NAME=TABLE,
        )

        response = handler.lambda_handler(event, LambdaContext())
        cast("Any", handler.lambda_handler).__self__.close()

    assert response["statusCode"] == 200, response["body"]


def test_a_warm_post_enters_few_files(start: Callable[..., Handler]) -> None:
    with FakeOpenAI() as upstream:
        handler = start(OPENAI_BASE_URL=upstream.base_url)
        assert handler.lambda_handler(proxy_event("post"), LambdaContext())["statusCode"] == 200
        with noting_entered_files() as files:
            assert handler.lambda_handler(proxy_event("post"), LambdaContext())["statusCode"] == 200
        cast("Any", handler.lambda_handler).__self__.close()

    assert "llm/client.py" in files, "also what runs in the deadline's thread"
    assert len(files) <= 11, sorted(files)


def test_a_warm_post_with_a_key_enters_nothing_of_sessions_or_the_page(start: Callable[..., Handler]) -> None:
    event = proxy_event("post")
    with FakeOpenAI() as upstream, FakeTableServer() as table:
        handler = start(
            AWS_ENDPOINT_URL_DYNAMODB=table.url,
            OPENAI_BASE_URL=upstream.base_url,
            OWNER_API_KEY_ID=event["requestContext"]["identity"]["apiKeyId"],
            TABLE_NAME=TABLE,
            WEB_PAGE="enabled",
        )
        assert handler.lambda_handler(event, LambdaContext())["statusCode"] == 200
        table.calls.clear()
        with noting_entered_files() as files:
            assert handler.lambda_handler(event, LambdaContext())["statusCode"] == 200
        cast("Any", handler.lambda_handler).__self__.close()

    assert table.calls == {"UpdateItem": 4}, "two to reserve, two to settle"
    assert "guard/guard.py" in files
    assert len(files) <= 21, sorted(files)


@pytest.mark.parametrize("kind", ["provisioned-concurrency", "snap-start", "lambda-managed-instances", ""])
def test_given_an_environment_that_is_prepared_for_later_then_nothing_is_fetched_before_a_request(
    start: Callable[..., Handler], fetched: list[str], kind: str
) -> None:
    handler = start(AWS_LAMBDA_INITIALIZATION_TYPE=kind)
    assert fetched == []

    handler.lambda_handler(proxy_event("get"), LambdaContext())
    assert fetched == [threading.current_thread().name]


@pytest.mark.parametrize("broken", [False, True])
def test_collecting_garbage_is_only_put_off_while_importing(
    start: Callable[..., Handler], monkeypatch: pytest.MonkeyPatch, broken: bool
) -> None:
    if broken:
        monkeypatch.setitem(sys.modules, "travel_gpt.advisor.adviser", None)
    start()

    assert gc.isenabled()
    assert gc.get_freeze_count() > 0, "and what was imported is not looked at again"


@pytest.mark.parametrize("name", ["get", "post", "delete"])
def test_given_an_import_that_fails_then_every_request_gets_the_cause(
    start: Callable[..., Handler],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
) -> None:
    monkeypatch.setitem(sys.modules, "travel_gpt.advisor.adviser", None)

    response = start().lambda_handler(proxy_event(name), LambdaContext())

    body = body_of(response)
    assert (response["statusCode"], body["status"], body["code"]) == (503, "error", "misconfigured")
    assert "could not start (ModuleNotFoundError)" in body["message"]
    assert body["request_id"] == proxy_event(name)["requestContext"]["requestId"]
    assert body.get("has_api_key") is (False if name == "get" else None)
    started, answered, metric = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert "ModuleNotFoundError" in started["detail"]
    assert (answered["level"], answered["request_id"]) == ("CRITICAL", body["request_id"])
    assert metric["CredentialFailure"] == 1


class TestStartupFailure:
    """The API of a function that could not start."""

    @pytest.mark.parametrize("event", [{}, {"requestContext": None}, {"httpMethod": "GET"}])
    def test_any_event_gets_the_answer(self, event: dict[str, Any]) -> None:
        response = StartupFailure(ValueError("x")).answer(event, LambdaContext())

        assert response["statusCode"] == 503
        assert body_of(response)["request_id"] == LambdaContext().aws_request_id
        assert response["headers"] == COMMON_HEADERS

    def test_it_counts_for_the_alarm_as_the_metrics_of_a_function_that_runs_do(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        count("CredentialFailure")
        flush_metrics()
        failing = StartupFailure(ValueError("x"))
        failing.answer({}, LambdaContext())
        monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "travel-gpt-backend-dev")
        monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Acme")
        failing.answer({}, LambdaContext())

        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        running, stuck, elsewhere = [line for line in lines if "_aws" in line]
        (expected,), (found,) = (line["_aws"]["CloudWatchMetrics"] for line in (running, stuck))
        assert (found, stuck["service"]) == (expected, running["service"])
        assert abs(stuck["_aws"]["Timestamp"] - running["_aws"]["Timestamp"]) < 60_000
        assert elsewhere["service"] == "travel-gpt-backend-dev"
        assert elsewhere["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Acme"

    def test_neither_the_caller_nor_the_log_gets_a_misplaced_key(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        failure = ValueError(f"could not convert string to float: '{KEY}'")

        response = StartupFailure(failure).answer({}, LambdaContext())

        shown = response["body"] + capsys.readouterr().out
        assert "could not convert" in shown, "the log says why"
        assert "could not convert" not in response["body"]
        assert KEY[8:] not in shown
