"""The key in use: fetched when it is needed, used until its TTL is over, one fetch for all that wait."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.clock import Clock
from tests.unit.doubles import FIRST, SECOND, TTL, Gate, ScriptedSource, session_of, soon
from travel_gpt.credentials import cache as module
from travel_gpt.credentials.cache_entry import DOUBTFUL_TTL
from travel_gpt.deadline import Deadline
from travel_gpt.errors import CredentialsUnavailable, SecretNotFound


def test_making_a_session_fetches_nothing(clock: Clock) -> None:
    source = ScriptedSource(FIRST)

    assert (session_of(source, clock).source_name, source.fetches) == ("scripted", 0)


@pytest.mark.parametrize("ttl", [1, 60, 300])
def test_after_its_ttl_and_not_before_it_is_fetched_again(clock: Clock, ttl: int) -> None:
    source = ScriptedSource(FIRST, SECOND)
    cache = session_of(source, clock, ttl=ttl)
    cache.current(soon())

    clock.advance(ttl - 0.001)
    assert cache.current(soon()) == FIRST
    clock.advance(0.001)
    assert (cache.current(soon()), source.fetches) == (SECOND, 2)


@pytest.mark.parametrize("back", [0.001, 60, 86_400])
def test_given_a_wall_clock_set_back_then_the_key_is_fetched_rather_than_kept_for_longer(
    clock: Clock, back: float
) -> None:
    source = ScriptedSource(FIRST, SECOND)
    cache = session_of(source, clock)
    cache.current(soon())

    clock.advance(-back)

    assert (cache.current(soon()), cache.current(soon())) == (SECOND, SECOND)
    assert source.fetches == 2, "and kept by the new time"


def test_given_a_wall_clock_set_back_and_no_source_then_the_key_is_not_used(clock: Clock) -> None:
    cache = session_of(ScriptedSource(FIRST, CredentialsUnavailable("away")), clock)
    cache.current(soon())

    clock.advance(-60)

    with pytest.raises(CredentialsUnavailable):
        cache.current(soon())


def test_a_key_is_usable_while_it_may_be_used_and_looking_fetches_nothing(clock: Clock) -> None:
    source = ScriptedSource(FIRST)
    cache = session_of(source, clock)
    usable = [cache.usable]

    cache.current(soon())
    clock.advance(TTL - 1)
    usable.append(cache.usable)
    clock.advance(1)
    usable.append(cache.usable)

    assert (usable, source.fetches) == ([None, FIRST, None], 1)


def test_given_many_requests_at_once_then_one_fetch_is_for_all(clock: Clock) -> None:
    gate = Gate(FIRST)
    source = ScriptedSource(gate)
    cache = session_of(source, clock)

    with ThreadPoolExecutor(16) as threads:
        requests = [threads.submit(cache.current, soon()) for _ in range(16)]
        assert gate.begun.wait(5)
        gate.open.set()

    assert ([request.result() for request in requests], source.fetches) == ([FIRST] * 16, 1)


def test_given_a_fetch_under_way_then_a_request_with_less_time_fails(clock: Clock) -> None:
    gate = Gate(FIRST)
    cache = session_of(ScriptedSource(gate), clock)

    with ThreadPoolExecutor(1) as threads:
        threads.submit(cache.current, soon())
        assert gate.begun.wait(5)
        with pytest.raises(CredentialsUnavailable, match="another request's fetch"):
            cache.current(Deadline(0.02))
        gate.open.set()

    assert cache.current(Deadline(0.02)) == FIRST, "and nothing stays locked"


def test_given_a_source_that_does_not_answer_then_it_is_left_at_the_deadline(clock: Clock) -> None:
    gate = Gate(FIRST)
    cache = session_of(ScriptedSource(gate), clock)

    with pytest.raises(CredentialsUnavailable, match="did not answer in time"):
        cache.current(Deadline(0.05))

    gate.open.set()


def test_given_no_time_left_then_the_source_is_not_asked(clock: Clock) -> None:
    source = ScriptedSource(FIRST)

    with pytest.raises(CredentialsUnavailable):
        session_of(source, clock).current(Deadline(0))

    assert source.fetches == 0


def test_a_bug_in_a_source_is_not_taken_for_an_outage(clock: Clock) -> None:
    cache = session_of(ScriptedSource(ZeroDivisionError("a bug"), FIRST), clock)

    with pytest.raises(ZeroDivisionError):
        cache.current(soon())
    assert cache.current(soon()) == FIRST, "and leaves nothing locked"


class TestPrefetch:
    """The fetch at a cold start, while the SDK is being imported."""

    def test_given_it_was_quick_then_the_first_request_finds_the_key(self, clock: Clock) -> None:
        gate = Gate(FIRST)
        source = ScriptedSource(gate)
        cache = session_of(source, clock)

        cache.prefetch(seconds=5)
        assert gate.begun.wait(5), "it runs by itself"
        gate.open.set()

        assert cache.current(soon()) == FIRST
        assert source.fetches == 1, "the request waited for the one under way"

    @pytest.mark.parametrize("failure", [SecretNotFound("x"), CredentialsUnavailable("y")], ids=repr)
    def test_given_it_failed_then_the_first_request_asks_again(
        self, clock: Clock, failure: BaseException
    ) -> None:
        cache = session_of(ScriptedSource(failure, FIRST), clock)

        cache.prefetch(seconds=5)
        _join("travel-gpt-prefetch")

        assert cache.current(soon()) == FIRST

    def test_given_a_bug_then_the_next_request_raises_it(self, clock: Clock) -> None:
        # An uncaught exception of a thread is printed as it is, past the log's redaction.
        cache = session_of(ScriptedSource(ZeroDivisionError("a bug")), clock)

        cache.prefetch(seconds=5)
        _join("travel-gpt-prefetch")

        with pytest.raises(ZeroDivisionError):
            cache.current(soon())

    def test_given_it_hangs_then_the_first_request_is_not_held_beyond_its_seconds(self, clock: Clock) -> None:
        gate = Gate(FIRST)
        cache = session_of(ScriptedSource(gate, SECOND), clock)

        cache.prefetch(seconds=0.05)

        assert cache.current(soon()) == SECOND
        gate.open.set()

    def test_it_keeps_no_process_alive(self, clock: Clock) -> None:
        gate = Gate(FIRST)
        session_of(ScriptedSource(gate), clock).prefetch(seconds=5)

        assert all(thread.daemon for thread in _threads("travel-gpt-prefetch"))
        gate.open.set()
        _join("travel-gpt-prefetch")


def _threads(name: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == name]


def _join(name: str) -> None:
    for thread in _threads(name):
        thread.join(5)


def test_the_waits_of_the_design() -> None:
    assert (module.REFRESH_TIMEOUT, module.RETRY_INTERVAL, DOUBTFUL_TTL) == (3.0, 15, 30)
