"""Events of the local gateway against events/*.json, which are what API Gateway sends."""

import json
from pathlib import Path
from typing import Any

import pytest

from travel_gpt.local.invocation import API_KEY_ID, HttpRequest, proxy_event

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
