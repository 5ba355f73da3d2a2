"""The fakes of API Gateway, of the local server and of the tests, answer as recorded."""

import json
import re
from collections.abc import Callable, Generator
from typing import Any

import pytest

from testbed import accesslog
from testbed.gateway import BUILT_IN, Gateway as CloudGateway
from tests.support.recorded import differences, recording
from travel_gpt.local.gateway import Gateway as LocalGateway, refused
from travel_gpt.local.invocation import HttpRequest
from travel_gpt.local.responses import REFUSALS

Answer = tuple[int, dict[str, str], Any]
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:f"
URI = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{FUNCTION}/invocations"
ALLOWED = {"Statement": [{"Principal": {"Service": "apigateway.amazonaws.com"}}]}
# What CloudFront adds in front of an edge-optimized API; this project's API is Regional.
OF_CLOUDFRONT = {"via", "x-cache", "x-amz-cf-pop", "x-amz-cf-id"}
# What the HTTP servers add below both gateways.
OF_THE_CONNECTION = {"connection", "content-length", "date", "server"}


class Lambda:
    """A client for Lambda, as far as the gateway asks it."""

    def get_policy(self, **_: Any) -> dict[str, str]:
        return {"Policy": json.dumps(ALLOWED)}


def aws(
    returned: Any = None,
    *,
    method: str = "GET",
    target: str = "/stage/travel-gpt",
    body: bytes = b"",
    key_required: bool = False,
    integration_method: str = "POST",
    responses: dict[str, Any] | None = None,
    headers: tuple[tuple[str, str], ...] = (("Host", "h"),),
    events: list[Any] | None = None,
) -> Answer:
    """Send one request to the gateway of the tests, in front of a function that returns something."""
    frozen = {
        "keyRequired": key_required,
        "resourceId": "r",
        "uri": URI,
        "integrationMethod": integration_method,
        "timeoutInMillis": 29000,
    }
    served = {
        "methods": {f"{method} /travel-gpt": frozen} if method in ("GET", "POST") else {},
        "binaryMediaTypes": [],
        "gatewayResponses": responses or {},
        "keys": {"right": "id"},
        "stage": {"variables": None, "accessLogSettings": None, "deploymentId": "d"},
    }

    def invoke(_region: str, _name: str, event: dict[str, Any], _timeout: float) -> Any:
        if events is not None:
            events.append(event)
        if isinstance(returned, BaseException):
            raise returned
        return returned

    def invoke_stream(*_: object) -> Generator[bytes]:
        pytest.fail("no method of these streams")

    gateway = CloudGateway(
        lambda *_, **__: served, lambda *_: Lambda(), invoke, invoke_stream, "123456789012"
    )
    status, shown, content = gateway.answer("api", "us-east-1", method, target, list(headers), body)
    assert isinstance(content, bytes)
    return status, {name.lower(): value for name, value in shown.items()}, content


def local(returned: Any, *, events: list[Any] | None = None, **request: Any) -> Answer:
    """Send one request to the local gateway, in front of a handler that returns something."""

    def handler(event: dict[str, Any], _: object) -> Any:
        if events is not None:
            events.append(event)
        return returned

    sent = HttpRequest(
        request.get("method", "GET"),
        "/Prod/travel-gpt",
        request.get("query", ""),
        [("Host", "localhost"), *request.get("headers", ())],
        request.get("body", b""),
        "127.0.0.1",
        3000,
    )
    keys = {request["api_key"]: "a1b2c3d4e5"} if request.get("api_key") else None
    response = LocalGateway(handler, api_keys=keys).answer(sent).response
    together: dict[str, str] = {}
    for name, value in response.headers:
        together[name.lower()] = ", ".join(filter(None, [together.get(name.lower()), value]))
    return response.status, together, response.body


GATEWAYS = pytest.mark.parametrize("gateway", [local, aws])

# What the function returned is in the recorder's test of the same name, not in the line.
RETURNED: dict[str, Any] = {
    "headers-of-an-empty-200": {"statusCode": 200, "headers": {"test-header": "value", "header-bool": True}},
    "wrong-format": {"statusCode": 200, "wrongValue": "value"},
    "empty-object-answer": {},
    "invalid-status-code": {"statusCode": "test"},
    "only-headers-accepted": {"headers": {"test-header": "value"}},
    "status-code-as-string-accepted": {"statusCode": "201"},
    "base64-flag-without-binary-media-type": {
        "statusCode": 200,
        "body": "dGVzdC1kYXRh",
        "isBase64Encoded": True,
    },
    "multi-value-headers-merged": {
        "statusCode": 200,
        "multiValueHeaders": {"test-multi": ["value-multi"]},
        "headers": {"test-multi": "value-solo"},
    },
}


