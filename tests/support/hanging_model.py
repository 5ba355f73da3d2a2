"""A model's server that begins an answer and does not end it."""

import threading
from itertools import islice

from tests.fakes.openai import Exchange
from tests.fakes.openai.events import responses_stream


class Hanging:
    """Sends the beginning of an answer, then nothing, and notes when its callers are gone."""

    def __init__(self, events: int) -> None:
        self._events = events
        self._changed = threading.Condition()
        self.begun = self.gone = 0

    def __call__(self, exchange: Exchange) -> None:
        if self._events:
            exchange.begin_stream()
            for event in islice(responses_stream(exchange.body, "{ }"), self._events):
                exchange.chunk(event)
        with self._changed:
            self.begun += 1
            self._changed.notify_all()
        if exchange.wait_for_end(20):
            with self._changed:
                self.gone += 1
                self._changed.notify_all()
        exchange.cut()

    def wait(self, *, begun: int = 0, gone: int = 0) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.begun >= begun and self.gone >= gone, 15)
