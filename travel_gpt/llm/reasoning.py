"""Removal of a model's reasoning from its text, where a server leaves it there between tags."""

import re
from typing import Final

from travel_gpt.errors import UpstreamFailed
from travel_gpt.llm.capabilities import ServerCapabilities

# <think>: DeepSeek-R1, Qwen3 and most others; ◁think▷: Kimi K2 (SGLang documentation, "Separate reasoning").
# [THINK]: Magistral; <seed:think>: Seed-OSS (vLLM documentation, "Reasoning Outputs"). <thinking>: assumed.
_NAMES: Final = "think|thinking|seed:think"
_TAG: Final = rf"(?:<(?P<angle>{_NAMES})(?:\s[^<>]*)?>|\[(?P<square>think)\]|◁(?P<triangle>think)▷)"
_CLOSING: Final = {"angle": r"</{}\s*>", "square": r"\[/{}\]", "triangle": r"◁/{}▷"}
# What may become a tag when more of the text arrives.
_STARTED: Final = "|".join(
    [rf"<(?:{_NAMES})\s[^<>]*"]
    + [
        re.escape(tag[:length])
        for tag in ("<thinking", "<seed:think", "[think", "◁think")
        for length in range(1, len(tag) + 1)
    ]
)

_FIRST: Final = re.compile(rf"\s*{_TAG}", re.IGNORECASE)
_FIRST_STARTED: Final = re.compile(rf"\s*(?:{_STARTED})?\Z", re.IGNORECASE)
# A model may begin with a remark and reason then. In the middle of a line, a tag belongs to the answer.
_LATER: Final = re.compile(rf"^[ \t]*{_TAG}", re.IGNORECASE | re.MULTILINE)
_LATER_STARTED: Final = re.compile(rf"^[ \t]*(?:{_STARTED})?\Z", re.IGNORECASE | re.MULTILINE)

# The chat template of DeepSeek-R1 writes the opening tag into the prompt, so that the text has the
# closing one alone (SGLang documentation, "Separate reasoning": "No <think> start tag"). A tag in quotes
# belongs to the answer.
_CLOSING_ALONE: Final = re.compile(
    rf"(?<![`'\"“‘«])(?:</(?:{_NAMES})\s*>|\[/think\]|◁/think▷)", re.IGNORECASE
)
_ANY_OPENING: Final = re.compile(rf"<(?:{_NAMES})[\s>]|\[think\]|◁think▷", re.IGNORECASE)

_LONGEST_TAG: Final = 64
"""Characters of the text before that are searched again with what follows, for a tag that was split."""


class ReasoningFilter:
    """Returns the answer in a text that arrives in pieces.

    Args:
        capabilities: those of the server and its model. None holds the text back until the end, since
            reasoning without an opening tag is only known by its closing tag.
    """

    def __init__(self, capabilities: ServerCapabilities | None = None) -> None:
        self._capabilities = capabilities
        self._holds_all = capabilities is None or capabilities.unopened_reasoning
        self._tagged = False
        self._recent = ""
        self._held = ""
        self._before = ""
        """The character before what is held; empty before the answer begins."""
        self._closing: re.Pattern[str] | None = None

    def feed(self, piece: str) -> str:
        """Take the next piece of the text, and return what more of the answer is certain.

        Raises:
            UpstreamFailed: what was returned so far was reasoning. It is held back in later answers.
        """
        self._held += piece
        if not self._tagged:
            self._find_first_tag(piece)
            if self._holds_all and not self._tagged:
                return ""
        answer = ""
        while (part := self._next_part()) is not None:
            answer += part
        return answer

    def end(self) -> str:
        """Return what was held back, at the end of the text."""
        self._tagged = True
        answer = self.feed("")
        return answer if self._closing else answer + self._held

    def _find_first_tag(self, piece: str) -> None:
        self._recent = (self._recent + piece)[-len(piece) - _LONGEST_TAG :]
        alone = _CLOSING_ALONE.search(self._recent)
        if _ANY_OPENING.search(self._recent, 0, alone.start() if alone else len(self._recent)):
            self._tagged = True
        elif alone:
            self._tagged = True
            if self._capabilities and not self._holds_all:
                self._capabilities.unopened_reasoning = True
                raise UpstreamFailed("the answer began with reasoning without an opening tag")
            self._held = self._held[len(self._held) - len(self._recent) + alone.end() :]

    def _next_part(self) -> str | None:
        """Return the answer up to the next tag; None where more of the text is needed."""
        if self._closing:
            if (closing := self._closing.search(self._held)) is None:
                self._held = self._held[-_LONGEST_TAG:]
                return None
            self._held, self._closing = self._held[closing.end() :], None
        if not self._before:
            return self._begin()
        text = self._before + self._held
        if opening := _LATER.search(text, 1):
            return self._open(opening, text[1 : opening.start()], before=">")
        started = _LATER_STARTED.search(text, 1)
        end = started.start() if started else len(text)
        self._held, self._before = text[end:], text[end - 1]
        return text[1:end] or None

    def _begin(self) -> str | None:
        if opening := _FIRST.match(self._held):
            return self._open(opening, "", before="")
        if _FIRST_STARTED.match(self._held):
            return None
        # No tag can be at the place where the answer begins: it would have been found.
        self._before = ">"
        return ""

    def _open(self, opening: re.Match[str], answer: str, *, before: str) -> str:
        kind = opening.lastgroup or ""
        self._closing = re.compile(_CLOSING[kind].format(re.escape(opening[kind])), re.IGNORECASE)
        self._held, self._before = opening.string[opening.end() :], before
        return answer


def without_reasoning(text: str) -> str:
    """Return the answer in a whole text of a model; empty for none."""
    reasoning = ReasoningFilter()
    return reasoning.feed(text) + reasoning.end()
