"""docs/openapi.json describes what the function really answers."""

import io
import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import openapi_schema_validator as validation
import openapi_spec_validator
import pytest

from tests.fakes.dynamodb import MemoryTable
from tests.fakes.openai import MODELS, RESPONSES, Behaviour, Exchange, FakeOpenAI, behaviours
from tests.integration.conftest import SECRET, Deployment, LambdaContext, Reply, proxy_event
from tests.integration.test_limits import REFUSALS, Setup
from tests.integration.test_upstream_faults import FAULTS, MODEL
from tests.support.stream_function import Streaming, streaming as streaming
from tests.support.trip_replies import reply_to
from tests.unit.api.test_stream_stop import ID, buffered, stop
from travel_gpt.local.gateway import Gateway
from travel_gpt.local.invocation import HttpRequest
from travel_gpt.startup_failure import StartupFailure

DOCUMENT = json.loads((Path(__file__).parents[2] / "docs/openapi.json").read_text(encoding="utf-8"))
PATH = DOCUMENT["paths"]["/travel-gpt"]
# What only API Gateway says: the function has no way to.
GATEWAY_ONLY = {"bad_request"}
# What the function says with a table only.
REPETITION = {
    "idempotency_key_reused",
    "invalid_idempotency_key",
    "limits_unavailable",
    "request_in_progress",
}
LIMITS = REPETITION | {code for _, _, code, _ in REFUSALS.values()}

Deploy = Callable[..., Deployment]
Ask = Callable[[Deployment], Reply]


@cache
def _validator(pointer: str) -> Any:
    schema = {"$ref": pointer, "paths": DOCUMENT["paths"], "components": DOCUMENT["components"]}
    return validation.OAS31Validator(schema)


def documented(method: str, status: int) -> tuple[str, dict[str, Any]]:
    """Return where the document describes a response, and the description."""
    responses = PATH[method.lower()]["responses"]
    name = str(status) if str(status) in responses else f"{status // 100}XX"
    assert name in responses, f"{method} is not said to answer {status}"
    return f"#/paths/~1travel-gpt/{method.lower()}/responses/{name}", responses[name]


def conform(method: str, reply: Reply) -> None:
    """Fail unless the document describes this reply, every field and every header of it."""
    pointer, response = documented(method, reply.status)
    problems = [
        f"{problem.json_path}: {problem.message}"
        for problem in _validator(f"{pointer}/content/application~1json/schema").iter_errors(reply.body)
    ]
    assert problems == []
    assert set(reply.body) <= set(_fields(response)), "a field that the document does not know"
    assert ("Retry-After" in response.get("headers", {})) or ("Retry-After" not in reply.headers)
    if "Retry-After" in reply.headers:
        wait = int(reply.headers["Retry-After"])
        assert _validator("#/components/headers/RetryAfter/schema").is_valid(wait)


def _fields(schema: Any) -> Iterator[str]:
    """Return the names of all fields that a schema speaks of, wherever it refers to."""
    if isinstance(schema, list):
        for part in schema:
            yield from _fields(part)
    elif isinstance(schema, dict):
        yield from schema.get("properties", {})
        for name, part in schema.items():
            if name == "$ref":
                part = DOCUMENT["components"][part.split("/")[2]][part.split("/")[3]]
            yield from _fields(part) if name != "properties" else ()


def _raw(body: str | None, **changes: Any) -> Ask:
    return lambda deployment: deployment.send(proxy_event("POST", body, **changes))


def _typed(content_type: str) -> Ask:
    return _raw('{"query":"Rome?"}', headers={"Content-Type": content_type})


def _with_secret(value: str, then: Ask) -> Ask:
    def ask(deployment: Deployment) -> Reply:
        deployment.put_secret(value)
        return then(deployment)

    return ask


def _with_store(answer: tuple[int, str], then: Ask) -> Ask:
    def ask(deployment: Deployment) -> Reply:
        deployment.store.answer = answer
        return then(deployment)

    return ask


def _without_secret(then: Ask) -> Ask:
    def ask(deployment: Deployment) -> Reply:
        deployment.secrets.delete_secret(SecretId=SECRET)
        return then(deployment)

    return ask


def _broken(then: Ask) -> Ask:
    def ask(deployment: Deployment) -> Reply:
        for part in (deployment.api._adviser, deployment.api._health):
            part._client.close()
            # A bug, on purpose: it can do nothing else.
            part._client = SimpleNamespace(close=lambda: None)  # type: ignore[assignment]
        return then(deployment)

    return ask


