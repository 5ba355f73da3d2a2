"""Events of the local gateway against events/*.json, and the responses it takes of a handler."""

import json
from pathlib import Path
from typing import Any

import pytest

from travel_gpt.local.invocation import API_KEY_ID, HttpRequest, proxy_event
from travel_gpt.local.responses import MalformedResponse, http_response

EVENTS = Path(__file__).parents[3] / "events"
NAMES = sorted(path.name for path in EVENTS.glob("*.json"))


def load(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / name).read_text(encoding="utf-8"))
    return event


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
    return proxy_event(sent, identity.get("apiKey"))


def shape(value: object) -> object:
    """Return the keys of a document and the kinds of its values, as far as they are sure."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items() if not name.startswith("X-Forwarded")}
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    return type(value).__name__


@pytest.mark.parametrize("name", NAMES)
def test_a_local_event_has_the_shape_of_the_real_one(name: str) -> None:
    real = load(name)
    assert shape(as_sent(real)) == shape(real)


@pytest.mark.parametrize("name", NAMES)
def test_a_local_event_says_what_the_real_one_says(name: str) -> None:
    real, made = load(name), as_sent(load(name))
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


def test_the_events_are_named_for_what_they_are() -> None:
    assert load("post.json")["requestContext"]["identity"]["apiKeyId"]
    assert "apiKeyId" not in load("post-without-key.json")["requestContext"]["identity"]
    assert load("post-base64.json")["isBase64Encoded"] is True
    assert load("delete.json")["httpMethod"] == "DELETE"
    assert load("get-verify.json")["queryStringParameters"] == {"verify": "true"}


def test_repeated_headers_and_parameters_keep_all_values_and_the_last_one_alone() -> None:
    made = proxy_event(request(query="a=1&a=2&b=", headers=[("X-Two", "1"), ("X-Two", "2")]))
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
    made = proxy_event(request(headers=headers))["headers"]
    assert set(made) == {"A", "X-Amzn-Trace-Id", "X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto"}


def test_a_claimed_address_does_not_replace_the_real_one() -> None:
    made = proxy_event(request(headers=[("X-Forwarded-For", "198.51.100.9"), ("X-Forwarded-Port", "1")]))
    assert made["headers"]["X-Forwarded-For"] == "198.51.100.9, 127.0.0.1"
    assert made["headers"]["X-Forwarded-Port"] == "3000"
    assert made["requestContext"]["identity"]["sourceIp"] == "127.0.0.1"


def test_the_key_is_in_the_identity_only_where_it_was_asked_for() -> None:
    assert "apiKey" not in proxy_event(request())["requestContext"]["identity"]
    identity = proxy_event(request(), "made-up")["requestContext"]["identity"]
    assert (identity["apiKey"], identity["apiKeyId"]) == ("made-up", API_KEY_ID)


def test_bytes_that_are_no_text_are_replaced_as_api_gateway_does() -> None:
    assert proxy_event(request(body=b"\xff\xfeok"))["body"] == "\ufffd\ufffdok"


def test_each_request_has_its_own_ids_and_its_time_in_milliseconds() -> None:
    first, second = (proxy_event(request(taken_at=1_795_176_000.5))["requestContext"] for _ in range(2))
    assert first["requestId"] != second["requestId"]
    assert first["extendedRequestId"] != second["extendedRequestId"]
    assert first["requestTimeEpoch"] == 1_795_176_000_500
    assert first["requestTime"] == "20/Nov/2026:12:00:00 +0000"


def test_a_request_without_host_or_user_agent_still_makes_an_event() -> None:
    context = proxy_event(request(headers=[]))["requestContext"]
    assert (context["domainName"], context["identity"]["userAgent"]) == ("127.0.0.1", None)


def test_a_plain_response_becomes_http() -> None:
    made = http_response({"statusCode": 201, "headers": {"X-A": "1", "X-On": True}, "body": "é"})
    assert (made.status, made.body) == (201, "é".encode())
    assert made.headers == [("x-a", "1"), ("x-on", "true"), ("content-type", "application/json")]


def test_headers_of_both_kinds_are_merged_without_repeating_a_value() -> None:
    made = http_response(
        {"statusCode": 200, "headers": {"A": "1", "b": "x"}, "multiValueHeaders": {"a": ["1", "2"]}}
    )
    assert [pair for pair in made.headers if pair[0] != "content-type"] == [
        ("a", "1"),
        ("a", "2"),
        ("b", "x"),
    ]


def test_a_status_may_be_a_text_and_a_body_may_be_absent() -> None:
    made = http_response({"statusCode": "204"})
    assert (made.status, made.body) == (204, b"")


def test_a_base64_body_is_decoded_only_where_the_api_has_a_binary_media_type() -> None:
    answer = {"statusCode": 200, "body": "aGk=", "isBase64Encoded": True}
    assert (http_response(answer).body, http_response(answer, binary=True).body) == (b"aGk=", b"hi")


def test_base64_that_is_none_is_refused_where_it_would_be_decoded() -> None:
    with pytest.raises(MalformedResponse, match="not base64"):
        http_response({"statusCode": 200, "body": "%%%", "isBase64Encoded": True}, binary=True)


def test_without_a_status_it_is_200() -> None:
    made = http_response({"headers": {"a": "b"}, "statusCode": None})
    assert (made.status, made.body) == (200, b"")


def test_headers_that_api_gateway_keeps_for_itself_are_dropped_or_renamed() -> None:
    given = {"Content-Length": "99", "Connection": "close", "Server": "x", "WWW-Authenticate": "Basic"}
    names = [name for name, _ in http_response({"statusCode": 401, "headers": given}).headers]
    assert names == ["x-amzn-remapped-server", "x-amzn-remapped-www-authenticate", "content-type"]


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
