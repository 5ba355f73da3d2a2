"""What a reasoning model thinks before it answers, where a server leaves that in the text."""

import re
from typing import Final

# <think>: DeepSeek-R1, Qwen3 and most others (vLLM documentation, "Reasoning Outputs"; SGLang documentation,
# "Separate reasoning"). [THINK]: Magistral, in the same list. <thinking>: assumed.
_OPENING: Final = re.compile(r"\s*(?:<(think|thinking)(?:\s[^<>]*)?>|\[(think)\])", re.IGNORECASE)
_CLOSING: Final = {
    "think": re.compile(r"</think\s*>|\[/think\]", re.IGNORECASE),
    "thinking": re.compile(r"</thinking\s*>", re.IGNORECASE),
}
# The chat template of DeepSeek-R1 writes the opening tag into the prompt, so that the text has the
# closing one alone (SGLang documentation, "Separate reasoning": "No <think> start tag"). It ends its line.
_CLOSING_ALONE: Final = re.compile(r"</think(?:ing)?\s*>[^\S\n]*(?=\n|\Z)", re.IGNORECASE)
_ANY_OPENING: Final = re.compile(r"<think(?:ing)?\b|\[think\]", re.IGNORECASE)


def answer_start(text: str) -> int | None:
    """Return where the answer begins, after the reasoning blocks that come before it.

    A tag later in the text belongs to the answer. The text may be what a stream has brought so far: while the
    result is None, nothing of it is for the traveller yet.

    Args:
        text: what the model wrote, from its beginning.

    Returns:
        The index of the answer; None where a block is open, as after a cut by the output cap.
    """
    start = 0
    while opening := _OPENING.match(text, start):
        name = (opening[1] or opening[2]).lower()
        closing = _CLOSING[name].search(text, opening.end())
        if closing is None:
            return None
        start = closing.end()
    if (
        start == 0
        and (alone := _CLOSING_ALONE.search(text))
        and not _ANY_OPENING.search(text, 0, alone.start())
    ):
        return alone.end()
    return start


def without_reasoning(text: str) -> str:
    """Return the answer in a whole text of a model; empty where there is none."""
    start = answer_start(text)
    return "" if start is None else text[start:]
