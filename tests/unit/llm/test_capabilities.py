"""A parameter is left out once a server refused it by name, and for no other failure."""

from typing import Any

import httpx2
import openai
import pytest

from tests.unit.llm.sdk import REQUEST, of_response, refusal
from travel_gpt.llm.capabilities import ServerCapabilities

MAX_COMPLETION_TOKENS, MAX_TOKENS = "max_completion_tokens", "max_tokens"


def of_body(status: int, body: Any) -> openai.APIStatusError:
    return of_response(httpx2.Response(status, json=body))


def test_openai_gets_every_parameter() -> None:
    capabilities = ServerCapabilities(at_openai=True)

    assert capabilities.reasoning
    assert capabilities.store
    assert capabilities.output_cap == MAX_COMPLETION_TOKENS


def test_another_server_gets_no_reasoning_effort() -> None:
    capabilities = ServerCapabilities(at_openai=False)

    assert not capabilities.reasoning
    assert capabilities.store
    assert capabilities.output_cap == MAX_TOKENS


@pytest.mark.parametrize(
    "failure",
    [
        refusal(400, "Unrecognized request argument supplied: store"),
        refusal(422, "property 'store' is unsupported"),
        of_body(422, {"detail": [{"loc": ["body", "store"], "msg": "Extra inputs are not permitted"}]}),
        of_body(
            400, [{"error": {"message": 'Invalid JSON payload. Unknown name "store": Cannot find field.'}}]
        ),
        of_response(httpx2.Response(400, text="STORE is not known here")),
    ],
    ids=["mistral", "groq", "vllm", "gemini", "text"],
)
def test_given_a_server_that_refuses_a_parameter_by_name_then_it_is_left_out(
    failure: openai.APIStatusError,
) -> None:
    capabilities = ServerCapabilities(at_openai=False)

    assert capabilities.learn(failure)

    assert not capabilities.store
    assert capabilities.output_cap == MAX_TOKENS, "and nothing else has changed"
    assert not capabilities.learn(failure), (
        "the same refusal again changes nothing, so there is no endless loop"
    )


def test_given_openais_model_without_reasoning_then_the_effort_is_left_out() -> None:
    capabilities = ServerCapabilities(at_openai=True)

    assert capabilities.learn(refusal(400, "Unsupported parameter: 'reasoning.effort' is not supported."))

    assert not capabilities.reasoning
    assert capabilities.store


def test_store_false_is_always_sent_to_openai() -> None:
    # OpenAI accepts the parameter. A refusal that quotes a traveller's "store" must not have queries kept.
    capabilities = ServerCapabilities(at_openai=True)

    assert not capabilities.learn(refusal(400, "Invalid input: 'a grocery store in Rome'"))

    assert capabilities.store


@pytest.mark.parametrize(
    ("at_openai", "refused", "then"),
    [(True, MAX_COMPLETION_TOKENS, MAX_TOKENS), (False, MAX_TOKENS, MAX_COMPLETION_TOKENS)],
)
def test_given_the_wrong_name_for_the_cap_then_the_other_is_used_and_one_is_always_sent(
    at_openai: bool, refused: str, then: str
) -> None:
    capabilities = ServerCapabilities(at_openai=at_openai)

    assert capabilities.learn(refusal(400, f"Unsupported parameter: '{refused}' is not supported."))
    assert capabilities.output_cap == then

    assert not capabilities.learn(refusal(400, f"Unsupported parameter: '{then}' is not supported."))
    assert capabilities.output_cap == then


def test_several_refused_parameters_are_left_out_one_by_one() -> None:
    capabilities = ServerCapabilities(at_openai=False)

    assert capabilities.learn(refusal(400, "store is unknown, and so is max_tokens"))
    assert (capabilities.store, capabilities.output_cap) == (False, MAX_TOKENS)
    assert capabilities.learn(refusal(400, "store is unknown, and so is max_tokens"))
    assert capabilities.output_cap == MAX_COMPLETION_TOKENS


@pytest.mark.parametrize(
    "failure",
    [
        refusal(400, "Invalid 'input'."),
        refusal(401, "store"),
        refusal(403, "store"),
        refusal(404, "store"),
        refusal(429, "store"),
        refusal(500, "could not store"),
        of_response(httpx2.Response(400)),
        openai.APIConnectionError(message="store", request=REQUEST),
        TimeoutError("store"),
    ],
    ids=["400-of-another", "401", "403", "404", "429", "500", "400-without-body", "connection", "timeout"],
)
def test_given_any_other_failure_then_nothing_is_left_out(failure: Exception) -> None:
    capabilities = ServerCapabilities(at_openai=False)

    assert not capabilities.learn(failure)

    assert capabilities.store
    assert capabilities.output_cap == MAX_TOKENS


def test_the_refusal_of_one_server_does_not_affect_another() -> None:
    first, second = ServerCapabilities(at_openai=False), ServerCapabilities(at_openai=False)
    first.learn(refusal(400, "store"))

    assert second.store
