"""docs/openapi.json describes what the routes of the page really answer."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openapi_schema_validator as validation
import pytest

from tests.fakes.openai import FakeOpenAI
from tests.support.clock import Clock
from tests.support.page import COOKIE, KEY, PageFunction, Reply
from travel_gpt.api import resources
from travel_gpt.guard import clients

DOCUMENT = json.loads((Path(__file__).parents[2] / "docs/openapi.json").read_text(encoding="utf-8"))
FOREIGN: dict[str, str | None] = {"Origin": "https://evil.example.com"}
# What the other routes answer in the same way is checked for those.
OF_THE_PAGE = {
    "session_required",
    "session_expired",
    "origin_refused",
    "invitation_invalid",
    "page_disabled",
}

Ask = Callable[[PageFunction], Reply]


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> Iterator[PageFunction]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with FakeOpenAI() as upstream:
        made = PageFunction(upstream, Clock(time.time()), BUDGET_PER_MONTH="50")
        yield made
        made.api.close()


def turned_off(function: PageFunction) -> PageFunction:
    off = PageFunction(function.upstream, function.clock, WEB_PAGE="disabled")
    off.api.close()
    return off


def asked(resource: str, body: object = None, **changes: Any) -> Ask:
    return lambda function: function.send(resource, body, **changes)


def signed_in(resource: str, body: object = None) -> Ask:
    return lambda function: function.send(resource, body, cookie=function.sign_in())


def turned_off_page(resource: str) -> Ask:
    return lambda function: turned_off(function).send(resource, {})


def table_away(resource: str) -> Ask:
    def ask(function: PageFunction) -> Reply:
        cookie = function.sign_in()
        function.table.before = lambda *_: "deny"
        function.clock.advance(clients.RECORD_TTL)
        body = {"code": "c", "nonce": "n" * 43, "device": ""}
        return function.send(resource, body, cookie=cookie, pathParameters={"id": "a"})

    return ask


def guess_often(function: PageFunction) -> Reply:
    return [function.redeem("wrong") for _ in range(11)][-1]


def disabled(function: PageFunction) -> Reply:
    code = function.invite()
    function.guest(disabled=1)
    return function.redeem(code)


def expired(function: PageFunction) -> Reply:
    function.guest(expires_at=1)
    return function.redeem(function.invite())


QUESTION = {"query": "Lisbon?"}
POSTS = (resources.PAGE_ASK, resources.PAGE_STOP, resources.PAGE_REDEEM, resources.PAGE_SIGN_OUT)
CASES: list[tuple[str, Ask, str]] = [
    (resources.PAGE_ME, signed_in(resources.PAGE_ME), ""),
    (resources.PAGE_ME, asked(resources.PAGE_ME), ""),
    (resources.PAGE_ME, asked(resources.PAGE_ME, cookie=f"{COOKIE}=x"), ""),
    (resources.PAGE_ME, table_away(resources.PAGE_ME), ""),
    (resources.PAGE_ME, turned_off_page(resources.PAGE_ME), "page_disabled"),
    (resources.PAGE_ASK, signed_in(resources.PAGE_ASK, QUESTION), ""),
    (resources.PAGE_ASK, signed_in(resources.PAGE_ASK, {"query": 1}), "invalid_query"),
    (resources.PAGE_STOP, lambda function: stop(function, "a"), ""),
    (resources.PAGE_STOP, lambda function: stop(function, "a b"), "not_found"),
    (resources.PAGE_REDEEM, lambda function: function.redeem(function.invite()), ""),
    (resources.PAGE_REDEEM, lambda function: function.redeem("wrong"), "invitation_invalid"),
    (resources.PAGE_REDEEM, guess_often, "rate_limited"),
    (resources.PAGE_REDEEM, disabled, "client_disabled"),
    (resources.PAGE_REDEEM, expired, "client_expired"),
    (resources.PAGE_REDEEM, asked(resources.PAGE_REDEEM, []), "invalid_json"),
    (resources.PAGE_REDEEM, asked(resources.PAGE_REDEEM, {}), "invalid_constraint"),
    (resources.PAGE_REDEEM, asked(resources.PAGE_REDEEM, {"code": "x" * 33_000}), "payload_too_large"),
    (
        resources.PAGE_REDEEM,
        asked(resources.PAGE_REDEEM, {}, headers={"Content-Type": "text/plain"}),
        "unsupported_media_type",
    ),
    (resources.PAGE_SIGN_OUT, signed_in(resources.PAGE_SIGN_OUT, {}), ""),
    *((each, turned_off_page(each), "page_disabled") for each in POSTS),
    *((each, asked(each, QUESTION, headers=FOREIGN), "origin_refused") for each in POSTS),
    *((each, table_away(each), "limits_unavailable") for each in POSTS),
    *((each, asked(each, QUESTION), "session_required") for each in POSTS[:2]),
    *((each, asked(each, QUESTION, cookie=f"{COOKIE}=x"), "session_expired") for each in POSTS[:1]),
]


def stop(function: PageFunction, stream: str) -> Reply:
    return function.send(resources.PAGE_STOP, {}, cookie=function.sign_in(), pathParameters={"id": stream})


def described(resource: str) -> dict[str, Any]:
    (operation,) = DOCUMENT["paths"][resource].values()
    found: dict[str, Any] = operation
    return found


@pytest.mark.parametrize(("resource", "ask", "code"), CASES, ids=[f"{each[0]}-{each[2]}" for each in CASES])
def test_what_the_page_is_answered_is_what_the_document_says(
    function: PageFunction, resource: str, ask: Ask, code: str
) -> None:
    reply = ask(function)

    assert reply.code == code
    response = described(resource)["responses"][str(reply.status)]
    content = response["content"]["application/json"]
    schema = {**content["schema"], "components": DOCUMENT["components"]}
    assert [problem.message for problem in validation.OAS31Validator(schema).iter_errors(reply.body)] == []
    assert not code or code in content["examples"]
    for header in ("Set-Cookie", "Retry-After"):
        assert (header in response.get("headers", {})) >= (header.lower() in reply.headers), header


@pytest.mark.parametrize("resource", [each for each in resources.ALL if each.startswith(resources.PAGE_API)])
def test_each_code_of_the_page_alone_was_seen(resource: str) -> None:
    promised = {
        name
        for status, response in described(resource)["responses"].items()
        if status not in ("200", "202")
        for name in response["content"]["application/json"]["examples"]
    }

    seen = {code for of, _, code in CASES if of == resource}
    if resource == resources.PAGE_STREAM:
        ask = set(described(resources.PAGE_ASK)["responses"])
        assert set(described(resource)["responses"]) >= ask - {"504"}
        seen = {code for of, _, code in CASES if of == resources.PAGE_ASK}
    if resource == resources.PAGE_STOP:
        seen.add("session_expired")
    assert promised & OF_THE_PAGE == seen & OF_THE_PAGE


@pytest.mark.parametrize("resource", [each for each in resources.ALL if each.startswith(resources.PAGE_API)])
def test_the_examples_are_what_the_schemas_say(resource: str) -> None:
    operation, stream = described(resource), DOCUMENT["paths"][resources.STREAM]["post"]
    bodies = [operation["requestBody"]] if "requestBody" in operation else []
    for described_body in (*operation["responses"].values(), *bodies):
        for kind, content in described_body["content"].items():
            if kind == "text/event-stream":
                # Its example is checked with the stream of the API.
                assert content == stream["responses"]["200"]["content"][kind]
                continue
            schema = {**content["schema"], "components": DOCUMENT["components"]}
            for example in content.get("examples", {}).values():
                assert validation.OAS31Validator(schema).is_valid(example["value"]), example
