"""The model client: one SDK client, retries where they can help, no wait beyond the deadline."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import httpx2
import openai
import pytest

from tests.fakes.openai import bodies
from tests.unit.doubles import FIRST, FIRST_KEY, SECOND, SECOND_KEY, soon
from tests.unit.llm.sdk import PROMPT, REQUEST, Server, model_client, refusal
from travel_gpt.credentials.secret import Key
from travel_gpt.deadline import Deadline
from travel_gpt.errors import (
    ContextLengthExceeded,
    CredentialRejected,
    KeyRefused,
    ModelUnavailable,
    UpstreamError,
    UpstreamFailed,
    UpstreamNotFound,
    UpstreamRateLimited,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from travel_gpt.llm import client as module
from travel_gpt.llm.client import ModelClient
from travel_gpt.llm.errors import MAX_RETRY_DELAY, map_openai_error, retry_delay
from travel_gpt.settings import Settings


def answered(request: httpx2.Request) -> httpx2.Response:
    if request.method == "GET":
        return httpx2.Response(200, json=bodies.models())
    body = json.loads(request.content)
    make = bodies.completion if request.url.path.endswith("/chat/completions") else bodies.response
    return httpx2.Response(200, json=make(body, "Take tram 28."))


def refused(status: int, message: str = "No.", headers: dict[str, str] | None = None) -> Callable[..., Any]:
    return lambda _: httpx2.Response(status, json=bodies.error(message), headers=headers)


@pytest.fixture
def server() -> Server:
    return Server(answered)


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The delays between tries, in seconds; the tests do not wait for them."""
    delays: list[float] = []
    monkeypatch.setattr(module, "time", SimpleNamespace(sleep=delays.append))
    return delays


@pytest.fixture
def connect(server: Server) -> Callable[..., ModelClient]:
    """Give a function that makes a client of the scripted server; its keywords are environment variables."""
    return partial(model_client, server)


def test_the_default_call_goes_to_openai_with_the_key_in_the_header(connect: Any, server: Server) -> None:
    answer = connect().ask(PROMPT, FIRST, soon())

    (request,) = server.requests
    assert str(request.url) == "https://api.openai.com/v1/responses"
    assert request.headers["authorization"] == f"Bearer {FIRST_KEY}"
    assert FIRST_KEY not in str(request.url) + request.content.decode()
    assert answer.text == "Take tram 28."


@pytest.mark.parametrize(
    ("own", "effort", "cap"),
    [(None, "none", 1500), (None, "low", 1500), (700, "none", 700), (700, "low", 2200), (4000, "none", 4000)],
)
def test_the_cap_of_a_prompt_takes_the_place_of_the_setting_and_reasoning_comes_on_top(
    connect: Any, server: Server, own: int | None, effort: str, cap: int
) -> None:
    client = connect(OPENAI_MAX_OUTPUT_TOKENS="1500", OPENAI_REASONING_EFFORT=effort)

    client.ask(replace(PROMPT, max_output_tokens=own), FIRST, soon())

    (body,) = server.bodies()
    assert body["max_output_tokens"] == cap


def test_verification_lists_the_models(connect: Any, server: Server) -> None:
    assert connect().verify(FIRST, soon()) == set(bodies.LISTED_MODELS)

    (request,) = server.requests
    assert (request.method, str(request.url)) == ("GET", "https://api.openai.com/v1/models")
    assert request.headers["authorization"] == f"Bearer {FIRST_KEY}"


@pytest.mark.parametrize(("api", "path"), [("responses", "responses"), ("chat", "chat/completions")])
def test_verification_by_asking_costs_a_few_tokens_of_the_model_in_use(
    connect: Any, server: Server, api: str, path: str
) -> None:
    connect(OPENAI_API=api, OPENAI_MAX_OUTPUT_TOKENS="1500").verify_by_asking(FIRST, soon())

    (request,) = server.requests
    assert (request.method, request.url.path) == ("POST", f"/v1/{path}")
    (body,) = server.bodies()
    assert body["model"] == Settings.load({}).model
    assert 16 <= body["max_output_tokens" if api == "responses" else "max_completion_tokens"] <= 256


