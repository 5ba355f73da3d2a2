"""What a server does not take is left out; what a model writes before its answer is removed."""

from typing import Any

import httpx2
import openai
import pytest
from hypothesis import given, strategies as st

from tests.fakes.openai import bodies
from tests.unit.llm.sdk import REQUEST, of_response, refusal
from travel_gpt.errors import UpstreamFailed
from travel_gpt.llm.capabilities import ServerCapabilities
from travel_gpt.llm.client import MODEL_APIS
from travel_gpt.llm.reasoning import ReasoningFilter, without_reasoning

MAX_COMPLETION_TOKENS, MAX_TOKENS = "max_completion_tokens", "max_tokens"


def of_body(status: int, body: Any) -> openai.APIStatusError:
    return of_response(httpx2.Response(status, json=body))


@pytest.mark.parametrize(("at_openai", "cap"), [(True, MAX_COMPLETION_TOKENS), (False, MAX_TOKENS)])
def test_openai_gets_every_parameter_and_another_server_no_reasoning_effort(
    at_openai: bool, cap: str
) -> None:
    capabilities = ServerCapabilities(at_openai=at_openai)

    assert (capabilities.reasoning, capabilities.store, capabilities.output_cap) == (at_openai, True, cap)


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

    assert (capabilities.store, capabilities.output_cap) == (False, MAX_TOKENS), "nothing else has changed"
    assert not capabilities.learn(failure), (
        "the same refusal again changes nothing, so there is no endless loop"
    )


def test_given_openais_model_without_reasoning_then_the_effort_is_left_out() -> None:
    capabilities = ServerCapabilities(at_openai=True)

    assert capabilities.learn(refusal(400, "Unsupported parameter: 'reasoning.effort' is not supported."))

    assert (capabilities.reasoning, capabilities.store) == (False, True)


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

    assert (capabilities.store, capabilities.output_cap) == (True, MAX_TOKENS)


STRIPPED = [
    ("<think>A tram or a bus?</think>Take tram 28.", "Take tram 28."),
    ("<think>\nA tram?\n</think>\n\nTake tram 28.", "\n\nTake tram 28."),
    (f"<think>{'A tram or a bus? ' * 9}</think>Take tram 28.", "Take tram 28."),
    ("\n <think></think>Take tram 28.", "Take tram 28."),
    ("<think>a</think>\n<think>b</think>Take tram 28.", "Take tram 28."),
    ("<THINK>a</THINK>Take tram 28.", "Take tram 28."),
    ('<think effort="low">a</think >Take tram 28.', "Take tram 28."),
    ("<thinking>is </think> a tag?</thinking>Take tram 28.", "Take tram 28."),
    ("[THINK]a[/THINK]Take tram 28.", "Take tram 28."),
    ("◁think▷a◁/think▷Take tram 28.", "Take tram 28."),
    ("<seed:think>is </think> a tag?</seed:think>Take tram 28.", "Take tram 28."),
    ("I could say a tram.</think>Take tram 28.", "Take tram 28."),
    ("I could say a tram.[/THINK] Take tram 28.", " Take tram 28."),
    ("I could say a tram.\n</think>\n\nTake tram 28.", "\n\nTake tram 28."),
    ("I could say a tram.</think>\nTake tram 28.", "\nTake tram 28."),
    ("Sure!\n<think>A tram?\nA bus?</think>\nTake tram 28.", "Sure!\n\nTake tram 28."),
    ("Sure!\n\n[THINK]a[/THINK]Take tram 28.", "Sure!\n\nTake tram 28."),
    ("Take tram 28.\n<think>Or a bus, cut by the cap", "Take tram 28.\n"),
]
NOTHING_LEFT = [
    "<think>A tram or a bus, or perhaps",
    "<think>",
    "<think>a</think>",
    "<think>a</think><think>b",
    "  <think>a</think> \n ",
    "Only thoughts.</think>",
    "<thinking>a</think>",
]
LEFT_ALONE = [
    "Take tram 28.",
    "Models write <think>…</think> before an answer.",
    "Models write <think> and\n</think>\nbefore an answer.",
    "The tag `</think>` closes it.",
    'The tag "</think>" closes it.',
    "<thinker> is a statue in Paris.",
    "<b>Tram</b> 28.",
    "I think</a>",
    "",
]