def _late(method: str) -> Ask:
    query = '{"query":"Rome?"}' if method == "POST" else None
    asked = {"verify": "true"} if method == "GET" else None

    def ask(deployment: Deployment) -> Reply:
        path = RESPONSES if method == "POST" else MODELS
        deployment.get()
        deployment.upstream.default(path, behaviours.slow(2))
        event = proxy_event(method, query, queryStringParameters=asked)
        return deployment.send(event, milliseconds=700)

    return ask


def _get(deployment: Deployment) -> Reply:
    return deployment.get()


def _verified(deployment: Deployment) -> Reply:
    return deployment.get(verify=True)


def _verify(value: str) -> dict[str, Any]:
    return proxy_event("GET", queryStringParameters={"verify": value})


def _post(deployment: Deployment) -> Reply:
    return deployment.post()


def _faulty(path: str, fault: Behaviour, then: Ask) -> Ask:
    def ask(deployment: Deployment) -> Reply:
        deployment.upstream.default(path, fault)
        return then(deployment)

    return ask


def _away(then: Ask) -> Ask:
    def ask(deployment: Deployment) -> Reply:
        deployment.upstream.close()
        return then(deployment)

    return ask


_ITINERARY = _raw(json.dumps({"query": "Lisbon and Porto?", "format": "itinerary"}))

_NO_SUCH_PATH = behaviours.raw(b"404 page not found", status=404, content_type="text/plain")


def _credential_cases(then: Ask) -> list[tuple[str, Ask, str]]:
    return [
        ("no-secret", _without_secret(then), "secret_not_found"),
        ("denied", _with_store((400, "AccessDeniedException"), then), "access_denied"),
        ("no-key-inside", _with_secret("{}", then), "invalid_secret"),
        (
            "expired",
            _with_secret('{"api_key": "sk-0123456789", "expires_at": 1}', then),
            "credential_expired",
        ),
        ("throttled", _with_store((400, "ThrottlingException"), then), "credentials_unavailable"),
        ("name-is-no-name", _with_store((400, "ValidationException"), then), "misconfigured"),
    ]


GETS: list[tuple[str, Ask, str]] = [
    ("health", _get, ""),
    ("after-a-query", lambda deployment: (_post(deployment), _get(deployment))[1], ""),
    ("other-value", lambda deployment: deployment.send(_verify("yes")), "invalid_parameter"),
    ("verified", _verified, ""),
    ("refused", _faulty(MODELS, behaviours.reject_key(), _verified), "credential_rejected"),
    (
        "no-permission",
        _faulty(MODELS, behaviours.missing_scope("api.model.read"), _verified),
        "credential_rejected",
    ),
    ("rate-limited", _faulty(MODELS, behaviours.rate_limited(7), _verified), "upstream_rate_limited"),
    ("no-credit", _faulty(MODELS, behaviours.out_of_quota(), _verified), "quota_exhausted"),
    ("no-model", _faulty(MODELS, behaviours.unknown_model(), _verified), "model_unavailable"),
    ("500", _faulty(MODELS, behaviours.server_error(), _verified), "upstream_error"),
    ("away", _away(_verified), "upstream_unreachable"),
    ("no-path", _faulty(MODELS, _NO_SUCH_PATH, _verified), "upstream_not_found"),
    ("late", _late("GET"), "upstream_timeout"),
    ("our-mistake", _broken(_verified), "internal_error"),
    *_credential_cases(_get),
]
POSTS: list[tuple[str, Ask, str]] = [
    ("answer", _post, ""),
    ("cut-short", _faulty(RESPONSES, behaviours.incomplete(), _post), ""),
    ("no-usage", _faulty(RESPONSES, behaviours.answer(usage={"input_tokens": None}), _post), ""),
    ("trip", _faulty(RESPONSES, behaviours.answer_json(reply_to()), _ITINERARY), ""),
    ("no-trip", _ITINERARY, "invalid_itinerary"),
    ("empty", _raw(""), "invalid_json"),
    ("array", _raw("[]"), "invalid_json"),
    ("no-such-pace", _raw(json.dumps({"query": "Rome?", "pace": "slow"})), "invalid_constraint"),
    ("no-query", _raw("{}"), "invalid_query"),
    ("long-query", _raw(json.dumps({"query": "x" * 4001})), "invalid_query"),
    ("no-key", _raw('{"query":"Rome?"}', requestContext={"identity": {}}), "forbidden"),
    ("large", _raw(json.dumps({"query": "x" * 33_000})), "payload_too_large"),
    ("text", _typed("text/plain"), "unsupported_media_type"),
    ("gzip", _raw("{}", headers={"Content-Encoding": "gzip"}), "unsupported_media_type"),
    ("control-characters", _raw(json.dumps({"query": "\0\1"})), "invalid_query"),
    ("late", _late("POST"), "upstream_timeout"),
    ("away", _away(_post), "upstream_unreachable"),
    ("chat-only", _faulty(RESPONSES, _NO_SUCH_PATH, _post), "upstream_api_unsupported"),
    ("our-mistake", _broken(_post), "internal_error"),
    *_credential_cases(_post),
]
CASES = [("GET", *case) for case in GETS] + [("POST", *case) for case in POSTS]


