"""The model client reads streams of both APIs over real HTTP: connections, failures and deadlines."""

import threading
import time
from collections.abc import Callable, Generator, Iterator
from functools import partial
from itertools import islice, repeat

import pytest

from tests.fakes.openai import CHAT, RESPONSES, Behaviour, Exchange, FakeOpenAI, behaviours
from tests.fakes.openai.events import chat_stream, responses_stream
from travel_gpt.api.stream_reader import StreamLimits, StreamReader
from travel_gpt.credentials.secret import Credential, Key
from travel_gpt.deadline import Deadline
from travel_gpt.errors import UpstreamFailed, UpstreamTimeout
from travel_gpt.llm.client import ModelClient
from travel_gpt.llm.model_api import Answer, Prompt
from travel_gpt.llm.streaming import StreamControl
from travel_gpt.settings import Settings

PATHS = {"responses": RESPONSES, "chat": CHAT}
STREAMS = {"responses": responses_stream, "chat": chat_stream}
KEY = Credential(Key("sk-proj-0123456789abcdefABCDEF"), source="environment")
PROMPT = Prompt("Be brief.", "Lisbon?")


@pytest.fixture(scope="module")
def server() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as made:
        yield made


@pytest.fixture
def upstream(server: FakeOpenAI) -> FakeOpenAI:
    server.forget()
    return server


@pytest.fixture(scope="module", params=PATHS)
def api(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def client(server: FakeOpenAI, api: str) -> Iterator[ModelClient]:
    environment = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API": api, "OPENAI_MODEL": "llama3.3"}
    made = ModelClient(Settings.load(environment))
    yield made
    made.close()


def ask(client: ModelClient, seconds: float = 10) -> Generator[str | Answer]:
    return client.stream(PROMPT, KEY, Deadline(seconds), StreamControl())


def test_an_answer_comes_in_pieces_and_then_as_a_whole(client: ModelClient, upstream: FakeOpenAI) -> None:
    upstream.default("*", behaviours.answer("Take tram 28 up the hill."))

    *pieces, answer = ask(client)

    assert pieces == ["Take", " tram", " 28", " up", " the", " hill."]
    assert answer == client.ask(PROMPT, KEY, Deadline(10))


def test_a_piece_is_there_before_the_next_is_sent(client: ModelClient, upstream: FakeOpenAI) -> None:
    go_on = threading.Event()

    def waiting(exchange: Exchange) -> None:
        exchange.begin_stream()
        for event in STREAMS[exchange.endpoint](exchange.body, "Take tram 28."):
            exchange.chunk(event)
            if b'"Take"' in event:
                assert go_on.wait(5)
        exchange.write(b"0\r\n\r\n")

    upstream.default("*", waiting)
    parts = ask(client)

    assert next(parts) == "Take"
    go_on.set()
    assert isinstance([*parts][-1], Answer)


@pytest.mark.parametrize("behaviour", [behaviours.cut_stream, behaviours.stream_error])
def test_a_stream_that_breaks_in_the_middle_fails(
    client: ModelClient, upstream: FakeOpenAI, behaviour: Callable[[int], Behaviour]
) -> None:
    upstream.default("*", behaviour(6))
    parts: list[str | Answer] = []

    with pytest.raises(UpstreamFailed):
        parts.extend(ask(client))

    assert (parts[0], len(upstream.calls)) == ("Scripted", 1)


@pytest.mark.parametrize("reset", [False, True])
def test_a_connection_that_breaks_before_the_response_is_tried_again(
    client: ModelClient, upstream: FakeOpenAI, api: str, reset: bool
) -> None:
    upstream.script(PATHS[api], behaviours.drop(reset=reset))

    assert (next(ask(client)), len(upstream.calls)) == ("Scripted", 2)


@pytest.mark.parametrize("behaviour", [behaviours.cut_stream(1), behaviours.stream_error(1)])
def test_a_response_that_breaks_is_not_tried_again(
    client: ModelClient, upstream: FakeOpenAI, behaviour: Behaviour
) -> None:
    upstream.default("*", behaviour)

    with pytest.raises(UpstreamFailed):
        next(ask(client))

    assert len(upstream.calls) == 1


class Endless:
    """A server that sends the beginning of a stream, and then the same bytes again and again."""

    def __init__(self, events: int, then: bytes, pause: float = 0.02) -> None:
        self.events, self.then, self.pause = events, then, pause
        self.client_gone = threading.Event()

    def __call__(self, exchange: Exchange) -> None:
        exchange.begin_stream()
        try:
            for event in islice(STREAMS[exchange.endpoint](exchange.body, "Take tram 28."), self.events):
                exchange.chunk(event)
            for data in repeat(self.then):
                exchange.chunk(data)
                exchange.pause(self.pause)
        except OSError:
            self.client_gone.set()
            raise


def test_closing_the_stream_closes_the_connection(client: ModelClient, upstream: FakeOpenAI) -> None:
    endless = Endless(6, b": ping\n\n")
    upstream.default("*", endless)
    parts = ask(client)
    next(parts)

    parts.close()

    assert endless.client_gone.wait(5)
    upstream.forget()
    assert client.verify(KEY, Deadline(5)), "the client can still be used"


REASONING = b'data: {"choices":[{"delta":{"reasoning":"hm"}}],"type":"response.reasoning.delta"}\n\n'


@pytest.mark.parametrize("events", [1, 6], ids=["before-the-text", "after-it"])
@pytest.mark.parametrize(
    ("then", "pause"), [(b"x", 5), (b": ping\n\n", 0.02), (b"x", 0.02), (REASONING, 0.02)]
)
def test_no_server_makes_a_stream_last_longer_than_its_deadline(
    client: ModelClient, upstream: FakeOpenAI, events: int, then: bytes, pause: float
) -> None:
    endless = Endless(events, then, pause)
    upstream.default("*", endless)
    began = time.monotonic()
    control = StreamControl()
    parts = client.stream(PROMPT, KEY, Deadline(10), control)
    reader = StreamReader(parts, control, StreamLimits(0.2, 10, 10), Deadline(0.2))

    with pytest.raises(UpstreamTimeout, match=r"not complete within 0\.2 s"):
        list(iter(partial(reader.get, 10), None))

    assert 0.15 < time.monotonic() - began < 1
    reader.end()
    assert time.monotonic() - began < 2
    assert pause > 1 or endless.client_gone.wait(5), "no thread reads on"


@pytest.mark.parametrize("earlier", [0, 1], ids=["a-new-connection", "a-kept-one"])
def test_ending_a_call_closes_its_connection_before_the_response_too(
    client: ModelClient, upstream: FakeOpenAI, earlier: int
) -> None:
    for _ in range(earlier):
        list(ask(client))
    gone, called = threading.Event(), threading.Event()

    def silent(exchange: Exchange) -> None:
        called.set()
        if exchange.wait_for_end(5):
            gone.set()
        exchange.cut()

    upstream.default("*", silent)
    control = StreamControl()
    parts = client.stream(PROMPT, KEY, Deadline(10), control)
    reader = StreamReader(parts, control, StreamLimits(10, 10, 10), Deadline(10))
    assert called.wait(5)
    began = time.monotonic()

    reader.end()

    assert gone.wait(5)
    assert time.monotonic() - began < 1