def test_verification_by_asking_needs_no_text_in_the_answer(connect: Any, server: Server) -> None:
    # A reasoning model may have used up the few tokens before the answer.
    cut = {
        "object": "response",
        "status": "incomplete",
        "incomplete_details": {"reason": "max_output_tokens"},
    }
    server.script = [httpx2.Response(200, json={**cut, "output": []})]

    connect().verify_by_asking(FIRST, soon())


@pytest.mark.parametrize("code", [None, "missing_scope"])
def test_verification_by_asking_fails_with_a_key_that_lacks_the_scope(
    connect: Any, server: Server, code: str | None
) -> None:
    # Source: recorded openai/POST /v1/responses/401-missing-scopes, and …-code-missing_scope.
    message = "You have insufficient permissions for this operation. Missing scopes: api.responses.write."
    server.script = [httpx2.Response(401, json=bodies.error(message, code=code))]

    with pytest.raises(CredentialRejected) as rejected:
        connect().verify_by_asking(FIRST, soon())
    assert FIRST_KEY not in str(rejected.value) + rejected.value.message


def test_values_of_the_secret_override_the_environment(connect: Any, server: Server) -> None:
    client = connect(
        OPENAI_BASE_URL="https://env.example/v1", OPENAI_MODEL="env-model", OPENAI_API="responses"
    )
    credential = replace(
        FIRST,
        base_url="https://secret.example/v1",
        model="secret-model",
        api="chat",
        organization="org-1",
        project="proj_1",
    )

    client.ask(PROMPT, credential, soon())

    (request,) = server.requests
    assert str(request.url) == "https://secret.example/v1/chat/completions"
    assert request.headers["openai-organization"] == "org-1"
    assert (request.headers["openai-project"], server.bodies()[0]["model"]) == ("proj_1", "secret-model")


def test_given_a_new_key_then_the_next_call_uses_it(connect: Any, server: Server) -> None:
    client = connect()
    for credential in (FIRST, FIRST, SECOND, FIRST):
        client.ask(PROMPT, credential, soon())

    keys = [request.headers["authorization"].removeprefix("Bearer ") for request in server.requests]
    assert keys == [FIRST_KEY, FIRST_KEY, SECOND_KEY, FIRST_KEY]


def test_one_sdk_client_is_used_while_the_key_is_the_same(
    connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Mock(side_effect=openai.OpenAI)
    monkeypatch.setattr(openai, "OpenAI", made)
    client = connect()
    for _ in range(5):
        client.ask(PROMPT, FIRST, soon())
        client.ask(PROMPT, replace(FIRST, version="v9"), soon())
    assert made.call_count == 1, "19 ms each"

    client.ask(PROMPT, replace(FIRST, key=Key("another-key-0001")), soon())
    assert made.call_count == 2


@pytest.mark.parametrize(
    ("base_url", "at_openai"),
    [
        ("https://api.openai.com/v1", True),
        ("https://eu.api.openai.com/v1", True),
        ("https://API.OpenAI.com/v1", True),
        ("https://notapi.openai.com.example/v1", False),
        ("https://evilapi.openai.com/v1", False),
        ("https://api.openai.com.example/v1", False),
        ("https://example.com/api.openai.com/v1", False),
        ("http://127.0.0.1:9/v1", False),
    ],
)
def test_the_host_decides_whether_a_server_is_openai(
    connect: Any, server: Server, base_url: str, at_openai: bool
) -> None:
    connect(OPENAI_BASE_URL=base_url).ask(PROMPT, FIRST, soon())

    assert ("reasoning" in server.bodies()[0]) is at_openai


def test_a_refused_parameter_is_left_out_for_that_server_and_model_only(connect: Any, server: Server) -> None:
    server.script = [refused(400, "Unknown parameter: store"), answered]
    client = connect(OPENAI_BASE_URL="https://example.com/v1")

    assert client.ask(PROMPT, FIRST, soon()).text == "Take tram 28."
    client.ask(PROMPT, FIRST, soon())
    client.ask(PROMPT, replace(FIRST, model="other"), soon())
    client.ask(PROMPT, replace(FIRST, base_url="https://other.example/v1"), soon())

    assert ["store" in body for body in server.bodies()] == [True, False, False, True, True]


def test_leaving_out_a_parameter_does_not_count_as_a_retry(
    connect: Any, server: Server, slept: list[float]
) -> None:
    server.script = [
        refused(400, "Unknown parameter: store"),
        refused(500),
        refused(400, "Unsupported parameter: max_tokens"),
        answered,
    ]
    client = connect(OPENAI_BASE_URL="https://example.com/v1", OPENAI_API="chat", OPENAI_MAX_RETRIES="1")

    assert (client.ask(PROMPT, FIRST, soon()).text, len(server.requests)) == ("Take tram 28.", 4)
    assert len(slept) == 1


@pytest.mark.parametrize("retries", [0, 1, 2, 5])
@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (refused(500), UpstreamFailed),
        (refused(503), UpstreamFailed),
        (refused(409), UpstreamFailed),
        (httpx2.ReadError("cut"), UpstreamFailed),
        (httpx2.ConnectError("refused"), UpstreamUnreachable),
    ],
    ids=["500", "503", "409", "cut", "unreachable"],
)
def test_a_temporary_failure_is_retried_as_often_as_set(
    connect: Any, server: Server, slept: list[float], failure: Any, kind: type[Exception], retries: int
) -> None:
    server.script = [failure]

    with pytest.raises(kind):
        connect(OPENAI_MAX_RETRIES=str(retries)).ask(PROMPT, FIRST, soon(28))

    assert (len(server.requests), len(slept)) == (retries + 1, retries)
    assert all(0 < delay <= MAX_RETRY_DELAY for delay in slept)


