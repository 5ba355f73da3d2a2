"""The routes: which request gets which response, and what is logged."""

import io
import json
import sys
from dataclasses import replace
from typing import Any

import pytest

from tests.conftest import LambdaContext, proxy_event
from tests.unit.doubles import FIRST_KEY, Function
from travel_gpt.credentials.secret import Credential
from travel_gpt.deadline import Deadline
from travel_gpt.errors import (
    AccessDenied,
    CredentialError,
    CredentialsUnavailable,
    InvalidSecret,
    SecretNotFound,
    UpstreamFailed,
    UpstreamRateLimited,
)


class Logged(Function):
    """A function that events are sent to; everything it writes is kept."""

    def __init__(self, log: io.StringIO, **environment: str) -> None:
        super().__init__(**environment)
        self._log = log

    def send(self, name: str, **changes: Any) -> tuple[int, dict[str, Any], dict[str, str]]:
        response = self.api.answer(proxy_event(name, **changes), LambdaContext())
        return response["statusCode"], json.loads(response["body"]), response["headers"]

    @property
    def lines(self) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self._log.getvalue().splitlines()]
        return [line for line in lines if line["level"] != "AUDIT"]


@pytest.fixture
def function(log: io.StringIO) -> Logged:
    return Logged(log)


def test_get_says_that_the_key_is_there_without_using_it(function: Logged) -> None:
    status, body, _ = function.send("get")

    assert (status, body["status"], body["has_api_key"]) == (200, "success", True)
    assert body["credential_source"] == "scripted"
    assert "verified" not in body
    assert body["request_id"] == "6f1b2c3d-4e5f-4a6b-8c7d-000000000001", "API Gateway's, as in its header"
    assert function.server.verified == []


