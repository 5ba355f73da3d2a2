"""What the local gateway answers itself, how it refuses, and what it makes of a handler."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import Mock

import pytest

from tests.support.template import TEMPLATE, find, read_template
from travel_gpt import errors
from travel_gpt.api import resources
from travel_gpt.api.request import Request
from travel_gpt.api.responses import COMMON_HEADERS
from travel_gpt.local.gateway import MORE_THAN_THE_FUNCTION, Exchange, Gateway
from travel_gpt.local.invocation import MORE_THAN_AN_ANSWER, HttpRequest, LambdaContext
from travel_gpt.local.responses import REFUSALS

OK = {"statusCode": 200, "body": "{}"}


class Recorder:
    """A handler that keeps the events it was given."""

    def __init__(self, answer: dict[str, Any] = OK) -> None:
        self.events: list[dict[str, Any]] = []
        self._answer = answer

    def __call__(self, event: dict[str, Any], _context: object) -> dict[str, Any]:
        self.events.append(event)
        return self._answer

    @property
    def identities(self) -> list[dict[str, Any]]:
        return [event["requestContext"]["identity"] for event in self.events]


def send(gateway: Gateway, method: str = "GET", path: str = "/Prod/travel-gpt", **headers: str) -> Exchange:
    pairs = [
        ("Host", "localhost:3000"),
        *((name.replace("_", "-"), value) for name, value in headers.items()),
    ]
    return gateway.answer(HttpRequest(method, path, "", pairs, b"", "127.0.0.1", 3000))


def code(exchange: Exchange) -> tuple[int, str]:
    return exchange.response.status, json.loads(exchange.response.body)["code"]


@pytest.mark.parametrize("path", ["/Prod/travel-gpt", "/travel-gpt"])
def test_both_paths_reach_the_handler_as_the_one_resource(path: str) -> None:
    handler = Recorder()
    assert send(Gateway(handler), path=path).response.status == 200
    (event,) = handler.events
    assert (event["resource"], event["path"]) == ("/travel-gpt", "/travel-gpt")
    assert event["requestContext"]["path"] == path


@pytest.mark.parametrize("path", ["/", "/Prod", "/Prod/"])
def test_the_root_is_that_of_the_stage_with_and_without_a_slash(path: str) -> None:
    handler = Recorder()
    assert send(Gateway(handler), path=path).response.status == 200
    (event,) = handler.events
    assert (event["resource"], event["path"]) == ("/", "/")
    assert event["requestContext"]["path"] == path


@pytest.mark.parametrize("resource", resources.ALL)
def test_each_resource_of_the_api_is_one_here(resource: str) -> None:
    handler = Recorder()
    path = resource.format(id="stream-1", file="app.0.js")
    assert send(Gateway(handler), path=f"/Prod{path}").response.status == 200
    (event,) = handler.events
    assert (event["resource"], event["path"]) == (resource, path)


@pytest.mark.parametrize(
    "path",
    ["/travel-gpt/", "/Prod/travel-gpt/x", "/prod/travel-gpt", "", "//", "/Prod//", "/travel-gpt/app/"],
)
def test_another_path_is_not_found_without_the_handler(path: str) -> None:
    gateway = Gateway(lambda *_: pytest.fail("the handler was called"))
    assert code(send(gateway, path=path)) == (404, "not_found")


def test_every_method_reaches_the_handler_which_knows_what_to_answer() -> None:
    handler = Recorder()
    gateway = Gateway(handler)
    known = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE", "BREW"]
    for method in known:
        send(gateway, method)
    assert [event["httpMethod"] for event in handler.events] == known


def test_a_post_needs_the_key_and_a_get_does_not() -> None:
    handler = Recorder()
    gateway = Gateway(handler, api_keys={"right": "a1b2c3d4e5"})
    assert code(send(gateway, "POST")) == (403, "forbidden")
    assert code(send(gateway, "POST", x_api_key="wrong")) == (403, "forbidden")
    assert code(send(gateway, "POST", x_api_key="ümlaut")) == (403, "forbidden")
    assert not handler.events
    assert send(gateway, "POST", x_api_key="right").response.status == 200
    assert send(gateway, "GET").response.status == 200
    assert [identity.get("apiKey") for identity in handler.identities] == ["right", None]


@pytest.mark.parametrize("resource", sorted(set(resources.ALL) - resources.WITH_API_KEY))
def test_the_page_needs_no_api_key_and_gets_the_id_of_none(resource: str) -> None:
    handler = Recorder()
    gateway = Gateway(handler, api_keys={"right": "a1b2c3d4e5"})
    path = resource.format(id="stream-1", file="app.0.js")
    assert send(gateway, "POST", path, x_api_key="right").response.status == 200
    assert "apiKeyId" not in handler.identities[0]


def test_without_an_api_key_the_gateway_authenticates_no_caller() -> None:
    handler = Recorder()
    send(Gateway(handler), "POST", x_api_key="whatever")
    assert "apiKeyId" not in handler.identities[0]


@pytest.mark.parametrize("host", ["localhost:3000", "127.0.0.1", "[::1]:3000", "LOCALHOST"])
def test_it_answers_under_the_names_of_this_machine(host: str) -> None:
    request = HttpRequest("GET", "/travel-gpt", "", [("host", host)], b"", "127.0.0.1", 3000)
    assert Gateway(lambda *_: OK).answer(request).response.status == 200


@pytest.mark.parametrize("host", ["rebound.example", "rebound.example:3000", "[2001:db8::1]:3000", ""])
def test_a_foreign_name_that_leads_here_is_refused_unless_it_was_asked_for(host: str) -> None:
    request = HttpRequest("GET", "/travel-gpt", "", [("Host", host)], b"", "127.0.0.1", 3000)
    assert code(Gateway(lambda *_: OK).answer(request)) == (403, "forbidden")
    assert Gateway(lambda *_: OK, any_name=True).answer(request).response.status == 200


@pytest.mark.parametrize("raised", [RuntimeError("sk-canary-0123456789"), SystemExit("sk-canary-0123456789")])
def test_a_handler_that_raises_or_exits_is_a_502_that_quotes_nothing(raised: BaseException) -> None:
    exchange = send(Gateway(Mock(side_effect=raised)))

    assert code(exchange) == (502, "internal_error")
    assert f"{type(raised).__name__} in" in exchange.error
    assert "canary" not in exchange.error + exchange.response.body.decode()


def test_a_malformed_response_is_a_502_and_says_why_to_the_owner_only() -> None:
    exchange = send(Gateway(lambda *_: {"statusCode": "many"}))
    assert code(exchange) == (502, "internal_error")
    assert "statusCode" in exchange.error
    assert b"statusCode" not in exchange.response.body


def test_a_handler_that_takes_too_long_is_a_504() -> None:
    release = threading.Event()
    gateway = Gateway(lambda *_: release.wait(5) and OK, answer_within=0.05 - MORE_THAN_THE_FUNCTION)
    began = time.monotonic()
    exchange = send(gateway)
    release.set()
    assert code(exchange) == (504, "upstream_timeout")
    assert time.monotonic() - began < 2
    assert "longer than 0.05 s" in exchange.error


def test_several_requests_may_be_under_way_at_once() -> None:
    # Given a handler that answers only when two requests have met in it
    meeting = threading.Barrier(2, timeout=5)
    gateway = Gateway(lambda *_: meeting.wait() is not None and OK)
    # When two are sent at once, then both are answered
    with ThreadPoolExecutor(2) as pool:
        assert [each.response.status for each in pool.map(lambda _: send(gateway), "12")] == [200, 200]


def test_the_function_has_the_time_that_the_owner_gave_it_and_lambda_no_more_than_28_s() -> None:
    contexts: list[LambdaContext] = []

    def handler(event: dict[str, Any], context: LambdaContext) -> Any:
        contexts.append(context)
        assert Request.of(event, context).deadline.left() == pytest.approx(120, abs=2)
        return OK

    assert send(Gateway(handler, answer_within=120)).response.status == 200
    (context,) = contexts
    assert context.get_remaining_time_in_millis() > 120_000


def test_given_a_stop_then_all_later_requests_are_answered_without_the_handler() -> None:
    gateway = Gateway(lambda *_: pytest.fail("the handler was called"))
    gateway.stop()
    exchange = send(gateway)
    assert code(exchange) == (502, "internal_error")
    assert exchange.error == "the server was stopped before the function answered"


def test_the_countdown_of_the_context_runs_and_stops_at_nothing() -> None:
    context = LambdaContext()
    assert 29_000 < context.get_remaining_time_in_millis() <= 30_000
    assert LambdaContext(-1 - MORE_THAN_AN_ANSWER).get_remaining_time_in_millis() == 0
    short = LambdaContext(0.5 - MORE_THAN_AN_ANSWER)
    before = short.get_remaining_time_in_millis()
    time.sleep(0.02)
    assert short.get_remaining_time_in_millis() < before
    assert context.aws_request_id != short.aws_request_id


def test_a_browser_is_not_asked_for_tls_by_a_server_that_has_none() -> None:
    # RFC 6797, section 7.2. Otherwise the browser would refuse every other server of this name without TLS.
    handler = Recorder(OK | {"headers": dict(COMMON_HEADERS)})

    sent = {name.title() for name, _ in send(Gateway(handler)).response.headers}

    assert set(COMMON_HEADERS) - sent == {"Strict-Transport-Security"}


GIVEN_BY_NAME = "x-amazon-apigateway-gateway-responses"


@pytest.mark.skipif(not TEMPLATE.exists(), reason="there is no template.yaml here")
def test_the_local_gateway_refuses_as_the_deployed_one_does() -> None:
    # Given the template's gateway responses
    given = find(read_template(), GIVEN_BY_NAME)
    # When they are written in the terms of the local table
    deployed = {}
    for kind, response in given.items():
        body = json.loads(response["responseTemplates"]["application/json"])
        assert body["request_id"] == "$context.requestId"
        headers = {
            name.removeprefix("gatewayresponse.header."): value.strip("'")
            for name, value in response.get("responseParameters", {}).items()
        }
        deployed[kind] = (response.get("statusCode"), body["code"], body["message"], headers)
        assert set(body) == {"status", "code", "message", "request_id"}
    # Then both say the same, but that the deployed one has TLS and asks browsers for it
    only_with_tls = {"Strict-Transport-Security": COMMON_HEADERS["Strict-Transport-Security"]}
    local = {
        kind: (refusal.status, refusal.code, refusal.message, {**refusal.headers, **only_with_tls})
        for kind, refusal in REFUSALS.items()
    }
    assert local == deployed


def test_a_body_has_the_contracts_shape_without_a_timestamp() -> None:
    assert json.loads(REFUSALS["INVALID_API_KEY"].body("id-1")) == {
        "status": "error",
        "code": "forbidden",
        "message": errors.Forbidden.message,
        "request_id": "id-1",
    }
