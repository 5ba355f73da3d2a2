"""How long a request may still wait.

API Gateway answers 504 by itself 29 s after it took a request. A cold start is part of that time, and not of
the time that the invocation has left, so a deadline is the earlier of the two.
"""

import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Final, TypeVar

T = TypeVar("T")

ANSWER_WITHIN: Final = 28.0
"""Seconds after API Gateway took the request within which the response must leave."""

TO_FINISH: Final = 0.5
"""Seconds of the invocation that are kept for logging and for sending the response."""

MAX_EVENT_AGE: Final = 120.0
"""Seconds: an older event is a stored one that is run again, since no request outlives API Gateway's 29 s."""


class Deadline:
    """The moment at which a caller stops waiting.

    Args:
        seconds: the time from now, in seconds.
    """

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds

    @classmethod
    def of(cls, remaining: float, taken_at: object, *, answer_within: float = ANSWER_WITHIN) -> "Deadline":
        """Return the deadline of one invocation.

        Args:
            remaining: the time that is left of the invocation, in seconds.
            taken_at: when API Gateway took the request (``requestTimeEpoch``), in milliseconds since the
                epoch; anything but a number where the event does not say.
            answer_within: the seconds after that moment within which the response must leave.

        Returns:
            The earlier of the invocation's end and the end of API Gateway's time.
        """
        seconds = remaining - TO_FINISH
        if isinstance(taken_at, int | float):
            age = time.time() - taken_at / 1000
            seconds = min(seconds, answer_within - (age if 0 <= age < MAX_EVENT_AGE else 0))
        return cls(seconds)

    def left(self) -> float:
        """Return the seconds that are left, 0 when there are none."""
        return max(0.0, self._at - time.monotonic())

    def within(self, seconds: float) -> "Deadline":
        """Return the earlier of this deadline and ``seconds`` from now."""
        return Deadline(min(self.left(), seconds))

    def before(self, seconds: float) -> "Deadline":
        """Return the deadline that is so many seconds earlier, for work that other work follows."""
        return Deadline(self.left() - seconds)

    def run(self, work: Callable[[], T]) -> T:
        """Call a function in a thread, and stop waiting for it at the deadline.

        A socket's timeout bounds the gap between two bytes, not the whole transfer: a server that sends a
        byte now and then would never run into it. The thread is abandoned when the time is up.

        Args:
            work: the function; it must have timeouts of its own, so that its thread ends in the end.

        Returns:
            The function's result.

        Raises:
            TimeoutError: the time is up.
            BaseException: any exception of the function.
        """
        if not self.left():
            raise TimeoutError("no time left to begin")
        outcome: SimpleQueue[tuple[T | None, BaseException | None]] = SimpleQueue()

        def attempt() -> None:
            try:
                outcome.put((work(), None))
            except BaseException as failure:  # noqa: BLE001 - raised in the thread that waits
                outcome.put((None, failure))

        Thread(target=attempt, daemon=True, name="travel-gpt-deadline").start()
        try:
            value, failure = outcome.get(timeout=self.left())
        except Empty:
            raise TimeoutError("the time is up") from None
        if failure is not None:
            raise failure
        return value  # type: ignore[return-value] # there was no failure, so it is a T
