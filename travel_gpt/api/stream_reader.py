"""Reads an answer in a thread of its own, so that the one that sends it can do more than wait."""

import time
from collections.abc import Generator
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Final

from travel_gpt.errors import UpstreamTimeout
from travel_gpt.llm.model_api import Answer
from travel_gpt.llm.streaming import StreamControl

END_WITHIN: Final = 1.0
"""Seconds for the thread to end after its connection was ended."""


class StreamReader:
    """The pieces of one answer.

    Args:
        parts: the answer, of which nothing was read.
        control: ends its connection.
        first_event_within: seconds for the server's first event.
        next_event_within: seconds between two events.
    """

    def __init__(
        self,
        parts: Generator[str | Answer],
        control: StreamControl,
        *,
        first_event_within: float,
        next_event_within: float,
    ) -> None:
        self._parts = parts
        self._control = control
        self._first_event_within = first_event_within
        self._next_event_within = next_event_within
        self._read: SimpleQueue[str | Answer | Exception] = SimpleQueue()
        self._began = time.monotonic()
        self._thread = Thread(target=self._run, daemon=True, name="travel-gpt-stream")
        self._thread.start()

    def get(self, seconds: float) -> str | Answer | None:
        """Return the next piece of the text, or at the end the answer.

        Args:
            seconds: how long to wait.

        Returns:
            None where nothing came in that time.

        Raises:
            UpstreamTimeout: no event came in the time that there is for it.
            Exception: what reading the answer raised.
        """
        try:
            part = self._read.get(timeout=seconds)
        except Empty:
            self._require_events()
            return None
        if isinstance(part, Exception):
            raise part
        return part

    def end(self) -> None:
        """End the connection, and wait for the thread."""
        self._control.end()
        self._thread.join(END_WITHIN)

    def _require_events(self) -> None:
        last, now = self._control.last_event, time.monotonic()
        if last is None and now - self._began > self._first_event_within:
            raise UpstreamTimeout(f"the stream had no event within {self._first_event_within:g} s")
        if last is not None and now - last > self._next_event_within:
            raise UpstreamTimeout(f"the stream had no event for {self._next_event_within:g} s")

    def _run(self) -> None:
        try:
            for part in self._parts:
                self._read.put(part)
        except Exception as failure:  # noqa: BLE001 - raised in the thread that waits
            self._read.put(failure)
