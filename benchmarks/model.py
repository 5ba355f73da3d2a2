"""The scripted upstream of the tests, which streams the answer and waits after its first words."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from typing import Final

from benchmarks import ANSWER
from tests.fakes.openai import RESPONSES, Exchange, FakeOpenAI
from tests.fakes.openai.events import responses_stream

PAUSE: Final = 0.02
"""Seconds between the first words and the rest, as with a model. Sending the rest at once would delay what is
measured: the first event at the reader, which is in the same process."""
FIRST_WORDS: Final = b'"response.output_text.delta"'


class PacedModel(FakeOpenAI):
    """Streams the benchmark's answer.

    Attributes:
        began: when the first event of the last answer was sent, on the monotonic clock.
    """

    def __init__(self) -> None:
        super().__init__()
        self.began = 0.0
        self._go_on = Event()
        self._go_on.set()
        self.default(RESPONSES, self._stream)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Have answers wait after their first words, until ``go_on``."""
        self._go_on.clear()
        try:
            yield
        finally:
            self.go_on()

    def go_on(self) -> None:
        """Have the answers that wait go on."""
        self._go_on.set()

    def _stream(self, exchange: Exchange) -> None:
        events = list(responses_stream(exchange.body, ANSWER))
        first_words = next(number for number, event in enumerate(events) if FIRST_WORDS in event)
        exchange.begin_stream()
        self.began = time.monotonic()
        for number, event in enumerate(events):
            exchange.chunk(event)
            if number == first_words:
                exchange.pause(PAUSE)
                self._go_on.wait()
        exchange.write(b"0\r\n\r\n")
