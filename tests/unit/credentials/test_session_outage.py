"""The source fails: the last good key is used or dropped, and the failure is remembered for some seconds."""

import io
import json
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from tests.support.clock import Clock
from tests.unit.doubles import FIRST, MAX_STALE, SECOND, TTL, Gate, ScriptedSource, session_of, soon
from travel_gpt.credentials import cache as module
from travel_gpt.credentials.cache import FAILURE_TTL, MIN_FETCH_SECONDS, RETRY_INTERVAL
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
from travel_gpt.telemetry import flush_metrics

AWAY = CredentialsUnavailable("Secrets Manager throttled the call")
REMOVED = [
    SecretNotFound("no such secret"),
    SecretDeleted("scheduled for deletion"),
    AccessDenied("denied"),
    InvalidSecret("no key", message="The secret in Vault holds no usable key."),
    Misconfigured("wrong name"),
]
each_failure = pytest.mark.parametrize("failure", [*REMOVED, AWAY], ids=lambda each: type(each).__name__)
each_removal = pytest.mark.parametrize("removed", REMOVED, ids=lambda each: type(each).__name__)


def failure_of(cache: CredentialSession) -> CredentialError:
    with pytest.raises(CredentialError) as failed:
        cache.current(soon())
    return failed.value


@pytest.fixture
def source() -> ScriptedSource:
    return ScriptedSource(FIRST)


@pytest.fixture
def cache(source: ScriptedSource, clock: Clock) -> CredentialSession:
    """A cache that holds the first key, just fetched."""
    cache = session_of(source, clock)
    cache.current(soon())
    return cache


@pytest.mark.parametrize("max_stale", [0, MAX_STALE])
def test_given_the_store_is_away_then_the_last_good_key_serves_to_the_end_of_the_bounded_time(
    clock: Clock, max_stale: int
) -> None:
    cache = session_of(ScriptedSource(FIRST, AWAY), clock, max_stale=max_stale)
    cache.current(soon())

    for seconds in (TTL - 0.001, max_stale):
        clock.advance(seconds)
        assert cache.current(soon()) == FIRST

    # Given: a pause between two tries that reaches beyond that end.
    clock.advance(0.001)
    assert type(failure_of(cache)) is CredentialsUnavailable


def test_given_the_store_is_away_then_it_is_asked_once_a_pause_and_not_by_every_request(
    cache: CredentialSession, source: ScriptedSource, clock: Clock
) -> None:
    source.will(AWAY)
    clock.advance(TTL)

    asked = []
    for _ in range(4 * RETRY_INTERVAL):
        cache.current(soon())
        asked.append(source.fetches)
        clock.advance(1)

    assert asked == [2] * RETRY_INTERVAL + [3] * RETRY_INTERVAL + [4] * RETRY_INTERVAL + [5] * RETRY_INTERVAL


def test_given_the_store_is_back_then_its_key_is_taken_for_a_whole_ttl(
    cache: CredentialSession, source: ScriptedSource, clock: Clock
) -> None:
    source.will(AWAY)
    clock.advance(TTL + 100)
    cache.current(soon())

    source.will(SECOND, FIRST)
    clock.advance(RETRY_INTERVAL)
    assert cache.current(soon()) == SECOND
    clock.advance(TTL - 0.001)
    assert cache.current(soon()) == SECOND
    clock.advance(0.001)
    assert cache.current(soon()) == FIRST


