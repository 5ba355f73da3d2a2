"""A failed fetch answers for the source for a few seconds, so not every request fetches a broken secret."""

import threading
import traceback
from dataclasses import replace

import pytest

from tests.support.clock import Clock
from tests.unit.doubles import FIRST, SECOND, ScriptedSource, soon
from travel_gpt.credentials.cache import FAILURE_TTL, MIN_FETCH_SECONDS
from travel_gpt.credentials.secret import Credential
from travel_gpt.credentials.session import CredentialSession
from travel_gpt.deadline import Deadline
from travel_gpt.errors import (
    AccessDenied,
    CredentialError,
    CredentialRejected,
    CredentialsUnavailable,
    InvalidSecret,
    Misconfigured,
    SecretDeleted,
    SecretNotFound,
)

FAILURES = [
    SecretNotFound("no such secret"),
    SecretDeleted("scheduled for deletion"),
    AccessDenied("denied"),
    InvalidSecret("no key", message="The secret in Vault holds no usable key."),
    Misconfigured("wrong name"),
    CredentialsUnavailable("throttled"),
]
each_failure = pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: type(failure).__name__)


def cached(source: ScriptedSource, clock: Clock) -> CredentialSession:
    return CredentialSession(source, ttl=300, max_stale=0, now=clock)


def failure_of(cache: CredentialSession) -> CredentialError:
    with pytest.raises(CredentialError) as failed:
        cache.current(soon())
    return failed.value


@each_failure
def test_given_a_hundred_requests_a_second_then_the_source_is_asked_every_five_seconds(
    clock: Clock, failure: CredentialError
) -> None:
    source = ScriptedSource(failure)
    cache = cached(source, clock)

    for _ in range(20 * 100):
        assert type(failure_of(cache)) is type(failure)
        clock.advance(0.01)

    assert 20 / FAILURE_TTL <= source.fetches <= 20 / FAILURE_TTL + 1


@each_failure
def test_given_it_is_repaired_then_that_is_noticed_within_those_seconds(
    clock: Clock, failure: CredentialError
) -> None:
    source = ScriptedSource(failure, FIRST)
    cache = cached(source, clock)
    failure_of(cache)

    clock.advance(FAILURE_TTL - 0.001)
    failure_of(cache)
    clock.advance(0.001)

    assert (cache.current(soon()), source.fetches) == (FIRST, 2)


@each_failure
def test_a_remembered_failure_says_what_the_first_one_said(clock: Clock, failure: CredentialError) -> None:
    cache = cached(ScriptedSource(failure), clock)
    first = failure_of(cache)
    clock.advance(1.5)
    second = failure_of(cache)

    assert second is not first
    for said in (first, second):
        assert (said.code, said.message) == (failure.code, failure.message)
    assert first.detail == failure.detail
    # The log tells it from a failure of this request's own.
    assert second.detail == f"{failure.detail} (remembered: the source was asked 1.5 s ago)"
    # Each request's traceback is its own: what is remembered collects none.
    assert len(traceback.extract_tb(second.__traceback__)) < 10


def test_only_where_it_may_pass_by_itself_it_says_when_the_source_is_asked_again(clock: Clock) -> None:
    for failure in FAILURES:
        cache = cached(ScriptedSource(failure), clock)
        waits = [failure_of(cache).retry_after]
        clock.advance(3.2)
        waits.append(failure_of(cache).retry_after)
        assert waits == ([5, 2] if isinstance(failure, CredentialsUnavailable) else [None, None])


def test_given_many_who_ask_at_once_then_one_failed_fetch_serves_all(clock: Clock) -> None:
    begun, release = threading.Event(), threading.Event()

    def fail() -> Credential:
        begun.set()
        assert release.wait(5)
        raise SecretNotFound("no such secret")

    source = ScriptedSource(fail)
    cache = cached(source, clock)
    got: list[CredentialError] = []
    threads = [threading.Thread(target=lambda: got.append(failure_of(cache))) for _ in range(16)]
    for thread in threads:
        thread.start()
    assert begun.wait(5)
    release.set()
    for thread in threads:
        thread.join(5)

    assert [type(failure) for failure in got] == [SecretNotFound] * 16
    assert len({id(failure) for failure in got}) == 16, "an exception belongs to one thread"
    assert source.fetches == 1


def test_given_many_threads_and_a_moving_clock_then_no_fetch_is_made_twice_in_five_seconds(
    clock: Clock,
) -> None:
    source = ScriptedSource(AccessDenied("denied"))
    cache = cached(source, clock)

    def ask() -> None:
        for _ in range(200):
            failure_of(cache)
            clock.advance(0.001)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    # 1.6 seconds, or less where two threads advanced the clock at once.
    assert source.fetches == 1


def test_given_a_clock_set_back_then_the_source_is_asked(clock: Clock) -> None:
    cache = cached(ScriptedSource(SecretNotFound("x"), FIRST), clock)
    failure_of(cache)

    clock.advance(-3600)

    assert cache.current(soon()) == FIRST


def test_given_a_timeout_then_it_is_remembered_if_the_source_had_enough_time(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()

    def hang() -> Credential:
        assert release.wait(5)
        return FIRST

    source = ScriptedSource(hang)
    cache = cached(source, clock)

    # A request that came with too little time says nothing of the source.
    assert MIN_FETCH_SECONDS == 1.0
    for fetches in (1, 2):
        with pytest.raises(CredentialsUnavailable) as failed:
            cache.current(Deadline(0.02))
        assert (source.fetches, failed.value.retry_after) == (fetches, None)

    monkeypatch.setattr("travel_gpt.credentials.cache.MIN_FETCH_SECONDS", 0.01)
    for _ in range(2):
        with pytest.raises(CredentialsUnavailable, match="did not answer in time"):
            cache.current(Deadline(0.02))
        assert source.fetches == 3
    release.set()


def test_given_a_refused_key_then_a_failed_fetch_is_not_repeated_by_each_request(clock: Clock) -> None:
    source = ScriptedSource(FIRST, CredentialsUnavailable("throttled"), SECOND)
    cache = cached(source, clock)
    cache.current(soon())

    for _ in range(100):
        with pytest.raises(CredentialsUnavailable):
            cache.after_rejection(cache.current(soon()), soon())
    assert source.fetches == 2

    clock.advance(FAILURE_TTL)
    assert cache.after_rejection(FIRST, soon()) == SECOND


def test_given_a_refused_key_then_a_previous_version_that_cannot_be_had_is_asked_for_every_five_seconds(
    clock: Clock,
) -> None:
    class NoPrevious(ScriptedSource):
        asked = 0

        def previous(self) -> Credential | None:
            self.asked += 1
            raise CredentialsUnavailable("throttled")

    source = NoPrevious(replace(FIRST, created_at=clock()))
    cache = CredentialSession(source, ttl=300, max_stale=0, previous_for=3600, now=clock)

    for _ in range(10 * 100):
        with pytest.raises(CredentialRejected):
            cache.after_rejection(cache.current(soon()), soon())
        clock.advance(0.01)

    assert 2 <= source.asked <= 3
