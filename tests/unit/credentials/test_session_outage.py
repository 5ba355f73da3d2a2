"""The source is unavailable, or its owner has removed the key: the last good key is used, or dropped."""

import io
import json
import threading

import pytest

from tests.support.clock import Clock
from tests.unit.doubles import FIRST, SECOND, ScriptedSource, soon
from travel_gpt.credentials import cache as module
from travel_gpt.credentials.cache import FAILURE_TTL, RETRY_INTERVAL
from travel_gpt.credentials.secret import Credential
from travel_gpt.credentials.session import CredentialSession
from travel_gpt.errors import (
    AccessDenied,
    CredentialError,
    CredentialsUnavailable,
    InvalidSecret,
    Misconfigured,
    SecretNotFound,
)
from travel_gpt.telemetry import flush_metrics

AWAY = CredentialsUnavailable("Secrets Manager throttled the call")
TTL = 300
MAX_STALE = 3600


@pytest.fixture
def source() -> ScriptedSource:
    return ScriptedSource(FIRST)


@pytest.fixture
def cache(source: ScriptedSource, clock: Clock) -> CredentialSession:
    """A cache that holds the first key, just fetched."""
    cache = CredentialSession(source, ttl=TTL, max_stale=MAX_STALE, now=clock)
    cache.current(soon())
    return cache


def test_given_the_store_is_away_then_the_last_good_key_serves_to_the_end_of_the_bounded_time(
    cache: CredentialSession, source: ScriptedSource, clock: Clock
) -> None:
    source.will(AWAY)

    clock.advance(TTL)
    assert cache.current(soon()) == FIRST
    clock.advance(MAX_STALE - 0.001)
    assert cache.current(soon()) == FIRST

    clock.advance(0.001)
    with pytest.raises(CredentialsUnavailable, match="throttled"):
        cache.current(soon())


def test_given_an_owner_who_wants_no_stale_key_then_none_serves(source: ScriptedSource, clock: Clock) -> None:
    cache = CredentialSession(source, ttl=TTL, max_stale=0, now=clock)
    cache.current(soon())
    source.will(AWAY)

    clock.advance(TTL - 0.001)
    assert cache.current(soon()) == FIRST
    clock.advance(0.001)
    with pytest.raises(CredentialsUnavailable):
        cache.current(soon())


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


def test_given_a_pause_that_reaches_beyond_the_bounded_time_then_the_bound_holds(
    cache: CredentialSession, source: ScriptedSource, clock: Clock
) -> None:
    source.will(AWAY)
    clock.advance(TTL + MAX_STALE - 1)
    assert cache.current(soon()) == FIRST

    clock.advance(1)

    with pytest.raises(CredentialsUnavailable):
        cache.current(soon())


def test_given_no_good_key_is_left_then_the_store_is_asked_every_few_seconds(
    cache: CredentialSession, source: ScriptedSource, clock: Clock
) -> None:
    source.will(AWAY)
    clock.advance(TTL + MAX_STALE)
    for _ in range(3):
        with pytest.raises(CredentialsUnavailable):
            cache.current(soon())
        clock.advance(FAILURE_TTL)
    assert source.fetches == 4

    source.will(SECOND)
    assert cache.current(soon()) == SECOND


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


def test_given_a_new_outage_then_the_bounded_time_counts_from_the_last_good_fetch(
    cache: CredentialSession, source: ScriptedSource, clock: Clock
) -> None:
    clock.advance(TTL)
    cache.current(soon())
    source.will(AWAY)

    clock.advance(TTL + MAX_STALE - 1)

    assert cache.current(soon()) == FIRST


def test_given_a_good_key_then_a_hanging_store_is_left_sooner_than_the_deadline(
    cache: CredentialSession, source: ScriptedSource, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given: the request itself has an hour.
    monkeypatch.setattr(module, "REFRESH_TIMEOUT", 0.05)
    release = threading.Event()

    def hang() -> Credential:
        assert release.wait(5)
        return SECOND

    source.will(hang)
    clock.advance(TTL)

    assert cache.current(soon(3600)) == FIRST
    release.set()


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


REMOVED = [
    SecretNotFound("deleted"),
    AccessDenied("denied"),
    InvalidSecret("no key"),
    Misconfigured("wrong name"),
]


@pytest.mark.parametrize("removed", REMOVED, ids=lambda failure: str(failure.code))
class TestKillSwitch:
    """An owner who deletes, denies or overwrites the secret stops the function."""

    def test_given_it_then_the_next_fetch_drops_the_key(
        self, cache: CredentialSession, source: ScriptedSource, clock: Clock, removed: CredentialError
    ) -> None:
        source.will(removed)
        clock.advance(TTL)

        for _ in range(2):
            with pytest.raises(type(removed)):
                cache.current(soon())

    def test_given_it_then_an_outage_afterwards_does_not_bring_the_key_back(
        self, cache: CredentialSession, source: ScriptedSource, clock: Clock, removed: CredentialError
    ) -> None:
        source.will(removed, AWAY)
        clock.advance(TTL)
        with pytest.raises(type(removed)):
            cache.current(soon())

        clock.advance(FAILURE_TTL)
        with pytest.raises(CredentialsUnavailable):
            cache.current(soon())

    def test_given_it_in_the_middle_of_an_outage_then_the_stale_key_is_dropped(
        self, cache: CredentialSession, source: ScriptedSource, clock: Clock, removed: CredentialError
    ) -> None:
        source.will(AWAY, removed)
        clock.advance(TTL)
        assert cache.current(soon()) == FIRST

        clock.advance(RETRY_INTERVAL)

        with pytest.raises(type(removed)):
            cache.current(soon())

    def test_given_it_at_a_refused_key_then_the_key_is_dropped_at_once(
        self, cache: CredentialSession, source: ScriptedSource, removed: CredentialError
    ) -> None:
        source.will(removed)

        with pytest.raises(type(removed)):
            cache.after_rejection(FIRST, soon())
        with pytest.raises(type(removed)):
            cache.current(soon())

    def test_given_the_secret_is_repaired_then_a_request_has_it_within_seconds(
        self, cache: CredentialSession, source: ScriptedSource, clock: Clock, removed: CredentialError
    ) -> None:
        source.will(removed, SECOND)
        clock.advance(TTL)
        with pytest.raises(type(removed)):
            cache.current(soon())

        clock.advance(FAILURE_TTL)
        assert cache.current(soon()) == SECOND