def test_the_document_is_openapi() -> None:
    openapi_spec_validator.validate(DOCUMENT)


@pytest.mark.parametrize(
    ("method", "ask", "code"),
    [(method, ask, code) for method, _, ask, code in CASES],
    ids=[f"{method}-{name}" for method, name, _, _ in CASES],
)
def test_what_the_function_answers_is_what_the_document_says(
    deploy: Deploy, method: str, ask: Ask, code: str
) -> None:
    strict = {"CREDENTIAL_EXPIRY": "enforce", "CREDENTIAL_PREVIOUS_SECONDS": "0"}
    reply = ask(deploy(OPENAI_MODEL=MODEL, OPENAI_MAX_RETRIES="0", **strict))

    assert reply.body.get("code", "") == code
    conform(method, reply)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_function_that_cannot_start_answers_as_described(method: str) -> None:
    response = StartupFailure(ValueError("a variable")).answer(proxy_event(method), LambdaContext())

    conform(method, Reply(response["statusCode"], response["headers"], json.loads(response["body"]), ""))


def test_what_becomes_of_every_fault_of_the_models_server_is_described(deploy: Deploy) -> None:
    deployment = deploy(OPENAI_MODEL=MODEL, OPENAI_MAX_RETRIES="0")
    for name, fault, _, code in FAULTS:
        deployment.upstream.default(RESPONSES, fault)
        reply = deployment.post()
        assert reply.body["code"] == code, name
        conform("POST", reply)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_every_documented_code_was_seen(method: str) -> None:
    promised = {
        name
        for status, response in PATH[method.lower()]["responses"].items()
        if status != "200"
        for name in response["content"]["application/json"]["examples"]
    }

    seen = {code for of, _, _, code in CASES if of == method and code}
    if method == "POST":
        seen |= {code for *_, code in FAULTS} | LIMITS
        assert promised - GATEWAY_ONLY == seen
    else:
        assert promised - {"rate_limited"} - GATEWAY_ONLY == seen


@pytest.mark.parametrize("case", REFUSALS)
def test_refusals_of_limits_are_described(deploy: Deploy, log: io.StringIO, case: str) -> None:
    put, _, code, _ = REFUSALS[case]
    with MemoryTable() as table:
        setup = Setup(table, deploy, log)
        put(setup)
        reply = setup.post()

    assert reply.body["code"] == code
    conform("POST", reply)


def test_answers_with_limits_and_repeated_queries_are_described(deploy: Deploy, log: io.StringIO) -> None:
    replies: list[Reply] = []

    def model(exchange: Exchange) -> None:
        replies.append(setup.post(Idempotency_Key="k1"))
        behaviours.answer("Take tram 28.")(exchange)

    with MemoryTable() as table:
        setup = Setup(table, deploy, log).client(per_minute=9).count("stack", day_cost=900_000_000)
        setup.function.upstream.script(RESPONSES, model)
        for query, key in (("Lisbon?", "k1"), ("Lisbon?", "k1"), ("Porto?", "k1"), ("Porto?", "a b")):
            replies.append(setup.post(query, Idempotency_Key=key))
        table.before = lambda *_: "throttle"
        replies.append(setup.post(Idempotency_Key="k2"))

    for reply in replies:
        conform("POST", reply)
    assert {reply.body["code"] for reply in replies if reply.status != 200} == REPETITION
    answer, repeated = (reply for reply in replies if reply.status == 200)
    assert {"budget", "warnings"} <= set(answer.body)
    described = set(PATH["post"]["responses"]["200"]["headers"])
    assert described & set(answer.headers) == {"RateLimit", "RateLimit-Policy"}
    assert described & set(repeated.headers) == {"Idempotency-Replayed"}


STREAM = DOCUMENT["paths"]["/travel-gpt/stream"]["post"]
STOP = DOCUMENT["paths"]["/travel-gpt/stream/{id}/stop"]["post"]
EVENTS = {
    event["properties"]["event"]["const"]: event["properties"]["data"]["contentSchema"]
    for event in STREAM["responses"]["200"]["content"]["text/event-stream"]["schema"]["oneOf"]
}


def codes(operation: dict[str, Any]) -> set[str]:
    return {
        name
        for status, response in operation["responses"].items()
        if status not in ("200", "202")
        for name in response["content"]["application/json"]["examples"]
    }