@GATEWAYS
@pytest.mark.parametrize("case", RETURNED)
def test_what_a_function_returns_becomes_the_same_answer(gateway: Callable[..., Answer], case: str) -> None:
    recorded = recording(f"apigateway/Lambda proxy response/{case}")

    status, headers, body = gateway(RETURNED[case])

    assert status == recorded.status
    content = recorded.body["content"]
    if status < 500:
        assert body == content.encode()
    elif gateway is aws:
        assert json.loads(body) == content
    wanted = {name.lower(): value for name, value in recorded.body.get("headers", {}).items()}
    added = OF_CLOUDFRONT | OF_THE_CONNECTION
    # Both gateways also write x-amzn-RequestId and x-amz-apigw-id; the local one does it in its server.
    ids = {"x-amzn-requestid", "x-amz-apigw-id"} if gateway is local else set()
    for name in wanted.keys() - added - ids:
        assert differences(wanted[name], headers[name]) == [], name


@GATEWAYS
def test_a_body_that_is_no_text_is_malformed(gateway: Callable[..., Answer]) -> None:
    recorded = recording("apigateway/execution log/malformed-proxy-response")
    answer = re.search(r"before transformations: (\{.*\})\n", recorded.body)
    assert answer is not None

    assert gateway(json.loads(answer[1]))[0] == recorded.status


@GATEWAYS
def test_the_text_of_a_functions_error_does_not_reach_the_caller(gateway: Callable[..., Answer]) -> None:
    recorded = recording("apigateway/gateway response 502/function-error")

    status, _, body = gateway({"errorType": "Exception", "errorMessage": "canary"})

    assert status == recorded.status
    assert b"canary" not in body
    assert gateway is local or json.loads(body) == json.loads(recorded.body)


ASKED: dict[str, dict[str, Any]] = {
    "gateway response 403/missing-authentication-token-unknown-path": {"target": "/stage/other"},
    "gateway response 403/missing-authentication-token-wrong-method": {"method": "PUT"},
    "gateway response 403/forbidden-curl-http1": {"key_required": True},
    "gateway response 403/forbidden-http2-edge": {"key_required": True},
    "gateway response 413/request-too-long": {"body": b"x" * (10 * 1024 * 1024 + 1)},
    "gateway response 500/internal-server-error-curl-http1": {"integration_method": "GET"},
    "gateway response 500/lambda-integration-method-not-post": {"integration_method": "PUT"},
    "gateway response 504/endpoint-request-timed-out": {"returned": TimeoutError()},
}


@pytest.mark.parametrize("case", ASKED)
def test_the_fake_aws_refuses_as_api_gateway_does_by_default(case: str) -> None:
    recorded = recording(f"apigateway/{case}")

    status, headers, body = aws(**ASKED[case])

    shown = json.loads(recorded.body) if isinstance(recorded.body, str) else recorded.body
    assert status == recorded.status or recorded.status is None
    assert json.loads(body) == shown.get("content", shown)
    if "errorType" in shown:
        assert headers["x-amzn-errortype"] == shown["errorType"]
    if recorded.headers:
        wanted = recorded.headers.keys() - OF_CLOUDFRONT - OF_THE_CONNECTION
        assert headers.keys() == wanted
        assert headers["x-amzn-errortype"] == recorded.headers["x-amzn-errortype"]


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("INVALID_API_KEY", "apigateway/gateway response 403/forbidden-curl-http1"),
        ("THROTTLED", "apigateway/gateway response 429/throttle-too-many-requests"),
        ("THROTTLED", "apigateway/gateway response 429/throttle-headers-edge-custom-body"),
        ("QUOTA_EXCEEDED", "apigateway/gateway response 429/quota-limit-exceeded"),
        ("INTEGRATION_FAILURE", "apigateway/gateway response 502/integration-failure-headers-custom-body"),
    ],
)
def test_the_local_gateway_refuses_with_the_recorded_status_and_error_type(kind: str, name: str) -> None:
    recorded = recording(name)

    response = refused(HttpRequest("GET", "/travel-gpt", "", [], b"", "127.0.0.1", 3000), REFUSALS[kind])

    assert response.status == recorded.status
    assert ("x-amzn-ErrorType", recorded.headers["x-amzn-errortype"]) in response.headers


@pytest.mark.parametrize("case", ["unknown-path", "wrong-method"])
def test_the_local_gateway_has_the_error_type_of_what_is_not_declared(case: str) -> None:
    recorded = recording(f"apigateway/gateway response 403/missing-authentication-token-{case}")

    assert REFUSALS["MISSING_AUTHENTICATION_TOKEN"].error_type == recorded.body["errorType"]


def test_a_gateway_response_of_ones_own_keeps_the_error_type() -> None:
    recorded = recording("apigateway/gateway response 429/throttle-headers-edge-custom-body")
    own = {"statusCode": "404", "templates": {"application/json": "{}"}, "parameters": {}}

    status, headers, _ = aws(target="/stage/other", responses={"MISSING_AUTHENTICATION_TOKEN": own})

    assert (status, set(headers)) == (404, recorded.headers.keys() - OF_CLOUDFRONT - OF_THE_CONNECTION)


