"""What the local gateway makes of a handler's response."""

import pytest

from travel_gpt.local.responses import MalformedResponse, http_response


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
