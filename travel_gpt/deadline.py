"""How long a request may still wait.

API Gateway cuts the line 29 s after it took the request. A cold start eats into that time but not into the
time that the invocation has left, so a deadline is the earlier of the two.
"""

import time
from collections.abc import Callable, Mapping
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Final, Protocol, TypeVar

T = TypeVar("T")

ANSWER_WITHIN: Final = 28.0
"""Seconds after API Gateway took the request within which the reply must leave."""

TO_FINISH: Final = 0.5
"""Seconds kept of the invocation for logging and for sending the reply."""

A_REPLAY: Final = 120.0
"""A request that is older than this is a stored event run again: no real one outlives API Gateway's 29 s."""


class Invocation(Protocol):
    """The part of Lambda's context that tells the time left."""

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds that are left of the invocation."""
        ...


class Deadline:
    """A moment after which nobody waits for the answer any more.

    Args:
        seconds: the time from now, in seconds.
    """

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds

    @classmethod
    def of(cls, event: Mapping[str, Any], context: Invocation) -> "Deadline":
        """Return the deadline of one invocation.

        Args:
            event: API Gateway's proxy event.
            context: Lambda's context.

        Returns:
            The earlier of the invocation's end and 28 s after API Gateway took the request. The context of
            the local server may have another number of seconds (``answer_within``); Lambda's has none.
        """
        answer_within: float = getattr(context, "answer_within", ANSWER_WITHIN)
        seconds = context.get_remaining_time_in_millis() / 1000 - TO_FINISH
        taken_at = (event.get("requestContext") or {}).get("requestTimeEpoch")
        if isinstance(taken_at, int | float):
            age = time.time() - taken_at / 1000
            if 0 <= age < A_REPLAY:
                seconds = min(seconds, answer_within - age)
            else:
                seconds = min(seconds, answer_within)
        return cls(seconds)

    def left(self) -> float:
        """Return the seconds that are left, 0 when there are none."""
        return max(0.0, self._at - time.monotonic())

    def within(self, seconds: float) -> "Deadline":
        """Return the earlier of this deadline and ``seconds`` from now."""
        return Deadline(min(self.left(), seconds))

    def run(self, work: Callable[[], T]) -> T:
        """Do some work, and stop waiting for it at the deadline.

        A socket's timeout bounds the gap between two bytes, not the whole: a server that drips would hold
        the line for ever. So the work has a thread of its own, which is abandoned when time is up.

        Args:
            work: what to do; it must have timeouts of its own, so that the thread ends some day.

        Returns:
            What the work returns.

        Raises:
            TimeoutError: the time is up.
            BaseException: whatever the work raises.
        """
        if not self.left():
            raise TimeoutError("no time left to begin")
        outcome: SimpleQueue[tuple[T | None, BaseException | None]] = SimpleQueue()

        def attempt() -> None:
            try:
                outcome.put((work(), None))
            except BaseException as failure:  # noqa: BLE001 - handed over to the thread that waits
                outcome.put((None, failure))

        Thread(target=attempt, daemon=True, name="travel-gpt-deadline").start()
        try:
            value, failure = outcome.get(timeout=self.left())
        except Empty:
            raise TimeoutError("the time is up") from None
        if failure is not None:
            raise failure
        return value  # type: ignore[return-value] # there was no failure, so it is a T