def test_get_with_verify_verifies_the_key_that_it_fetched_once(
    function: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given: a key that is older than its TTL each time that it is used.
    current = function.session.current

    def current_then_late(deadline: Deadline) -> Credential:
        credential = current(deadline)
        function.clock.advance(301)
        return credential

    monkeypatch.setattr(function.session, "current", current_then_late)

    status, body, _ = function.send("get-verify")

    assert (status, body["verified"]) == (200, True)
    assert (function.source.fetches, function.server.verified) == (1, [FIRST_KEY])


def test_get_reports_how_the_last_query_ended_and_calls_nothing(function: Logged) -> None:
    assert "last_call" not in function.send("get")[1]

    function.send("post")
    function.clock.advance(61)
    assert function.send("get")[1]["last_call"] == {"outcome": "success", "seconds_ago": 61}

    function.server.does = UpstreamRateLimited("429", retry_after=9)
    function.send("post")
    assert function.send("get")[1]["last_call"] == {"outcome": "upstream_rate_limited", "seconds_ago": 0}
    assert (len(function.server.asked), function.server.verified) == (2, [])


def test_a_query_that_was_not_sent_is_no_call_to_the_model(function: Logged) -> None:
    function.source.will(AccessDenied("denied"))
    function.send("post")

    assert "last_call" not in function.send("get")[1]


@pytest.mark.parametrize("value", ["", "1", "TRUE", "yes"])
def test_given_another_value_of_verify_then_get_is_a_400_that_calls_nothing(
    function: Logged, value: str
) -> None:
    status, body, _ = function.send("get", queryStringParameters={"verify": value})

    assert (status, body["code"], body["has_api_key"]) == (400, "invalid_parameter", False)
    assert (function.source.fetches, function.server.verified) == (0, [])


def test_a_key_that_was_sent_as_a_parameter_is_not_repeated(function: Logged, log: io.StringIO) -> None:
    _, body, headers = function.send("get", queryStringParameters={"verify": FIRST_KEY})

    written = json.dumps([body, headers]) + log.getvalue()
    assert "invalid_parameter" in written
    assert not [piece for piece in (FIRST_KEY, FIRST_KEY[:12], "firstKEY") if piece in written]


def test_given_no_workload_identity_then_a_get_that_tries_it_is_a_400(function: Logged) -> None:
    status, body, _ = function.send("get", queryStringParameters={"verify": "workload-identity"})

    assert (status, body["code"]) == (400, "invalid_parameter")
    assert "OPENAI_IDENTITY_PROVIDER_ID" in body["message"]


def test_post_answers_the_query(function: Logged) -> None:
    status, body, _ = function.send("post")

    assert (status, body["status"], body["answer"]) == (200, "success", "Take tram 28.")
    asked = json.loads(proxy_event("post")["body"])["query"].strip()
    assert function.server.asked == [(asked, FIRST_KEY)]
    assert 27 < function.server.seconds_left[0] <= 28


def test_post_with_constraints_passes_them_on_with_the_query(function: Logged) -> None:
    function.send("post", body=json.dumps({"query": "Lisbon?", "travellers": {"adults": 2}}))

    ((asked, _),) = function.server.asked
    assert asked.startswith("Lisbon?\n\n")
    assert asked.endswith('\n{"travellers": {"adults": 2}}')


@pytest.mark.parametrize("module", ["travel_gpt.advisor.constraints", "travel_gpt.api.constraint_fields"])
def test_a_query_alone_imports_nothing_of_constraints(
    function: Logged, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An import of it fails: a cold start pays for each.
    monkeypatch.setitem(sys.modules, module, None)

    assert function.send("post", body='{"query": "Lisbon?", "format": "prose"}')[0] == 200
    assert function.send("post", body='{"query": "Lisbon?", "nights": 2}')[0] == 500


def test_given_a_constraint_that_cannot_be_then_nothing_is_asked(function: Logged) -> None:
    # The function's clock stands at 20 November 2026.
    body = json.dumps({"query": "Lisbon?", "start": "2026-11-18", "nights": True})
    status, answer, _ = function.send("post", body=body)

    assert (status, answer["code"]) == (400, "invalid_constraint")
    assert answer["message"] == (
        '"nights" must be a whole number from 0 to 29; ask for a longer trip in parts. '
        '"start" must be a date from 2026-11-19 to 2028-11-20.'
    )
    assert (function.source.fetches, function.server.asked) == (0, [])


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "get", "", None])
def test_any_other_method_is_405_with_the_ones_there_are(function: Logged, method: str | None) -> None:
    status, body, headers = function.send("delete", httpMethod=method)

    assert (status, body["code"], headers["Allow"]) == (405, "method_not_allowed", "GET, POST")
    assert "has_api_key" not in body
    assert function.source.fetches == 0


@pytest.mark.parametrize("resource", ["/travel-gpt/", "/Prod/travel-gpt", "/{proxy+}", "", None])
@pytest.mark.parametrize("name", ["get", "post"])
def test_any_other_resource_is_404_whatever_the_path_says(
    function: Logged, name: str, resource: str | None
) -> None:
    status, body, _ = function.send(name, resource=resource)

    assert (status, body["code"]) == (404, "not_found")
    assert set(body) == {"status", "code", "message", "request_id", "timestamp"}
    assert (function.source.fetches, function.server.asked) == (0, [])


@pytest.mark.parametrize("event", [{}, {"requestContext": None}, {"resource": "/travel-gpt"}])
def test_an_event_that_is_none_of_api_gateways_gets_an_answer_too(
    function: Logged, event: dict[str, Any]
) -> None:
    response = function.api.answer(event, LambdaContext())

    assert response["statusCode"] in (404, 405)
    assert json.loads(response["body"])["request_id"] == LambdaContext().aws_request_id


def test_a_post_that_api_gateway_did_not_authenticate_is_refused_before_anything_is_read(
    function: Logged,
) -> None:
    status, body, _ = function.send("post-without-key", body="x" * 100_000)

    assert (status, body["code"], function.source.fetches, function.server.asked) == (403, "forbidden", 0, [])


def test_get_needs_no_key_and_the_resource_routes_and_not_the_path(function: Logged) -> None:
    assert function.send("get", requestContext={"identity": {}}, path="/anything/else")[0] == 200


