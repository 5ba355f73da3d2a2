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


class CallerLeft(Exception):
    """The caller closed its connection, so nothing needs to be read."""


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
            CallerLeft: ``leave`` was called.
            Exception: what reading the answer raised.
        """
        ends = time.monotonic() + seconds
        while True:
            left = ends - time.monotonic()
            try:
                part = self._read.get(timeout=max(0.0, min(left, self._next_event_due())))
            except Empty:
                if self._next_event_due() <= 0:
                    raise UpstreamTimeout(self._late()) from None
                if time.monotonic() >= ends:
                    return None
            else:
                if isinstance(part, Exception):
                    raise part
                return part

    def leave(self) -> None:
        """Have ``get`` raise CallerLeft; for other threads."""
        self._read.put(CallerLeft())

    def end(self) -> None:
        """End the connection, and wait for the thread."""
        self._control.end()
        self._thread.join(END_WITHIN)

    def _next_event_due(self) -> float:
        """Return the seconds within which the server must send its next event."""
        last, now = self._control.last_event, time.monotonic()
        if last is None:
            return self._began + self._first_event_within - now
        return last + self._next_event_within - now

    def _late(self) -> str:
        if self._control.last_event is None:
            return f"the stream had no event within {self._first_event_within:g} s"
        return f"the stream had no event for {self._next_event_within:g} s"

    def _run(self) -> None:
        try:
            for part in self._parts:
                self._read.put(part)
        except Exception as failure:  # noqa: BLE001 - raised in the thread that waits
            self._read.put(failure)
