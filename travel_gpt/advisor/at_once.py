"""Runs calls at the same time, until a deadline."""

from collections.abc import Callable, Generator, Mapping
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread
from typing import TypeVar

from travel_gpt.deadline import Deadline

T = TypeVar("T")


def at_once(
    calls: Mapping[int, Callable[[], T]], most: int, deadline: Deadline
) -> Generator[tuple[int, T | Exception]]:
    """Run calls in threads, and yield what each returns or raises, as it ends.

    What has not ended at the deadline is left alone: each call must have a deadline of its own. What was not
    taken by then is left too. Calls that have not begun when the generator is closed do not begin.

    Args:
        calls: the calls, by a number.
        most: how many run at the same time.
        deadline: when the waiting ends.

    Yields:
        The number of a call, and its result or exception.
    """
    waiting = iter(calls.items())
    taking, closed = Lock(), Event()
    ended: SimpleQueue[tuple[int, T | Exception]] = SimpleQueue()

    def take() -> tuple[int, Callable[[], T]] | None:
        with taking:
            return None if closed.is_set() else next(waiting, None)

    def work() -> None:
        while taken := take():
            number, call = taken
            try:
                ended.put((number, call()))
            except Exception as failure:  # noqa: BLE001 - for who waits
                ended.put((number, failure))

    # Daemons: a pool of the standard library would keep a process that is to end waiting for them.
    for _ in range(min(most, len(calls))):
        Thread(target=work, daemon=True, name="travel-gpt-trip").start()
    try:
        for _ in calls:
            if not (left := deadline.left()):
                return
            yield ended.get(timeout=left)
    except Empty:
        return
    finally:
        closed.set()
