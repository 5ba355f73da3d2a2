"""How long a request may wait: API Gateway's time, the invocation's, and the end of both."""

import threading
import time

import pytest

from tests.support.clock import Clock
from travel_gpt import deadline as module
from travel_gpt.deadline import ANSWER_WITHIN, MAX_EVENT_AGE, TO_FINISH, Deadline


class Clocks:
    """The module's ``time``: a wall clock and a monotonic one, which a test moves."""

    def __init__(self) -> None:
        self.time = Clock()
        self.monotonic = Clock(1000.0)


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    standing = Clocks()
    monkeypatch.setattr(module, "time", standing)
    return standing


def taken(clocks: Clocks, seconds_ago: float) -> int:
    return int((clocks.time.moment - seconds_ago) * 1000)


@pytest.mark.parametrize(
    ("age", "remaining", "left"),
    [
        # A warm invocation begins when API Gateway takes the request.
        (0.0, 30, 28.0),
        # A cold start has eaten of API Gateway's time and not of the invocation's.
        (3.0, 30, 25.0),
        (27.0, 30, 1.0),
        (28.0, 30, 0.0),
        (28.5, 30, 0.0),
        (119.0, 30, 0.0),
        # The function was given less than API Gateway's time.
        (0.0, 10, 9.5),
        (20.0, 10, 8.0),
        (0.0, 0.5, 0.0),
        (0.0, 0, 0.0),
        # A function with more time than API Gateway would wait.
        (0.0, 900, 28.0),
    ],
)
def test_the_deadline_is_the_earlier_of_the_invocations_end_and_api_gateways(
    clocks: Clocks, age: float, remaining: float, left: float
) -> None:
    assert Deadline.of(remaining, taken(clocks, age)).left() == pytest.approx(left, abs=0.002)


@pytest.mark.parametrize("age", [MAX_EVENT_AGE, MAX_EVENT_AGE + 1, 86_400.0, 400 * 86_400.0, -1.0, -86_400.0])
def test_given_a_stored_event_that_runs_again_or_a_clock_that_is_off_then_it_has_its_full_time(
    clocks: Clocks, age: float
) -> None:
    taken_at = taken(clocks, age)

    assert Deadline.of(900, taken_at).left() == pytest.approx(ANSWER_WITHIN)
    assert Deadline.of(10, taken_at).left() == pytest.approx(10 - TO_FINISH)


@pytest.mark.usefixtures("clocks")
@pytest.mark.parametrize("taken_at", [None, "1795176000000"])
def test_given_no_time_in_the_event_then_the_invocations_counts(taken_at: object) -> None:
    assert Deadline.of(20, taken_at).left() == pytest.approx(20 - TO_FINISH)


def test_the_local_server_may_allow_another_time(clocks: Clocks) -> None:
    assert Deadline.of(900, taken(clocks, 3), answer_within=120).left() == pytest.approx(117, abs=0.002)


def test_time_passes_and_does_not_go_below_nothing(clocks: Clocks) -> None:
    deadline = Deadline(5)

    clocks.monotonic.advance(3)
    assert deadline.left() == 2
    clocks.monotonic.advance(2)
    assert deadline.left() == 0
    clocks.monotonic.advance(10)
    assert deadline.left() == 0


def test_given_a_wall_clock_that_jumps_then_a_deadline_does_not(clocks: Clocks) -> None:
    deadline = Deadline(5)

    clocks.time.advance(-3600)

    assert deadline.left() == 5


def test_within_is_never_later_than_what_it_is_within(clocks: Clocks) -> None:
    deadline = Deadline(5)

    assert (deadline.within(3).left(), deadline.within(8).left()) == (3, 5)
    clocks.monotonic.advance(4)
    assert deadline.within(3).left() == 1


@pytest.mark.parametrize("result", ["done", None, 0, [1]])
def test_given_work_that_ends_in_time_then_its_result_comes_back(result: object) -> None:
    assert Deadline(5).run(lambda: result) is result


class Odd(BaseException):
    """No Exception, as KeyboardInterrupt is none."""


@pytest.mark.parametrize(
    "failure", [ValueError("of the work"), Odd("odd"), TimeoutError("of the work")], ids=repr
)
def test_given_work_that_raises_then_the_very_same_exception_comes_back(failure: BaseException) -> None:
    def work() -> None:
        raise failure

    with pytest.raises(type(failure)) as raised:
        Deadline(5).run(work)

    assert raised.value is failure


def test_given_no_time_then_work_does_not_begin() -> None:
    begun: list[int] = []

    with pytest.raises(TimeoutError, match="no time left"):
        Deadline(0).run(lambda: begun.append(1))

    time.sleep(0.02)
    assert begun == []


def test_given_work_that_does_not_end_then_the_wait_ends_at_the_deadline() -> None:
    # Given: each of its waits is short, as those of a socket to a server that sends a byte now and then.
    stop, ended = threading.Event(), threading.Event()

    def work() -> None:
        # Not for ever, so that a deadline which does not hold fails this test instead of hanging it.
        for _ in range(200):
            if stop.wait(0.01):
                break
        ended.set()
        raise ValueError("after the deadline")

    # When
    began = time.monotonic()
    with pytest.raises(TimeoutError, match="time is up") as raised:
        Deadline(0.1).run(work)
    waited = time.monotonic() - began

    # Then
    assert 0.09 < waited < 1
    assert raised.value.__suppress_context__
    # And what it does afterwards is ignored (a warning of an unhandled exception would fail this test).
    stop.set()
    assert ended.wait(5)


def test_given_abandoned_work_then_it_does_not_keep_the_process_alive() -> None:
    threads: list[threading.Thread] = []

    Deadline(5).run(lambda: threads.append(threading.current_thread()))

    assert threads[0].daemon
    assert threads[0] is not threading.current_thread()
