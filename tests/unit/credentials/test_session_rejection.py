"""A key that OpenAI refused: fetched again once, checked more often, and used again when it works."""

import threading

import pytest

from tests.support.clock import Clock
from tests.unit.doubles import FIRST, SECOND, ScriptedSource, credential, soon
from travel_gpt.credentials.cache import FAILURE_TTL
from travel_gpt.credentials.cache_entry import DOUBTFUL_TTL
from travel_gpt.credentials.secret import Credential
from travel_gpt.credentials.session import CredentialSession
from travel_gpt.deadline import Deadline
from travel_gpt.errors import CredentialRejected, CredentialsUnavailable

AWAY = CredentialsUnavailable("away")
THIRD = credential("sk-proj-thirdKEY2222222222222222222222222223", "v3")


@pytest.fixture
def source() -> ScriptedSource:
    return ScriptedSource(FIRST)


@pytest.fixture
def cache(source: ScriptedSource, clock: Clock) -> CredentialSession:
    """A cache that holds the first key, just fetched."""
    cache = CredentialSession(source, ttl=300, max_stale=3600, now=clock)
    cache.current(soon())
    return cache


def test_given_a_new_key_in_the_secret_then_it_is_had_at_once(
    cache: CredentialSession, source: ScriptedSource
) -> None:
    source.will(SECOND)

    assert (cache.after_rejection(FIRST, soon()), cache.current(soon())) == (SECOND, SECOND)
    assert source.fetches == 2
    assert not cache.is_rejected(SECOND)


def test_given_the_same_key_in_the_secret_then_it_is_rejected_and_the_secret_not_read_again(
    cache: CredentialSession, source: ScriptedSource
) -> None:
    for _ in range(10):
        assert cache.current(soon()) == FIRST
        with pytest.raises(CredentialRejected, match="has no other"):
            cache.after_rejection(FIRST, soon())

    assert source.fetches == 2
    assert cache.is_rejected(FIRST)


def test_a_secret_that_was_written_again_with_the_same_key_is_the_same_bad_key(
    cache: CredentialSession, source: ScriptedSource
) -> None:
    source.will(credential(FIRST.key.reveal(), "v2"))

    with pytest.raises(CredentialRejected):
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


def test_given_another_request_has_fetched_already_then_its_key_is_used(
    cache: CredentialSession, source: ScriptedSource
) -> None:
    source.will(SECOND)
    cache.after_rejection(FIRST, soon())

    assert (cache.after_rejection(FIRST, soon()), source.fetches) == (SECOND, 2)


def test_given_many_refusals_at_once_then_one_fetch_serves_all(
    cache: CredentialSession, source: ScriptedSource
) -> None:
    source.will(SECOND)
    got: list[Credential] = []
    threads = [
        threading.Thread(target=lambda: got.append(cache.after_rejection(FIRST, soon()))) for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)

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
    cache = CredentialSession(source, ttl=10, max_stale=0, now=clock)
    cache.current(soon())
    with pytest.raises(CredentialRejected):
        cache.after_rejection(FIRST, soon())

    clock.advance(10)
    cache.current(soon())

    assert source.fetches == 3


def test_given_an_owner_who_replaces_a_refused_key_then_it_is_noticed_within_thirty_seconds(
    cache: CredentialSession, source: ScriptedSource, clock: Clock
) -> None:
    with pytest.raises(CredentialRejected):
        cache.after_rejection(FIRST, soon())

    source.will(SECOND)
    clock.advance(DOUBTFUL_TTL)

    assert cache.current(soon()) == SECOND
    assert not cache.is_rejected(SECOND)
    clock.advance(DOUBTFUL_TTL)
    cache.current(soon())
    assert source.fetches == 3, "a good key has its whole TTL again"


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

    cache.accepted(THIRD)

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


def test_a_key_that_was_not_refused_is_not_rejected(cache: CredentialSession) -> None:
    assert not cache.is_rejected(FIRST)


def test_given_a_fetch_under_way_then_a_refusal_does_not_wait_beyond_its_deadline(
    cache: CredentialSession, source: ScriptedSource
) -> None:
    begun, release = threading.Event(), threading.Event()

    def slow() -> Credential:
        begun.set()
        assert release.wait(5)
        return SECOND

    source.will(slow)
    first = threading.Thread(target=lambda: cache.after_rejection(FIRST, soon()))
    first.start()
    assert begun.wait(5)

    with pytest.raises(CredentialsUnavailable):
        cache.after_rejection(FIRST, Deadline(0.02))

    release.set()
    first.join(5)
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
