"""Calls that run at the same time, until a deadline."""

import threading
import time
from contextlib import closing

from travel_gpt.advisor.at_once import at_once
from travel_gpt.deadline import Deadline


def test_each_call_gives_its_result_or_its_failure() -> None:
    failure = ValueError("no")

    def fail() -> int:
        raise failure

    assert dict(at_once({1: lambda: 10, 2: fail, 3: lambda: 30}, 2, Deadline(5))) == {
        1: 10,
        2: failure,
        3: 30,
    }


def test_no_more_run_at_the_same_time_than_may() -> None:
    running, most, lock = 0, 0, threading.Lock()

    def call() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.01)
        with lock:
            running -= 1

    assert len(list(at_once(dict.fromkeys(range(9), call), 3, Deadline(5)))) == 9
    assert most == 3


def test_the_waiting_ends_at_the_deadline() -> None:
    late = threading.Event()
    calls = {1: lambda: True, 2: lambda: late.wait(5)}

    began = time.monotonic()
    assert list(at_once(calls, 2, Deadline(0.1))) == [(1, True)]

    assert time.monotonic() - began < 1
    late.set()


def test_nothing_is_taken_after_the_deadline_though_it_is_ready() -> None:
    taken = []
    for number, _ in at_once(dict.fromkeys(range(9), lambda: True), 9, Deadline(0.1)):
        taken.append(number)
        time.sleep(0.15)

    assert len(taken) == 1, "what is done with a result takes time"


def test_calls_that_have_not_begun_when_it_is_closed_do_not_begin() -> None:
    begun: list[int] = []
    go = threading.Event()

    def call() -> None:
        begun.append(1)
        if len(begun) > 1:
            assert go.wait(5)

    with closing(at_once(dict.fromkeys(range(9), call), 1, Deadline(5))) as ended:
        next(ended)
    go.set()
    time.sleep(0.05)

    assert len(begun) <= 2


def test_no_thread_keeps_the_process_from_ending() -> None:
    hold = threading.Event()
    assert list(at_once({1: lambda: hold.wait(5)}, 1, Deadline(0.01))) == []

    threads = [thread for thread in threading.enumerate() if thread.name == "travel-gpt-trip"]
    hold.set()

    assert threads
    assert all(thread.daemon for thread in threads)
