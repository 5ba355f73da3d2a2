"""What a reasoning model thinks before it answers, where a server leaves that in the text."""

import re
from typing import Final

# <think>: DeepSeek-R1, Qwen3 and most others; ◁think▷: Kimi K2 (SGLang documentation, "Separate reasoning").
# [THINK]: Magistral; <seed:think>: Seed-OSS (vLLM documentation, "Reasoning Outputs"). <thinking>: assumed.
_OPENING: Final = re.compile(
    r"\s*(?:<(?P<angle>think|thinking|seed:think)(?:\s[^<>]*)?>|\[(?P<square>think)\]|◁(?P<other>think)▷)",
    re.IGNORECASE,
)
_CLOSING: Final = {"angle": r"</{}\s*>", "square": r"\[/{}\]", "other": r"◁/{}▷"}

# The chat template of DeepSeek-R1 writes the opening tag into the prompt, so that the text has the
# closing one alone (SGLang documentation, "Separate reasoning": "No <think> start tag"). A tag in quotes
# belongs to the answer.
_CLOSING_ALONE: Final = re.compile(
    r"(?<![`'\"“‘«])(?:</(?:think|thinking|seed:think)\s*>|\[/think\]|◁/think▷)", re.IGNORECASE
)
_ANY_OPENING: Final = re.compile(r"<(?:think|thinking|seed:think)\b|\[think\]|◁think▷", re.IGNORECASE)

# A model may begin with a remark and think then. In the middle of a line, a tag belongs to the answer.
_LATER: Final = re.compile(
    r"^[ \t]*(?:<(think|thinking|seed:think)(?:\s[^<>]*)?>.*?(?:</\1\s*>|\Z)"
    r"|\[think\].*?(?:\[/think\]|\Z)|◁think▷.*?(?:◁/think▷|\Z))",
    re.IGNORECASE | re.MULTILINE | re.DOTALL,
)


def answer_start(text: str) -> int | None:
    """Return where the answer begins, after the reasoning blocks that come before it.

    Blocks later in the text are not looked for. The text may be what a stream has brought so far: while
    the result is None, nothing of it is for the traveller yet.

    Args:
        text: what the model wrote, from its beginning.

    Returns:
        The index of the answer; None where a block is open, as after a cut by the output cap.
    """
    start = 0
    while opening := _OPENING.match(text, start):
        kind = opening.lastgroup or ""
        closing = re.compile(_CLOSING[kind].format(re.escape(opening[kind])), re.IGNORECASE)
        if (end := closing.search(text, opening.end())) is None:
            return None
        start = end.end()
    alone = _CLOSING_ALONE.search(text, start)
    if start == 0 and alone is not None and not _ANY_OPENING.search(text, 0, alone.start()):
        return alone.end()
    return start


def without_reasoning(text: str) -> str:
    """Return the answer in a whole text of a model, without blocks that begin a line; empty for none."""
    start = answer_start(text)
    return "" if start is None else _LATER.sub("", text[start:])
