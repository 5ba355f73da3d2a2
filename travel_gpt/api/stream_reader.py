"""Reads an answer in a thread of its own, so that the one that sends it can do more than wait."""

import time
from collections.abc import Generator
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Final

from travel_gpt.advisor.steps import Step
from travel_gpt.deadline import Deadline
from travel_gpt.errors import UpstreamTimeout
from travel_gpt.llm.model_api import Answer
from travel_gpt.llm.streaming import StreamControl

END_WITHIN: Final = 1.0
"""Seconds for the thread to end after its connection was ended."""


class CallerLeft(Exception):
    """The caller closed its connection, so nothing needs to be read."""


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """How long a stream may take, in seconds."""

    whole: float
    """From the request to the end of the answer."""
    first_event: float
    """Until the server's first event."""
    next_event: float
    """Between two events of the server."""


class StreamReader:
    """The pieces of one answer.

    Args:
        parts: the answer, of which nothing was read.
        control: ends its call.
        limits: how long it may take.
        deadline: when it must be complete: the end of ``limits.whole``, or earlier.
    """

    def __init__(
        self,
        parts: Generator[str | Step | Answer],
        control: StreamControl,
        limits: StreamLimits,
        deadline: Deadline,
    ) -> None:
        self._parts = parts
        self._control = control
        self._limits = limits
        self._began = time.monotonic()
        self._ends = self._began + deadline.left()
        self._read: SimpleQueue[str | Step | Answer | Exception] = SimpleQueue()
        self._thread = Thread(target=self._run, daemon=True, name="travel-gpt-stream")
        self._thread.start()

    def get(self, seconds: float) -> str | Step | Answer | None:
        """Return the next piece of the text, or at the end the answer.

        Args:
            seconds: how long to wait.

        Returns:
            None where nothing came in that time.

        Raises:
            UpstreamTimeout: a limit has passed; its detail says which.
            Exception: what ``fail`` was called with, or what reading the answer raised.
        """
        until = time.monotonic() + seconds
        while True:
            wait_until = min(until, self._due()[0])
            try:
                part = self._read.get(timeout=max(0.0, wait_until - time.monotonic()))
            except Empty:
                # An event without text may have come meanwhile.
                due, late = self._due()
                now = time.monotonic()
                if now >= due:
                    if now < self._ends and self._control.end_further():
                        # A part of the answer may be missing; the others are there.
                        continue
                    raise UpstreamTimeout(late) from None
                if now >= until:
                    return None
            else:
                if isinstance(part, Exception):
                    raise part
                return part

    def fail(self, failure: Exception) -> None:
        """Have ``get`` raise an exception, after what was read until now; for other threads."""
        self._read.put(failure)

    def end(self) -> None:
        """End the call, and wait for the thread."""
        self._control.end()
        self._thread.join(END_WITHIN)

    def _due(self) -> tuple[float, str]:
        """Return when the next limit passes, by ``time.monotonic()``, and what is to be said of it."""
        last, limits = self._control.last_event, self._limits
        if last is None:
            event_due = (
                self._began + limits.first_event,
                (f"the stream had no event within {limits.first_event:g} s"),
            )
        elif not self._control.open:
            # Between two calls no server is waited for; the next one may begin at any moment.
            event_due = time.monotonic() + limits.next_event, ""
        else:
            event_due = last + limits.next_event, f"the stream had no event for {limits.next_event:g} s"
        return min(event_due, (self._ends, f"the stream was not complete within {limits.whole:g} s"))

    def _run(self) -> None:
        try:
            for part in self._parts:
                self._read.put(part)
        except Exception as failure:  # noqa: BLE001 - raised in the thread that waits
            self._read.put(failure)
