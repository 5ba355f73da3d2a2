"""Events of the local gateway against events/*.json, and the responses it takes of a handler."""

from typing import Any

import pytest

from tests.conftest import EVENTS, proxy_event
from travel_gpt.local.invocation import API_KEY_ID, HttpRequest, proxy_event as local_event
from travel_gpt.local.responses import HttpResponse, MalformedResponse, http_response

NAMES = sorted(path.stem for path in EVENTS.glob("*.json"))


def request(**changes: Any) -> HttpRequest:
    given: dict[str, Any] = {
        "method": "GET",
        "path": "/Prod/travel-gpt",
        "query": "",
        "headers": [("Host", "localhost:3000"), ("User-Agent", "curl/8"), ("accept", "*/*")],
        "body": b"",
        "source_ip": "127.0.0.1",
        "port": 3000,
        **changes,
    }
    return HttpRequest(**given)


def as_sent(event: dict[str, Any]) -> dict[str, Any]:
    """Make of an AWS event the event that the local gateway makes of the same request."""
    identity = event["requestContext"]["identity"]
    query = "&".join(f"{name}={value}" for name, value in (event["queryStringParameters"] or {}).items())
    sent = request(
        method=event["httpMethod"],
        path=event["requestContext"]["path"],
        query=query,
        headers=list(event["headers"].items()),
        body=(event["body"] or "").encode(),
    )
    return local_event(sent, identity.get("apiKey"))


