"""Streams that arrive in untidy chunks: cut at every byte, and characters that two events share."""

import json
from typing import Any

import pytest

from tests.unit.doubles import FIRST, FIRST_KEY, soon
from tests.unit.llm.sdk import PROMPT, Server, model_client
from tests.unit.llm.test_streaming import both_apis, reply
from travel_gpt.llm.model_api import Answer
from travel_gpt.llm.streaming import StreamControl

MOUNTAIN = "\U0001f3d4"
HIGH, LOW = "\ud83c", "\udfd4"
# Two-byte, three-byte and four-byte characters, escapes of JSON, and a key over three events.
TEXTS = (
    "Graça",
    ' "28"\\\n',
    f" {MOUNTAIN} 京",
    f"都 {FIRST_KEY[:9]}",
    FIRST_KEY[9:20],
    f"{FIRST_KEY[20:]}.",
)
ANSWER = "".join(TEXTS).replace(FIRST_KEY, "[redacted]")


def sent(api: str, *texts: str, escaped: bool) -> bytes:
    """Return a short stream; ``escaped`` has only ASCII, and surrogate pairs as two escapes."""
    events: list[Any]
    if api == "responses":
        events = [{"type": "response.output_text.delta", "delta": text} for text in texts]
        events.append({"type": "response.completed", "response": {"model": "m", "status": "completed"}})
    else:
        events = [{"choices": [{"delta": {"content": text}}]} for text in texts]
        events.append({"choices": [{"delta": {}, "finish_reason": "stop"}]})
    return b"".join(f"data: {json.dumps(each, ensure_ascii=escaped)}\n\n".encode() for each in events)


class Reader:
    """A client whose server sends what the test gives it."""

    def __init__(self, api: str) -> None:
        self._chunks: list[bytes] = []
        self._client = model_client(Server(lambda _: reply(self._chunks)), OPENAI_API=api)

    def read(self, *chunks: bytes) -> list[str]:
        self._chunks = list(chunks)
        *pieces, answer = self._client.stream(PROMPT, FIRST, soon(), StreamControl())
        assert isinstance(answer, Answer)
        assert answer.text == "".join(map(str, pieces)).strip()
        return [str(piece) for piece in pieces]


@pytest.mark.parametrize("escaped", [True, False], ids=["escaped", "utf-8"])
@both_apis
def test_a_stream_that_is_cut_at_any_byte_has_the_same_text(api: str, escaped: bool) -> None:
    raw, reader = sent(api, *TEXTS, escaped=escaped), Reader(api)

    for at in range(1, len(raw)):
        pieces = reader.read(raw[:at], raw[at:])
        assert "".join(pieces) == ANSWER, at
        assert all(piece.encode() for piece in pieces), "whole characters"


@pytest.mark.parametrize("ends", ["\n", "\r\n"], ids=["lf", "crlf"])
@both_apis
def test_a_stream_that_comes_byte_by_byte_has_the_same_text(api: str, ends: str) -> None:
    raw = sent(api, *TEXTS, escaped=False).replace(b"\n", ends.encode())

    assert "".join(Reader(api).read(*(raw[at : at + 1] for at in range(len(raw))))) == ANSWER


@pytest.mark.parametrize(
    ("texts", "pieces"),
    [
        (("a", HIGH, LOW, "b"), ["a", MOUNTAIN, "b"]),
        ((f"a{HIGH}", f"{LOW}b"), ["a", f"{MOUNTAIN}b"]),
        ((HIGH, "", LOW), [MOUNTAIN]),
        ((f"{HIGH}{LOW}{HIGH}", f"{LOW}"), [MOUNTAIN, MOUNTAIN]),
    ],
)
@both_apis
def test_no_piece_ends_in_half_a_surrogate_pair(api: str, texts: list[str], pieces: list[str]) -> None:
    assert Reader(api).read(sent(api, *texts, escaped=True)) == pieces


@both_apis
def test_half_a_character_that_stays_alone_is_no_failure(api: str) -> None:
    pieces = Reader(api).read(sent(api, "a", HIGH, "b", HIGH, escaped=True))

    assert "".join(pieces).encode("utf-8", "replace") == b"a?b?"