def test_a_stream_is_refused_as_a_query_is() -> None:
    assert codes(STREAM) == codes(PATH["post"]) | {"streaming_disabled", "invalid_parameter"}
    assert STREAM["requestBody"] == PATH["post"]["requestBody"]


def test_a_stream_is_asked_for_as_an_answer_and_verifies_as_the_health_does() -> None:
    verify, (of_health,) = STREAM["parameters"][-1], PATH["get"]["parameters"]

    assert STREAM["parameters"][:-1] == PATH["post"]["parameters"]
    assert {**verify, "description": ""} == {**of_health, "description": ""}
    schemas = [
        operation["responses"]["200"]["content"]["application/json"]["schema"]
        for operation in (STREAM, PATH["get"])
    ]
    assert schemas[0] == schemas[1]


@pytest.mark.parametrize(
    ("behaviour", "names"),
    [
        (behaviours.answer("Take tram 28."), {"start", "delta", "usage", "done"}),
        (behaviours.cut_stream(), {"start", "delta", "error"}),
    ],
)
def test_the_events_of_a_stream_are_described(
    upstream: FakeOpenAI, streaming: Streaming, behaviour: Behaviour, names: set[str]
) -> None:
    upstream.default(RESPONSES, behaviour)

    events = streaming.read(Idempotency_Key="k1")
    if "done" in names:
        events += streaming.read(Idempotency_Key="k1")

    assert {name for name, _ in events} == names
    for name, data in events:
        pointer = EVENTS[name]["$ref"]
        assert [problem.message for problem in _validator(pointer).iter_errors(data)] == []
        known = DOCUMENT["components"]["schemas"][pointer.rpartition("/")[2]]["properties"]
        assert set(data) <= set(known), "a field that the document does not know"


@pytest.mark.parametrize(
    ("stream", "key_id", "status"), [(ID, "annskey", 202), (ID, "", 403), ("a b", "annskey", 404)]
)
def test_what_stopping_a_stream_answers_is_described(stream: str, key_id: str, status: int) -> None:
    table = MemoryTable()
    table.put("key#annskey", client="c1")
    table.put("client#c1", name="ann")

    found, body = stop(buffered(table), stream, key_id=key_id)

    assert found == status
    pointer = f"#/paths/~1travel-gpt~1stream~1{{id}}~1stop/post/responses/{status}"
    schema = _validator(f"{pointer}/content/application~1json/schema")
    assert [problem.message for problem in schema.iter_errors(body)] == []
    assert set(body) <= set(_fields(STOP["responses"][str(status)]))


@pytest.mark.parametrize(("method", "resource"), [("PUT", "/travel-gpt"), ("GET", "/elsewhere")])
def test_other_methods_and_paths_answer_as_described(
    deployment: Deployment, method: str, resource: str
) -> None:
    reply = deployment.send(proxy_event(method, resource=resource))

    name = {405: "MethodNotAllowed", 404: "NotFound"}[reply.status]
    response = DOCUMENT["components"]["responses"][name]
    schema = f"#/components/responses/{name}/content/application~1json/schema"
    assert list(_validator(schema).iter_errors(reply.body)) == []
    for header in response.get("headers", {}):
        assert _validator(f"#/components/headers/{header}/schema").is_valid(reply.headers[header])


def test_what_api_gateway_refuses_is_described_too(deployment: Deployment) -> None:
    gateway = Gateway(
        lambda event, context: deployment.api.answer(event, context), api_keys={"k" * 20: "a1b2c3d4e5"}
    )
    request = HttpRequest("POST", "/Prod/travel-gpt", "", (("Host", "localhost"),), b"{}", "127.0.0.1", 3000)

    refused = gateway.answer(request).response

    conform("POST", Reply(refused.status, dict(refused.headers), json.loads(refused.body), ""))
    assert refused.status == 403


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda reply: reply.body.update(code="no_such_code"),
        lambda reply: reply.body.pop("request_id"),
        lambda reply: reply.body.update(timestamp="now"),
        lambda reply: reply.body.update(surprise=1),
        lambda reply: reply.headers.update({"Retry-After": "0"}),
    ],
    ids=["code", "field-missing", "type", "field-unknown", "header"],
)
def test_a_reply_that_is_not_described_is_noticed(
    deployment: Deployment, spoilt: Callable[[Reply], object]
) -> None:
    deployment.upstream.default(RESPONSES, behaviours.rate_limited(7))
    reply = deployment.post()
    conform("POST", reply)

    spoilt(reply)

    with pytest.raises(AssertionError):
        conform("POST", reply)