def shape(value: object) -> object:
    """Return the keys of a document and the kinds of its values, as far as they are sure."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items() if not name.startswith("X-Forwarded")}
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    return type(value).__name__


@pytest.mark.parametrize("name", NAMES)
def test_a_local_event_has_the_shape_of_the_real_one_and_says_the_same(name: str) -> None:
    real = proxy_event(name)
    made = as_sent(real)
    assert shape(made) == shape(real)
    alike = (
        "resource",
        "path",
        "httpMethod",
        "queryStringParameters",
        "multiValueQueryStringParameters",
        "body",
    )
    assert {name: made[name] for name in alike} == {name: real[name] for name in alike}
    for name in ("resourcePath", "httpMethod", "path", "stage", "protocol"):
        assert made["requestContext"][name] == real["requestContext"][name]


def test_repeated_headers_and_parameters_keep_all_values_and_the_last_one_alone() -> None:
    made = local_event(request(query="a=1&a=2&b=", headers=[("X-Two", "1"), ("X-Two", "2")]))
    assert made["multiValueQueryStringParameters"] == {"a": ["1", "2"], "b": [""]}
    assert made["queryStringParameters"] == {"a": "2", "b": ""}
    assert (made["multiValueHeaders"]["X-Two"], made["headers"]["X-Two"]) == (["1", "2"], "2")


def test_headers_of_the_connection_stay_outside() -> None:
    headers = [
        ("Connection", "keep-alive"),
        ("Content-Length", "3"),
        ("Transfer-Encoding", "chunked"),
        ("A", "b"),
    ]
    made = local_event(request(headers=headers))["headers"]
    assert set(made) == {"A", "X-Amzn-Trace-Id", "X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto"}


def test_a_claimed_address_does_not_replace_the_real_one() -> None:
    made = local_event(request(headers=[("X-Forwarded-For", "198.51.100.9"), ("X-Forwarded-Port", "1")]))
    assert made["headers"]["X-Forwarded-For"] == "198.51.100.9, 127.0.0.1"
    assert made["headers"]["X-Forwarded-Port"] == "3000"
    assert made["requestContext"]["identity"]["sourceIp"] == "127.0.0.1"


def test_the_key_is_in_the_identity_only_where_it_was_asked_for() -> None:
    assert "apiKey" not in local_event(request())["requestContext"]["identity"]
    identity = local_event(request(headers=[("x-api-key", "made-up")]), API_KEY_ID)["requestContext"][
        "identity"
    ]
    assert (identity["apiKey"], identity["apiKeyId"]) == ("made-up", API_KEY_ID)


def test_bytes_that_are_no_text_are_replaced_as_api_gateway_does() -> None:
    assert local_event(request(body=b"\xff\xfeok"))["body"] == "\ufffd\ufffdok"


def test_each_request_has_its_own_ids_and_its_time_in_milliseconds() -> None:
    first, second = (local_event(request(taken_at=1_795_176_000.5))["requestContext"] for _ in range(2))
    assert first["requestId"] != second["requestId"]
    assert first["extendedRequestId"] != second["extendedRequestId"]
    assert first["requestTimeEpoch"] == 1_795_176_000_500
    assert first["requestTime"] == "20/Nov/2026:12:00:00 +0000"


def test_a_request_without_host_or_user_agent_still_makes_an_event() -> None:
    context = local_event(request(headers=[]))["requestContext"]
    assert (context["domainName"], context["identity"]["userAgent"]) == ("127.0.0.1", None)


JSON = ("content-type", "application/json")


@pytest.mark.parametrize(
    ("returned", "binary", "made"),
    [
        pytest.param(
            {"statusCode": 201, "headers": {"X-A": "1", "X-On": True}, "body": "é"},
            False,
            HttpResponse(201, [("x-a", "1"), ("x-on", "true"), JSON], "é".encode()),
            id="plain",
        ),
        pytest.param(
            {"statusCode": 200, "headers": {"A": "1", "b": "x"}, "multiValueHeaders": {"a": ["1", "2"]}},
            False,
            HttpResponse(200, [("a", "1"), ("a", "2"), ("b", "x"), JSON], b""),
            id="headers-of-both-kinds-are-merged-without-repeating-a-value",
        ),
        pytest.param({"statusCode": "204"}, False, HttpResponse(204, [JSON], b""), id="status-as-text"),
        pytest.param(
            {"headers": {"a": "b"}, "statusCode": None},
            False,
            HttpResponse(200, [("a", "b"), JSON], b""),
            id="without-a-status-it-is-200",
        ),
        pytest.param(
            {"statusCode": 200, "body": "aGk=", "isBase64Encoded": True},
            False,
            HttpResponse(200, [JSON], b"aGk="),
            id="base64-stays-where-the-api-has-no-binary-media-type",
        ),
        pytest.param(
            {"statusCode": 200, "body": "aGk=", "isBase64Encoded": True},
            True,
            HttpResponse(200, [JSON], b"hi"),
            id="base64-is-decoded-where-it-has-one",
        ),
        pytest.param(
            {
                "statusCode": 401,
                "headers": {
                    "Content-Length": "99",
                    "Connection": "close",
                    "Server": "x",
                    "WWW-Authenticate": "Basic",
                },
            },
            False,
            HttpResponse(
                401,
                [("x-amzn-remapped-server", "x"), ("x-amzn-remapped-www-authenticate", "Basic"), JSON],
                b"",
            ),
            id="headers-that-api-gateway-keeps-for-itself-are-dropped-or-renamed",
        ),
    ],
)
def test_what_the_handler_returns_becomes_http(
    returned: dict[str, Any], binary: bool, made: HttpResponse
) -> None:
    assert http_response(returned, binary=binary) == made


def test_base64_that_is_none_is_refused_where_it_would_be_decoded() -> None:
    with pytest.raises(MalformedResponse, match="not base64"):
        http_response({"statusCode": 200, "body": "%%%", "isBase64Encoded": True}, binary=True)


@pytest.mark.parametrize(
    "returned",
    [
        None,
        "ok",
        [],
        {},
        {"statusCode": 200, "wrongValue": "value"},
        {"statusCode": True},
        {"statusCode": 42},
        {"statusCode": "many"},
        {"statusCode": 200, "body": {"not": "text"}},
        {"statusCode": 200, "body": b"bytes"},
        {"statusCode": 200, "headers": ["a"]},
        {"statusCode": 200, "headers": {"a": None}},
        {"statusCode": 200, "headers": {"a": {"b": "c"}}},
        {"statusCode": 200, "headers": {"a": "one\r\nset-cookie: two"}},
        {"statusCode": 200, "headers": {"a": "ü"}},
        {"statusCode": 200, "headers": {"a b": "c"}},
        {"statusCode": 200, "multiValueHeaders": {"a": "no list"}},
        {"statusCode": 200, "multiValueHeaders": "no object"},
    ],
)
def test_what_api_gateway_would_refuse_is_refused(returned: object) -> None:
    with pytest.raises(MalformedResponse):
        http_response(returned)