def test_by_default_no_refusal_has_retry_after() -> None:
    # The owner's gateway responses add it: see REFUSALS, which is held against the template.
    recorded = recording("apigateway/gateway response 429/throttle-headers-edge-custom-body")

    assert "retry-after" not in recorded.headers
    assert all("retry-after" not in aws(**asked)[1] for asked in ASKED.values())


def test_the_default_statuses_are_those_of_api_gateway() -> None:
    listed = recording("apigateway/GetGatewayResponses/default-responses-slice").body["items"]
    template = recording("apigateway/GetGatewayResponse default/template").body
    statuses = {each["responseType"]: each.get("statusCode") for each in [*listed, template]}

    for kind, (status, _, _) in BUILT_IN.items():
        # A 502 for an answer that is refused goes out under DEFAULT_5XX, which has no status of its own.
        assert statuses.get(kind) in (str(status), None), kind
    assert {"MISSING_AUTHENTICATION_TOKEN", "INVALID_API_KEY", "INTEGRATION_TIMEOUT"} <= statuses.keys()
    assert {each["responseTemplates"]["application/json"] for each in listed} == {
        template["responseTemplates"]["application/json"]
    }


def test_a_line_of_the_access_log_names_the_kind_of_failure() -> None:
    recorded = recording("apigateway/access log/integration-timeout-context")
    form = '"error_responseType": "$context.error.responseType", "httpMethod": "$context.httpMethod"'

    line = accesslog.line(form, {"httpMethod": "POST", "error": {"responseType": "INTEGRATION_TIMEOUT"}})

    for part in line.split(", "):
        assert part in recorded.body
    # Recorded in the note of the line: a value that is absent is a dash.
    assert accesslog.line("$context.authorizer.principalId", {}) == "-"


EVENTS: dict[str, dict[str, Any]] = {
    "no-api-key-get": {},
    "query-multi-value": {
        "method": "POST",
        "query": "category=electronics&category=books&price=10&price=20&price=30",
        "body": b'{"message": "hello world"}',
    },
}


@GATEWAYS
@pytest.mark.parametrize("case", EVENTS)
def test_an_event_has_the_recorded_members(gateway: Callable[..., Answer], case: str) -> None:
    recorded = recording(f"apigateway/proxy event REST/{case}").body
    events: list[Any] = []
    sent = dict(EVENTS[case])
    query = sent.pop("query", "")
    where = {"target": f"/stage/travel-gpt?{query}"} if gateway is aws else {"query": query}

    gateway({"statusCode": 200}, events=events, **sent, **where)

    (event,) = events
    assert event.keys() == recorded.keys()
    assert event["requestContext"].keys() == recorded["requestContext"].keys()
    assert event["requestContext"]["identity"].keys() == recorded["requestContext"]["identity"].keys()
    for member in ("queryStringParameters", "multiValueQueryStringParameters", "stageVariables"):
        assert event[member] == recorded[member]
    assert isinstance(event["body"], type(None) if recorded["body"] is None else str)
    added = {"X-Amzn-Trace-Id", "X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto"}
    assert added <= event["headers"].keys() & recorded["headers"].keys()
    assert all(isinstance(values, list) for values in event["multiValueHeaders"].values())


@GATEWAYS
def test_only_a_method_that_asks_for_a_key_tells_the_function_of_it(gateway: Callable[..., Answer]) -> None:
    documented = recording("apigateway/proxy event REST/with-api-key-and-operation-name").body
    console = recording("apigateway/proxy event REST/console-test-with-api-key").body
    events: list[Any] = []
    with_key = {"headers": (("Host", "localhost"), ("x-api-key", "right")), "method": "POST", "body": b"{}"}
    asking = {"key_required": True} if gateway is aws else {"api_key": "right"}

    gateway({"statusCode": 200}, events=events, **with_key, **asking)

    (event,) = events
    identity = event["requestContext"]["identity"]
    assert identity.keys() == console["requestContext"]["identity"].keys()
    assert {"apiKey", "apiKeyId"} <= documented["requestContext"]["identity"].keys() & identity.keys()
    assert identity["apiKey"] == "right"


@GATEWAYS
def test_of_a_repeated_parameter_the_last_value_stands_alone(gateway: Callable[..., Answer]) -> None:
    documented = recording("apigateway/proxy event REST/multi-value").body
    events: list[Any] = []
    query = "name=me&multiValueName=you&multiValueName=me"
    where = {"target": f"/stage/travel-gpt?{query}"} if gateway is aws else {"query": query}

    gateway({"statusCode": 200}, events=events, **where)

    for member in ("queryStringParameters", "multiValueQueryStringParameters"):
        assert events[0][member] == documented[member]