def test_a_full_context_does_not_change_the_parameters(connect: Any, server: Server) -> None:
    # LiteLLM's message names max_tokens: recorded litellm/POST /v1/chat/completions/400-context-length.
    server.script = [refused(400, "input length and `max_tokens` exceed context limit: 1 + 2 > 2")]

    with pytest.raises(ContextLengthExceeded):
        connect(OPENAI_BASE_URL="https://m.example/v1", OPENAI_API="chat").ask(PROMPT, FIRST, soon())

    assert len(server.requests) == 1


@pytest.mark.parametrize("api", ["responses", "chat"])
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"object": "error", "code": 404, "message": "The model `x` does not exist."}, ModelUnavailable),
        ({"error": {"message": "Rate limit", "code": 429}}, UpstreamRateLimited),
        ({"error": {"message": "It broke."}}, UpstreamFailed),
    ],
    ids=["flat-model", "429", "plain"],
)
def test_an_error_inside_a_200_has_its_meaning(
    connect: Any, server: Server, api: str, body: dict[str, Any], kind: type[Exception]
) -> None:
    server.script = [lambda _: httpx2.Response(200, json=body)]

    with pytest.raises(kind) as raised:
        connect(OPENAI_API=api).ask(PROMPT, FIRST, soon())

    assert "answered 200 with an error" in str(raised.value)


@pytest.mark.parametrize(
    ("api", "code"), [("responses", "upstream_api_unsupported"), ("chat", "upstream_not_found")]
)
def test_lm_studio_answers_a_path_that_it_does_not_have_with_200(
    connect: Any, server: Server, api: str, code: str
) -> None:
    # lmstudio-bug-tracker issue 618.
    body = {"error": f"Unexpected endpoint or method. (POST /{api})"}
    server.script = [lambda _: httpx2.Response(200, json=body)]

    with pytest.raises(UpstreamError) as raised:
        connect(OPENAI_API=api, OPENAI_BASE_URL="http://localhost:1234").ask(PROMPT, FIRST, soon())

    assert raised.value.code == code


def test_a_server_without_the_path_verifies_nothing(connect: Any, server: Server) -> None:
    server.script = [
        lambda _: httpx2.Response(200, json={"error": "Unexpected endpoint or method. (GET /models)"})
    ]

    with pytest.raises(UpstreamNotFound):
        connect(OPENAI_BASE_URL="http://localhost:1234").verify(FIRST, soon())


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (refused(401), KeyRefused),
        (refused(429, headers={"retry-after": "1"}), UpstreamRateLimited),
        (refused(400), UpstreamFailed),
        (httpx2.ReadTimeout("slow"), UpstreamTimeout),
        (refused(503, headers={"retry-after": "2"}), UpstreamFailed),
        (
            lambda _: httpx2.Response(200, text="not json", headers={"content-type": "application/json"}),
            UpstreamFailed,
        ),
    ],
    ids=["401", "429", "400", "timeout", "503-long-retry-after", "no-json"],
)
def test_given_a_permanent_failure_then_there_is_no_other_try(
    connect: Any, server: Server, slept: list[float], failure: Any, kind: type[Exception]
) -> None:
    server.script = [failure]

    with pytest.raises(kind) as raised:
        connect().ask(PROMPT, FIRST, soon(28))

    assert (len(server.requests), slept, raised.value.__cause__) == (1, [], None)
    assert raised.value.__context__ is None


