"""The reasoning of a model is removed from its text."""

import pytest
from hypothesis import given, strategies as st

from tests.fakes.openai import bodies
from travel_gpt.errors import UpstreamFailed
from travel_gpt.llm.capabilities import ServerCapabilities
from travel_gpt.llm.client import MODEL_APIS
from travel_gpt.llm.reasoning import ReasoningFilter, without_reasoning

STRIPPED = [
    ("<think>A tram or a bus?</think>Take tram 28.", "Take tram 28."),
    ("<think>\nA tram?\n</think>\n\nTake tram 28.", "\n\nTake tram 28."),
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


@pytest.mark.parametrize(("text", "answer"), STRIPPED)
def test_on_chat(text: str, answer: str) -> None:
    assert MODEL_APIS["chat"].read(bodies.completion({}, text), "qwen3").text == answer.strip()


@pytest.mark.parametrize(("text", "answer"), STRIPPED)
def test_on_responses(text: str, answer: str) -> None:
    assert MODEL_APIS["responses"].read(bodies.response({}, text), "qwen3").text == answer.strip()


@pytest.mark.parametrize("text", NOTHING_LEFT)
def test_only_reasoning_is_an_error_and_not_an_empty_answer(text: str) -> None:
    for document, api in ((bodies.completion({}, text), "chat"), (bodies.response({}, text), "responses")):
        with pytest.raises(UpstreamFailed, match="no text"):
            MODEL_APIS[api].read(document, "qwen3")


def test_an_error_for_reasoning_that_used_up_the_cap_names_the_setting() -> None:
    with pytest.raises(UpstreamFailed, match="raise OPENAI_MAX_OUTPUT_TOKENS") as cut:
        MODEL_APIS["chat"].read(bodies.completion({}, "<think>A tram", finish="length"), "qwen3")

    assert "try again" not in cut.value.message.lower()


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
