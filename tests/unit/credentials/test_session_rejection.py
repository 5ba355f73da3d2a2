"""A key that OpenAI refused: fetched again once, checked more often, and used again when it works."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.clock import Clock
from tests.unit.doubles import FIRST, SECOND, Gate, ScriptedSource, credential, session_of, soon
from travel_gpt.credentials.cache import FAILURE_TTL
from travel_gpt.credentials.cache_entry import DOUBTFUL_TTL
from travel_gpt.credentials.session import CredentialSession
from travel_gpt.deadline import Deadline
from travel_gpt.errors import CredentialRejected, CredentialsUnavailable

AWAY = CredentialsUnavailable("away")


@pytest.fixture
def source() -> ScriptedSource:
    return ScriptedSource(FIRST)


@pytest.fixture
def cache(source: ScriptedSource, clock: Clock) -> CredentialSession:
    """A cache that holds the first key, just fetched."""
    cache = session_of(source, clock)
    cache.current(soon())
    return cache


def test_given_a_new_key_in_the_secret_then_it_is_had_at_once(
    cache: CredentialSession, source: ScriptedSource
) -> None:
    source.will(SECOND)

    assert (cache.after_rejection(FIRST, soon()), cache.current(soon())) == (SECOND, SECOND)
    assert source.fetches == 2
    assert not cache.is_rejected(SECOND)


def test_a_secret_that_was_written_again_with_the_same_key_is_the_same_bad_key(
    cache: CredentialSession, source: ScriptedSource
) -> None:
    source.will(credential(FIRST.key.reveal(), "v2"))

    with pytest.raises(CredentialRejected, match="has no other"):
        cache.after_rejection(FIRST, soon())
    with pytest.raises(CredentialRejected):
        cache.after_rejection(cache.current(soon()), soon())
    assert source.fetches == 2


def test_given_two_bad_keys_one_after_the_other_then_each_is_worth_one_fetch(
    cache: CredentialSession, source: ScriptedSource
) -> None:
    source.will(SECOND)

    assert cache.after_rejection(FIRST, soon()) == SECOND
    with pytest.raises(CredentialRejected):
        cache.after_rejection(SECOND, soon())
    with pytest.raises(CredentialRejected):
        cache.after_rejection(SECOND, soon())

    assert source.fetches == 3


def test_given_many_refusals_at_once_then_one_fetch_serves_all(
    cache: CredentialSession, source: ScriptedSource
) -> None:
    source.will(SECOND)

    with ThreadPoolExecutor(12) as threads:
        got = list(threads.map(cache.after_rejection, [FIRST] * 12, [soon()] * 12))

    assert (got, source.fetches) == ([SECOND] * 12, 2)


def test_a_refused_key_is_looked_after_every_thirty_seconds(
    cache: CredentialSession, source: ScriptedSource, clock: Clock
) -> None:
    with pytest.raises(CredentialRejected):
        cache.after_rejection(FIRST, soon())
    assert source.fetches == 2

    asked = []
    for _ in range(3 * DOUBTFUL_TTL):
        cache.current(soon())
        asked.append(source.fetches)
        clock.advance(1)

    assert asked == [2] * DOUBTFUL_TTL + [3] * DOUBTFUL_TTL + [4] * DOUBTFUL_TTL


def test_given_a_ttl_below_thirty_seconds_then_a_refused_key_has_no_more(
    source: ScriptedSource, clock: Clock
) -> None:
    cache = session_of(source, clock, ttl=10)
    cache.current(soon())
    with pytest.raises(CredentialRejected):
        cache.after_rejection(FIRST, soon())

    clock.advance(10)
    cache.current(soon())

    assert source.fetches == 3


def test_given_a_store_that_is_away_then_a_refusal_is_still_worth_its_fetch(
    cache: CredentialSession, source: ScriptedSource, clock: Clock
) -> None:
    source.will(AWAY, SECOND)

    with pytest.raises(CredentialsUnavailable):
        cache.after_rejection(FIRST, soon())

    clock.advance(FAILURE_TTL)
    assert cache.after_rejection(FIRST, soon()) == SECOND


def test_given_a_refused_key_that_is_accepted_again_then_it_is_good_again(
    cache: CredentialSession, source: ScriptedSource, clock: Clock
) -> None:
    with pytest.raises(CredentialRejected):
        cache.after_rejection(FIRST, soon())
    assert cache.is_rejected(FIRST)

    cache.accepted(FIRST)

    assert not cache.is_rejected(FIRST)
    clock.advance(299)
    cache.current(soon())
    assert source.fetches == 2, "it has its whole TTL again"
    with pytest.raises(CredentialRejected):
        cache.after_rejection(FIRST, soon())
    assert source.fetches == 3, "and a later refusal is worth a fetch again"


def test_given_another_key_that_is_accepted_then_the_refused_one_stays_refused(
    cache: CredentialSession,
) -> None:
    with pytest.raises(CredentialRejected):
        cache.after_rejection(FIRST, soon())

    cache.accepted(SECOND)

    assert cache.is_rejected(FIRST)


def test_given_a_refused_key_that_is_stored_again_in_place_of_another_then_it_is_good_again(
    cache: CredentialSession, source: ScriptedSource, clock: Clock
) -> None:
    source.will(SECOND, FIRST)
    assert cache.after_rejection(FIRST, soon()) == SECOND
    assert cache.is_rejected(FIRST)

    clock.advance(300)

    assert cache.current(soon()) == FIRST
    assert not cache.is_rejected(FIRST)


def test_given_a_fetch_under_way_then_a_refusal_does_not_wait_beyond_its_deadline(
    cache: CredentialSession, source: ScriptedSource
) -> None:
    gate = Gate(SECOND)
    source.will(gate)

    with ThreadPoolExecutor(1) as threads:
        threads.submit(cache.after_rejection, FIRST, soon())
        assert gate.begun.wait(5)
        with pytest.raises(CredentialsUnavailable):
            cache.after_rejection(FIRST, Deadline(0.02))
        assert cache.current(Deadline(0.02)) == FIRST, "and a fresh key needs no wait"
        gate.open.set()

    assert cache.after_rejection(FIRST, soon()) == SECOND


def test_given_a_refused_key_and_an_unavailable_store_then_the_key_is_used_until_its_time_is_over(
    cache: CredentialSession, source: ScriptedSource, clock: Clock
) -> None:
    # A 401 may have been OpenAI's own mistake: nothing better is to be had.
    with pytest.raises(CredentialRejected):
        cache.after_rejection(FIRST, soon())
    source.will(AWAY)

    clock.advance(DOUBTFUL_TTL)
    assert cache.current(soon()) == FIRST
    clock.advance(3900)
    with pytest.raises(CredentialsUnavailable):
        cache.current(soon())
