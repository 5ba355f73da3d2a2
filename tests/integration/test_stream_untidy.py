"""Streams as the reader gets them, where the server cuts its bytes anywhere: the same events, no key."""

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.conftest import LambdaContext
from tests.integration.conftest import proxy_event
from tests.integration.test_canary import KEY, PIECES, Watch, watch as watch
from tests.support.clock import Clock
from tests.support.stream_function import Events, parse
from tests.unit.doubles import ScriptedSource, credential, session_of
from tests.unit.llm.sdk import model_client
from travel_gpt.advisor.adviser import Adviser
from travel_gpt.api import responses
from travel_gpt.api.health import Health
from travel_gpt.api.resources import STREAM as RESOURCE
from travel_gpt.api.streamed import StreamApi, StreamedResponse
from travel_gpt.llm.client import ModelClient
from travel_gpt.llm.deferred_client import DeferredClient
from travel_gpt.settings import Settings

MOUNTAIN = "\U0001f3d4"
both_apis = pytest.mark.parametrize("api", ["responses", "chat"])

# Characters of one to four bytes, escapes of JSON, a tag over three events, and a key over three others. With
# True it is sent in ASCII alone, so that a pair of surrogates takes twelve bytes.
TEXTS = (
    ("<th", False),
    ("ink>a bus \u00e0 4 \u20ac", False),
    ("</thi", False),
    ("nk>Gra\u00e7a", False),
    (f' "28"\\\n{MOUNTAIN}', True),
    (f"{MOUNTAIN}\u4eac{KEY[:9]}", False),
    (KEY[9:24], False),
    (f"{KEY[24:]}.", True),
)
ANSWER = f'Gra\u00e7a "28"\\\n{MOUNTAIN}{MOUNTAIN}\u4eac[redacted].'


def sent(api: str) -> bytes:
    """The short stream of a server that quotes its key."""
    usage = {"input_tokens": 1, "output_tokens": 1, "prompt_tokens": 1, "completion_tokens": 1}
    events: list[tuple[dict[str, Any], bool]]
    if api == "responses":
        events = [({"type": "response.output_text.delta", "delta": text}, escaped) for text, escaped in TEXTS]
        done = {"model": "m", "status": "completed", "usage": usage}
        events.append(({"type": "response.completed", "response": done}, True))
    else:
        events = [({"choices": [{"delta": {"content": text}}]}, escaped) for text, escaped in TEXTS]
        events.append(({"choices": [{"delta": {}, "finish_reason": "stop"}]}, True))
        events.append(({"choices": [], "usage": usage}, True))
    # Both line ends are allowed (HTML standard, "Server-sent events").
    ends = ["\n\n", "\r\n\r\n"] * len(events)
    framed = (
        f"data: {json.dumps(event, ensure_ascii=escaped)}{end}".encode()
        for (event, escaped), end in zip(events, ends, strict=False)
    )
    return b"".join(framed)


def stream_api(client: ModelClient) -> StreamApi:
    """A function that streams, without a table."""
    settings, session = Settings(), session_of(ScriptedSource(credential(KEY)), Clock(0.0))
    deferred = DeferredClient.of(client)
    adviser = Adviser(session, deferred)
    return StreamApi(settings, adviser, lambda: Health(settings, session, deferred, adviser))


def answer(api: StreamApi) -> responses.ProxyResponse | StreamedResponse:
    event = proxy_event("POST", '{"query": "Lisbon?"}', resource=RESOURCE, path=RESOURCE)
    return api.answer(event, LambdaContext(100_000))


class Function:
    """A function that streams, whose model's server sends what the test gives it."""

    def __init__(self, api: str) -> None:
        self.chunks: list[bytes] = []
        self._api = stream_api(model_client(self._reply, OPENAI_API=api))

    def _reply(self, _: httpx2.Request) -> httpx2.Response:
        headers = {"content-type": "text/event-stream"}
        return httpx2.Response(200, content=iter(self.chunks), headers=headers)

    def read(self, *chunks: bytes) -> tuple[bytes, StreamedResponse]:
        self.chunks = list(chunks)
        response = answer(self._api)
        assert isinstance(response, StreamedResponse), response
        return b"".join(response.chunks), response


def without_times(events: Events) -> Events:
    """The events, without the time that the text took."""
    return [
        (name, {key: value for key, value in data.items() if key != "text_milliseconds"})
        for name, data in events
    ]


def deltas(events: Events) -> list[str]:
    return [data["text"] for name, data in events if name == "delta"]


def cuts(raw: bytes) -> Iterator[list[bytes]]:
    """Every way to cut a stream in two, and one byte at a time."""
    for at in range(1, len(raw)):
        yield [raw[:at], raw[at:]]
    yield [raw[at : at + 1] for at in range(len(raw))]


@both_apis
def test_a_reader_gets_the_same_events_wherever_the_stream_is_cut(api: str, watch: Watch) -> None:
    raw, function = sent(api), Function(api)
    whole, response = function.read(raw)
    expected = without_times(parse(whole))
    assert "".join(deltas(expected)) == ANSWER

    for chunks in cuts(raw):
        read, response = function.read(*chunks)
        assert without_times(parse(read)) == expected, chunks[0]
        watch.see(read.decode() + str(response.headers))

    written = watch.text()
    assert written.count('"message":"Answered a request"') == len(raw) + 1
    assert not {piece for piece in PIECES if piece in written}
    assert "a bus" not in written


@both_apis
def test_a_reader_gets_no_part_of_a_key_or_of_reasoning_from_a_stream_that_ends_early(
    api: str, watch: Watch
) -> None:
    raw, function = sent(api), Function(api)
    begins = raw.index(b"28")

    for at in range(begins, len(raw), 7):
        read, _ = function.read(raw[:at])
        events = parse(read)
        text = "".join(deltas(events))
        assert ANSWER.startswith(text)
        assert events[-1][0] == "error" or text == ANSWER
        watch.see(read.decode())

    assert not {piece for piece in PIECES if piece in watch.text()}