def test_given_little_time_then_a_failure_is_not_retried(
    connect: Any, server: Server, slept: list[float]
) -> None:
    server.script = [refused(500)]

    with pytest.raises(UpstreamFailed):
        connect().ask(PROMPT, FIRST, Deadline(0.9))

    assert (len(server.requests), slept) == (1, [])


def test_given_no_time_then_nothing_is_sent(connect: Any, server: Server) -> None:
    with pytest.raises(UpstreamTimeout):
        connect().ask(PROMPT, FIRST, Deadline(0))

    assert server.requests == []


@pytest.mark.parametrize(("seconds", "connecting"), [(20, 5.0), (3, 3.0)])
def test_each_wait_of_a_call_is_bounded_by_the_deadline(
    connect: Any, server: Server, seconds: float, connecting: float
) -> None:
    connect().ask(PROMPT, FIRST, Deadline(seconds))

    timeout = server.requests[0].extensions["timeout"]
    expected = {"connect": connecting, "read": seconds, "write": seconds, "pool": seconds}
    assert timeout == pytest.approx(expected, abs=0.5)


def test_a_redirect_is_not_followed_with_the_key(connect: Any, server: Server) -> None:
    server.script = [lambda _: httpx2.Response(307, headers={"location": "https://elsewhere.example/"})]

    with pytest.raises(UpstreamNotFound):
        connect().ask(PROMPT, FIRST, soon())

    assert len(server.requests) == 1


@pytest.mark.usefixtures("slept")
def test_a_closed_client_raises(connect: Any) -> None:
    client = connect()
    client.close()

    with pytest.raises(UpstreamFailed):
        client.ask(PROMPT, FIRST, soon())


@pytest.mark.parametrize(
    ("failure", "retries", "least", "most"),
    [
        (refusal(500), 0, 0.125, 0.25),
        (refusal(500), 1, 0.25, 0.5),
        (refusal(500), 2, 0.5, 1.0),
        (refusal(500), 4, 1.0, 1.0),
        (refusal(599), 0, 0.125, 0.25),
        (refusal(409), 0, 0.125, 0.25),
        (openai.APIConnectionError(request=REQUEST), 0, 0.125, 0.25),
        (refusal(503, headers={"retry-after": "1"}), 0, 1, 1),
        (refusal(503, headers={"retry-after-ms": "10"}), 0, 1, 1),
    ],
)
def test_delays_grow_and_are_random(failure: Exception, retries: int, least: float, most: float) -> None:
    delays = [retry_delay(failure, map_openai_error(failure), retries) for _ in range(50)]

    assert all(delay is not None and least <= delay <= most for delay in delays)
    assert least == most or len(set(delays)) > 1


@pytest.mark.parametrize(
    "failure",
    [
        refusal(400),
        refusal(401),
        refusal(404),
        refusal(422),
        refusal(429, headers={"retry-after": "1"}),
        refusal(503, headers={"retry-after": "2"}),
        openai.APITimeoutError(REQUEST),
        TimeoutError("the time is up"),
        ValueError("unreadable"),
    ],
    ids=["400", "401", "404", "422", "429", "503-later", "timeout", "deadline", "unreadable"],
)
def test_there_is_no_delay_where_another_try_cannot_help(failure: Exception) -> None:
    assert retry_delay(failure, map_openai_error(failure), 0) is None


@pytest.mark.parametrize(
    ("base_url", "surcharges"),
    [
        ("https://api.openai.com/v1", ()),
        ("https://eu.api.openai.com/v1", ("openai-region",)),
        ("https://llm.example.com/v1", ()),
    ],
)
def test_a_regional_server_of_openais_costs_more(
    connect: Any, base_url: str, surcharges: tuple[str, ...]
) -> None:
    meter = Mock()

    connect(OPENAI_BASE_URL=base_url).ask(PROMPT, FIRST, soon(), meter)

    (request,) = meter.reserve.call_args.args
    assert request.surcharges == surcharges