@pytest.mark.parametrize(("text", "answer"), STRIPPED)
def test_reasoning_is_removed(text: str, answer: str) -> None:
    assert without_reasoning(text) == answer


@pytest.mark.parametrize("text", NOTHING_LEFT)
def test_given_only_reasoning_then_nothing_is_left(text: str) -> None:
    assert without_reasoning(text).strip() == ""


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_a_tag_that_the_answer_mentions_stays(text: str) -> None:
    assert without_reasoning(text) == text


@given(st.text(st.sampled_from("ab \n<>/"), max_size=20), st.text(st.sampled_from("ab \n.>"), max_size=20))
def test_any_reasoning_is_removed_from_any_answer(reasoning: str, answer: str) -> None:
    assert without_reasoning(f"<think>{reasoning}</think>{answer}") == answer


TAGS = ["<think>", "</think>", "<think ", "[THINK]", "[/think]", "◁think▷", "◁/think▷", "<thin", "k>", "er>"]


@given(
    st.lists(st.sampled_from([*TAGS, "\n", " ", "\t", "`", "<", "[", "Take", " tram"]), max_size=9),
    st.lists(st.integers(1, 9), min_size=40, max_size=40),
)
def test_the_answer_is_the_same_however_the_text_is_cut_in_pieces(parts: list[str], sizes: list[int]) -> None:
    text = "".join(parts)
    reasoning, rest, answer = ReasoningFilter(), text, ""
    for size in (*sizes, len(text)):
        answer += reasoning.feed(rest[:size])
        rest = rest[size:]

    assert answer + reasoning.end() == without_reasoning(text)


@pytest.mark.parametrize(
    ("text", "returned"),
    [
        ("Take tram", "Take tram"),
        (" \n ", ""),
        ("<think>A tram?", ""),
        ("<think>A tram?</think>Ta", "Ta"),
        ("Take\n", "Take\n"),
        ("Take\n <thi", "Take\n"),
        ("Take\n <thin>", "Take\n <thin>"),
        ("Take <thi", "Take <thi"),
    ],
)
def test_no_more_is_held_back_than_may_be_reasoning(text: str, returned: str) -> None:
    assert ReasoningFilter(ServerCapabilities(at_openai=False)).feed(text) == returned


both_apis = pytest.mark.parametrize(
    ("api", "document"), [("responses", bodies.response), ("chat", bodies.completion)]
)


@both_apis
@pytest.mark.parametrize(("text", "answer"), STRIPPED)
def test_reasoning_is_removed_from_a_document(api: str, document: Any, text: str, answer: str) -> None:
    assert MODEL_APIS[api].read(document({}, text), "qwen3").text == answer.strip()


@both_apis
@pytest.mark.parametrize("text", NOTHING_LEFT)
def test_only_reasoning_is_an_error_and_not_an_empty_answer(api: str, document: Any, text: str) -> None:
    with pytest.raises(UpstreamFailed, match="no text"):
        MODEL_APIS[api].read(document({}, text), "qwen3")


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning", "thinking"])
def test_reasoning_in_other_fields_is_ignored(field: str) -> None:
    # Recorded: ollama/POST /v1/chat/completions/text has message.reasoning.
    document = bodies.completion({}, "Take tram 28.")
    document["choices"][0]["message"][field] = "A tram or a bus?"
    assert MODEL_APIS["chat"].read(document, "qwen3").text == "Take tram 28."

    document["choices"][0]["message"]["content"] = ""
    with pytest.raises(UpstreamFailed, match="no text"):
        MODEL_APIS["chat"].read(document, "qwen3")


def test_each_message_of_a_response_may_begin_with_reasoning() -> None:
    document = bodies.response({}, "<think>a</think>Take ")
    second = bodies.response({}, "<think>b</think>tram 28.")
    document["output"] += second["output"]

    assert MODEL_APIS["responses"].read(document, "qwen3").text == "Take tram 28."