@pytest.mark.parametrize(("access", "status"), [("open", 200), ("", 403), ("OPEN", 403), ("none", 403)])
def test_only_an_open_api_answers_every_caller(function: Logged, access: str, status: int) -> None:
    # Given: also a mode that does not exist, which the settings refuse before it comes this far.
    function.api._settings = replace(function.api._settings, api_access=access)

    assert function.send("post-without-key")[0] == status


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"body": None}, 400, "invalid_json"),
        ({"body": "{"}, 400, "invalid_json"),
        ({"body": "{}"}, 400, "invalid_query"),
        ({"body": '{"query": ""}'}, 400, "invalid_query"),
        ({"body": "x" * 32_769}, 413, "payload_too_large"),
        ({"headers": {"content-type": "text/plain"}}, 415, "unsupported_media_type"),
    ],
)
def test_given_a_body_that_cannot_be_used_then_no_key_is_fetched_for_it(
    function: Logged, changes: dict[str, Any], status: int, code: str
) -> None:
    answered, reply, _ = function.send("post", **changes)

    assert (answered, reply["code"], function.source.fetches, function.server.asked) == (status, code, 0, [])


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (SecretNotFound("x"), "secret_not_found"),
        (AccessDenied("x"), "access_denied"),
        (InvalidSecret("x"), "invalid_secret"),
        (CredentialsUnavailable("x"), "credentials_unavailable"),
    ],
)
@pytest.mark.parametrize("name", ["get", "get-verify", "post"])
def test_given_no_usable_key_then_get_and_post_say_why_alike(
    function: Logged, name: str, failure: CredentialError, code: str
) -> None:
    function.source.will(failure)

    status, body, _ = function.send(name)

    assert (status, body["code"], body["message"]) == (503, code, type(failure).message)
    assert body.get("has_api_key") is (None if name == "post" else False)
    assert body.get("credential_source") == (None if name == "post" else "scripted")


def test_given_a_key_that_openai_refuses_then_post_is_502_and_get_503_until_it_is_taken_again(
    function: Logged,
) -> None:
    function.server.accepts = set()
    assert function.send("get")[0] == 200

    status, body, _ = function.send("post")
    assert (status, body["code"]) == (502, "credential_rejected")

    status, body, _ = function.send("get")
    assert (status, body["code"], body["has_api_key"]) == (503, "credential_rejected", False)

    function.server.accepts = {FIRST_KEY}
    assert (function.send("post")[0], function.send("get")[0]) == (200, 200)


def test_given_an_upstream_failure_then_a_get_that_verifies_reports_it_and_the_key(
    function: Logged,
) -> None:
    function.server.does = UpstreamRateLimited("429", retry_after=9)

    status, body, headers = function.send("get-verify")

    assert (status, body["code"], body["has_api_key"]) == (429, "upstream_rate_limited", True)
    assert headers["Retry-After"] == "9"


@pytest.mark.parametrize("fetched", [False, True])
def test_given_a_failure_of_its_own_then_get_says_whether_a_key_is_there(
    function: Logged, monkeypatch: pytest.MonkeyPatch, fetched: bool
) -> None:
    if fetched:
        function.send("get")
    monkeypatch.setattr("travel_gpt.api.routes.read_verify", lambda _event: 1 / 0)

    status, body, _ = function.send("get")

    assert (status, body["code"], body["has_api_key"]) == (500, "internal_error", fetched)
    assert function.source.fetches == fetched


@pytest.mark.parametrize("name", ["get", "get-verify", "post"])
def test_given_wrong_settings_then_every_request_names_them_all_and_nothing_is_fetched(
    log: io.StringIO, name: str
) -> None:
    function = Logged(log, OPENAI_API="soap", CREDENTIAL_TTL_SECONDS="soon")

    status, body, _ = function.send(name)

    assert (status, body["code"]) == (503, "misconfigured")
    assert body["message"] == (
        "A setting of this deployment is wrong: CREDENTIAL_TTL_SECONDS must be a whole number from 1 to "
        "86400; OPENAI_API must be one of: responses, chat."
    )
    assert function.source.fetches == 0