def test_given_a_good_key_then_a_hanging_store_is_left_sooner_than_the_deadline(
    cache: CredentialSession, source: ScriptedSource, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given: the request itself has an hour.
    monkeypatch.setattr(module, "REFRESH_TIMEOUT", 0.05)
    gate = Gate(SECOND)
    source.will(gate)
    clock.advance(TTL)

    assert cache.current(soon(3600)) == FIRST
    gate.open.set()


def test_given_a_stale_key_serves_then_the_log_and_a_metric_say_so(
    cache: CredentialSession,
    source: ScriptedSource,
    clock: Clock,
    log: io.StringIO,
    capsys: pytest.CaptureFixture[str],
) -> None:
    source.will(AWAY)
    clock.advance(TTL + 42)

    cache.current(soon())
    cache.current(soon())
    flush_metrics()

    (line,) = (line for line in map(json.loads, log.getvalue().splitlines()) if line["level"] == "WARNING")
    assert "going on with the last good key" in line["message"]
    assert (line["detail"], line["age_seconds"]) == ("Secrets Manager throttled the call", TTL + 42)
    assert json.loads(capsys.readouterr().out)["CredentialStale"] == [1.0]


@each_removal
def test_given_an_owner_who_removes_the_key_in_an_outage_then_it_is_dropped_and_does_not_come_back(
    cache: CredentialSession, source: ScriptedSource, clock: Clock, removed: CredentialError
) -> None:
    source.will(AWAY, removed, AWAY)
    clock.advance(TTL)
    assert cache.current(soon()) == FIRST

    clock.advance(RETRY_INTERVAL)
    assert type(failure_of(cache)) is type(removed)

    clock.advance(FAILURE_TTL)
    assert type(failure_of(cache)) is CredentialsUnavailable


@each_removal
def test_given_an_owner_who_removes_a_refused_key_then_it_is_dropped_at_once(
    cache: CredentialSession, source: ScriptedSource, removed: CredentialError
) -> None:
    source.will(removed)

    with pytest.raises(type(removed)):
        cache.after_rejection(FIRST, soon())
    assert type(failure_of(cache)) is type(removed)


@each_failure
def test_given_a_hundred_requests_a_second_then_the_source_is_asked_every_five_seconds(
    clock: Clock, failure: CredentialError
) -> None:
    source = ScriptedSource(failure)
    cache = session_of(source, clock)

    for _ in range(20 * 100):
        assert type(failure_of(cache)) is type(failure)
        clock.advance(0.01)

    assert 20 / FAILURE_TTL <= source.fetches <= 20 / FAILURE_TTL + 1


@each_failure
def test_given_it_is_repaired_then_that_is_noticed_within_those_seconds(
    clock: Clock, failure: CredentialError
) -> None:
    source = ScriptedSource(failure, FIRST)
    cache = session_of(source, clock)
    failure_of(cache)

    clock.advance(FAILURE_TTL - 0.001)
    failure_of(cache)
    clock.advance(0.001)

    assert (cache.current(soon()), source.fetches) == (FIRST, 2)


@each_failure
def test_a_remembered_failure_says_what_the_first_one_said(clock: Clock, failure: CredentialError) -> None:
    cache = session_of(ScriptedSource(failure), clock)
    first = failure_of(cache)
    clock.advance(1.5)
    second = failure_of(cache)

    assert second is not first
    for said in (first, second):
        assert (said.code, said.message) == (failure.code, failure.message)
    # Only where it may pass by itself it says when the source is asked again.
    assert [first.retry_after, second.retry_after] == ([5, 4] if failure is AWAY else [None, None])
    assert first.detail == failure.detail
    # The log tells it from a failure of this request's own.
    assert second.detail == f"{failure.detail} (remembered: the source was asked 1.5 s ago)"
    # Each request's traceback is its own: what is remembered collects none.
    assert len(traceback.extract_tb(second.__traceback__)) < 10


def test_given_many_who_ask_at_once_then_one_failed_fetch_serves_all(clock: Clock) -> None:
    gate = Gate(SecretNotFound("no such secret"))
    source = ScriptedSource(gate)
    cache = session_of(source, clock)

    with ThreadPoolExecutor(16) as threads:
        requests = [threads.submit(failure_of, cache) for _ in range(16)]
        assert gate.begun.wait(5)
        gate.open.set()

    got = [request.result() for request in requests]
    assert [type(failure) for failure in got] == [SecretNotFound] * 16
    assert len({id(failure) for failure in got}) == 16, "an exception belongs to one thread"
    assert source.fetches == 1


def test_given_a_clock_set_back_then_the_source_is_asked(clock: Clock) -> None:
    cache = session_of(ScriptedSource(SecretNotFound("x"), FIRST), clock)
    failure_of(cache)

    clock.advance(-3600)

    assert cache.current(soon()) == FIRST


def test_given_a_timeout_then_it_is_remembered_if_the_source_had_enough_time(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(FIRST)
    source = ScriptedSource(gate)
    cache = session_of(source, clock)

    # A request that came with too little time says nothing of the source.
    assert MIN_FETCH_SECONDS == 1.0
    for fetches in (1, 2):
        with pytest.raises(CredentialsUnavailable) as failed:
            cache.current(Deadline(0.02))
        assert (source.fetches, failed.value.retry_after) == (fetches, None)

    monkeypatch.setattr(module, "MIN_FETCH_SECONDS", 0.01)
    for _ in range(2):
        with pytest.raises(CredentialsUnavailable, match="did not answer in time"):
            cache.current(Deadline(0.02))
        assert source.fetches == 3
    gate.open.set()


def test_given_a_refused_key_then_a_failed_fetch_is_not_repeated_by_each_request(
    cache: CredentialSession, source: ScriptedSource, clock: Clock
) -> None:
    source.will(AWAY, SECOND)

    for _ in range(100):
        with pytest.raises(CredentialsUnavailable):
            cache.after_rejection(cache.current(soon()), soon())
    assert source.fetches == 2

    clock.advance(FAILURE_TTL)
    assert cache.after_rejection(FIRST, soon()) == SECOND


def test_given_a_refused_key_then_a_previous_version_that_cannot_be_had_is_asked_for_every_five_seconds(
    clock: Clock,
) -> None:
    source = ScriptedSource(replace(FIRST, created_at=clock()), before=AWAY)
    cache = session_of(source, clock, previous_for=3600)

    for _ in range(10 * 100):
        with pytest.raises(CredentialRejected):
            cache.after_rejection(cache.current(soon()), soon())
        clock.advance(0.01)

    assert 2 <= source.asked_for_previous <= 3
