"""What a stream takes: memory while it is open, and time from the first words of the model's server on."""

import statistics
import threading
import time
from pathlib import Path

import pytest

from tests.fakes.openai import RESPONSES, Exchange, FakeOpenAI
from tests.integration.test_stream_faults import PATHS, STREAMS, TEXT, both_apis, held, key as key
from tests.support.function_log import log as log
from tests.support.stream_function import Streaming, is_whole, parse, stream_function, upstream as upstream


def _memory() -> int:
    """The resident memory of this process, in KiB."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_200_streams_at_once_all_finish(upstream: FakeOpenAI) -> None:
    go_on = threading.Event()

    upstream.default(RESPONSES, held(go_on))
    with stream_function(upstream) as function:
        function.table.put("client#c1", name="ann", per_minute=1000)
        before = _memory()
        opened = [function.open() for _ in range(200)]
        each = (_memory() - before) / 200
        go_on.set()
        sent = [parse(b"".join(response.chunks)) for response in opened]

    print(f"{each:.0f} KiB for each open stream")
    assert all(map(is_whole, sent))
    assert each < 1024, f"{each:.0f} KiB for each stream, with the thread of the scripted server"
    assert function.reserved() == []


@both_apis
def test_the_first_event_follows_the_first_words_at_once(upstream: FakeOpenAI, api: str) -> None:
    sent_at: list[float] = []

    def model(exchange: Exchange) -> None:
        exchange.begin_stream()
        for event in STREAMS[exchange.endpoint](exchange.body, TEXT):
            if b'"Take"' in event:
                sent_at.append(time.monotonic())
            exchange.chunk(event)
        exchange.write(b"0\r\n\r\n")

    def seen(function: Streaming) -> float:
        response = function.open()
        while not next(response.chunks).startswith(b"event: delta"):
            pass
        at = time.monotonic()
        response.chunks.close()
        return at - sent_at[-1]

    upstream.default(PATHS[api], model)
    with stream_function(upstream, api=api) as function:
        seen(function)
        found = statistics.median(seen(function) for _ in range(9))

    print(f"the first event after {1000 * found:.1f} ms")
    assert found < 0.05