def test_given_wrong_settings_then_a_caller_without_a_key_does_not_learn_them(log: io.StringIO) -> None:
    function = Logged(log, OPENAI_API="soap")

    assert function.send("post-without-key")[1]["code"] == "forbidden"
    assert function.send("post", body="{")[1]["code"] == "invalid_json"
    assert function.send("delete")[1]["code"] == "method_not_allowed"


@pytest.mark.parametrize("name", ["get-verify", "post"])
def test_given_a_bug_then_the_caller_gets_the_contract_and_the_log_the_traceback(
    function: Logged, name: str
) -> None:
    function.server.does = ZeroDivisionError("a bug")

    status, body, _ = function.send(name)

    assert (status, body["code"]) == (500, "internal_error")
    assert "ZeroDivisionError" not in json.dumps(body)
    mistake, answered = function.lines
    assert mistake["message"] == "Internal error"
    assert "ZeroDivisionError" in mistake["exception"]
    assert mistake["request_id"] == body["request_id"], "so that the caller's id finds it"
    assert (answered["status"], answered["detail"]) == (500, "ZeroDivisionError")


def test_each_request_leaves_one_line_of_facts_and_nothing_of_what_was_said(function: Logged) -> None:
    function.send("post", body=json.dumps({"query": "a private journey"}))
    function.send("get")

    first, second = function.lines
    assert first["message"] == "Answered a request"
    assert {
        "method": "POST",
        "status": 200,
        "cold_start": True,
        "model": "gpt-6-luna",
        "input_tokens": 12,
        "output_tokens": 7,
        "truncated": False,
        "function_request_id": LambdaContext().aws_request_id,
    }.items() <= first.items()
    assert first["milliseconds"] >= 0
    assert (second["method"], second["cold_start"]) == ("GET", False)
    written = json.dumps(function.lines)
    assert "private" not in written
    assert "tram" not in written
    assert "EXAMPLEapikey" not in written


@pytest.mark.parametrize(
    ("name", "changes"),
    [("get", {}), ("post", {}), ("post", {"body": "{"}), ("post-without-key", {}), ("delete", {})],
)
def test_a_callers_mistake_is_not_logged_as_an_error(
    function: Logged, name: str, changes: dict[str, Any]
) -> None:
    function.send(name, **changes)

    assert [line["level"] for line in function.lines] == ["INFO"]


def test_a_failure_leaves_its_code_its_detail_and_its_types_in_the_log(function: Logged) -> None:
    function.server.does = UpstreamFailed("the server answered 500: server_error Try again")
    function.send("post")

    (line,) = function.lines
    assert (line["level"], line["status"], line["code"]) == ("ERROR", 502, "upstream_error")
    assert line["detail"] == "the server answered 500: server_error Try again"
    assert line["exceptions"] == ["travel_gpt.errors.UpstreamFailed"]


@pytest.mark.parametrize("name", ["get", "post"])
def test_each_request_without_a_usable_key_counts_once_for_the_alarm(
    function: Logged, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    function.source.will(AccessDenied("denied"))

    function.send(name)
    function.send(name)

    metrics = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [metric["CredentialFailure"] for metric in metrics] == [[1.0], [1.0]]
    assert {metric["service"] for metric in metrics} == {"travel-gpt"}


def test_a_request_that_goes_wrong_for_other_reasons_is_not_counted(
    function: Logged, capsys: pytest.CaptureFixture[str]
) -> None:
    function.send("get")
    function.send("post", body="{")
    function.server.does = UpstreamFailed("500")
    function.send("post")

    assert capsys.readouterr().out == ""


def test_a_post_without_an_api_key_counts_for_the_alarm_and_is_audited(
    function: Logged, log: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    function.send("post-without-key")

    (metric,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert metric["KeyRefused"] == [1.0]
    (event,) = [line["audit"] for line in map(json.loads, log.getvalue().splitlines()) if "audit" in line]
    assert (event["event"], event["outcome"], event["key_id"]) == ("request.refused", "forbidden", "")
