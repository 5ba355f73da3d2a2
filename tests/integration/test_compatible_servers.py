"""Third-party servers that speak both of OpenAI's APIs: LiteLLM, and one made with fastapi-openai-compat."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.fakes.compatible.servers import CompatibleServer, litellm, toolkit
from tests.fakes.openai import ANY, Behaviour, FakeOpenAI, behaviours
from tests.integration.conftest import KEY, Deployment, Reply, proxy_event
from tests.support.trip_replies import trip_but
from travel_gpt.credentials.secret import Credential, Key
from travel_gpt.deadline import Deadline
from travel_gpt.llm.client import ModelClient
from travel_gpt.llm.model_api import Answer, Prompt
from travel_gpt.llm.streaming import StreamControl
from travel_gpt.settings import Settings

Deploy = Callable[..., Deployment]
Lines = Callable[[], list[dict[str, Any]]]

both_apis = pytest.mark.parametrize("api", ["responses", "chat"])


@pytest.fixture(scope="module")
def behind() -> Iterator[FakeOpenAI]:
    """The server that LiteLLM forwards to."""
    with FakeOpenAI(strict=False) as server:
        yield server


@pytest.fixture(scope="module")
def servers(
    behind: FakeOpenAI, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, CompatibleServer]]:
    """Both servers, once for all tests here."""
    folder = tmp_path_factory.mktemp("compatible")
    with (
        toolkit(folder, key=KEY) as simple,
        litellm(folder, key=KEY, upstream=behind.base_url) as proxy,
    ):
        yield {"litellm": proxy, "toolkit": simple}


@pytest.fixture(params=["litellm", "toolkit"])
def server(request: pytest.FixtureRequest, servers: dict[str, CompatibleServer]) -> CompatibleServer:
    return servers[str(request.param)]


def ask(deploy: Deploy, server: CompatibleServer, api: str, model: str, *, prefix: str = "") -> Reply:
    deployment = deploy(
        OPENAI_BASE_URL=f"{server.url}{prefix}/v1", OPENAI_API=api, OPENAI_MODEL=model, OPENAI_MAX_RETRIES="0"
    )
    return deployment.post("A day in Lisbon?")


@both_apis
def test_it_answers(deploy: Deploy, server: CompatibleServer, api: str) -> None:
    reply = ask(deploy, server, api, "travel")

    assert (reply.status, reply.body.get("answer")) == (200, "Take tram 28."), reply.raw
    assert reply.body["model"] == "travel"


@both_apis
def test_what_a_model_thought_stays_there(deploy: Deploy, server: CompatibleServer, api: str) -> None:
    assert ask(deploy, server, api, "reasoning").body.get("answer") == "Take tram 28."


# LiteLLM's mock_response has no stream of the Responses API: it answers 500.
@pytest.mark.parametrize(
    ("name", "api"), [("toolkit", "responses"), ("toolkit", "chat"), ("litellm", "chat")]
)
@pytest.mark.parametrize("model", ["travel", "reasoning"])
def test_it_streams(servers: dict[str, CompatibleServer], name: str, api: str, model: str) -> None:
    base_url = f"{servers[name].url}/v1"
    client = ModelClient(
        Settings.load({"OPENAI_BASE_URL": base_url, "OPENAI_API": api, "OPENAI_MODEL": model})
    )
    credential = Credential(Key(KEY), source="environment")

    *pieces, answer = client.stream(Prompt("Be brief.", "Lisbon?"), credential, Deadline(10), StreamControl())
    client.close()

    assert isinstance(answer, Answer)
    assert "".join(map(str, pieces)) == answer.text == "Take tram 28."


@both_apis
def test_an_unknown_model_is_named_so(deploy: Deploy, server: CompatibleServer, api: str) -> None:
    reply = ask(deploy, server, api, "llama-nope")

    assert (reply.status, reply.body["code"]) == (502, "model_unavailable"), reply.raw


@both_apis
def test_another_key_is_refused(deploy: Deploy, server: CompatibleServer, api: str, lines: Lines) -> None:
    # The key before it, which is good, does not serve here.
    deployment = deploy(
        OPENAI_BASE_URL=f"{server.url}/v1",
        OPENAI_API=api,
        OPENAI_MODEL="travel",
        CREDENTIAL_PREVIOUS_SECONDS="0",
    )
    deployment.put_secret("sk-another-canary-0123456789abcdef")

    reply = deployment.post()
    verified = deployment.get(verify=True)

    assert (reply.status, reply.body["code"]) == (502, "credential_rejected"), reply.raw
    assert (verified.status, verified.body["code"]) == (503, "credential_rejected"), verified.raw
    assert "canary" not in reply.raw + verified.raw + str(lines())


def test_a_valid_key_is_verified(deploy: Deploy, server: CompatibleServer) -> None:
    assert deploy(OPENAI_BASE_URL=f"{server.url}/v1", OPENAI_MODEL="travel").get(verify=True).status == 200


@pytest.mark.parametrize(
    ("model", "status", "code"),
    [
        ("limited", 429, "upstream_rate_limited"),
        ("full", 422, "context_length_exceeded"),
        ("broken", 502, "upstream_error"),
    ],
)
def test_its_own_faults_on_chat(
    deploy: Deploy, server: CompatibleServer, model: str, status: int, code: str
) -> None:
    reply = ask(deploy, server, "chat", model)

    assert (reply.status, reply.body["code"]) == (status, code), reply.raw


@pytest.mark.parametrize(
    ("model", "status", "code"),
    [
        ("limited", 429, "upstream_rate_limited"),
        ("full", 422, "context_length_exceeded"),
        ("broken", 502, "upstream_error"),
        ("spent", 503, "quota_exhausted"),
    ],
)
def test_faults_wrapped_in_detail_on_responses(
    deploy: Deploy, servers: dict[str, CompatibleServer], model: str, status: int, code: str
) -> None:
    reply = ask(deploy, servers["toolkit"], "responses", model)

    assert (reply.status, reply.body["code"]) == (status, code), reply.raw


FORWARDED: list[tuple[str, Behaviour, int, str]] = [
    ("quota", behaviours.out_of_quota(), 503, "quota_exhausted"),
    ("rate-limit", behaviours.rate_limited(7), 429, "upstream_rate_limited"),
    ("too-large", behaviours.request_too_large(), 422, "request_too_large"),
    ("context", behaviours.context_length(), 422, "context_length_exceeded"),
    ("model", behaviours.unknown_model(), 502, "model_unavailable"),
    ("its-own-key", behaviours.reject_key(), 502, "credential_rejected"),
    ("500", behaviours.server_error(), 502, "upstream_error"),
]


@both_apis
@pytest.mark.parametrize(
    ("fault", "status", "code"), [row[1:] for row in FORWARDED], ids=[row[0] for row in FORWARDED]
)
def test_what_litellm_forwards_keeps_its_meaning(
    deploy: Deploy,
    servers: dict[str, CompatibleServer],
    behind: FakeOpenAI,
    lines: Lines,
    api: str,
    fault: Behaviour,
    status: int,
    code: str,
) -> None:
    behind.forget()
    behind.default(ANY, fault)

    reply = ask(deploy, servers["litellm"], api, "forwarded")

    assert (reply.status, reply.body["code"]) == (status, code), (reply.raw, lines()[-1].get("detail"))
    assert behind.calls, "LiteLLM asked the other server"


@both_apis
def test_a_trip_comes_through_litellm(
    deploy: Deploy, servers: dict[str, CompatibleServer], behind: FakeOpenAI, api: str
) -> None:
    behind.forget()
    behind.default(ANY, trip_but())
    base_url = f"{servers['litellm'].url}/v1"
    deployment = deploy(OPENAI_BASE_URL=base_url, OPENAI_API=api, OPENAI_MODEL="forwarded")
    asked = {"query": "Lisbon and Porto", "format": "itinerary"}

    reply = deployment.send(proxy_event("POST", json.dumps(asked)))
    deployment.api._adviser.close()

    assert reply.status == 200, reply.raw
    assert reply.body["checks"]["verified"], reply.raw
    assert all("trip_" in json.dumps(call.body) for call in behind.calls), "it forwards the schema"


@both_apis
def test_a_server_that_writes_no_trip_is_named_so(
    deploy: Deploy, servers: dict[str, CompatibleServer], api: str
) -> None:
    deployment = deploy(OPENAI_BASE_URL=f"{servers['toolkit'].url}/v1", OPENAI_API=api, OPENAI_MODEL="travel")

    reply = deployment.send(proxy_event("POST", json.dumps({"query": "Lisbon", "format": "itinerary"})))
    deployment.api._adviser.close()

    assert (reply.status, reply.body["code"]) == (502, "invalid_itinerary"), reply.raw


def test_litellms_own_credential_is_not_ours(
    deploy: Deploy, servers: dict[str, CompatibleServer], behind: FakeOpenAI
) -> None:
    behind.forget()
    behind.default(ANY, behaviours.reject_key())
    deployment = deploy(
        OPENAI_BASE_URL=f"{servers['litellm'].url}/v1", OPENAI_API="chat", OPENAI_MODEL="forwarded"
    )

    assert "its own credential" in deployment.post().body["message"]
    assert deployment.fetches == 1, "another version of our key would be no better"


def test_a_chat_only_server_is_recognised(deploy: Deploy, servers: dict[str, CompatibleServer]) -> None:
    reply = ask(deploy, servers["toolkit"], "responses", "travel", prefix="/chat-only")
    assert (reply.status, reply.body["code"]) == (502, "upstream_api_unsupported"), reply.raw
    assert "OPENAI_API=chat" in reply.body["message"]

    assert ask(deploy, servers["toolkit"], "chat", "travel", prefix="/chat-only").status == 200


@both_apis
def test_a_wrong_base_url_is_named(deploy: Deploy, server: CompatibleServer, api: str) -> None:
    reply = ask(deploy, server, api, "travel", prefix="/wrong")

    expected = {"responses": "upstream_api_unsupported", "chat": "upstream_not_found"}[api]
    assert (reply.status, reply.body["code"]) == (502, expected), reply.raw
    assert "OPENAI_BASE_URL" in reply.body["message"]
