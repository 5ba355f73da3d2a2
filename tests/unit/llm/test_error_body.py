"""The error of a server is read from every shape that servers send."""

from typing import Any

import pytest
from hypothesis import given, strategies as st

from travel_gpt.llm.error_body import ErrorBody, is_error, read_error_body


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (
            {"error": {"message": "No.", "type": "T", "param": "P", "code": "C"}},
            ErrorBody("C", "T", "P", "No."),
        ),
        ({"message": "No.", "type": "T", "param": None, "code": None}, ErrorBody("", "T", "", "No.")),
        ({"object": "error", "message": "No.", "code": 400}, ErrorBody("400", message="No.")),
        (
            {"error": {"message": {"error": "No."}, "type": "None", "code": "400"}},
            ErrorBody("400", message="No."),
        ),
        ({"code": "bad", "error": "No."}, ErrorBody("bad", message="No.")),
        ({"detail": {"error": {"message": "No.", "code": "c"}}}, ErrorBody("c", message="No.")),
        ({"detail": {"error": "No."}}, ErrorBody(message="No.")),
        ({"detail": "No."}, ErrorBody(message="No.")),
        ({"detail": [{"type": "missing", "msg": "No."}]}, ErrorBody("", "missing", message="No.")),
        ([{"error": {"code": 400, "message": "No."}}], ErrorBody("400", message="No.")),
        ({"Message": "No."}, ErrorBody(message="No.")),
        ("No.", ErrorBody(message="No.")),
        ("No.\n\n  And\tmore. ", ErrorBody(message="No. And more.")),
        ("<html><h1>502</h1></html>", ErrorBody(message="an HTML page")),
        ("", ErrorBody()),
        (None, ErrorBody()),
        (7, ErrorBody()),
        ([], ErrorBody()),
        ({"error": None, "code": True}, ErrorBody()),
    ],
    ids=repr,
)
def test_each_shape_is_read(body: object, error: ErrorBody) -> None:
    assert read_error_body(body) == error


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        ({"error": {"message": "No."}}, True),
        ({"error": "No."}, True),
        ({"object": "error", "message": "No."}, True),
        ({"error": None, "output": []}, False),
        ({"error": {"code": "server_error"}, "output": [], "status": "failed"}, False),
        ({"choices": [], "error": {}}, False),
        ({"object": "list", "data": []}, False),
        ({"hello": "world"}, False),
        ([], False),
        ("No.", False),
    ],
    ids=repr,
)
def test_an_error_is_distinguished_from_an_answer(reply: object, error: bool) -> None:
    assert is_error(reply) is error


@pytest.mark.parametrize(
    ("error", "scope"),
    [
        ({"code": "missing_scope", "message": "No."}, True),
        ({"code": None, "message": "You have insufficient permissions. Missing scopes: model.read."}, True),
        ({"code": "insufficient_scope"}, True),
        ({"code": "invalid_api_key", "message": "Incorrect API key provided: sk-scope****missing."}, False),
        ({"code": None, "message": "You didn't provide an API key."}, False),
    ],
)
def test_a_missing_scope_is_found_by_code_or_message(error: dict[str, Any], scope: bool) -> None:
    assert read_error_body({"error": error}).names_missing_scope is scope


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["error", "detail", "message", "code", "type"]), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(JSON)
def test_any_json_can_be_read_and_each_field_is_one_line(body: object) -> None:
    error = read_error_body(body)

    assert all(
        "\n" not in text and len(text) <= 500 for text in (error.code, error.type, error.param, error.message)
    )
    assert is_error(body) in (True, False)


def test_endless_nesting_is_read_to_a_limited_depth() -> None:
    body: dict[str, Any] = {}
    body["error"] = body

    assert read_error_body(body) == ErrorBody()
